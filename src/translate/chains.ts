/** The chains of an nft table while rules are written to them: those of the input and those that single rules need. */
import type { Family } from '../netfilter/family.ts';
import { hookOf, isBuiltInChain, priorityOf, type Hook, type TableName } from '../netfilter/hooks.ts';
import type { Chain } from '../iptables/types.ts';
import type { ChainObject, ChainType, RuleObject, Statement } from '../nftables/types.ts';
import type { Edge } from './depth.ts';
import { withoutImplied } from './implied.ts';
import type { NftRule, Scope } from './layout.ts';
import { ordered } from './ordered.ts';
import { withConnectionApart } from './protocol.ts';
import type { Sink } from './sink.ts';

/** A chain that was made for a rule: where its rules stand in the document, and which such chains it leads to. */
interface Helper {
  readonly positions: readonly number[];
  readonly targets: readonly string[];
}

export interface Writer {
  readonly family: Family;
  readonly table: string;
  /** Names of chains in the order of their making. */
  readonly names: string[];
  readonly taken: Set<string>;
  readonly byContent: Map<string, string>;
  readonly helpers: Map<string, Helper>;
  /** Jumps and gotos, for the check of the nesting depth. */
  readonly edges: Edge[];
  readonly sink: Sink;
  /** How many rules have been written. */
  count: number;
}

const freeName = (writer: Writer, wanted: string): string => {
  let name = wanted;
  for (let n = 2; writer.taken.has(name); n++) name = `${wanted}-${n}`;
  writer.taken.add(name);
  writer.names.push(name);
  return name;
};

/** The chain that a rule leads to. */
export const targetOf = (rule: NftRule): string | undefined => {
  const last = rule.at(-1);
  if (last === undefined) return undefined;
  if ('jump' in last) return last.jump.target;
  return 'goto' in last ? last.goto.target : undefined;
};

/** Takes note of a rule that was written; gives its position among the table's rules. */
export const countRule = (writer: Writer, chain: string, to: string | undefined, owner: number): number => {
  if (to !== undefined) writer.edges.push({ from: chain, to, owner });
  return writer.count++;
};

/** One rule as it stands in the document, in words that nft lists and reads back unchanged. */
export const ruleObject = (
  { family, table }: Pick<Writer, 'family' | 'table'>,
  chain: string,
  rule: NftRule,
  comment?: string,
): RuleObject => {
  const expr = ordered(withConnectionApart(withoutImplied(rule)));
  return comment === undefined ? { family, table, chain, expr } : { family, table, chain, comment, expr };
};

/** Writes one rule to the end of a chain on behalf of the input rule `owner`; gives its position among the table's rules. */
export const writeRule = (writer: Writer, chain: string, rule: NftRule, owner: number, comment?: string): number => {
  writer.sink.rule(ruleObject(writer, chain, rule, comment));
  return countRule(writer, chain, targetOf(rule), owner);
};

/** The positions of a helper chain's rules and of those of all helper chains behind it. */
const positionsBehind = (writer: Writer, name: string, found: Set<number>): void => {
  const helper = writer.helpers.get(name);
  if (!helper || helper.positions.every((position) => found.has(position))) return;
  for (const position of helper.positions) found.add(position);
  for (const target of helper.targets) positionsBehind(writer, target, found);
};

/** A limit or a counter in a chain that two input rules share would count the packets of both. */
const counts = (statement: Statement): boolean =>
  'limit' in statement ||
  'quota' in statement ||
  'counter' in statement ||
  ('match' in statement && typeof statement.match.left === 'object' && 'numgen' in statement.match.left);

/** Where chains for one input rule are made; `found` collects the positions of all rules that it becomes. */
export const scopeFor = (writer: Writer, base: string, owner: number, found: Set<number>): Scope => ({
  chain: (rules) => {
    const content = rules.some((rule) => rule.some(counts)) ? undefined : JSON.stringify(rules);
    const existing = content === undefined ? undefined : writer.byContent.get(content);
    if (existing !== undefined) {
      positionsBehind(writer, existing, found);
      return existing;
    }
    const name = freeName(writer, base);
    if (content !== undefined) writer.byContent.set(content, name);
    const positions = rules.map((rule) => writeRule(writer, name, rule, owner));
    for (const position of positions) found.add(position);
    writer.helpers.set(name, { positions, targets: rules.map(targetOf).filter((target) => target !== undefined) });
    return name;
  },
  rest: () => freeName(writer, `${base}-rest`),
});

const typeOf = (table: TableName, hook: Hook): ChainType =>
  table === 'nat' ? 'nat' : table === 'mangle' && hook === 'output' ? 'route' : 'filter';

/** The chain as nft declares it; `source` is the input's chain, absent for a chain that a rule needs. */
export const chainObject = (
  writer: Writer,
  name: string,
  source: Chain | undefined,
  origin: TableName,
): ChainObject => {
  const base = { family: writer.family, table: writer.table, name };
  if (!source?.policy || !isBuiltInChain(source.name)) return base;
  const hook = hookOf[source.name];
  const policy = source.policy === 'DROP' ? 'drop' : 'accept';
  return { ...base, type: typeOf(origin, hook), hook, prio: priorityOf(origin, hook), policy };
};
