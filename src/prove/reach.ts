/**
 * Which packets come to each rule of a hook, and which of them it decides: forward through the chains, along every way
 * of jumps, with what earlier rules have changed. Only the packets that are still under way are kept, so that a rule
 * costs what it tests, not what stands before it.
 */
import type { Hook } from '../netfilter/hooks.ts';
import type { Program, ProgramChain, ProgramRule, ProgramTable } from '../packet/program.ts';
import { baseChainsOf } from '../simulate/instances.ts';
import type { Kind } from './compare.ts';
import { BudgetError, type Node } from './diagram.ts';
import { ended, type Outcome } from './outcome.ts';
import { type Call, createShapes, type Region } from './shapes.ts';
import type { Workbench } from './workbench.ts';

/** One rule at the end of one way of jumps, and what it takes there. Rules that take nothing have none. */
export interface Visit {
  readonly table: ProgramTable;
  readonly base: ProgramChain;
  readonly chain: ProgramChain;
  readonly rule: ProgramRule;
  /** The jumps that led here, from the base chain on. */
  readonly path: readonly ProgramRule[];
  /** Packets, as they come to the hook, of which the rule does anything at all. */
  readonly matched: Node;
  /** Those whose way ends here, by the words of the verdict. */
  readonly decided: ReadonlyMap<string, Node>;
  /** Those that leave the chain here and go on in the one that called it. */
  readonly returned: Node;
}

/** A rule that takes nothing on one way to it. */
export interface Miss {
  readonly table: ProgramTable;
  readonly base: ProgramChain;
  readonly chain: ProgramChain;
  readonly path: readonly ProgramRule[];
  /** How many visits were before. */
  readonly at: number;
}

/** The end of a way: policies of base chains. */
export interface PolicyVisit {
  readonly table: ProgramTable;
  readonly chain: ProgramChain;
  readonly packets: Node;
}

export interface Reach {
  readonly visits: readonly Visit[];
  /** Of the first ways to a rule, those on which it takes nothing. */
  readonly misses: ReadonlyMap<ProgramRule, readonly Miss[]>;
  /** How many ways lead to a rule. */
  readonly ways: ReadonlyMap<ProgramRule, number>;
  readonly policies: readonly PolicyVisit[];
  /** Packets that meet all tests of a rule, whatever came before it. */
  readonly met: (rule: ProgramRule) => Node;
}

/** More ways to rules than this are not followed one by one. */
const mostWays = 2_000_000;

/** More packets of different changes than this are not followed. */
const mostParts = 256;

/** Ways to a rule of which it is kept that it takes nothing there. */
export const keptMisses = 8;

/** Packets under way that rules have changed in the same manner. */
interface Part {
  readonly changes: Outcome['changes'];
  readonly packets: Node;
}

