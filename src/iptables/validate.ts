/** What only the whole of a table shows: jumps into nothing, circles, extensions where the kernel refuses them. */
import type { Code } from '../diagnostics/catalogue.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { ExtensionGrammar, Grammar } from './grammar.ts';
import { reachOf } from './reach.ts';
import { compactRules, isShaped, type Shape, unfold } from './shape.ts';
import type { Chain, Origin, Rule, Table, Use } from './types.ts';

const at = (origin: Origin, column: number, length: number, code: Code, what: string, help?: string): Diagnostic => ({
  code,
  severity: 'error',
  what,
  ...(help === undefined ? {} : { help }),
  span: { file: origin.file, line: origin.line, column, length: Math.max(1, length), text: origin.text },
});

const checkPlace = (
  table: Table,
  rule: Rule,
  use: Use,
  grammar: ExtensionGrammar,
  hooks: ReadonlySet<string>,
): Diagnostic | undefined => {
  if (grammar.tables && !grammar.tables.includes(table.name))
    return at(
      rule.origin,
      use.column,
      use.name.length,
      'wrong-table',
      `${use.name} is refused in table ${table.name}`,
      `it works in ${grammar.tables.join(', ')}`,
    );
  const wrong = grammar.hooks && [...hooks].find((hook) => !(grammar.hooks as readonly string[]).includes(hook));
  if (wrong)
    return at(
      rule.origin,
      use.column,
      use.name.length,
      'wrong-hook',
      `${use.name} is refused in a chain reached from ${wrong}`,
      `it works in ${grammar.hooks?.join(', ')}`,
    );
  return undefined;
};

function* checkRule(
  table: Table,
  rule: Rule,
  known: ReadonlyMap<string, Chain>,
  hooks: ReadonlySet<string>,
  grammar: Grammar,
): Generator<Diagnostic> {
  const { action, origin } = rule;
  for (const use of rule.matches) {
    const extension = grammar.matches.get(use.name);
    const wrong = extension && checkPlace(table, rule, use, extension, hooks);
    if (wrong) yield wrong;
  }
  if (action.kind === 'target') {
    const extension = grammar.targets.get(action.use.name);
    const wrong = extension && checkPlace(table, rule, action.use, extension, hooks);
    if (wrong) yield wrong;
  }
  if ((action.kind === 'jump' || action.kind === 'goto') && !rule.unmodelled) {
    const chain = known.get(action.chain);
    if (!chain)
      yield at(
        origin,
        action.column,
        action.chain.length,
        'unknown-chain',
        `there is no chain ${action.chain} in table ${table.name}`,
        'nor does dnfw know a target of that name',
      );
    else if (chain.policy)
      yield at(
        origin,
        action.column,
        action.chain.length,
        'bad-value',
        `a rule cannot jump to the built-in chain ${action.chain}`,
      );
  }
}

function* checkRules(
  table: Table,
  chain: Chain,
  known: ReadonlyMap<string, Chain>,
  hooks: ReadonlySet<string>,
  grammar: Grammar,
): Generator<Diagnostic> {
  // What is checked here does not depend on copied values.
  const good = new Set<Shape>();
  for (const rule of compactRules(chain)) {
    if (!isShaped(rule)) yield* checkRule(table, rule, known, hooks, grammar);
    else if (!good.has(rule.shape)) {
      const wrong = [...checkRule(table, unfold(rule), known, hooks, grammar)];
      yield* wrong;
      if (wrong.length === 0) good.add(rule.shape);
    }
  }
}

function* checkTable(table: Table, grammar: Grammar): Generator<Diagnostic> {
  const { hooks, loop } = reachOf(table);
  const known = new Map(table.chains.map((chain) => [chain.name, chain]));
  const nowhere = new Set<string>();
  for (const chain of table.chains) yield* checkRules(table, chain, known, hooks.get(chain.name) ?? nowhere, grammar);
  if (loop) {
    const [from, to] = loop;
    const rule = table.chains
      .find((chain) => chain.name === from)
      ?.rules.find(({ action }) => (action.kind === 'jump' || action.kind === 'goto') && action.chain === to);
    if (rule && (rule.action.kind === 'jump' || rule.action.kind === 'goto'))
      yield at(
        rule.origin,
        rule.action.column,
        rule.action.chain.length,
        'jump-loop',
        `chains jump in a circle: ${loop.join(' → ')}`,
        'the kernel refuses such a table',
      );
  }
}

/** Checks all tables of a host; the same table of one family and backend may come only once. */
export function* checkTables(tables: readonly Table[], grammar: Grammar): Generator<Diagnostic> {
  const seen = new Map<string, Table>();
  for (const table of tables) {
    const key = `${table.family} ${table.backend} ${table.name}`;
    const earlier = seen.get(key);
    if (earlier)
      yield {
        code: 'duplicate-table',
        severity: 'error',
        what: `table ${table.name} of ${table.family === 'ip' ? 'IPv4' : 'IPv6'} (${table.backend}) is given twice: it was in ${earlier.file}${earlier.place ? `:${earlier.place.line}` : ''} already`,
        why: 'iptables-restore would keep only the second one',
        help: 'give the dumps of one host, each table once; --family tells IPv6 dumps without a header apart',
        ...(table.place ? { span: table.place } : {}),
      };
    seen.set(key, table);
    yield* checkTable(table, grammar);
  }
  const backends = new Set(
    tables.filter((t) => t.chains.some((c) => compactRules(c).length > 0)).map((t) => t.backend),
  );
  if (backends.size > 1)
    yield {
      code: 'backends-mixed',
      severity: 'warning',
      what: 'both backends are in use: iptables-legacy and iptables-nft rules are in the kernel side by side',
      why: 'a packet has to pass both; an accept in one does not stop the other from dropping it',
      help: 'move all rules to one backend; dnfw translates the legacy ones into tables of their own',
    };
}
