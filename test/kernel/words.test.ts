// What a word test becomes is what nft lists and reads again: the same listing, and the same code in the kernel.
import { describe, expect, it } from 'vitest';
import { complement, type Ranges, rangesOf, within } from '../../src/extensions/ranges.ts';
import { allOf, type Load } from '../../src/extensions/word.ts';
import { constraintTest } from '../../src/extensions/wordtest.ts';
import type { Family } from '../../src/netfilter/family.ts';
import { accept, add, equal, field, l4proto, table } from '../../src/nftables/build.ts';
import type { Formula } from '../../src/nftables/formula.ts';
import type { Statement } from '../../src/nftables/types.ts';
import { ordered } from '../../src/translate/ordered.ts';
import { additions, jsonOf, readListing } from './nft.ts';
import { inNamespace, nft, type Result } from './namespace.ts';

/** A fixed sequence of 32-bit numbers (mulberry32), so that a failure can be repeated. */
const sequence = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
};

// prettier-ignore
const masks = [
  0xffffffff, 0xff00ff00, 0x00ff00ff, 0xf0f0f0f0, 0x5a5a5a5a, 0xffffff00, 0x00ffffff, 0xffff0000, 0x0000ffff, 0x80000001,
  0x1fff, 0x3fff0000, 0xe0001fff, 0x00ff0000, 0xff000000, 0xff, 0xff00, 0xfffffffe, 0x7fffffff, 0x0ff00000, 0x0fc00000,
  0xff0000ff, 0x00f0f000, 0x0f000000, 0xf0000000, 0xff00ffff, 0xffff00ff, 0xfffeffff, 0x80000000, 1, 0x3c, 0xfffff,
];

const valuesOf = (mask: number, next: () => number): readonly Ranges[] => {
  const one = (next() & mask) >>> 0;
  const other = (next() & mask) >>> 0;
  const [low, high] = one < other ? [one, other] : [other, one];
  const points = rangesOf([
    [one, one],
    [other, other],
    [mask, mask],
  ]);
  const mixed = rangesOf([
    [0, 0],
    [low, high],
    [mask, mask],
  ]);
  const wanted: readonly Ranges[] = [
    [[one, one]],
    complement([[one, one]]),
    [[0, 0]],
    [[0, one]],
    [[one, mask]],
    [[low, high]],
    complement([[low, high]]),
    points,
    mixed,
  ];
  return wanted.map((ranges) => within(ranges, mask));
};

/** The alternatives of a formula, each a rule. */
const rulesOf = (formula: Formula): readonly (readonly Statement[])[] => {
  switch (formula.kind) {
    case 'always':
      return [[]];
    case 'test':
      return [[formula.statement]];
    case 'any':
      return formula.of.flatMap(rulesOf);
    case 'all':
      return formula.of
        .map(rulesOf)
        .reduce((rules, part) => rules.flatMap((rule) => part.map((more) => [...rule, ...more])), [[]]);
    default:
      return [];
  }
};

const sample = (family: Family, base: 'nh' | 'th', per: number): readonly (readonly Statement[])[] => {
  const next = sequence(family === 'ip' ? 4 : 6);
  const rules: (readonly Statement[])[] = [];
  const sizes = [1, 2, 4] as const;
  for (let offset = 0; offset <= 64; offset++)
    for (const size of sizes)
      for (const wide of [...masks, next(), next() & next()]) {
        const mask = (wide & allOf(size)) >>> 0;
        const load: Load = { base, offset, size };
        if (mask !== 0)
          for (const values of valuesOf(mask, next))
            if (next() % 100 < per && values.length > 0)
              rules.push(...rulesOf(constraintTest({ load, mask, values }, family)));
      }
  return rules;
};

/** The code without handles, the notes that nft keeps for itself and the order of what a set holds. */
const codeOf = (listing: string): readonly string[] => {
  const [code = ''] = listing.split(/^table /m);
  const plain = code.replace(/^(ip6? words words).*$/gm, '$1').replace(/ +userdata = \{.*\}$/gm, '');
  return plain.replace(/(?:^\telement .*\n)+/gm, (elements) => elements.split('\n').toSorted().join('\n')).split('\n');
};

/** Loads rules; then loads what nft lists of them. */
const twice = (
  family: Family,
  rules: readonly (readonly Statement[])[],
): readonly [readonly Result[], readonly Result[]] => {
  const chain = { family, table: 'words', name: 'words' };
  const document = jsonOf([
    add({ table: table(family, 'words') }),
    add({ chain }),
    ...rules.map((expr) => add({ rule: { family, table: 'words', chain: 'words', expr: [...expr, accept] } })),
  ]);
  // Which code a rule is, the same program says for both: versions print it differently.
  const dump = { command: ['nft', '--debug=netlink', 'list', 'ruleset'] };
  const load = (text: string): readonly Result[] => inNamespace([nft('-j -f -', text), nft('-j list ruleset'), dump]);
  const first = load(document);
  return [first, load(jsonOf(additions(readListing((first[1] as Result).stdout))))];
};

const expectFixpoint = (family: Family, rules: readonly (readonly Statement[])[]): void => {
  const [first, second] = twice(family, rules);
  for (const [loaded] of [first, second]) expect(loaded).toEqual({ status: 0, stdout: '', stderr: '' });
  const rulesIn = (results: readonly Result[]): readonly string[] =>
    [...readListing((results[1] as Result).stdout).values()].flat().map((object) => JSON.stringify(object));
  expect(rulesIn(second)).toEqual(rulesIn(first));
  expect(rulesIn(first)).toHaveLength(rules.length + 2);
  expect(codeOf((second[2] as Result).stdout)).toEqual(codeOf((first[2] as Result).stdout));
};

describe.each([
  ['ip', 'nh', 6],
  ['ip', 'th', 6],
  ['ip6', 'nh', 6],
] as const)('word tests in %s, %s', (family, base, per) => {
  it('list as something that means the same', () => {
    const rules = sample(family, base, per);
    expect(rules.length).toBeGreaterThan(2500);
    expectFixpoint(family, rules);
  });
});

describe('word tests on the transport header beside a test that tells the protocol', () => {
  const told: readonly Statement[] = [
    ...[1, 6, 17, 33, 47, 50, 51, 108, 132, 136].map((number) => l4proto(number)),
    equal(field('udp', 'dport'), 53),
    equal(field('tcp', 'dport'), 53),
    equal(field('ip', 'protocol'), 47),
  ];
  it.each(told.map((statement) => [JSON.stringify(statement), statement] as const))('%s', (_, statement) => {
    const rules = sample('ip', 'th', 1).map((rule) => ordered([statement, ...rule]));
    expect(rules.length).toBeGreaterThan(300);
    expectFixpoint('ip', rules);
  });
});
