// Real hosts: each against its own translation and its next step, Docker's eras against each other, and the order that
// the rules of encrypted networks need.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { proveTranslation } from '../../src/cli/translate-proof.ts';
import { isError } from '../../src/diagnostics/diagnostic.ts';
import { registry } from '../../src/extensions/registry.ts';
import { parse } from '../../src/iptables/parse.ts';
import { families } from '../../src/netfilter/family.ts';
import { type Assumption, assumptions } from '../../src/packet/assumption.ts';
import type { Program } from '../../src/packet/program.ts';
import { type Check, check } from '../../src/prove/check.ts';
import type { Witness } from '../../src/prove/witness.ts';
import { iptablesProgram } from '../../src/simulate/iptables-program.ts';
import { translate } from '../../src/translate/translate.ts';
import { parseScenario, readScenarios } from '../rulesets.ts';
import { iptables, saved } from '../simulate/scenario.ts';
import { replay } from './replay.ts';

const isAssumption = (name: string): name is Assumption => Object.hasOwn(assumptions, name);
const everything = new Set(Object.keys(assumptions).filter(isAssumption));
const checkAll = (pairs: readonly (readonly [Program, Program])[]): Check => check(pairs, { assume: everything });
const witnessesOf = ({ hooks }: Check): readonly Witness[] => hooks.flatMap(({ witnesses }) => witnesses);

describe('a ruleset of the book and its translation', () => {
  for (const scenario of readScenarios())
    for (const exactLegacy of [false, true])
      it(`mean the same: ${scenario.name}${exactLegacy ? ', emulating ip_tables' : ''}`, () => {
        const { value } = parseScenario(scenario);
        const { commands, entries } = translate(value, registry, { exactLegacy });
        const result = proveTranslation(value, entries, JSON.stringify({ nftables: commands }));
        expect(result.hooks.flatMap(({ reasons }) => reasons)).toEqual([]);
        expect(result.verdict).toBe('proven');
      });
});

describe('a host and its next step', () => {
  const root = new URL('../data/steps/', import.meta.url);
  const withoutCounters = (line: string): string => line.replace(/^\[\d+:\d+\] /, '');
  const rulesIn = (lines: readonly string[]): ReadonlySet<string> =>
    new Set(lines.map(withoutCounters).filter((line) => line.startsWith('-A')));

  for (const engine of readdirSync(root).toSorted()) {
    const folder = new URL(`${engine}/`, root);
    for (const program of ['iptables', 'ip6tables']) {
      const steps = readdirSync(folder)
        .filter((file) => file.endsWith(`.${program}-save`))
        .toSorted();
      for (const [i, next] of steps.entries()) {
        const before = steps[i - 1];
        if (before === undefined) continue;
        it(`${engine}: ${before} and ${next}`, () => {
          const texts = [before, next].map((file) => readFileSync(new URL(file, folder), 'utf8'));
          const [left, right] = texts.map((text, side) => {
            const { value, diagnostics } = parse([{ name: side === 0 ? before : next, text }], registry);
            expect(diagnostics.filter(isError)).toEqual([]);
            return value;
          });
          if (!left || !right) throw new Error('two rulesets');
          const pairs = families
            .filter((family) => [left, right].some(({ tables }) => tables.some((table) => table.family === family)))
            .map(
              (family) => [iptablesProgram(left, registry, family), iptablesProgram(right, registry, family)] as const,
            );
          const result = checkAll(pairs);
          const [old, now] = texts.map((text) => text.split('\n'));
          const known = rulesIn(old ?? []);
          const added = [...rulesIn(now ?? [])].filter((rule) => !known.has(rule));
          if (added.length === 0) {
            expect(result.verdict).toBe('proven');
            return;
          }
          expect(result.verdict).toBe('refuted');
          // The rule that decides may be an old one that a new jump leads to: what counts is the way.
          const met = new Set<string>();
          for (const witness of witnessesOf(result)) {
            const [a, b] = pairs.find(([{ family }]) => family === witness.packet.family) ?? [];
            if (!a || !b) throw new Error('no program of the family');
            const { differs, words, through } = replay(a, b, witness);
            expect({ differs, words }).toEqual({ differs: true, words });
            for (const line of through) met.add(withoutCounters(now?.[line - 1] ?? ''));
          }
          expect(added.filter((rule) => met.has(rule))).not.toEqual([]);
        });
      }
    }
  }
});

const vni = (number: number): string => `-m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x${(number << 8).toString(16)}"`;
const input = (policy: string, lines: readonly string[], backend: 'legacy' | 'nft' = 'legacy'): Program =>
  iptables(saved({ filter: [`:INPUT ${policy} [0:0]`, ...lines.map((line) => `-A INPUT ${line}`)] }), backend);
const acceptDecrypted = (number: number): string =>
  `-p udp -m policy --dir in --pol ipsec -m udp --dport 4789 ${vni(number)} -j ACCEPT`;
