/**
 * Which packets come to each rule of a hook, and which of them it decides: forward through the chains, along every way
 * of jumps, with what earlier rules have changed.
 */
import type { Hook } from '../netfilter/hooks.ts';
import type { ProgramChain, ProgramRule, ProgramTable, Step } from '../packet/program.ts';
import type { Chains } from './chains.ts';
import type { Node } from './diagram.ts';
import { baseChainsOf } from '../simulate/instances.ts';
import type { Workbench } from './workbench.ts';
import type { Kind } from './compare.ts';
import type { Program } from '../packet/program.ts';

/** One rule at the end of one way of jumps. */
export interface Visit {
  readonly table: ProgramTable;
  readonly chain: ProgramChain;
  readonly rule: ProgramRule;
  /** The jumps that led here, from the base chain on. */
  readonly path: readonly ProgramRule[];
  /** Packets, as they come to the hook, of which the rule does anything at all. */
  readonly matched: Node;
  /** Those whose way ends here, by the words of the verdict. */
  readonly decided: ReadonlyMap<string, Node>;
}

/** The end of a way: policies of base chains. */
export interface PolicyVisit {
  readonly table: ProgramTable;
  readonly chain: ProgramChain;
  readonly packets: Node;
}

export interface Reach {
  readonly visits: readonly Visit[];
  readonly policies: readonly PolicyVisit[];
}

const jumpOf = (steps: readonly Step[]): Extract<Step, { kind: 'verdict' }>['verdict'] | undefined => {
  const last = steps.at(-1);
  return last?.kind === 'verdict' ? last.verdict : undefined;
};

/** More ways of jumps than this are not followed one by one. */
const mostVisits = 200_000;

export const reachOf = (
  bench: Workbench,
  chains: Chains,
  program: Program,
  { hook, kind }: { readonly hook: Hook; readonly kind: Kind },
): Reach => {
  const { d, outcomes } = bench;
  const { pass } = outcomes;
  const care = bench.care(hook);
  const visits: Visit[] = [];
  const policies: PolicyVisit[] = [];

  const where = (f: Node, wanted: (end: string) => boolean): Node =>
    d.map(f, (terminal) => (wanted(outcomes.of(terminal).end) ? d.yes : d.no));

  /** The rule up to its verdict: packets that meet all its tests end with `taken rule`. */
  const testsOf = (table: ProgramTable, rule: ProgramRule): Node => {
    const before = rule.steps.at(-1)?.kind === 'verdict' ? rule.steps.slice(0, -1) : rule.steps;
    return chains.rule(table, {
      ...rule,
      steps: [...before, { kind: 'verdict', verdict: { kind: 'taken', by: 'rule' } }],
    });
  };
  const taken = 'taken rule';

  const decisions = (node: Node, after: Node, matched: Node): ReadonlyMap<string, Node> => {
    const decided = new Map<string, Node>();
    for (const end of new Set(d.terminalsOf(node).map((terminal) => outcomes.of(terminal).end)))
      if (end !== 'pass' && end !== 'return') {
        const packets = d.and(
          matched,
          where(after, (one) => one === end),
        );
        if (packets !== d.no) decided.set(end, packets);
      }
    return decided;
  };

  /** `arriving`: what has become of every packet so far; those that pass are the ones that come to the chain. */
  const walk = (table: ProgramTable, chain: ProgramChain, arriving: Node, path: readonly ProgramRule[]): void => {
    let now = arriving;
    for (const rule of chain.rules) {
      if (visits.length > mostVisits) return;
      const tests = testsOf(table, rule);
      const arrived = outcomes.sequence(now, tests);
      const matched = d.and(
        care,
        where(arrived, (end) => end === taken),
      );
      const verdict = jumpOf(rule.steps);
      const callee = verdict?.kind === 'jump' || verdict?.kind === 'goto' ? table.chains.get(verdict.chain) : undefined;
      const node = chains.rule(table, rule);
      const after = outcomes.sequence(now, node);
      visits.push({
        table,
        chain,
        rule,
        path,
        matched,
        decided: callee
          ? new Map()
          : decisions(
              node,
              after,
              d.and(
                care,
                where(now, (end) => end === 'pass'),
              ),
            ),
      });
      if (callee && matched !== d.no && !path.includes(rule)) {
        // Only packets that take the jump come to the chain; all others count as gone.
        const entering = outcomes.ends(tests, ({ end }) =>
          end === taken ? 'pass' : end === 'pass' ? 'elsewhere' : end,
        );
        walk(table, callee, outcomes.sequence(now, entering), [...path, rule]);
      }
      now = after;
    }
  };

  let arriving: Node = pass;
  for (const { table, chain } of baseChainsOf(program)) {
    const { base } = chain;
    if (base?.hook !== hook || (base.type === 'nat') !== (kind === 'nat')) continue;
    walk(table, chain, arriving, []);
    const left = outcomes.sequence(arriving, chains.summary(table, chain.name));
    policies.push({
      table,
      chain,
      packets: d.and(
        care,
        where(left, (end) => end === 'pass'),
      ),
    });
    arriving = outcomes.sequence(
      arriving,
      outcomes.ends(chains.base(table, chain), ({ end }) => (end === 'accept' ? 'pass' : end)),
    );
  }
  return { visits, policies };
};
