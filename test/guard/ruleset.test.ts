// What the guard means: proven against rules of iptables that say the same, and packets sent through it.
import { describe, expect, it } from 'vitest';
import { isError } from '../../src/diagnostics/diagnostic.ts';
import { type HostFacts, noFacts } from '../../src/guard/facts.ts';
import { elementTexts } from '../../src/guard/loaded.ts';
import type { Policy } from '../../src/guard/policy.ts';
import { vxlanCommands } from '../../src/guard/ruleset-encrypted.ts';
import type { Family } from '../../src/netfilter/family.ts';
import { printJson } from '../../src/nftables/print.ts';
import { readNftables } from '../../src/nftables/read.ts';
import { printText } from '../../src/nftables/text.ts';
import type { Program } from '../../src/packet/program.ts';
import { check, type Check } from '../../src/prove/check.ts';
import { iptables, saved, send } from '../simulate/scenario.ts';
import { allow, at, guard, guardProgram, network, policy, port, smallest, sources } from './policies.ts';
import { samples, swarmFacts } from './samples.ts';

/** Nothing but the rules at hand: no ICMP, no log lines. */
const plain: Partial<Policy> = { icmp: 'none', log: { ...policy({}).log, drops: false } };

const filter = (rules: string, family: Family = 'ip', policyWord = 'DROP'): Program =>
  iptables(
    saved({ filter: [`:INPUT ${policyWord} [0:0]`, ...rules.split('\n').filter((rule) => rule !== '')] }),
    'nft',
    family,
  );

const compare = (a: Program, b: Program): Check =>
  check([[a, b]], { assume: new Set(['rate-buckets', 'whole-headers', 'same-set']) });

const verdictOf = (
  parts: Partial<Policy>,
  rules: string,
  facts: HostFacts = noFacts,
  family: Family = 'ip',
  fallback = 'DROP',
): string =>
  // prettier-ignore
  compare(guardProgram(guard({ ...plain, ...parts }, facts).value, family), filter(rules, family, fallback)).verdict;

const stateful = `-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
`;