const dropAny = (number: number): string => `-p udp -m udp --dport 4789 ${vni(number)} -j DROP`;
const dropClear = (number: number): string =>
  `-p udp -m policy --dir in --pol none -m udp --dport 4789 ${vni(number)} -j DROP`;

/** What a witness says of a VXLAN packet. */
const vxlanOf = ({ packet: { bytes, keys }, direction }: Witness): unknown => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = (view.getUint8(0) & 15) * 4;
  return {
    direction,
    protocol: view.getUint8(9),
    dport: view.getUint16(at + 2),
    vni: view.getUint32(at + 12) >>> 8,
    secpath: keys.get('secpath'),
  };
};

describe("the seed's rules in both orders", () => {
  const networks = [0x1006, 0x1001, 0x1002];
  const acceptFirst = input('ACCEPT', networks.flatMap((one) => [acceptDecrypted(one), dropAny(one)])); // prettier-ignore
  const dropFirst = input('ACCEPT', networks.flatMap((one) => [dropAny(one), acceptDecrypted(one)])); // prettier-ignore

  it('are the rules of the listing that an operator saw', () => {
    const listing = readScenarios().find(({ name }) => name === 'listing-first-era');
    if (!listing) throw new Error('the listing is gone');
    const seen = iptablesProgram(parseScenario(listing).value, registry, 'ip');
    expect(check([[seen, acceptFirst]], { assume: new Set() })).toMatchObject({ verdict: 'proven', assumed: [] });
  });

  it('differ for packets of the encrypted networks that came through IPsec', () => {
    const result = checkAll([[acceptFirst, dropFirst]]);
    expect(result.verdict).toBe('refuted');
    const [witness, ...more] = witnessesOf(result);
    if (!witness) throw new Error('no witness');
    expect(more).toEqual([]);
    expect(vxlanOf(witness)).toMatchObject({ direction: 'dropped', protocol: 17, dport: 4789, secpath: 1 });
    expect(networks).toContain((vxlanOf(witness) as { readonly vni: number }).vni);
    expect([witness.a.ending.kind, witness.b.ending.kind]).toEqual(['accept', 'drop']);
    expect(witness.a.decidedBy).toMatchObject({ rule: { text: expect.stringContaining('--pol ipsec') as unknown } });
    expect(replay(acceptFirst, dropFirst, witness).differs).toBe(true);
    // The same in the other direction.
    expect(witnessesOf(checkAll([[dropFirst, acceptFirst]])).map(({ direction }) => direction)).toEqual(['accepted']);
  });
});

describe("Docker's first-era rules and its later forms", () => {
  const network = 0x1001;
  const operator = '-p udp -m udp --dport 4789 -j ACCEPT';
  // Both appended, until 20.10.23; then DROP inserted; from 25.0 on DROP alone.
  const first = [acceptDecrypted(network), dropAny(network)];
  const second = [dropClear(network), acceptDecrypted(network)];
  const third = [dropClear(network)];

  it('mean the same where nothing stands in front of them: clear traffic is dropped by both', () => {
    const proven = { verdict: 'proven', assumed: [] };
    for (const policy of ['ACCEPT', 'DROP'])
      expect(check([[input(policy, first), input(policy, second)]], { assume: new Set() })).toMatchObject(proven);
    expect(checkAll([[input('ACCEPT', first), input('ACCEPT', third)]])).toMatchObject({
      verdict: 'proven',
      assumed: ['whole-headers'],
    });
  });

  it('differ, without policy on DROP, for a decrypted datagram that ip_tables drops because it is cut short', () => {
    const result = check([[input('ACCEPT', first), input('ACCEPT', third)]], { assume: new Set() });
    const [witness, ...more] = witnessesOf(result);
    expect(more).toEqual([]);
    expect(witness?.packet.bytes.length).toBeLessThan(28);
    expect(witness?.packet.keys.get('secpath')).toBe(1);
  });

  it('differ for clear traffic behind an accept of the operator, which only an inserted DROP precedes', () => {
    const [a, b] = [
      input('DROP', [operator, ...first]),
      input('DROP', [dropClear(network), operator, acceptDecrypted(network)]),
    ];
    const result = checkAll([[a, b]]);
    expect(witnessesOf(result).map(vxlanOf)).toEqual([
      { direction: 'dropped', protocol: 17, dport: 4789, vni: network, secpath: 0 },
    ]);
    for (const witness of witnessesOf(result)) expect(replay(a, b, witness).differs).toBe(true);
  });

  it('differ for decrypted traffic under a policy of DROP, which no rule accepts from 25.0 on', () => {
    const result = checkAll([[input('DROP', second), input('DROP', third)]]);
    expect(witnessesOf(result).map(vxlanOf)).toEqual([
      { direction: 'dropped', protocol: 17, dport: 4789, vni: network, secpath: 1 },
    ]);
  });

  it('are told apart by the network that they name', () => {
    const result = checkAll([[input('ACCEPT', third), input('ACCEPT', [dropClear(0x1002)])]]);
    expect(new Set(witnessesOf(result).map(({ direction }) => direction))).toEqual(new Set(['accepted', 'dropped']));
  });
});
