// Docker's rules, as its releases print them: role, network and version. The captures of real hosts are in translations/.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dockerForms } from '../../src/docker/forms.ts';
import { commonVersions } from '../../src/docker/recognise.ts';
import { fill, say } from '../../src/docker/template.ts';
import { versionWords } from '../../src/docker/versions.ts';
import type { ExplainedDocker } from '../../src/explain/explanation.ts';
import { explainRules } from '../../src/explain/rules.ts';
import { registry } from '../../src/extensions/registry.ts';
import { parse } from '../../src/iptables/parse.ts';
import { readSingleRule } from '../../src/iptables/single.ts';
import type { Family } from '../../src/netfilter/family.ts';

const rulesets = new URL('../../translations/rulesets', import.meta.url).pathname;

const dockerOf = (text: string, family: Family = 'ip'): ExplainedDocker | undefined => {
  const { value, diagnostics } = readSingleRule(text, registry, { family, backend: 'nft' });
  expect(diagnostics).toEqual([]);
  return value && explainRules({ tables: [value.table] }, registry)[0]?.docker;
};

const u32 = '-m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100600"';
const memshift = '-m bpf --bytecode "6,177 0 0 0,64 0 0 12,84 0 0 4294967040,21 1 0 1050112,6 0 0 0,6 0 0 4294967295"';
const poff = '-m bpf --bytecode "7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 4102,6 0 0 0,6 0 0 4294967295"';
const mark = '-j MARK --set-xmark 0xd0c4e3/0xffffffff';
const toPort = '-m udp --dport 4789';
const secure = '-m policy --dir in --pol ipsec';
const clear = '-m policy --dir in --pol none';

describe('a rule of an encrypted overlay', () => {
  // moby: libnetwork/drivers/overlay/encryption.go of each tag.
  it.each([
    ['mark', 'u32', `-t mangle -A OUTPUT -p udp ${toPort} ${u32} ${mark}`, '1.12.0 to 20.10.27, 23.0.0 to 23.0.18'],
    ['mark', 'bpf-memshift', `-t mangle -A OUTPUT -p udp ${toPort} ${memshift} ${mark}`, '20.10.24 to 20.10.27, 23.0.3 to 23.0.18'],
    ['mark', 'bpf-poff', `-t mangle -A OUTPUT -p udp ${toPort} ${poff} ${mark}`, '24.0.0 and later'],
    ['accept', 'u32', `-A INPUT -p udp ${secure} ${toPort} ${u32} -j ACCEPT`, '17.03.0 to 20.10.27, 23.0.0 to 23.0.18'],
    ['accept', 'bpf-poff', `-A INPUT -p udp ${secure} ${toPort} ${poff} -j ACCEPT`, '24.0.0 to 24.0.9'],
    ['drop', 'u32', `-A INPUT -p udp ${clear} ${toPort} ${u32} -j DROP`, '20.10.24 to 20.10.27, 23.0.3 to 23.0.18'],
    ['drop', 'bpf-memshift', `-A INPUT -p udp ${clear} ${toPort} ${memshift} -j DROP`, '20.10.24 to 20.10.27, 23.0.3 to 23.0.18'],
    ['drop', 'bpf-poff', `-A INPUT -p udp ${clear} ${toPort} ${poff} -j DROP`, '24.0.0 and later'],
    ['drop-any', 'u32', `-A INPUT -p udp ${toPort} ${u32} -j DROP`, '17.03.0 to 20.10.23, 23.0.0 to 23.0.2'],
  ])('is a %s by %s', (role, matcher, rule, releases) => {
    const found = dockerOf(rule);
    expect(found).toMatchObject({ part: 'encrypt', role, vni: 4102, port: 4789, matcher, releases });
    expect(found?.remark).toBeUndefined();
  }); // prettier-ignore

  it('of IPv6 is 25.0 or later', () => {
    expect(dockerOf(`-A INPUT -p udp ${clear} ${toPort} ${poff} -j DROP`, 'ip6')?.releases).toBe('25.0.0 and later');
  });

  it('of another data path port is one too', () => {
    expect(dockerOf(`-A INPUT -p udp ${clear} -m udp --dport 4777 ${poff} -j DROP`)?.port).toBe(4777);
  });

  it.each([
    [
      'a drop of the first era with a program that came later',
      `-A INPUT -p udp ${toPort} ${poff} -j DROP`,
      /no release/,
    ],
    ['its parts in another order', `-A INPUT -p udp ${toPort} ${clear} ${poff} -j DROP`, /another order/],
    ['more parts', `-A INPUT -s 10.0.0.0/8 -p udp ${clear} ${toPort} ${poff} -j DROP`, /another order/],
  ])('with %s is remarked on', (_how, rule, remark) => {
    expect(dockerOf(rule)?.remark).toMatch(remark);
  });

  it.each([
    ['in a chain where Docker puts none', `-A FORWARD -p udp ${clear} ${toPort} ${poff} -j DROP`],
    ['with another mark', `-t mangle -A OUTPUT -p udp ${toPort} ${poff} -j MARK --set-xmark 0x1/0xffffffff`],
    ['with another end', `-A INPUT -p udp ${clear} ${toPort} ${poff} -j LOG`],
  ])('%s is none', (_how, rule) => {
    expect(dockerOf(rule)).toBeUndefined();
  });
});