describe('a policy is proven to be the INPUT chain that says the same', () => {
  it.each<readonly [string, Partial<Policy>, string]>([
    ['nothing', {}, ''],
    ['a port', { allow: [allow({ ports: [port(22)] })] }, '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT'],
    [
      'ports that overlap, from somewhere, on an interface',
      {
        allow: [
          allow({
            proto: 'udp',
            ports: [port(50, 60), port(55, 70), port(53)],
            from: sources('10.0.0.0/8', '10.1.0.0/16', '192.0.2.1', 'fd00::/8'),
            interfaces: ['eth0', 'wg*'],
          }),
        ],
      },
      ['eth0', 'wg+']
        .flatMap((name) =>
          ['10.0.0.0/8', '192.0.2.1'].map(
            (from) => `-A INPUT -s ${from} -i ${name} -p udp -m udp --dport 50:70 -j ACCEPT`,
          ),
        )
        .join('\n'),
    ],
    [
      'every address',
      { allow: [allow({ proto: 'any', from: sources('0.0.0.0/0', '10.0.0.1') })] },
      '-A INPUT -j ACCEPT',
    ],
    ['every address of the other family', { allow: [allow({ proto: 'any', from: sources('::/0') })] }, ''],
    [
      'protocols',
      { allow: [allow({ proto: 'gre' }), allow({ proto: 'vrrp' })] },
      '-A INPUT -p 47 -j ACCEPT\n-A INPUT -p 112 -j ACCEPT',
    ],
    ['trusted', { trusted: sources('192.0.2.0/24') }, '-A INPUT -s 192.0.2.0/24 -j ACCEPT'],
    [
      'a set',
      {
        sets: [{ name: 'a', external: false, elements: [network('192.0.2.0/24'), network('192.0.2.7')] }],
        trusted: sources('@a'),
      },
      '-A INPUT -s 192.0.2.0/24 -j ACCEPT',
    ],
    [
      'a Swarm as Docker has it',
      { swarm: { place: at(5), peers: sources('10.77.0.2'), dataPathPort: 4789, encrypted: 'docker' } },
      [
        '-p tcp -m tcp --dport 2377',
        '-p tcp -m tcp --dport 7946',
        '-p udp -m udp --dport 7946',
        '-p esp',
        '-p udp -m udp --dport 4789',
      ]
        .map((tests) => `-A INPUT -s 10.77.0.2 ${tests} -j ACCEPT`)
        .join('\n'),
    ],
    [
      'taken rules',
      {
        rules: [
          { place: at(7), family: 'ip', rule: '-A INPUT -s 10.0.0.1 -p tcp -m tcp --dport 25 -j DROP' },
          { place: at(8), family: 'ip', rule: '-p tcp -m multiport --dports 25,80:90 -j ACCEPT' },
          { place: at(9), family: 'ip', rule: '-p udp -j REJECT --reject-with icmp-port-unreachable' },
          { place: at(9), family: 'ip6', rule: '-p tcp -j ACCEPT' },
          { place: at(9), family: 'ip', rule: '-s 10.9.9.9 -j RETURN' },
          { place: at(9), family: 'ip', rule: '-p tcp -m length --length 1000:1100 -j ACCEPT' },
        ],
      },
      `-A INPUT -s 10.0.0.1 -p tcp -m tcp --dport 25 -j DROP
-A INPUT -p tcp -m multiport --dports 25,80:90 -j ACCEPT
-A INPUT -p udp -j REJECT --reject-with icmp-port-unreachable
-A INPUT -s 10.9.9.9 -j DROP
-A INPUT -p tcp -m length --length 1000:1100 -j ACCEPT`,
    ],
  ])('%s', (_name, parts, rules) => {
    expect(verdictOf(parts, stateful + rules)).toBe('proven');
    expect(verdictOf(parts, `${stateful}-A INPUT -s 203.0.113.9 -p tcp -m tcp --dport 1 -j ACCEPT\n${rules}`)).toBe(
      rules === '-A INPUT -j ACCEPT' ? 'proven' : 'refuted',
    );
  });

  it('all encrypted: the data path port comes through IPsec, whoever sends and whatever is tracked', () => {
    const parts: Partial<Policy> = {
      trusted: sources('10.77.0.2'),
      swarm: { place: at(5), peers: sources('10.77.0.3'), dataPathPort: 4789, encrypted: 'required' },
    };
    const rules = `-A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4789 -j DROP
${stateful}-A INPUT -s 10.77.0.2 -j ACCEPT
-A INPUT -s 10.77.0.3 -p tcp -m multiport --dports 2377,7946 -j ACCEPT
-A INPUT -s 10.77.0.3 -p udp -m multiport --dports 7946,4789 -j ACCEPT
-A INPUT -s 10.77.0.3 -p esp -j ACCEPT`;
    expect(verdictOf(parts, rules)).toBe('proven');
    expect(verdictOf({ ...parts, default: 'accept' }, rules.split('\n')[0] ?? '', noFacts, 'ip', 'ACCEPT')).toBe(
      'proven',
    );
  });

  it('with IPv6', () => {
    const rules = `${stateful}-A INPUT -s fd00::/8 -p tcp -m tcp --dport 22 -j ACCEPT`;
    const parts = { allow: [allow({ ports: [port(22)], from: sources('10.0.0.0/8', 'fd00::/8') })] };
    expect(verdictOf(parts, rules, noFacts, 'ip6')).toBe('proven');
  });

  it('with ICMP', () => {
    const all = `${stateful}-A INPUT -p icmp -j ACCEPT`;
    // IPv6's ICMP in an IPv4 packet is none, and harmless.
    expect(verdictOf({ icmp: 'all' }, `${all}\n-A INPUT -p 58 -j ACCEPT`)).toBe('proven');
    const essential = `${stateful}${[3, 11, 12].map((type) => `-A INPUT -p icmp -m icmp --icmp-type ${type} -j ACCEPT\n`).join('')}
-A INPUT -p icmp -m icmp --icmp-type 8 -m limit --limit 20/sec --limit-burst 50 -j ACCEPT
-A INPUT -p igmp -m ttl --ttl-eq 1 -j ACCEPT`;
    expect(verdictOf({ icmp: 'essential' }, essential)).toBe('proven');
  });
});

