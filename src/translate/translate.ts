/** An iptables ruleset as one nft document, with what became of every rule. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Registry } from '../extensions/contract.ts';
import type { Ruleset } from '../iptables/types.ts';
import { add } from '../nftables/build.ts';
import type { Command } from '../nftables/types.ts';
import { type Entry, tallyOf, type Tally } from './report.ts';
import type { Sink } from './sink.ts';
import { translateTable } from './table.ts';

export interface TranslateOptions {
  /** What native tables are called: this and the iptables table's name. */
  readonly tablePrefix?: string;
  /** Emulate what ip_tables.ko does with truncated headers and later fragments; implies the legacy backend. */
  readonly exactLegacy?: boolean;
  /** Carry counters and their figures over. */
  readonly counters?: boolean;
}

export interface RulesetTranslation {
  /** What `nft -j -f` is to load: own tables are made anew, nothing else is touched. */
  readonly commands: readonly Command[];
  /** One entry per input rule, in input order. */
  readonly entries: readonly Entry[];
  readonly tally: Tally;
  /** Warnings and notes: mapped names for example. Refusals stand in the entries. */
  readonly diagnostics: readonly Diagnostic[];
}

export const defaultTablePrefix = 'dnfw-';

/** What translating gives beside the document itself. */
export type TranslationReport = Omit<RulesetTranslation, 'commands'>;

/**
 * Translates every table and hands the document to sinks, one per table in order, without keeping it: 100,000 rules
 * need not be in memory twice. A refused rule is left out; whether the rest may be used is the caller's decision, by
 * the tally.
 */
export const translateInto = (
  ruleset: Ruleset,
  registry: Registry,
  options: TranslateOptions,
  sinkFor: () => Sink,
): TranslationReport => {
  const entries: Entry[] = [];
  const diagnostics: Diagnostic[] = [];
  const backends = new Set(ruleset.tables.map((table) => table.backend));
  const prefix = options.tablePrefix ?? defaultTablePrefix;
  const flags = { exactLegacy: options.exactLegacy ?? false, counters: options.counters ?? false };
  let length = 0;
  for (const table of ruleset.tables) {
    // Rules of both backends are in the kernel side by side, so each keeps a table of its own.
    const name =
      backends.size > 1 && table.backend === 'legacy' ? `${prefix}legacy-${table.name}` : `${prefix}${table.name}`;
    const result = translateTable(table, name, registry, flags, sinkFor, length);
    for (const entry of result.entries) entries.push(entry);
    diagnostics.push(...result.diagnostics);
    length += result.length;
  }
  return { entries, tally: tallyOf(entries), diagnostics };
};

/** Translates every table into one list of commands. */
export const translate = (ruleset: Ruleset, registry: Registry, options: TranslateOptions = {}): RulesetTranslation => {
  const tables: Command[][] = [];
  const report = translateInto(ruleset, registry, options, () => {
    const rules: Command[] = [];
    return {
      rule: (rule) => rules.push(add({ rule })),
      declare: (commands) => tables.push([...commands, ...rules]),
    };
  });
  return { commands: tables.flat(), ...report };
};