describe('a rule of bridge networks', () => {
  it.each([
    ['-t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80', 'publish', 'every version'],
    ['-t nat -A DOCKER -i docker0 -j RETURN', 'publish', 'up to 28.5.2'],
    ['-t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE', 'masquerade', 'every version'],
    ['-A FORWARD -j DOCKER-USER', 'user', '17.06.0 and later'],
    ['-A FORWARD -j DOCKER-FORWARD', 'forward', '28.0.1 and later'],
    ['-A FORWARD -j DOCKER-ISOLATION', 'isolate', 'up to 18.03.0, 18.04.0'],
    ['-A DOCKER-FORWARD -j DOCKER-INTERNAL', 'isolate', '29.0.0 and later'],
    ['-A DOCKER-CT -o docker0 -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT', 'forward', '28.0.1 and later'],
    ['-A DOCKER ! -i docker0 -o docker0 -j DROP', 'protect', '28.0.0 and later'],
    ['-A DOCKER-USER -j RETURN', 'user', '17.06.0 to 28.2.1'],
    ['-A DOCKER-INGRESS -p tcp -m state --state RELATED,ESTABLISHED -m tcp --sport 80 -j ACCEPT', 'ingress', '1.12.2 to 24'],
    ['-t raw -A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP', 'protect', '28.2.0 and later'],
  ])('%s', (rule, part, releases) => {
    expect(dockerOf(rule)).toMatchObject({ part, releases });
  }); // prettier-ignore

  it('says which port and container it is about', () => {
    const found = dockerOf('-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT');
    expect(found).toMatchObject({ port: 80 });
    expect(found?.about).toContain('tcp port 80 of container 172.17.0.2 on bridge docker0');
  });

  it.each([
    '-A FORWARD -i eth1 -o eth1 -j ACCEPT',
    '-A FORWARD -i eth0 ! -o eth0 -j ACCEPT',
    '-t nat -A POSTROUTING -s 10.0.0.0/8 ! -o eth1 -j MASQUERADE',
    '-t raw -A PREROUTING -d 192.0.2.7/32 -i eth0 -j ACCEPT',
    '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
  ])('%s may be anybody’s', (rule) => {
    expect(dockerOf(rule)).toBeUndefined();
  });

  it('in a chain of Docker’s, but in no form of Docker’s, is not passed over', () => {
    expect(dockerOf('-A DOCKER -p tcp -m tcp --dport 22 -j DROP')).toMatchObject({ part: 'unknown', versions: [] });
  });

  it('in DOCKER-USER is the operator’s', () => {
    expect(dockerOf('-A DOCKER-USER -i eth0 -j DROP')).toMatchObject({ part: 'operator', versions: [] });
  });

  it('of a bridge with a name of its own is recognised where the ruleset shows that it is Docker’s', () => {
    const rules = ['-A FORWARD -o lan0 -j DOCKER', '-A FORWARD -i lan0 -o lan0 -j ACCEPT'];
    const save = (...lines: readonly string[]): string => `*filter\n:FORWARD ACCEPT [0:0]\n:DOCKER - [0:0]\n${lines.join('\n')}\nCOMMIT\n`;
    const partsOf = (text: string): readonly (string | undefined)[] => {
      const { value } = parse([{ name: 'test', text }], registry, { family: 'ip', backend: 'nft' });
      return explainRules(value, registry).map(({ docker }) => docker?.part);
    };
    expect(partsOf(save(...rules))).toEqual(['publish', 'forward']);
    expect(partsOf(save(rules[1] as string))).toEqual([undefined]);
  }); // prettier-ignore
});

