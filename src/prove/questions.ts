/**
 * What people ask of a ruleset before they trust it: which rules never match and why, what Docker's rules let in that
 * the operator would have kept out, what changes between two rulesets, and who can reach a container.
 */
import type { Assumption } from '../packet/assumption.ts';
import { parseMasked } from '../netfilter/address.ts';
import type { Hook } from '../netfilter/hooks.ts';
import { type Condition, is, isNamed, within } from '../packet/condition.ts';
import { ctStates, payload } from '../packet/field.ts';
import type { Program, ProgramChain, ProgramRule, ProgramTable } from '../packet/program.ts';
import type { Kind } from './compare.ts';
import type { Decoded } from './decode.ts';
import type { Node } from './diagram.ts';
import { asking, exampleOf, packetThat, throughAll } from './passing.ts';
import { namedIn } from './preferences.ts';
import { type Miss, type Reach, reachOf, type Visit } from './reach.ts';
import { verdictWords } from './rules.ts';
import { createWorkbench, pairOf, type Workbench } from './workbench.ts';

export interface Where {
  readonly hook: Hook;
  readonly kind: Kind;
}

export interface QuestionOptions {
  readonly assume: ReadonlySet<Assumption>;
  readonly budget?: number;
  /** Bounds the time: see diagram.ts. */
  readonly work?: number;
}

/** A rule that stands before another one and takes its packets. */
export interface Blocker {
  readonly rule: ProgramRule;
  readonly chain: ProgramChain;
  readonly table: ProgramTable;
  /** How it ends their way: `accept`, `drop`, …; `return` where they leave the chain. */
  readonly end: string;
  /** Whether the blocked rule would have ended it in the same way. */
  readonly same: boolean;
}

export interface Unreached {
  readonly table: ProgramTable;
  readonly chain: ProgramChain;
  readonly rule: ProgramRule;
  /**
   * `impossible`: no packet meets its tests at this hook. `blocked`: earlier rules take packets that do. `uncalled`: no
   * packet that does comes to its chain.
   */
  readonly why: 'impossible' | 'blocked' | 'uncalled';
  /** In the order in which they take something that is left. */
  readonly blockers: readonly Blocker[];
  /** Whether those take all packets that meet the rule's tests and that the jumps to its chain would send there. */
  readonly whole: boolean;
}

const verdictEnd = ({ steps }: ProgramRule): string | undefined => {
  const last = steps.at(-1);
  if (last?.kind !== 'verdict') return undefined;
  const { verdict } = last;
  return verdict.kind === 'reject' || verdict.kind === 'queue' || verdict.kind === 'taken' ? verdictWords(verdict) : verdict.kind; // prettier-ignore
};

export interface Matches {
  /** Rules that match no packet on any way to them, each with those that stand in its way. */
  readonly unreached: readonly Unreached[];
  /** Rules that match some packet. A rule that is in neither has a chain that no packet comes to. */
  readonly matched: ReadonlySet<ProgramRule>;
}

/** Of how many rules it is said what stands in their way. */
const mostExplained = 500;

/** Which rules match anything at a hook. */
export const matchesAt = (program: Program, where: Where, options: QuestionOptions): Matches => {
  const bench = createWorkbench(pairOf(program, program, options.budget, options.work), options.assume);
  const reach = reachOf(bench, 'a', program, where);
  const matched = new Set(reach.visits.map(({ rule }) => rule));
  const dead = [...reach.misses].filter(([rule]) => !matched.has(rule));
  const unreached = dead.flatMap(([rule, misses], index): readonly Unreached[] => {
    const [first] = misses;
    if (!first) return [];
    const { table, chain } = first;
    if (index >= mostExplained) return [{ table, chain, rule, why: 'uncalled', blockers: [], whole: false }];
    return [{ table, chain, rule, ...explained(bench, reach, where, rule, misses) }];
  });
  return { unreached, matched };
};

/** Whether the packets of the visit do not come to a rule that is missed later. */
const takenBy = (visit: Visit, { base, path }: Miss): readonly (readonly [string, Node])[] => {
  // What one base chain accepts, the next one sees.
  if (visit.base !== base) return [...visit.decided].filter(([end]) => end !== 'accept');
  const isOnTheWay = visit.path.length <= path.length && visit.path.every((rule, index) => rule === path[index]);
  return isOnTheWay ? [...visit.decided, ['return', visit.returned]] : [...visit.decided];
};

