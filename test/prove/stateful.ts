// Which bucket a rate limit takes from, for the walk over all ways: the n-th of its kind, in the order in which packets
// come by.
import type { Condition } from '../../src/packet/condition.ts';
import type { Program, ProgramChain, ProgramTable, Step } from '../../src/packet/program.ts';
import { hooks } from '../../src/netfilter/hooks.ts';

type Place = readonly [ProgramTable, ProgramChain];

export const baseChains = (program: Program): readonly Place[] =>
  program.tables
    .flatMap((table) => [...table.chains.values()].map((chain): Place => [table, chain]))
    .filter(([, { base }]) => base !== undefined)
    .toSorted(([, { base: a }], [, { base: b }]) =>
      a && b ? hooks.indexOf(a.hook) - hooks.indexOf(b.hook) || a.priority - b.priority : 0,
    );

function* stepsIn(steps: readonly Step[]): Generator<Step> {
  for (const step of steps) {
    yield step;
    if (step.kind === 'choose') for (const arm of step.arms) yield* stepsIn(arm.steps);
  }
}

function* statefulIn(condition: Condition): Generator<Extract<Condition, { readonly kind: 'opaque' }>> {
  if (condition.kind === 'opaque' && condition.predicate.stateful) yield condition;
  else if (condition.kind === 'not') yield* statefulIn(condition.of);
  else if (condition.kind === 'all' || condition.kind === 'any')
    for (const part of condition.of) yield* statefulIn(part);
}

/** The number of each place that asks a stateful predicate. */
export const instancesOf = (program: Program): ReadonlyMap<Condition, number> => {
  const numbers = new Map<Condition, number>();
  const counts = new Map<string, number>();
  const seen = new Set<ProgramChain>();
  const visit = ([table, chain]: Place): void => {
    if (seen.has(chain)) return;
    seen.add(chain);
    const steps = chain.rules.flatMap((rule) => [...stepsIn(rule.steps)]);
    for (const step of steps)
      for (const condition of step.kind === 'test' ? statefulIn(step.condition) : []) {
        const { id } = condition.predicate;
        const count = counts.get(id) ?? 0;
        counts.set(id, count + 1);
        numbers.set(condition, count);
      }
    for (const step of steps) {
      if (step.kind !== 'verdict' || (step.verdict.kind !== 'jump' && step.verdict.kind !== 'goto')) continue;
      const callee = table.chains.get(step.verdict.chain);
      if (callee) visit([table, callee]);
    }
  };
  for (const place of baseChains(program)) visit(place);
  for (const table of program.tables) for (const chain of table.chains.values()) visit([table, chain]);
  return numbers;
};