const u32 = (vni: number): string => `-m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x${(vni * 256).toString(16)}"`;

describe('clear VXLAN of encrypted networks', () => {
  const open: Partial<Policy> = { default: 'accept' };

  it("is dropped exactly where Docker's rules drop it", () => {
    const rules = [
      `-A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4789 ${u32(4097)} -j DROP`,
      `-A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4789 ${u32(4102)} -j DROP`,
      `-A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4790 ${u32(4102)} -j DROP`,
    ];
    expect(verdictOf(open, rules.join('\n'), swarmFacts, 'ip', 'ACCEPT')).toBe('proven');
    expect(verdictOf(open, rules.slice(1).join('\n'), swarmFacts, 'ip', 'ACCEPT')).toBe('refuted');
  });

  it("is dropped where the payload offset finds it, as Docker's rules for both families do", () => {
    const bytecode = '7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 4102,6 0 0 0,6 0 0 4294967295';
    const rule = `-A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4789 -m bpf --bytecode "${bytecode}" -j DROP`;
    expect(verdictOf(open, rule, swarmFacts, 'ip6', 'ACCEPT')).toBe('proven');
  });

  it('is one lookup for each family and port', () => {
    const vnis = Array.from({ length: 500 }, (_, index) => ({ family: 'ip', port: 4789, vni: 4096 + index }) as const);
    expect(vxlanCommands({ encrypted: vnis, dockerAccepts: [] }, 'enforce')).toHaveLength(2);
  });

  it('is brought up to date by itself', () => {
    const later: HostFacts = { ...swarmFacts, encrypted: [{ family: 'ip', port: 4789, vni: 5000 }] };
    const synced = [...guard({}, swarmFacts).value, ...vxlanCommands(later, 'enforce')];
    const read = (commands: typeof synced): unknown => {
      const { value, diagnostics } = readNftables('guard', printJson(commands).join(''));
      expect(diagnostics).toEqual([]);
      return JSON.parse(JSON.stringify(value.tables.map(({ chains }) => [...chains].map(([name, { rules }]) => [name, rules.map(({ statements }) => statements)])))); // prettier-ignore
    };
    expect(read(synced)).toEqual(read([...guard({}, later).value]));
  });

  it('passes if no network of its is encrypted, and where it came through IPsec', () => {
    const program = guardProgram(guard(open, swarmFacts).value, 'ip');
    const verdict = (words: string): string =>
      send([program], `hook=input in=eth0 ip saddr=10.77.0.2 ip daddr=10.77.0.1 udp sport=5 ${words}`).verdict;
    expect(verdict('udp dport=4789 vxlan vni=4102 secpath=no')).toBe('drop');
    expect(verdict('udp dport=4789 vxlan vni=4102 secpath=no ct state=established')).toBe('drop');
    expect(verdict('udp dport=4789 vxlan vni=4102 secpath=yes ct state=new')).toBe('accept');
    expect(verdict('udp dport=4789 vxlan vni=256 secpath=no ct state=new')).toBe('accept');
    expect(verdict('udp dport=4788 vxlan vni=4102 secpath=no ct state=new')).toBe('accept');
  });
});

