/** An iptables ruleset as a Program: what ip_tables.ko, or nf_tables for iptables-nft, does with each rule. */
import type { MeaningContext, Registry } from '../extensions/contract.ts';
import { reachOf } from '../iptables/reach.ts';
import type { Action, Chain, Rule, Ruleset, StandardVerdict, Table } from '../iptables/types.ts';
import type { Family } from '../netfilter/family.ts';
import { type Hook, hookOf, isBuiltInChain, priorityOf } from '../netfilter/hooks.ts';
import { type Condition, yes } from '../packet/condition.ts';
import type { Verdict } from '../packet/effect.ts';
import type { BaseChain, Program, ProgramChain, ProgramRule, ProgramTable, Step } from '../packet/program.ts';
import { knownSelector, selectorSteps } from './iptables-selector.ts';

const verdicts: Readonly<Record<StandardVerdict, Verdict>> = {
  ACCEPT: { kind: 'accept' },
  DROP: { kind: 'drop' },
  RETURN: { kind: 'return' },
  // NF_QUEUE without a number is queue 0 (net/netfilter/x_tables.c, the standard target).
  QUEUE: { kind: 'queue', from: 0, to: 0, flags: [] },
};

const ending = (verdict: Verdict): readonly Step[] => [{ kind: 'verdict', verdict }];

const actionSteps = (action: Action, registry: Registry, context: MeaningContext): readonly Step[] => {
  switch (action.kind) {
    case 'none':
      return [];
    case 'verdict':
      return ending(verdicts[action.verdict]);
    case 'jump':
    case 'goto':
      return ending({ kind: action.kind, chain: action.chain });
    case 'target': {
      const extension = registry.targets.get(action.use.name);
      return extension
        ? extension.meaning(action.use, context)
        : [{ kind: 'unmodelled', what: `target ${action.use.name}` }];
    }
  }
};

const testing = (condition: Condition): readonly Step[] =>
  condition === yes || (condition.kind === 'constant' && condition.value) ? [] : [{ kind: 'test', condition }];

const stepsOf = (rule: Rule, registry: Registry, table: Table, hooks: ReadonlySet<Hook>): readonly Step[] => {
  const { selector, unmodelled } = rule;
  if (unmodelled)
    return [
      ...selectorSteps(knownSelector(rule), table.family, table.backend),
      { kind: 'unmodelled', what: `${unmodelled.kind} ${unmodelled.name}` },
    ];
  const { family, name, backend } = table;
  const context: MeaningContext = { family, table: name, backend, selector, hooks };
  const steps: Step[] = [...selectorSteps(selector, table.family, table.backend)];
  for (const use of rule.matches) {
    const extension = registry.matches.get(use.name);
    if (!extension) {
      steps.push({ kind: 'unmodelled', what: `match ${use.name}` });
      continue;
    }
    const { condition, hotdrop } = extension.meaning(use, context);
    // A match drops on the spot before it says yes or no: ip_tables.c looks at acpar.hotdrop after every callback.
    if (hotdrop) steps.push({ kind: 'hotdrop', condition: hotdrop });
    steps.push(...testing(condition));
  }
  steps.push(...actionSteps(rule.action, registry, context));
  return steps;
};

const baseOf = (chain: Chain, table: Table): BaseChain | undefined => {
  if (chain.policy === undefined || !isBuiltInChain(chain.name)) return undefined;
  const hook = hookOf[chain.name];
  // iptable_mangle.c routes a packet of this host anew when the table has changed it; nf_tables does for type route.
  const type = table.name === 'nat' ? 'nat' : table.name === 'mangle' && hook === 'output' ? 'route' : 'filter';
  return { hook, priority: priorityOf(table.name, hook), type, policy: chain.policy === 'DROP' ? 'drop' : 'accept' };
};

/** The rules are made when somebody asks for them: most chains of a large ruleset concern no given packet. */
const chainOf = (chain: Chain, table: Table, registry: Registry, hooks: ReadonlySet<Hook>): ProgramChain => {
  const base = baseOf(chain, table);
  let made: readonly ProgramRule[] | undefined;
  return {
    name: chain.name,
    ...(base ? { base } : {}),
    get rules(): readonly ProgramRule[] {
      made ??= chain.rules.map((rule) => ({ origin: rule.origin, steps: stepsOf(rule, registry, table, hooks) }));
      return made;
    },
  };
};

const nowhere: ReadonlySet<Hook> = new Set();

const tableOf = (table: Table, registry: Registry): ProgramTable => {
  const { hooks } = reachOf(table);
  return {
    name: table.name,
    runs: table.backend === 'legacy' ? 'iptables-legacy' : 'iptables-nft',
    label: `${table.family} ${table.name}`,
    chains: new Map(
      table.chains.map((chain) => [chain.name, chainOf(chain, table, registry, hooks.get(chain.name) ?? nowhere)]),
    ),
  };
};

/**
 * The tables of one family of a ruleset that was read without errors. A rule with an extension that has no model is its
 * selector, as far as that is certain, and an `unmodelled` step.
 */
export const iptablesProgram = (ruleset: Ruleset, registry: Registry, family: Family): Program => ({
  family,
  tables: ruleset.tables.filter((table) => table.family === family).map((table) => tableOf(table, registry)),
});
