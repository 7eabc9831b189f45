// No false alarm: what is found on hosts that nobody has spoilt is listed, and true of each of them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectHost } from '../../src/audit/inspect.ts';
import { untouchedHosts } from './untouched-hosts.ts';

/**
 * Why a finding is true of these hosts: for its code, or for `CODE: SUBJECT` where its subjects are of several kinds.
 * One that is new has to be read on a host before it gets a sentence here.
 */
const reasons: Readonly<Record<string, string>> = {
  'direct-routing':
    'forwarding was on before Docker started, so that Docker left the policy of FORWARD at ACCEPT, and before 28.0 no rule of Docker drops what is not published; low where no container is known',
  'loopback-published-reachable':
    'n1 publishes a port on 127.0.0.1, and before 28.0 its DNAT rule asks neither for the device nor does raw PREROUTING drop anything',
  'swarm-ports-open': 'INPUT has policy ACCEPT and no rule about clear VXLAN of networks that are not encrypted',
  'published-port': 'the ports were published on purpose, and nothing in front of Docker keeps anybody out',
  'cve-2023-28840': 'the DROPs have no policy match and are appended, as only releases before the fix write them',
  'cve-2026-92542': 'the MARK asks for port and VNI only, and the release is before the fix',
  'overlay-rules': 'the host has encrypted networks, and these are the rules that Docker has for them',
  'forward-policy': 'the policy is ACCEPT, and the kernel forwards',
  'translator-loss: lost: the u32 match': 'iptables-restore-translate writes every rule with u32 as a comment',
  'translator-loss: lost: the bpf match': 'iptables-restore-translate writes every rule with bpf as a comment',
  'translator-loss: lost: the ipvs match': 'iptables-restore-translate writes every rule with ipvs as a comment',
  'translator-loss: lost: the CHECKSUM target': 'iptables-restore-translate writes CHECKSUM as a comment',
  'translator-loss: lost: the recent match': 'iptables-restore-translate writes every rule with recent as a comment',
  'translator-loss: lost: an ICMP type that has no name in iptables': 'ufw lets ICMPv6 types in by their numbers',
  'no-native-form: nftables has no ipvs match': 'no expression of nftables reads the connection table of IPVS',
  'no-native-form: filling in checksums': 'no statement of nftables does what CHECKSUM does',
  'no-native-form: dnfw has no model of the match recent':
    'ufw writes recent for its limits; the finding says whose fault it is',
  'no-native-form: dnfw has no model of the match rt': 'ufw drops routing headers of type 0 with it; the same',
  'docker-nft-backend: Swarm': 'encrypted networks and the routing mesh are of a Swarm, where dockerd refuses nftables',
  'docker-nft-backend: tables': 'the rules of Docker are in chains of iptables',
  'docker-nft-backend: ip filter FORWARD': 'Docker turned forwarding on in this VM, and set the policy to DROP',
  'docker-nft-backend: ip6 filter FORWARD': 'Docker turned IPv6 forwarding on, and set the policy to DROP',
  'docker-nft-backend: internal network': 'n1 has an internal network, closed by its subnet',
  'meaning-changes: routing-lookup': 'addrtype of an IPv6 rule is another question than fib',
  'meaning-changes: payload-offset': 'bpf takes the payload offset from the flow dissector',
  'meaning-changes: short-header': 'modules of iptables drop what is cut short: all of legacy, and multiport and sctp',
  'meaning-changes: fragment-header': 'iptables-legacy matches no later fragments',
  'meaning-changes: ah-header': 'ip6tables-legacy looks behind authentication headers',
  'meaning-changes: extension-header': 'ip6tables-legacy drops broken header chains',
  'unused-chain': 'with --ip6tables and no IPv6 network this release makes chains that nothing jumps to',
  'guard-absent': 'nobody has installed a guard; low because the rules of INPUT do their work today',
  'guard-not-at-boot': 'the guard was installed without --persist',
};

/** What is true for another reason on one host. */
const exceptions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'docker 20.10.5, n1, 1-bridges': {
    'meaning-changes: short-header': 'a dump of 1.8.7 does not say its backend: the report says that legacy is assumed',
    'meaning-changes: fragment-header': 'the same',
  },
  'docker 20.10.5, n1, 3-service': {
    'meaning-changes: short-header': 'a dump of 1.8.7 does not say its backend: the report says that legacy is assumed',
    'meaning-changes: fragment-header': 'the same',
  },
  'docker 28.5.2, n1, 1-bridges': { 'direct-routing': 'one network is of gateway mode nat-unprotected, on purpose' },
  'docker 28.5.2, n1, 3-service': { 'direct-routing': 'one network is of gateway mode nat-unprotected, on purpose' },
  'docker 28.5.2 with the guard': {
    'swarm-ports-open': "the guard's policy, made without an engine to ask for its nodes, lets everybody in at 4789",
  },
};

const expected = new Map(
  readFileSync(join(import.meta.dirname, '../data/untouched/expected.txt'), 'utf8')
    .split('=== ')
    .slice(1)
    .map((block) => {
      const [name = '', ...findings] = block.trimEnd().split('\n');
      return [name, findings] as const;
    }),
);

/** The subject may be told without what is behind its first comma: the device of a network. */
const keysOf = (finding: string): readonly string[] => {
  const told = finding.replace(/^\S+ /, '');
  return [told, told.replace(/,.*/, ''), told.replace(/:.*/, '')];
};

const keyIn = (map: Readonly<Record<string, string>>, finding: string): string | undefined =>
  keysOf(finding).find((key) => map[key] !== undefined);

describe('an untouched host', () => {
  it.each(untouchedHosts.map((host) => [host.name, host] as const))('%s', async (name, { source }) => {
    const { findings } = inspectHost(await source());
    expect(findings.map(({ severity, fingerprint }) => `${severity} ${fingerprint}`)).toEqual(expected.get(name));
  });

  it('has only findings with a reason, and every reason is of one', () => {
    expect([...expected.keys()]).toEqual(untouchedHosts.map(({ name }) => name));
    const used = new Set<string>();
    const without: string[] = [];
    for (const [name, findings] of expected)
      for (const finding of findings) {
        const own = keyIn(exceptions[name] ?? {}, finding);
        const key = own === undefined ? keyIn(reasons, finding) : `${name}: ${own}`;
        if (key === undefined) without.push(`${name}: ${finding}`);
        else used.add(key);
      }
    expect(without).toEqual([]);
    const all = [...Object.keys(reasons), ...Object.entries(exceptions).flatMap(([name, some]) => Object.keys(some).map((key) => `${name}: ${key}`))]; // prettier-ignore
    expect(all.filter((key) => !used.has(key))).toEqual([]);
  });

  it('has nothing worse than medium', () => {
    expect([...expected.values()].flat().filter((finding) => /^(?:high|critical) /.test(finding))).toEqual([]);
  });

  it('without Docker has nothing that is about this host as it is today', () => {
    const migration = /^\S+ (?:meaning-changes|no-native-form|translator-loss): /;
    for (const name of [
      'an empty host',
      'a host without Docker',
      'a native firewall, policy drop',
      'ufw without Docker',
    ])
      expect(expected.get(name)?.filter((finding) => !migration.test(finding))).toEqual([]);
  });
});