export const reachOf = (
  bench: Workbench,
  side: 'a' | 'b',
  program: Program,
  { hook, kind }: { readonly hook: Hook; readonly kind: Kind },
): Reach => {
  const { d, outcomes } = bench;
  const shapes = createShapes(bench, side);
  const care = bench.care(hook);
  const visits: Visit[] = [];
  const misses = new Map<ProgramRule, Miss[]>();
  const ways = new Map<ProgramRule, number>();
  const policies: PolicyVisit[] = [];
  let followed = 0;

  type Parts = Map<string, Part>;
  const add = (parts: Parts, changes: Outcome['changes'], packets: Node): void => {
    if (packets === d.no) return;
    const key = changes.length === 0 ? '' : JSON.stringify(changes);
    const known = parts.get(key);
    parts.set(key, { changes, packets: known ? d.or(known.packets, packets) : packets });
    if (parts.size > mostParts) throw new BudgetError(mostParts, 'ways to rules');
  };
  const addAll = (parts: Parts, more: Parts): void => {
    for (const { changes, packets } of more.values()) add(parts, changes, packets);
  };

  /** What a rule makes of packets that were changed before. */
  const regionsFor = (node: Node, changes: Outcome['changes']): readonly Region[] =>
    shapes.regions(changes.length === 0 ? node : outcomes.after({ ...ended('pass'), changes }, node));

  interface Walk {
    readonly table: ProgramTable;
    readonly base: ProgramChain;
    readonly accepted: Parts;
  }

  const miss = (rule: ProgramRule, { table, base }: Walk, chain: ProgramChain, path: readonly ProgramRule[]): void => {
    const kept = misses.get(rule);
    const one = { table, base, chain, path, at: visits.length };
    if (!kept) misses.set(rule, [one]);
    else if (kept.length < keptMisses) kept.push(one);
  };

  /** The packets that come back from the chain. */
  const walk = (at: Walk, chain: ProgramChain, entering: Parts, path: readonly ProgramRule[]): Parts => {
    const left: Parts = new Map();
    let now = entering;
    for (const rule of chain.rules) {
      if (++followed > mostWays) throw new BudgetError(mostWays, 'ways to rules');
      ways.set(rule, (ways.get(rule) ?? 0) + 1);
      const { node, any, onward, calls } = shapes.of(rule);
      // Most rules of a large chain have nothing to do with the packets that come to it.
      if (
        onward === undefined &&
        [...now.values()].every((part) => part.changes.length === 0 && d.and(part.packets, any) === d.no)
      ) {
        // prettier-ignore
        miss(rule, at, chain, path);
        continue;
      }
      const next: Parts = new Map();
      const called = new Map<Call, Parts>();
      const decided = new Map<string, Node>();
      let [matched, returned]: [Node, Node] = [d.no, d.no];
      for (const { changes, packets } of now.values()) {
        for (const { outcome, packets: region } of regionsFor(node, changes)) {
          const some = d.and(packets, region);
          if (some === d.no) continue;
          if (outcome.end === 'pass') {
            add(next, outcome.changes, some);
            continue;
          }
          matched = d.or(matched, some);
          const call = calls.get(outcome.end);
          if (outcome.end === 'return') {
            returned = d.or(returned, some);
            add(left, outcome.changes, some);
          } else if (call) {
            const parts: Parts = called.get(call) ?? new Map();
            called.set(call, parts);
            add(parts, outcome.changes, d.and(some, care));
          } else {
            if (outcome.end === 'accept') add(at.accepted, outcome.changes, some);
            const counted = d.and(some, care);
            if (counted !== d.no) decided.set(outcome.end, d.or(decided.get(outcome.end) ?? d.no, counted));
          }
        }
        if (onward !== undefined)
          for (const { outcome, packets: region } of regionsFor(onward, changes))
            if (outcome.end !== 'pass') matched = d.or(matched, d.and(packets, region));
      }
      matched = d.and(matched, care);
      if (matched === d.no) miss(rule, at, chain, path);
      else
        visits.push({ table: at.table, base: at.base, chain, rule, path, matched, decided, returned: d.and(returned, care) }); // prettier-ignore
      for (const [{ kind: how, chain: name }, parts] of called) {
        const callee = at.table.chains.get(name);
        // A circle is refused by the kernel, and so is a jump to nowhere: no packet comes back.
        if (!callee || path.includes(rule) || parts.size === 0) continue;
        addAll(how === 'goto' ? left : next, walk(at, callee, parts, [...path, rule]));
      }
      now = next;
    }
    addAll(left, now);
    return left;
  };

  let arriving: Parts = new Map();
  add(arriving, [], d.yes);
  for (const { table, chain } of baseChainsOf(program)) {
    const { base } = chain;
    if (base?.hook !== hook || (base.type === 'nat') !== (kind === 'nat')) continue;
    const accepted: Parts = new Map();
    const left = walk({ table, base: chain, accepted }, chain, arriving, []);
    const packets = [...left.values()].reduce<Node>((all, part) => d.or(all, part.packets), d.no);
    policies.push({ table, chain, packets: d.and(packets, care) });
    if (base.policy === 'accept') addAll(accepted, left);
    arriving = accepted;
  }
  return { visits, misses, ways, policies, met: shapes.met };
};
