/**
 * An nftables ruleset as a program over the packets of one IP family, from what the kernel does with it. Nothing here
 * knows how a rule came to be written: the translation of iptables rules is compared with this.
 */
import type { Family } from '../netfilter/family.ts';
import { ruleText, statementText } from '../nftables/describe.ts';
import { type Json, property, textOf } from '../nftables/json.ts';
import {
  meetsIp,
  type NftBase,
  type NftChain,
  type NftRule,
  type NftRuleset,
  type NftTable,
} from '../nftables/ruleset.ts';
import { unmodelled } from '../packet/condition.ts';
import type {
  BaseChain,
  Program,
  ProgramChain,
  ProgramRule,
  ProgramTable,
  RuleOrigin,
  Step,
} from '../packet/program.ts';
import type { NftContext } from './nft-context.ts';
import { contestedTest, joinedLoads } from './nft-join.ts';
import { statementSteps } from './nft-statement.ts';

/** The text is for whoever reads a trace: of most rules nobody does. */
const originOf = (rule: NftRule): RuleOrigin => ({
  ...rule.place,
  get text() {
    return ruleText(rule);
  },
});

/** How many statements are shared at most: addresses are mostly named once. */
const mostShared = 4096;

/** Whether it matters who asks: each rule has a limit or a draw of its own. */
const isOwn = (steps: readonly Step[]): boolean =>
  steps.some((step) => step.kind === 'test' && (step.condition.kind === 'opaque' || step.condition.kind === 'not'));

/** The steps of a statement that does not depend on its neighbours. */
const sharedSteps = (statement: Json, context: NftContext): readonly Step[] => {
  const isShareable = property(statement, 'match') !== undefined || property(statement, 'jump') !== undefined;
  if (!isShareable) return statementSteps(statement, context);
  const name = JSON.stringify(statement);
  const known = context.shared.get(name);
  if (known) return known;
  const steps = statementSteps(statement, context);
  if (context.shared.size < mostShared && !isOwn(steps)) context.shared.set(name, steps);
  return steps;
};

const compileRule = (rule: NftRule, context: NftContext): ProgramRule => {
  const { statements } = rule;
  const joins = joinedLoads(statements, context);
  const contested = contestedTest(statements, context);
  const steps: Step[] = [];
  for (const [index, statement] of statements.entries()) {
    if (index === contested) {
      const what = `"${statementText(statement)}" beside another test, which versions of nft load and list differently`;
      steps.push({ kind: 'test', condition: unmodelled(what) });
      continue;
    }
    const joined = joins.get(index);
    steps.push(...(joined ? statementSteps(statement, context, joined) : sharedSteps(statement, context)));
    // nft refuses what stands behind a verdict; nothing of it would run.
    if (steps.at(-1)?.kind === 'verdict') break;
  }
  return { origin: originOf(rule), steps };
};

/** Chains at the hooks of devices meet no packet at those of IP; neither does any chain of a dormant table. */
const baseOf = (base: NftBase | undefined, table: NftTable): BaseChain | undefined => {
  if (!base || table.dormant || base.hook === 'ingress' || base.hook === 'egress') return undefined;
  const { type, hook, priority, policy } = base;
  return { type, hook, priority, policy };
};

const compileChain = (chain: NftChain, context: NftContext): ProgramChain => {
  const base = baseOf(chain.base, context.table);
  const rules = chain.rules.map((rule) => compileRule(rule, context));
  return { name: chain.name, ...(base ? { base } : {}), rules };
};

/** Sets that rules fill or empty. */
const changedSets = (table: NftTable): ReadonlySet<string> => {
  const names = new Set<string>();
  const visit = (statement: Json): void => {
    for (const kind of ['set', 'map']) {
      const name = textOf(property(statement, kind), kind);
      if (name !== undefined) names.add(name.replace(/^@/, ''));
    }
  };
  for (const chain of table.chains.values()) for (const rule of chain.rules) rule.statements.forEach(visit);
  return names;
};

const compileTable = (table: NftTable, family: Family): ProgramTable => {
  const context: NftContext = { family, table, changing: changedSets(table), shared: new Map(), fields: new Map() };
  const chains = [...table.chains].map(([name, chain]) => [name, compileChain(chain, context)] as const);
  return { name: table.name, runs: 'nft', label: `${table.family} ${table.name}`, chains: new Map(chains) };
};

const isMet = (table: NftTable, family: Family): boolean =>
  meetsIp(table.family) && (table.family === 'inet' || table.family === family);

/** The tables of the family and those of family inet. */
export const nftProgram = (ruleset: NftRuleset, family: Family): Program => ({
  family,
  tables: ruleset.tables.filter((table) => isMet(table, family)).map((table) => compileTable(table, family)),
});
