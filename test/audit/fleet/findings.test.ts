// Findings that only several hosts together show: hosts that have each, and hosts that almost have it.
import { describe, expect, it } from 'vitest';
import { fleetRules } from '../../../src/audit/fleet/registry.ts';
import { findingsOf, type Node } from './nodes.ts';

const swarm = (...nodes: readonly Node[]): readonly Node[] =>
  nodes.map((node, index) => ({ version: '28.5.2', cluster: 'c1', own: `192.0.2.${index + 1}`, ...node }));

const open = { before: ['-A INPUT -p udp -m udp --dport 4789 -j ACCEPT'] };

interface Case {
  readonly code: string;
  readonly what: string;
  readonly nodes: readonly Node[];
  /** Severity, subject and the notes of the evidence. */
  readonly found: readonly (readonly [severity: string, subject: string, notes: readonly string[]])[];
}

const vni = 'VNI 4097 (0x1001), port 4789';

const cases: readonly Case[] = [
  {
    code: 'swarm-vni-partial',
    what: 'one of three has lost its DROP',
    nodes: swarm({ name: 'a' }, { name: 'b' }, { name: 'c', drop: false }),
    found: [['high', `Swarm c1: ${vni}`, ['c: lets clear packets in', 'a: keeps them out', 'b: keeps them out']]],
  },
  {
    code: 'swarm-vni-partial',
    what: 'bare rules: taken for one Swarm',
    nodes: [{ name: 'a' }, { name: 'b', ...open }],
    found: [['low', `Swarm a, b: ${vni}`, ['b: lets clear packets in', 'a: keeps them out']]],
  },
  { code: 'swarm-vni-partial', what: 'all enforce it', nodes: swarm({ name: 'a' }, { name: 'b' }), found: [] },
  {
    code: 'swarm-vni-partial',
    what: 'the policy of the operator keeps clear packets out where the DROP is gone',
    nodes: swarm({ name: 'a' }, { name: 'b', drop: false, before: ['-A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4789 -j DROP'] }), // prettier-ignore
    found: [],
  },
  {
    code: 'swarm-vni-partial',
    what: 'another network, on another Swarm',
    nodes: [...swarm({ name: 'a' }, { name: 'b' }), { name: 'c', version: '28.5.2', cluster: 'c2', own: '192.0.2.9', drop: false }], // prettier-ignore
    found: [],
  },
  {
    code: 'swarm-mark-missing',
    what: 'one of three sends in clear; one takes it, one does not',
    nodes: swarm({ name: 'a', mark: false }, { name: 'b' }, { name: 'c', ...open }),
    found: [['high', `Swarm c1: ${vni}`, ['a: sends in clear', 'c: takes clear packets', 'b: drops clear packets']]],
  },
  { code: 'swarm-mark-missing', what: 'all mark', nodes: swarm({ name: 'a' }, { name: 'b' }), found: [] },
  {
    code: 'swarm-mark-missing',
    what: 'nobody else has the network',
    nodes: swarm({ name: 'a', mark: false }, { name: 'b', vnis: [4098] }),
    found: [],
  },
  {
    code: 'swarm-mixed-eras',
    what: 'one node is of the first era',
    nodes: swarm({ name: 'a' }, { name: 'b', version: '20.10.5', matcher: 'u32', isFirstEra: true }),
    found: [['medium', 'Swarm c1', ['a: 24.0.0 and later', 'b: 17.03.0 to 20.10.23, 23.0.0 to 23.0.2']]],
  },
  {
    code: 'swarm-mixed-eras',
    what: 'two of the releases that are right',
    nodes: swarm({ name: 'a' }, { name: 'b', version: '23.0.6', matcher: 'u32' }),
    found: [['low', 'Swarm c1', ['a: 24.0.0 and later', 'b: 20.10.24 to 20.10.27, 23.0.3 to 23.0.18']]],
  },
  {
    code: 'swarm-mixed-eras',
    what: 'two releases with one form',
    nodes: swarm({ name: 'a', version: '24.0.9' }, { name: 'b', version: '29.0.0' }),
    found: [],
  },
  {
    code: 'swarm-spi-mismatch',
    what: '29.2.0 beside 28.5.2',
    nodes: swarm({ name: 'a' }, { name: 'b', version: '29.2.0' }),
    found: [
      ['high', 'Swarm c1', ['b: Docker 29.2.0: addresses of 4 bytes', 'a: Docker 28.5.2: addresses of 16 bytes']],
    ],
  },
  {
    code: 'swarm-spi-mismatch',
    what: 'all of one kind',
    nodes: swarm({ name: 'a', version: '29.1.0' }, { name: 'b', version: '25.0.14' }),
    found: [],
  },
  {
    code: 'swarm-spi-mismatch',
    what: 'the release with the fix',
    nodes: swarm({ name: 'a' }, { name: 'b', version: '29.2.1' }),
    found: [],
  },
  {
    code: 'swarm-spi-mismatch',
    what: 'no network is encrypted on the other kind',
    nodes: swarm({ name: 'a' }, { name: 'b', version: '29.2.0', vnis: [] }),
    found: [],
  },
  {
    code: 'swarm-backend-mixed',
    what: 'one node on legacy',
    nodes: swarm({ name: 'a' }, { name: 'b', backend: 'legacy' }),
    found: [['low', 'Swarm c1', ['b: iptables-legacy', 'a: iptables-nft']]],
  },
  { code: 'swarm-backend-mixed', what: 'all on nft', nodes: swarm({ name: 'a' }, { name: 'b' }), found: [] },
];

describe('fleet', () => {
  it('has both kinds of cases for every finding', () => {
    for (const { code } of fleetRules)
      expect(new Set(cases.filter((one) => one.code === code).map(({ found }) => found.length > 0)).size).toBe(2);
  });

  it.each(cases.map((one) => [`${one.code}: ${one.what}`, one] as const))('%s', (_, { code, nodes, found }) => {
    const findings = findingsOf(nodes, code);
    expect(
      findings.map(({ severity, subject, evidence }) => [
        severity,
        subject,
        evidence.map(({ text, note }) => `${text}: ${note ?? ''}`),
      ]),
    ).toEqual(found);
    for (const { what, means, fix } of findings) {
      expect(what).toMatch(/\.$/);
      expect(means).toMatch(/\.$/);
      expect(fix.length).toBeGreaterThan(0);
    }
  });
});