describe('the guard', () => {
  const packet = 'hook=input in=eth0 ip saddr=10.77.0.2 ip daddr=10.77.0.1 ct state=new tcp sport=5000 tcp dport=';
  const program = guardProgram(guard({ ...plain, allow: smallest.allow }).value, 'ip');

  it('opens nothing: what it accepts meets the chains behind it', () => {
    const behind = filter('-A INPUT -p tcp -m tcp --dport 22 -j DROP', 'ip', 'ACCEPT');
    expect(send([program], `${packet}22`).verdict).toBe('accept');
    expect(send([program, behind], `${packet}22`).verdict).toBe('drop');
  });

  it('cannot be overridden by an accept behind it', () => {
    const behind = filter('-A INPUT -j ACCEPT', 'ip', 'ACCEPT');
    expect(send([program, behind], `${packet}8000`).verdict).toBe('drop');
  });

  it('lets everything pass in observe mode, taken rules among it', () => {
    const rules = [
      { place: at(7), family: 'ip', rule: '-s 10.0.0.1 -p tcp -m tcp --dport 25 -j DROP' },
      { place: at(8), family: 'ip', rule: '-p tcp -j REJECT --reject-with tcp-reset' },
    ] as const;
    const swarm = { place: at(5), peers: [], dataPathPort: 4789, encrypted: 'required' } as const;
    expect(verdictOf({ mode: 'observe', rules, swarm }, '', swarmFacts, 'ip', 'ACCEPT')).toBe('proven');
  });

  it("keeps what Docker's rules accept, unless the policy says otherwise", () => {
    const kept = `${stateful}-A INPUT -p udp -m policy --dir in --pol ipsec -m udp --dport 4789 ${u32(4102)} -j ACCEPT\n-A INPUT -p esp -j ACCEPT`;
    const facts = { ...swarmFacts, encrypted: [] };
    expect(verdictOf({}, kept, facts)).toBe('proven');
    expect(verdictOf({ dockerAccepts: 'ignore' }, stateful, facts)).toBe('proven');
  });

  it('carries over what other tools put into their sets', () => {
    const sets = [{ name: 'banned', external: true, elements: [] }];
    const listed = ['10.0.0.1', { prefix: { addr: '10.1.0.0', len: 16 } }, { range: ['10.2.0.1', '10.2.0.9'] }];
    const live = new Map([
      ['banned4', [...listed, { elem: { val: '10.3.0.1', comment: 'ssh', counter: { packets: 1, bytes: 1 } } }]],
    ]);
    const { value } = guard({ sets }, noFacts, { liveElements: live });
    expect(
      value.flatMap((command) => ('add' in command && 'set' in command.add ? [command.add.set] : [])),
    ).toMatchObject([
      { name: 'banned4', elem: [...listed, { elem: { val: '10.3.0.1', comment: 'ssh' } }] },
      { name: 'banned6' },
    ]);
  });

  it('names elements of sets as people write them', () => {
    const elem = ['10.0.0.1', { prefix: { addr: '10.1.0.0', len: 16 } }, { range: ['10.2.0.1', '10.2.0.9'] }, { elem: { val: { prefix: { addr: '2001:db8::', len: 32 } }, comment: 'x' } }]; // prettier-ignore
    expect(elementTexts({ elem })).toEqual(['10.0.0.1', '10.1.0.0/16', '10.2.0.1-10.2.0.9', '2001:db8::/32']);
  });

  it('says of its rules where the policy asked for them', () => {
    const { value, places } = guard(smallest);
    for (const [index, { line }] of places) {
      const command = value[index];
      const comment = command && 'add' in command && 'rule' in command.add ? command.add.rule.comment : undefined;
      expect(comment).toMatch(new RegExp(`^policy\\.yaml:${line}(?: |$)`));
    }
    expect(places.size).toBe(7);
  });

  it.each([...samples])('of %s can be written as text', (_name, { value }) => {
    expect(printText(value).refusals).toEqual([]);
  });
});

describe('taken rules that cannot be used', () => {
  it.each([
    ['-p tcp --dprt 22 -j ACCEPT', 'unknown-option'],
    ['-j ELSEWHERE', 'unknown-chain'],
    ['-p tcp -m geoip --source-country DE -j DROP', 'unknown-match'],
    ['-p tcp -j ACCEPT\nCOMMIT\n*nat', 'bad-line'],
    ['-p tcp -m recent --name a --update --seconds 60 -j DROP', 'unknown-match'],
  ])('%j', (rule, code) => {
    const rules = [
      { place: at(7), family: 'ip', rule: '-p tcp -j ACCEPT' },
      { place: at(8), family: 'ip', rule },
    ] as const;
    const wrong = guard({ rules }).diagnostics.filter(isError);
    expect(wrong.map((one) => `${one.code} ${one.span?.file}:${one.span?.line}`)).toContain(
      `${code} /etc/dnfw/policy.yaml:8`,
    );
  });
});
