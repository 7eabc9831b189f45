/** One iptables rule as the formula, action and comment that its nft rules are laid out from. */
import type { Difference, Registry, RuleContext } from '../extensions/contract.ts';
import { matchedPorts } from '../extensions/nat.ts';
import type { Counters, Rule, StandardVerdict, Use } from '../iptables/types.ts';
import { accept, counter, drop, goto, jump, queue, returnVerdict } from '../nftables/build.ts';
import type { Formula } from '../nftables/formula.ts';
import type { CtHelperObject, Statement } from '../nftables/types.ts';
import type { Action } from './layout.ts';
import { type RefusedRule, refuseSelector, refuseUnmodelled, refuseUse } from './refusal.ts';
import { translateSelector } from './selector.ts';

/** One condition of the rule, in the kernel's order. `hotdrop` is tested before it and drops. */
export interface Step {
  readonly formula: Formula;
  readonly hotdrop: Formula | undefined;
}

export interface RulePlan {
  readonly kind: 'plan';
  readonly steps: readonly Step[];
  readonly action: Action;
  readonly comment: string | undefined;
  readonly differences: readonly Difference[];
  readonly objects: readonly CtHelperObject[];
}

/** What the rule's surroundings add: names of chains in nft, and whether counters are wanted. */
export interface Surroundings {
  readonly context: Omit<RuleContext, 'selector' | 'readsTransport' | 'destinationPorts'>;
  readonly chainName: (name: string) => string;
  readonly counters: boolean;
  readonly registry: Registry;
}

/** libnftables takes 253 bytes of comment through JSON; one more fails with an allocation error. */
const longestComment = 253;

const cutComment = (text: string): string => {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= longestComment) return text;
  // A character cut in two decodes to U+FFFD at the end.
  return new TextDecoder().decode(bytes.slice(0, longestComment)).replace(/\ufffd+$/, '');
};

interface Ended {
  readonly action: Action;
  readonly objects: readonly CtHelperObject[];
  readonly differences: readonly Difference[];
  readonly formula: Formula | undefined;
}

const nothing: readonly never[] = [];

const end = (statements: readonly Statement[], ending: Action['ending']): Ended => ({
  action: { statements, ending, inside: undefined },
  objects: nothing,
  differences: nothing,
  formula: undefined,
});

const verdicts: Readonly<Record<StandardVerdict, Ended>> = {
  ACCEPT: end([accept], 'final'),
  DROP: end([drop], 'final'),
  RETURN: end([returnVerdict], 'leave'),
  QUEUE: end([queue({ num: 0 })], 'final'),
};

const targetEnd = (rule: Rule, use: Use, context: RuleContext, registry: Registry): Ended | RefusedRule => {
  const extension = registry.targets.get(use.name);
  if (!extension) throw new Error(`target ${use.name} was parsed but is not registered`);
  const result = extension.translate(use, context);
  if (result.kind === 'refused') return refuseUse(rule, use, result);
  return {
    action: { statements: result.statements, ending: result.terminal ? 'final' : 'pass', inside: result.inside },
    objects: result.objects ?? nothing,
    differences: result.differences ?? nothing,
    formula: result.formula,
  };
};

const endOf = (rule: Rule, context: RuleContext, around: Surroundings): Ended | RefusedRule => {
  const { action } = rule;
  switch (action.kind) {
    case 'none':
      return end(nothing, 'pass');
    case 'verdict':
      return verdicts[action.verdict];
    case 'jump':
      return end([jump(around.chainName(action.chain))], 'pass');
    case 'goto':
      return end([goto(around.chainName(action.chain))], 'leave');
    case 'target':
      return targetEnd(rule, action.use, context, around.registry);
  }
};

/** JSON numbers are whole up to 2^53 - 1; a counter beyond that is cut to it. */
const clamped = (figures: Counters | undefined): Counters | undefined =>
  figures && {
    packets: Math.min(figures.packets, Number.MAX_SAFE_INTEGER),
    bytes: Math.min(figures.bytes, Number.MAX_SAFE_INTEGER),
  };

const counterCut: readonly Difference[] = [
  {
    code: 'counters-rounded',
    from: 'both',
    degree: 'guarded',
    why: 'a counter beyond 9007199254740991 was cut to it',
  },
];

