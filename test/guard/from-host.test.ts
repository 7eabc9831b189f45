// A first policy from what a host has: the operator's rules and nobody else's, proven; what listens; the Swarm's peers.
import { describe, expect, it } from 'vitest';
import { factsOf } from '../../src/guard/encrypted.ts';
import { type FromHost, policyFromHost } from '../../src/guard/from-host.ts';
import type { Host } from '../../src/guard/host.ts';
import { readPolicy } from '../../src/guard/policy-read.ts';
import type { Policy } from '../../src/guard/policy.ts';
import { preflight } from '../../src/guard/preflight.ts';
import { guardCommands, usualPriority } from '../../src/guard/ruleset.ts';
import { printDocument } from '../../src/nftables/print.ts';
import { capture, hostWith, rules } from './hosts.ts';

const drop = '-A INPUT -p udp -m udp --dport 4789 -m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100100" -j DROP';
const accept = '-A INPUT -p udp -m policy --dir in --pol ipsec -m udp --dport 4789 -m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100100" -j ACCEPT'; // prettier-ignore

const read = ({ yaml }: FromHost): Policy => {
  const { value, diagnostics } = readPolicy([{ name: 'policy.yaml', text: yaml }]);
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  if (!value) throw new Error('no policy');
  return value;
};

const from = (text: string): FromHost => policyFromHost(hostWith({ iptables: rules(text) }));
const taken = ({ taken: list }: FromHost): readonly string[] => list.map(({ text }) => text);

const lostWith = (host: Host): readonly string[] => {
  const policy = read(policyFromHost(host));
  const facts = factsOf(host);
  const { value } = guardCommands(policy, facts, { generation: 1, tag: '0123456789ab', priority: usualPriority });
  return preflight({ host, policy, facts, document: printDocument({ nftables: value }) }).stops.map(({ probe }) => probe.what); // prettier-ignore
};

const captures = ['docker-17.03', 'docker-20.10.5', 'docker-20.10.24', 'docker-20.10.24-legacy', 'docker-23.0.3', 'docker-24.0', 'docker-28.0.0', 'docker-28.5.2', 'docker-29', 'docker-mixed-eras', 'operator-ufw', 'operator-fail2ban', 'operator-firewalld-direct']; // prettier-ignore

describe.each(captures)('%s', (name) => {
  const host = hostWith({ iptables: capture(name) });
  const found = policyFromHost(host);

  it('gives a policy that can be read, of which everything that was taken is proven', () => {
    read(found);
    expect(found.proofs.filter(({ verdict }) => verdict !== 'proven')).toEqual([]);
  });

  it('loses nothing that passes today', () => {
    expect(lostWith(host)).toEqual([]);
  });

  it("takes no rule of Docker's", () => {
    const encrypted = factsOf(host).encrypted.length;
    if (encrypted > 0) expect(found.docker.length).toBeGreaterThanOrEqual(encrypted);
    expect(found.taken.filter(({ text }) => /u32|bytecode/.test(text))).toEqual([]);
  });
});

