/** Which instance of a stateful predicate a rule holds: two limits of the same rate do not share their bucket. */
import type { Condition, Predicate } from '../packet/condition.ts';
import type { Program, ProgramChain, Step } from '../packet/program.ts';

/** The number of a predicate among those of the same id; asked once for each, in the order of the rules. */
export type InstanceOf = (predicate: Predicate) => number;

export type InstancesFor = (chain: ProgramChain) => InstanceOf;

function* inCondition(condition: Condition): Generator<Predicate> {
  switch (condition.kind) {
    case 'opaque':
      if (condition.predicate.stateful) yield condition.predicate;
      return;
    case 'not':
      yield* inCondition(condition.of);
      return;
    case 'all':
    case 'any':
      for (const part of condition.of) yield* inCondition(part);
      return;
    case 'constant':
    case 'test':
    case 'name':
    case 'present':
    case 'program':
    case 'unmodelled':
      return;
  }
}

function* inSteps(steps: readonly Step[]): Generator<Predicate> {
  for (const step of steps)
    if (step.kind === 'test' || step.kind === 'hotdrop') yield* inCondition(step.condition);
    else if (step.kind === 'choose')
      for (const arm of step.arms) {
        yield* inCondition(arm.condition);
        yield* inSteps(arm.steps);
      }
}

/** How many predicates of each id stand in the chains before each chain. */
const countsBefore = (program: Program): ReadonlyMap<ProgramChain, ReadonlyMap<string, number>> => {
  const counts = new Map<string, number>();
  const before = new Map<ProgramChain, ReadonlyMap<string, number>>();
  for (const { chains } of program.tables)
    for (const chain of chains.values()) {
      before.set(chain, new Map(counts));
      for (const { steps } of chain.rules)
        for (const { id } of inSteps(steps)) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  return before;
};

/**
 * Numbers from 0, over all tables and chains of the program in their order. The program is looked through when the
 * first stateful predicate is met, so that a ruleset without one costs nothing.
 */
export const instancesOf = (program: Program): InstancesFor => {
  let before: ReturnType<typeof countsBefore> | undefined;
  return (chain) => {
    const next = new Map<string, number>();
    return ({ id }) => {
      before ??= countsBefore(program);
      const number = next.get(id) ?? before.get(chain)?.get(id) ?? 0;
      next.set(id, number + 1);
      return number;
    };
  };
};