const explained = (
  { d, care }: Workbench,
  { visits, met, ways }: Reach,
  { hook }: Where,
  rule: ProgramRule,
  misses: readonly Miss[],
): Pick<Unreached, 'why' | 'blockers' | 'whole'> => {
  const alone = d.and(care(hook), met(rule));
  if (alone === d.no) return { why: 'impossible', blockers: [], whole: true };
  const wanted = verdictEnd(rule);
  const blockers = new Map<ProgramRule, Blocker>();
  // Ways that were not kept are not looked at.
  let whole = misses.length === ways.get(rule);
  for (const miss of misses) {
    let left = miss.path.reduce((all, jump) => d.and(all, met(jump)), alone);
    for (const visit of visits.slice(0, miss.at)) {
      if (left === d.no) break;
      for (const [end, packets] of takenBy(visit, miss)) {
        if (d.and(left, packets) === d.no) continue;
        left = d.and(left, d.not(packets));
        const { table, chain } = visit;
        if (!blockers.has(visit.rule)) blockers.set(visit.rule, { rule: visit.rule, table, chain, end, same: end === wanted }); // prettier-ignore
      }
    }
    if (left !== d.no) whole = false;
  }
  return { why: blockers.size > 0 ? 'blocked' : 'uncalled', blockers: [...blockers.values()], whole };
};

/** Packets that rules of theirs accept, and that a rule of ours would have kept out. */
export interface Overridden {
  /** In the order in which packets meet them. */
  readonly theirs: readonly ProgramRule[];
  /** The rule of ours, or the base chain whose policy it is. */
  readonly ours: ProgramRule | ProgramChain;
  /** The table that it is in, without the rules of theirs. */
  readonly table: ProgramTable;
  readonly example: Decoded | undefined;
}

export const withoutRules = (program: Program, isTheirs: (rule: ProgramRule) => boolean): Program => ({
  ...program,
  tables: program.tables.map((table) => ({
    ...table,
    chains: new Map(
      [...table.chains].map(([name, chain]) => [
        name,
        { ...chain, rules: chain.rules.filter((rule) => !isTheirs(rule)) },
      ]),
    ),
  })),
});

const keepsOut = (end: string): boolean => /^(drop|reject)/.test(end);

/**
 * Which packets rules of ours would have kept out, had theirs not been there: by the one that would have decided. Only
 * packets that meet all conditions are looked at.
 */
export const overridden = (
  program: Program,
  isTheirs: (rule: ProgramRule) => boolean,
  where: Where,
  options: QuestionOptions,
  conditions: readonly Condition[] = [],
): readonly Overridden[] => {
  const alone = withoutRules(program, isTheirs);
  const pair = pairOf(asking(program, conditions), alone, options.budget, options.work);
  const bench = createWorkbench(pair, options.assume);
  const { d, space } = bench;
  const now = reachOf(bench, 'a', program, where);
  const asked = conditions.reduce((all, one) => d.and(all, space.encode(one, 'a')), throughAll(bench, now, where));
  const accepted = now.visits
    .filter(({ rule }) => isTheirs(rule))
    .map(({ rule, decided }) => ({ rule, packets: d.and(asked, decided.get('accept') ?? d.no) }))
    .filter(({ packets }) => packets !== d.no);
  const all = accepted.reduce<Node>((some, { packets }) => d.or(some, packets), d.no);
  if (all === d.no) return [];
  const then = reachOf(bench, 'b', alone, where);
  const keepers = new Map<ProgramRule | ProgramChain, { readonly table: ProgramTable; readonly packets: Node }>();
  const keep = (ours: ProgramRule | ProgramChain, table: ProgramTable, packets: Node): void => {
    const both = d.and(all, packets);
    if (both !== d.no) keepers.set(ours, { table, packets: d.or(keepers.get(ours)?.packets ?? d.no, both) });
  };
  for (const { table, rule, decided } of then.visits)
    for (const [end, packets] of decided) if (keepsOut(end)) keep(rule, table, packets);
  for (const { table, chain, packets } of then.policies) if (chain.base?.policy === 'drop') keep(chain, table, packets);
  const named = namedIn([program]);
  return [...keepers].map(([ours, { table, packets }]) => ({
    theirs: [...new Set(accepted.filter((one) => d.and(one.packets, packets) !== d.no).map(({ rule }) => rule))],
    ours,
    table,
    example: exampleOf(bench, packets, where.hook, named),
  }));
};

/** Who wants to know whether somebody can be reached. */
export interface Route {
  readonly from: string;
  /** An address or a prefix of the family. */
  readonly to: string;
  readonly through?: string;
}

/**
 * A packet from an interface that the forward hook lets through to an address, or undefined if there is none. New
 * connections only. What a chain of type nat maps there has the container's address already.
 */
export const forwardedTo = (program: Program, route: Route, options: QuestionOptions): Decoded | undefined => {
  const range = parseMasked(route.to, program.family);
  if (!range) return undefined;
  const [offset, bits] = program.family === 'ip' ? [128, 32] : [192, 128];
  const conditions = [
    within(payload('nh', offset, bits), [
      { low: range.address, high: range.address | (((1n << BigInt(bits)) - 1n) & ~range.mask) },
    ]),
    isNamed('iifname', route.from),
    ...(route.through === undefined ? [] : [isNamed('oifname', route.through)]),
    is({ kind: 'key', key: 'ct.state' }, ctStates.new),
  ];
  return packetThat('passes', program, { hook: 'forward', kind: 'filter' }, conditions, options);
};