describe('a ruleset of a host', () => {
  it.each([
    ['docker-17.03', /^17\.03\.0|17\.0[36]/],
    ['docker-20.10.5', /20\.10\.23/],
    ['docker-20.10.24', /20\.10\.24 to 20\.10\.27/],
    ['docker-20.10.24-legacy', /20\.10\.24 to 20\.10\.27/],
    ['docker-23.0.3', /23\.0\.3/],
    ['docker-24.0', /24\.0/],
    ['docker-28.5.2', /28\.2\.0 to 28\.5\.2/],
    ['docker-29', /^29\.0\.0 and later$/],
  ])('%s is of the versions that programmed it', (folder, releases) => {
    const text = readFileSync(join(rulesets, folder, 'node.iptables-save'), 'utf8');
    const { value } = parse([{ name: 'test', text }], registry, { family: 'ip' });
    const found = explainRules(value, registry).flatMap(({ docker }) => (docker ? [docker] : []));
    expect(found.filter(({ part }) => part === 'unknown')).toEqual([]);
    expect(versionWords(commonVersions(found))).toMatch(releases);
  });
});

describe('the forms', () => {
  it('say nothing that their rule does not hold', () => {
    for (const { rule, about } of dockerForms)
      for (const [name] of about.matchAll(/\{\w+\}/g)) expect(rule).toContain(name);
  });

  it('are each the first that fits their own text', () => {
    const sample = { bridge: 'br-0123456789ab', device: 'eth0', host: '172.18.0.2/32', network: '172.18.0.0/16', peer: '172.18.0.3/32', protocol: 'tcp', port: '80', to: '172.18.0.2:80', mark: '0x1' } as const; // prettier-ignore
    const written = (rule: string): string => rule.replaceAll(/\{(\w+)\}/g, (_, name: keyof typeof sample) => sample[name]); // prettier-ignore
    for (const form of dockerForms) {
      expect(fill(form.rule, written(form.rule))).toBeDefined();
      const place = dockerForms.filter(({ table, chain }) => table === form.table && chain === form.chain);
      expect(place.find(({ rule }) => fill(rule, written(form.rule)))?.about).toBe(form.about);
    }
  });

  it('want the same text where a placeholder comes again', () => {
    expect(fill('-i {bridge} -o {bridge} -j DROP', '-i a -o a -j DROP')).toEqual({ bridge: 'a' });
    expect(fill('-i {bridge} -o {bridge} -j DROP', '-i a -o b -j DROP')).toBeUndefined();
    expect(say('from {host} to {network}', { host: '10.0.0.1/32', network: '10.0.0.0/8' })).toBe('from 10.0.0.1 to 10.0.0.0/8');
  }); // prettier-ignore
});
