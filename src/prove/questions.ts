/**
 * What people ask of a ruleset before they trust it: which rules never match and why, what Docker's rules let in that
 * the operator would have kept out, what changes between two rulesets, and who can reach a container.
 */
import type { Assumption } from '../packet/assumption.ts';
import { parseMasked } from '../netfilter/address.ts';
import type { Hook } from '../netfilter/hooks.ts';
import { is, isNamed, within } from '../packet/condition.ts';
import { ctStates, payload } from '../packet/field.ts';
import type { Program, ProgramChain, ProgramRule, ProgramTable } from '../packet/program.ts';
import type { Kind } from './compare.ts';
import type { Decoded } from './decode.ts';
import type { Node } from './diagram.ts';
import { exampleOf, packetThat, throughAll } from './passing.ts';
import { namedIn } from './preferences.ts';
import { reachOf, type Visit } from './reach.ts';
import { createWorkbench, pairOf, type Workbench } from './workbench.ts';

export interface Where {
  readonly hook: Hook;
  readonly kind: Kind;
}

export interface QuestionOptions {
  readonly assume: ReadonlySet<Assumption>;
  readonly budget?: number;
}

/** A rule that stands before another one and takes its packets. */
export interface Blocker {
  readonly rule: ProgramRule;
  /** How it ends their way: `accept`, `drop`, … */
  readonly end: string;
  /** Whether the blocked rule would have ended it in the same way. */
  readonly same: boolean;
}

export interface Unreached {
  readonly table: ProgramTable;
  readonly chain: ProgramChain;
  readonly rule: ProgramRule;
  /**
   * `impossible`: no packet meets its tests at this hook. `blocked`: earlier rules take all that do. `uncalled`: no
   * packet comes to its chain.
   */
  readonly why: 'impossible' | 'blocked' | 'uncalled';
  readonly blockers: readonly Blocker[];
}

const verdictEnd = ({ steps }: ProgramRule): string | undefined => {
  const last = steps.at(-1);
  return last?.kind === 'verdict' ? last.verdict.kind : undefined;
};

export interface Matches {
  /** Rules that match no packet on any way to them, each with those that stand in its way. */
  readonly unreached: readonly Unreached[];
  /** Rules that match some packet. A rule that is in neither has a chain that no packet comes to. */
  readonly matched: ReadonlySet<ProgramRule>;
}

/** Which rules match anything at a hook. */
export const matchesAt = (program: Program, where: Where, options: QuestionOptions): Matches => {
  const bench = createWorkbench(pairOf(program, program, options.budget), options.assume);
  const { d } = bench;
  const { visits } = reachOf(bench, bench.a, program, where);
  const care = bench.care(where.hook);
  const matchedBy = new Map<ProgramRule, Node>();
  for (const { rule, matched } of visits) matchedBy.set(rule, d.or(matchedBy.get(rule) ?? d.no, matched));
  const unreached: Unreached[] = [];
  const told = new Set<ProgramRule>();
  for (const [index, visit] of visits.entries()) {
    const { table, chain, rule } = visit;
    if (matchedBy.get(rule) !== d.no || told.has(rule)) continue;
    told.add(rule);
    const alone = d.and(care, matchesAlone(bench, table, rule));
    if (alone === d.no) {
      unreached.push({ table, chain, rule, why: 'impossible', blockers: [] });
      continue;
    }
    const blockers = blockersOf(bench, visits.slice(0, index), alone, verdictEnd(rule));
    unreached.push({ table, chain, rule, why: blockers.length > 0 ? 'blocked' : 'uncalled', blockers });
  }
  return {
    unreached,
    matched: new Set([...matchedBy].filter(([, packets]) => packets !== d.no).map(([rule]) => rule)),
  };
};

/** Packets that meet all tests of a rule, whatever came before it. */
const matchesAlone = ({ d, outcomes, a }: Workbench, table: ProgramTable, rule: ProgramRule): Node => {
  const before = rule.steps.at(-1)?.kind === 'verdict' ? rule.steps.slice(0, -1) : rule.steps;
  const tests = a.rule(table, { ...rule, steps: [...before, { kind: 'verdict', verdict: { kind: 'accept' } }] });
  return d.map(tests, (terminal) => (outcomes.of(terminal).end === 'accept' ? d.yes : d.no));
};

/** Earlier rules that together take all of the packets, in the order in which they take something that is left. */
const blockersOf = (
  { d }: Workbench,
  earlier: readonly Visit[],
  packets: Node,
  wanted: string | undefined,
): readonly Blocker[] => {
  let left = packets;
  const blockers: Blocker[] = [];
  for (const { rule, decided } of earlier)
    for (const [end, taken] of decided) {
      if (d.and(left, taken) === d.no) continue;
      left = d.and(left, d.not(taken));
      blockers.push({ rule, end, same: end === wanted });
    }
  return blockers;
};

/** A packet that a rule of theirs accepts, and that a rule of ours would have kept out. */
export interface Overridden {
  readonly theirs: ProgramRule;
  /** The rule of ours, or the base chain whose policy it is. */
  readonly ours: ProgramRule | ProgramChain;
  readonly example: Decoded | undefined;
}

const without = (program: Program, isTheirs: (rule: ProgramRule) => boolean): Program => ({
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
 * Which packets rules of ours would have kept out, had theirs not been there: by the rule that lets them in now and the
 * one that would have decided.
 */
export const overridden = (
  program: Program,
  isTheirs: (rule: ProgramRule) => boolean,
  where: Where,
  options: QuestionOptions,
): readonly Overridden[] => {
  const alone = without(program, isTheirs);
  const pair = pairOf(program, alone, options.budget);
  const bench = createWorkbench(pair, options.assume);
  const { d } = bench;
  const now = reachOf(bench, bench.a, program, where);
  const then = reachOf(bench, bench.b, alone, where);
  const keepers: { readonly ours: ProgramRule | ProgramChain; readonly packets: Node }[] = [
    ...then.visits.flatMap(({ rule, decided }) =>
      [...decided].filter(([end]) => keepsOut(end)).map(([, packets]) => ({ ours: rule, packets })),
    ),
    ...then.policies
      .filter(({ chain }) => chain.base?.policy === 'drop')
      .map(({ chain, packets }) => ({ ours: chain, packets })),
  ];
  const letIn = throughAll(bench, program, where);
  const named = namedIn([program]);
  return now.visits
    .filter(({ rule }) => isTheirs(rule))
    .flatMap(({ rule, decided }) => {
      const accepted = d.and(letIn, decided.get('accept') ?? d.no);
      if (accepted === d.no) return [];
      return keepers.flatMap(({ ours, packets }): readonly Overridden[] => {
        const both = d.and(accepted, packets);
        return both === d.no ? [] : [{ theirs: rule, ours, example: exampleOf(bench, both, where.hook, named) }];
      });
    });
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
