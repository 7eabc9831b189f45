/** The table of a listing or of `iptables -S` output, which do not name it. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { builtInChains, type TableName, tableNames } from '../netfilter/hooks.ts';
import type { Grammar } from './grammar.ts';
import type { RuleDraft } from './reading.ts';
import { type Line, spanOf } from './words.ts';

/** Whether all extensions of the rules work in the table. */
const fits = (table: TableName, rules: readonly RuleDraft[], { matches, targets }: Grammar): boolean =>
  rules.every(
    ({ matches: uses, action }) =>
      uses.every(({ name }) => matches.get(name)?.tables?.includes(table) ?? true) &&
      (action.kind !== 'target' || (targets.get(action.use.name)?.tables?.includes(table) ?? true)),
  );

export interface TableJudgement {
  readonly name?: TableName;
  readonly diagnostic?: Diagnostic;
}

/**
 * Judges by the built-in chains that are shown and by the rules. A complete output has all built-in chains of its
 * table; filter is preferred to security, which has the same ones.
 */
export const judgeTable = (
  builtIn: ReadonlySet<string>,
  rules: readonly RuleDraft[],
  grammar: Grammar,
  line: Line,
): TableJudgement => {
  const possible = tableNames.filter(
    (name) => [...builtIn].every((chain) => builtInChains[name].some((c) => c === chain)) && fits(name, rules, grammar),
  );
  const whole = possible.filter((name) => builtInChains[name].length === builtIn.size);
  const [only, ...others] = whole.length > 0 ? whole : possible;
  if (only !== undefined && (others.length === 0 || whole.length > 0)) return { name: only };
  const common = {
    code: 'listing-table-assumed',
    help: `say it with --table, one of ${(possible.length > 0 ? possible : tableNames).join(', ')}`,
    span: spanOf(line, 1, line.text.length),
  } as const;
  if (possible.includes('filter'))
    return {
      name: 'filter',
      diagnostic: { ...common, severity: 'note', what: 'the table is not named here; filter is assumed' },
    };
  return {
    diagnostic: {
      ...common,
      severity: 'error',
      what:
        possible.length > 0
          ? 'the table of these rules cannot be told'
          : 'no table has all these chains and takes all these rules',
    },
  };
};
