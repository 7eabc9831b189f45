/**
 * Two rate limits with the same parameters are two buckets. Both rulesets number theirs in the order in which packets
 * come by: hook by hook, priority by priority, chain by chain as jumps reach them. The n-th of one side is then compared
 * with the n-th of the other.
 */
import { hooks } from '../netfilter/hooks.ts';
import type { Condition, Predicate } from '../packet/condition.ts';
import type { Program, ProgramChain, ProgramRule, ProgramTable, Step } from '../packet/program.ts';

/** The number of each step that asks a stateful predicate. */
export type Instances = ReadonlyMap<Step, number>;

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

/** Base chains in the order in which a packet could meet them. */
export const baseChainsOf = (
  program: Program,
): readonly { readonly table: ProgramTable; readonly chain: ProgramChain }[] =>
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
export const chainsInOrder = (
  program: Program,
): readonly { readonly table: ProgramTable; readonly chain: ProgramChain }[] => {
  const order: { readonly table: ProgramTable; readonly chain: ProgramChain }[] = [];
  const seen = new Set<ProgramChain>();
  const visit = (table: ProgramTable, chain: ProgramChain): void => {
    if (seen.has(chain)) return;
    seen.add(chain);
    order.push({ table, chain });
    for (const name of calleesOf(chain)) {
      const callee = table.chains.get(name);
      if (callee) visit(table, callee);
    }
  };
  for (const { table, chain } of baseChainsOf(program)) visit(table, chain);
  for (const table of program.tables) for (const chain of table.chains.values()) visit(table, chain);
  return order;
};

export const numberInstances = (program: Program): Instances => {
  const numbers = new Map<Step, number>();
  const counts = new Map<string, number>();
  const number = (steps: readonly Step[]): void => {
    for (const step of steps) {
      if (step.kind === 'choose') for (const arm of step.arms) number(arm.steps);
      if (step.kind !== 'test') continue;
      for (const { id } of statefulIn(step.condition)) {
        const count = counts.get(id) ?? 0;
        counts.set(id, count + 1);
        numbers.set(step, count);
      }
    }
  };
  const rules: ProgramRule[] = chainsInOrder(program).flatMap(({ chain }) => [...chain.rules]);
  for (const { steps } of rules) number(steps);
  return numbers;
};
