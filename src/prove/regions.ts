/** Where two programs differ, rule by rule: the packets of a difference by the rule that has decided about them. */
import type { Program, ProgramRule, RuleOrigin } from '../packet/program.ts';
import type { Question } from './compare.ts';
import { BudgetError, type Node } from './diagram.ts';
import type { Region } from './difference.ts';
import { type Reach, reachOf } from './reach.ts';
import { directionOf } from './witness.ts';
import type { Pair, Workbench } from './workbench.ts';

export interface RuleRegion extends Region {
  /** The rule that keeps them out on one side, or that does what the other side does not. */
  readonly by?: RuleOrigin;
}

interface Part {
  readonly packets: Node;
  readonly by?: RuleOrigin;
}

const keepsOut = (end: string): boolean => /^(?:drop|reject)/.test(end);

/** Rules and policies that keep packets out. */
const keepers = ({ visits, policies }: Reach): readonly Part[] => [
  ...visits.flatMap(({ rule, decided }) =>
    [...decided].filter(([end]) => keepsOut(end)).map(([, packets]) => ({ by: rule.origin, packets })),
  ),
  ...policies.filter(({ chain }) => chain.base?.policy === 'drop').map(({ packets }) => ({ packets })),
];

const hasEffect = ({ steps }: ProgramRule): boolean => steps.some(({ kind }) => kind === 'effect' || kind === 'choose');

const doers = ({ visits }: Reach): readonly Part[] =>
  visits.filter(({ rule }) => hasEffect(rule)).map(({ rule, matched }) => ({ by: rule.origin, packets: matched }));

/** A chain that is called from several places has its rules several times. */
const together = ({ d }: Workbench, parts: readonly Part[]): readonly Part[] => {
  const rest = parts.filter(({ by }) => by === undefined);
  const byRule = new Map<RuleOrigin, Node>();
  for (const { packets, by } of parts) if (by) byRule.set(by, d.or(byRule.get(by) ?? d.no, packets));
  return [...[...byRule].map(([by, packets]) => ({ by, packets })), ...rest];
};

/** What is left of the packets when each part has taken its own. */
const divide = ({ d }: Workbench, region: Region, parts: readonly Part[]): readonly RuleRegion[] => {
  const found: RuleRegion[] = [];
  let left = region.packets;
  for (const { packets, by } of parts) {
    const own = d.and(left, packets);
    if (own === d.no) continue;
    left = d.and(left, d.not(own));
    found.push({ ...region, packets: own, ...(by === undefined ? {} : { by }) });
  }
  return left === d.no ? found : [...found, { ...region, packets: left }];
};

export const splitByRule = (
  bench: Workbench,
  pair: Pair,
  { hook, kind }: Pick<Question, 'hook' | 'kind'>,
  regions: readonly Region[],
): readonly RuleRegion[] => {
  const reach = (side: 'a' | 'b', program: Program): Reach => reachOf(bench, side, program, { hook, kind });
  try {
    const [a, b] = [reach('a', pair.a), reach('b', pair.b)];
    const parts = {
      accepted: together(bench, keepers(a)),
      dropped: together(bench, keepers(b)),
      effect: together(bench, [...doers(a), ...doers(b)]),
    };
    return regions.flatMap((region) => divide(bench, region, parts[directionOf(region)]));
  } catch (error) {
    // Undivided they are still true.
    if (error instanceof BudgetError || error instanceof RangeError) return regions;
    throw error;
  }
};
