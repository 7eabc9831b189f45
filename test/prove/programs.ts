// Random small programs, made directly of steps, so that many pairs mean the same and many almost do.
import { all, any, type Condition, interval, is, not, present, within } from '../../src/packet/condition.ts';
import { type Field, key, payload } from '../../src/packet/field.ts';
import type { Program, ProgramChain, ProgramRule, Step } from '../../src/packet/program.ts';

/** A reproducible source of numbers from 0 to before 1 (xorshift). */
export const random = (seed: number): (() => number) => {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
};

export type Random = () => number;
export const below = (next: Random, limit: number): number => Math.floor(next() * limit);
export const pick = <T>(next: Random, from: readonly T[]): T => from[below(next, from.length)] as T;

/** The fields of the programs, each with few constants, so that rules meet. */
export const fields: readonly {
  readonly field: Field;
  readonly constants: readonly number[];
  readonly masks: readonly number[];
}[] = [
  {
    field: payload('nh', 96, 32),
    constants: [0x0a000001, 0x0a000002, 0x0a000000],
    masks: [0xffffffff, 0xffffff00, 0xff0000ff],
  },
  { field: payload('nh', 128, 32), constants: [0xc0a80001, 0xc0a80100], masks: [0xffffffff, 0xfffffff0] },
  { field: key('l4proto'), constants: [6, 17, 1], masks: [0xff] },
  { field: payload('th', 16, 16), constants: [22, 80, 443, 1024], masks: [0xffff, 0xfff0] },
  { field: payload('th', 0, 16), constants: [53, 1024], masks: [0xffff] },
  { field: payload('th', 104, 8), constants: [2, 18], masks: [0xff, 0x02] },
  { field: payload('nh', 8, 8), constants: [0, 0x10], masks: [0xff, 0xfc] },
  { field: key('mark'), constants: [0, 1, 2, 3], masks: [0xffffffff, 1, 2] },
];

const randomTest = (next: Random): Condition => {
  const { field, constants, masks } = pick(next, fields);
  const constant = pick(next, constants);
  const mask = pick(next, masks);
  const kind = below(next, 6);
  if (kind === 0) return present(field);
  if (kind === 1) return within(field, [interval(constant, constant + below(next, 40))]);
  if (kind === 2) return within(field, [interval(constant), interval(constant + 5, constant + 7)]);
  return is(field, (constant & mask) >>> 0, mask);
};

const randomCondition = (next: Random, depth = 2): Condition => {
  const kind = depth === 0 ? 0 : below(next, 6);
  if (kind === 3) return not(randomCondition(next, depth - 1));
  if (kind === 4) return all([randomCondition(next, depth - 1), randomCondition(next, depth - 1)]);
  if (kind === 5) return any([randomCondition(next, depth - 1), randomCondition(next, depth - 1)]);
  return randomTest(next);
};

const randomEnd = (next: Random, callees: readonly string[]): readonly Step[] => {
  const kind = below(next, 8);
  if (kind < 2) return [{ kind: 'verdict', verdict: { kind: 'accept' } }];
  if (kind < 4) return [{ kind: 'verdict', verdict: { kind: 'drop' } }];
  if (kind === 4) return [{ kind: 'verdict', verdict: { kind: 'return' } }];
  if (kind === 5)
    return [
      {
        kind: 'effect',
        effect: {
          kind: 'set',
          key: 'mark',
          keep: pick(next, [0n, 0xfffffffen, 0xffffffffn]),
          flip: BigInt(below(next, 4)),
        },
      },
    ];
  if (callees.length === 0) return [];
  return [{ kind: 'verdict', verdict: { kind: kind === 6 ? 'jump' : 'goto', chain: pick(next, callees) } }];
};

const randomRule = (next: Random, callees: readonly string[]): ProgramRule => {
  const steps: Step[] = [];
  for (let i = below(next, 3); i >= 0; i--) steps.push({ kind: 'test', condition: randomCondition(next) });
  if (below(next, 8) === 0)
    steps.splice(below(next, steps.length), 0, { kind: 'hotdrop', condition: randomCondition(next) });
  return { origin: { file: 'random', line: 0, text: '' }, steps: [...steps, ...randomEnd(next, callees)] };
};

const chainOf = (name: string, rules: readonly ProgramRule[]): ProgramChain => ({ name, rules });

const programOf = (chains: readonly ProgramChain[]): Program => ({
  family: 'ip',
  tables: [
    { name: 'filter', runs: 'nft', label: 'ip filter', chains: new Map(chains.map((chain) => [chain.name, chain])) },
  ],
});

/** One base chain at the forward hook, and two chains that it may call. */
export const randomProgram = (next: Random, size = 5): Program => {
  const rules = (count: number, callees: readonly string[]): readonly ProgramRule[] =>
    Array.from({ length: count }, () => randomRule(next, callees));
  const base = {
    hook: 'forward',
    priority: 0,
    type: 'filter',
    policy: pick(next, ['accept', 'drop'] as const),
  } as const;
  return programOf([
    { name: 'FORWARD', base, rules: rules(1 + below(next, size), ['one', 'two']) },
    chainOf('one', rules(1 + below(next, 3), ['two'])),
    chainOf('two', rules(1 + below(next, 3), [])),
  ]);
};

const rulesOf = (program: Program): readonly ProgramChain[] => [...(program.tables[0]?.chains.values() ?? [])];

/** Another way to write the same, or nearly the same. */
export const variant = (next: Random, program: Program): Program =>
  programOf(
    rulesOf(program).map((chain) => {
      const rules = [...chain.rules];
      const at = below(next, rules.length);
      const rule = rules[at] as ProgramRule;
      switch (below(next, 7)) {
        case 0:
          rules.splice(at, 1);
          break;
        case 1:
          rules.splice(at, 0, rule);
          break;
        case 2: {
          const other = below(next, rules.length);
          [rules[at], rules[other]] = [rules[other] as ProgramRule, rule];
          break;
        }
        case 3:
          // Tests in another order mean the same where none of them is a hotdrop.
          rules[at] = { ...rule, steps: [...rule.steps.slice(0, -1).toReversed(), ...rule.steps.slice(-1)] };
          break;
        case 4:
          // A rule that is split in two by a condition.
          rules.splice(at, 1, ...split(next, rule));
          break;
        default:
      }
      return { ...chain, rules };
    }),
  );

const split = (next: Random, rule: ProgramRule): readonly ProgramRule[] => {
  const condition = randomCondition(next, 1);
  const withTest = (one: Condition): ProgramRule => ({
    ...rule,
    steps: [{ kind: 'test', condition: one }, ...rule.steps],
  });
  return [withTest(condition), withTest(not(condition))];
};
