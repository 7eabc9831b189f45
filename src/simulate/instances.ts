/**
 * Two rate limits with the same parameters are two buckets. A ruleset numbers those of one id in the order in which
 * packets come by: hook by hook, priority by priority, chain by chain as jumps reach them. So the n-th of one ruleset
 * can be compared with the n-th of another.
 */
import { hooks } from '../netfilter/hooks.ts';
import type { Condition, Predicate } from '../packet/condition.ts';
import type { Arm, Program, ProgramChain, ProgramTable, Step } from '../packet/program.ts';

/** Who asks a stateful predicate: a step that tests, or an arm. */
export type Asker = Step | Arm;

/** The number of each asker's predicate among those of the same id. */
export type Instances = ReadonlyMap<Asker, number>;

/** The number of a predicate; asked once for each, in the order of the chain's rules. */
export type InstanceOf = (predicate: Predicate) => number;

export type InstancesFor = (chain: ProgramChain) => InstanceOf;

export const statefulIn = (condition: Condition): readonly Predicate[] => {
  switch (condition.kind) {
    case 'opaque':
      return condition.predicate.stateful ? [condition.predicate] : [];
    case 'not':
      return statefulIn(condition.of);
    case 'all':
    case 'any':
      return condition.of.flatMap(statefulIn);
    default:
      return [];
  }
};

export interface Place {
  readonly table: ProgramTable;
  readonly chain: ProgramChain;
}

/** Base chains in the order in which a packet could meet them. */
export const baseChainsOf = (program: Program): readonly Place[] =>
  program.tables
    .flatMap((table) =>
      [...table.chains.values()].filter(({ base }) => base !== undefined).map((chain) => ({ table, chain })),
    )
    .toSorted((a, b) => {
      const [x, y] = [a.chain.base, b.chain.base];
      if (!x || !y) return 0;
      return hooks.indexOf(x.hook) - hooks.indexOf(y.hook) || x.priority - y.priority;
    });

/** The chains that a chain's rules jump or go to, in order. */
export const calleesOf = ({ rules }: ProgramChain): readonly string[] => {
  const inSteps = (steps: readonly Step[]): readonly string[] =>
    steps.flatMap((step) => {
      if (step.kind === 'choose') return step.arms.flatMap((arm) => inSteps(arm.steps));
      return step.kind === 'verdict' && (step.verdict.kind === 'jump' || step.verdict.kind === 'goto')
        ? [step.verdict.chain]
        : [];
    });
  return rules.flatMap(({ steps }) => inSteps(steps));
};

/** Every chain once, in the order in which packets reach them; unreachable ones last. */
const chainsInOrder = (program: Program): readonly ProgramChain[] => {
  const seen = new Set<ProgramChain>();
  const visit = ({ table, chain }: Place): void => {
    if (seen.has(chain)) return;
    seen.add(chain);
    for (const name of calleesOf(chain)) {
      const callee = table.chains.get(name);
      if (callee) visit({ table, chain: callee });
    }
  };
  for (const place of baseChainsOf(program)) visit(place);
  for (const table of program.tables) for (const chain of table.chains.values()) visit({ table, chain });
  return [...seen];
};

/** Everyone in a chain who asks a stateful predicate, in order. */
function* askersIn(steps: readonly Step[]): Generator<readonly [Asker, Predicate]> {
  for (const step of steps)
    if (step.kind === 'test' || step.kind === 'hotdrop')
      for (const predicate of statefulIn(step.condition)) yield [step, predicate];
    else if (step.kind === 'choose')
      for (const arm of step.arms) {
        for (const predicate of statefulIn(arm.condition)) yield [arm, predicate];
        yield* askersIn(arm.steps);
      }
}

export const numberInstances = (program: Program): Instances => {
  const numbers = new Map<Asker, number>();
  const counts = new Map<string, number>();
  for (const { rules } of chainsInOrder(program))
    for (const { steps } of rules)
      for (const [asker, { id }] of askersIn(steps)) {
        const count = counts.get(id) ?? 0;
        counts.set(id, count + 1);
        numbers.set(asker, count);
      }
  return numbers;
};

/** The program is looked through when the first stateful predicate is met: a ruleset without one costs nothing. */
export const instancesOf = (program: Program): InstancesFor => {
  let known: Instances | undefined;
  return ({ rules }) => {
    let waiting: Map<string, number[]> | undefined;
    const collect = (): Map<string, number[]> => {
      known ??= numberInstances(program);
      const found = new Map<string, number[]>();
      for (const { steps } of rules)
        for (const [asker, { id }] of askersIn(steps)) found.set(id, [...(found.get(id) ?? []), known.get(asker) ?? 0]);
      return found;
    };
    return ({ id }) => {
      waiting ??= collect();
      return waiting.get(id)?.shift() ?? 0;
    };
  };
};