/** A rule without a target, or with one that changes nothing, is there to count; others count when it is asked for. */
const counted = (rule: Rule, action: Action, counters: boolean): Action => {
  if (!counters && action.statements.length > 0) return action;
  const count = counter(counters ? clamped(rule.counters) : undefined);
  return { statements: [count, ...action.statements], ending: action.ending, inside: action.inside };
};

const silent = { legacy: 'nft', nft: 'legacy' } as const;

const filtered = {
  legacy: new WeakMap<readonly Difference[], readonly Difference[]>(),
  nft: new WeakMap<readonly Difference[], readonly Difference[]>(),
};

/** The differences that concern the backend in use. Lists are mostly constants of their extension, so that few are filtered. */
const relevant = (differences: readonly Difference[], context: RuleContext): readonly Difference[] => {
  if (differences.length === 0) return differences;
  const { backend } = context;
  const known = filtered[backend].get(differences);
  if (known) return known;
  const found = differences.filter(({ from }) => from !== silent[backend]);
  filtered[backend].set(differences, found);
  return found;
};

const joined = (left: readonly Difference[], right: readonly Difference[] | undefined): readonly Difference[] =>
  !right || right.length === 0 ? left : left.length === 0 ? right : [...left, ...right];

const commentCut: readonly Difference[] = [
  {
    code: 'comment-shortened',
    from: 'both',
    degree: 'guarded',
    why: `the comment has more than ${longestComment} bytes and was cut`,
  },
];

const readsTransport = (rule: Rule, registry: Registry): boolean => {
  for (const use of rule.matches) if (registry.matches.get(use.name)?.transport(use)) return true;
  return false;
};

// Property by property: a spread here is a tenth of the time that a large ruleset takes.
const contextOf = (rule: Rule, { context, registry }: Surroundings): RuleContext => ({
  family: context.family,
  table: context.table,
  nftTable: context.nftTable,
  chain: context.chain,
  hooks: context.hooks,
  backend: context.backend,
  exactLegacy: context.exactLegacy,
  fragmentsVisible: context.fragmentsVisible,
  selector: rule.selector,
  readsTransport: readsTransport(rule, registry),
  destinationPorts: rule.action.kind === 'target' ? matchedPorts(rule.matches) : undefined,
});

/** The plan of a rule, or why it has none. */
export const planRule = (rule: Rule, around: Surroundings): RulePlan | RefusedRule => {
  if (rule.unmodelled) return refuseUnmodelled(rule, rule.unmodelled);
  const context = contextOf(rule, around);
  const selector = translateSelector(rule.selector, context.family, context.exactLegacy);
  if ('kind' in selector) return refuseSelector(rule, selector);
  const steps: Step[] = [];
  for (const formula of selector.formulas) steps.push({ formula, hotdrop: undefined });
  let { differences } = selector;
  let comment = '';
  for (const use of rule.matches) {
    const extension = around.registry.matches.get(use.name);
    if (!extension) throw new Error(`match ${use.name} was parsed but is not registered`);
    const result = extension.translate(use, context);
    if (result.kind === 'refused') return refuseUse(rule, use, result);
    steps.push({ formula: result.formula, hotdrop: result.hotdrop });
    differences = joined(differences, result.differences);
    if (result.comment !== undefined) comment += comment === '' ? result.comment : ` | ${result.comment}`;
  }
  const ended = endOf(rule, context, around);
  if ('kind' in ended) return ended;
  if (ended.formula) steps.push({ formula: ended.formula, hotdrop: undefined });
  const kept = comment === '' ? '' : cutComment(comment);
  if (kept !== comment) differences = joined(differences, commentCut);
  const { counters } = rule;
  if (around.counters && counters && Math.max(counters.packets, counters.bytes) > Number.MAX_SAFE_INTEGER)
    differences = joined(differences, counterCut);
  return {
    kind: 'plan',
    steps,
    action: counted(rule, ended.action, around.counters),
    comment: kept === '' ? undefined : kept,
    differences: relevant(joined(differences, ended.differences), context),
    objects: ended.objects,
  };
};
