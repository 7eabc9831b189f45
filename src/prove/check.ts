/** `dnfw check`: two rulesets, every family and hook, with a verdict and the packets that tell them apart. */
import type { Assumption } from '../packet/assumption.ts';
import type { Program, RuleOrigin } from '../packet/program.ts';
import { type Answer, compareAt, type CompareOptions, questionsOf } from './compare.ts';
import { createSimulator } from './confirm.ts';
import { namedIn } from './preferences.ts';
import { type RuleRegion, splitByRule } from './regions.ts';
import { directionOf, type Witness, witnessOf } from './witness.ts';
import { type Pair, pairOf } from './workbench.ts';

export type Verdict = 'proven' | 'refuted' | 'unknown';

export interface HookCheck extends Omit<Answer, 'found'> {
  readonly witnesses: readonly Shown[];
  /** Differences that are not shown because there are too many. */
  readonly more: number;
}

/** With the rule whose packets it stands for, where it was asked for rules. */
export interface Shown extends Witness {
  readonly by?: RuleOrigin;
}

export interface Check {
  readonly verdict: Verdict;
  readonly hooks: readonly HookCheck[];
  /** What the verdict rests on; empty if on nothing. */
  readonly assumed: readonly Assumption[];
}

export interface CheckOptions extends CompareOptions {
  /** At most so many packets per hook; at least one of each direction. */
  readonly witnesses?: number;
  /** A packet for every rule or policy that decides otherwise, instead of one for each kind of difference. */
  readonly byRule?: boolean;
}

const usual = 6;

const order = ['accepted', 'dropped', 'effect'];

const showDifferences = (pair: Pair, answer: Answer, { witnesses: limit = usual, byRule }: CheckOptions): HookCheck => {
  const { found, ...rest } = answer;
  if (!found) return { ...rest, witnesses: [], more: 0 };
  const simulators = {
    a: createSimulator(pair.a),
    b: createSimulator(pair.b),
  };
  const named = namedIn([pair.a, pair.b]);
  const witnesses: Shown[] = [];
  let more = 0;
  const { sure } = found.difference;
  const regions: readonly RuleRegion[] = (byRule === true ? splitByRule(found.bench, pair, rest, sure) : sure).toSorted(
    (x, y) => order.indexOf(directionOf(x)) - order.indexOf(directionOf(y)),
  );
  for (const region of regions) {
    const known = witnesses.filter(({ direction }) => direction === directionOf(region)).length;
    if (known >= Math.max(1, Math.floor(limit / 3))) {
      more++;
      continue;
    }
    const witness = witnessOf(found.bench, region, found.care, rest, pair.names, named, simulators);
    if (witness) witnesses.push(region.by === undefined ? witness : { ...witness, by: region.by });
  }
  if (witnesses.length > 0) return { ...rest, witnesses, more };
  return {
    ...rest,
    verdict: 'unknown',
    reasons: [...rest.reasons, 'the rules differ, but no packet was found on which the simulators see it'],
    witnesses,
    more,
  };
};

/** Programs of the same family stand at the same place of both lists. */
export const check = (pairs: readonly (readonly [a: Program, b: Program])[], options: CheckOptions): Check => {
  const hooks = pairs.flatMap(([a, b]) => {
    const pair = pairOf(a, b, options.budget);
    return questionsOf(a, b, options.hooks).map((question) =>
      showDifferences(pair, compareAt(pair, question, options), options),
    );
  });
  const is = (verdict: Verdict): boolean => hooks.some((one) => one.verdict === verdict);
  return {
    verdict: is('refuted') ? 'refuted' : is('unknown') ? 'unknown' : 'proven',
    hooks,
    assumed: [...new Set(hooks.flatMap(({ assumed }) => assumed))],
  };
};