describe('the rules of the operator', () => {
  it("are taken in their order, without Docker's and with chains written out", () => {
    const found = from(
      [
        ':INPUT DROP [0:0]',
        ':FILTERS - [0:0]',
        drop,
        '-A INPUT -i lo -j ACCEPT',
        '-A INPUT -p tcp -j FILTERS',
        accept,
        '-A FILTERS -s 10.0.0.0/8 -j ACCEPT',
        '-A FILTERS -p tcp -m tcp --dport 22 -j ACCEPT',
        '-A FILTERS -j RETURN',
      ].join('\n'),
    );
    expect(taken(found)).toEqual(['-i lo -j ACCEPT', '-s 10.0.0.0/8 -p tcp -j ACCEPT', '-p tcp -m tcp --dport 22 -j ACCEPT']); // prettier-ignore
    expect(found.docker.map(({ origin }) => origin.line)).toEqual([4, 7]);
    expect(found.proofs.map(({ verdict }) => verdict)).toEqual(['proven']);
    expect(read(found)).toMatchObject({ mode: 'enforce', default: 'drop' });
  });

  it('say where they were', () => {
    expect(from('-A INPUT -s 192.0.2.1/32 -j DROP').yaml).toContain('  # <ip>:2\n  - { family: ip, rule: "-s 192.0.2.1/32 -j DROP" }'); // prettier-ignore
  });

  it('end in the default where the last one refuses everything', () => {
    const found = from(':INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -j DROP');
    const policy = read(found);
    expect(policy.rules.map(({ rule }) => rule)).toEqual(['-p tcp -m tcp --dport 22 -j ACCEPT']);
    expect(policy.default).toBe('drop');
    // Nothing of IPv4 is opened beyond them; IPv6 has no rules.
    expect(policy.allow.every(({ from: sources }) => sources.length === 1)).toBe(true);
  });

  it('keep their REJECT, unless accepts of Docker stand before it', () => {
    const text = ':INPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n';
    expect(read(from(`${text}-A INPUT -j REJECT`)).rules).toHaveLength(2);
    expect(read(from(`${text}${accept}\n-A INPUT -j REJECT`)).rules).toHaveLength(1);
  });

  it.each([
    ['a chain of fail2ban', ':f2b-sshd - [0:0]\n-A INPUT -p tcp -j f2b-sshd\n-A f2b-sshd -s 192.0.2.66/32 -j REJECT', /another program/], // prettier-ignore
    ['a rule that only logs', '-A INPUT -j LOG', /decides nothing/],
    ['a way back in the middle', ':own - [0:0]\n-A INPUT -j own\n-A own -i eth1 -j RETURN\n-A own -j DROP', /way back/],
    ['a match that dnfw does not know', '-A INPUT -m recent --update --seconds 30 --name x -j DROP', /recent/],
    ['an ipset', '-A INPUT -m set --match-set banned src -j DROP', /ipset banned/],
  ])('leaves %s, and says why', (_, text, why) => {
    const found = from(text);
    expect(taken(found)).toEqual([]);
    expect(found.left.map((one) => one.why).join('\n')).toMatch(why);
    expect(read(found).default).toBe('drop');
  });

  it('takes an accept wider rather than not at all', () => {
    const found = from(':INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -m set --match-set admins src -j ACCEPT');
    expect(taken(found)).toEqual(['-p tcp -m tcp --dport 22 -j ACCEPT']);
    expect(found.yaml).toContain('taken without -m set');
    expect(found.proofs.map(({ verdict }) => verdict)).toEqual(['proven']);
  });

  it('does not close what a rule lets in that could not be taken', () => {
    const found = from(':own - [0:0]\n-A INPUT -j own\n-A INPUT -j DROP\n-A own -i eth1 -j RETURN\n-A own -p tcp -m tcp --dport 22 -j ACCEPT'); // prettier-ignore
    expect(taken(found)).toEqual([]);
    expect(read(found).default).toBe('accept');
  });
});

describe('what listens', () => {
  it('is allowed where nothing closes the host; the ports of the Swarm belong to its peers', () => {
    const policy = read(policyFromHost(hostWith({ iptables: capture('docker-28.5.2') })));
    expect(policy.allow.map(({ proto, ports }) => `${proto} ${ports[0]?.low}`)).toEqual(['tcp 22', 'tcp 9100']);
    expect(policy.swarm).toMatchObject({ dataPathPort: 4789, encrypted: 'docker' });
    expect(policy.swarm?.peers).toHaveLength(1);
  });

  it('with the data path of a Swarm whose other nodes are not known', () => {
    const known = hostWith({ iptables: capture('docker-28.5.2') });
    const host = { ...known, docker: undefined, sockets: known.sockets.slice(0, 2) };
    const policy = read(policyFromHost(host));
    expect(policy.allow.map(({ proto, ports }) => `${proto} ${ports[0]?.low ?? ''}`)).toEqual(['tcp 22', 'esp ', 'udp 4789']); // prettier-ignore
    expect(policy.swarm).toBeUndefined();
    expect(lostWith(host)).toEqual([]);
  });

  it('outside of a Swarm, too', () => {
    const policy = read(policyFromHost({ ...hostWith(), docker: undefined, sockets: hostWith().sockets.slice(0, 2) }));
    expect(policy.allow.map(({ ports }) => ports[0]?.low)).toEqual([22]);
    expect(policy.swarm).toBeUndefined();
  });
});
