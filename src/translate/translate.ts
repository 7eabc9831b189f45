/** An iptables ruleset as one nft document, with what became of every rule. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Registry } from '../extensions/contract.ts';
import type { Ruleset } from '../iptables/types.ts';
import type { Command } from '../nftables/types.ts';
import { type Entry, tallyOf, type Tally } from './report.ts';
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

/**
 * Translates every table. A refused rule is left out of `commands`; whether the rest may be used is the caller's
 * decision, by the tally.
 */
export const translate = (ruleset: Ruleset, registry: Registry, options: TranslateOptions = {}): RulesetTranslation => {
  const commands: Command[] = [];
  const entries: Entry[] = [];
  const diagnostics: Diagnostic[] = [];
  const backends = new Set(ruleset.tables.map((table) => table.backend));
  for (const table of ruleset.tables) {
    const prefix = options.tablePrefix ?? defaultTablePrefix;
    // Rules of both backends are in the kernel side by side, so each keeps a table of its own.
    const name =
      backends.size > 1 && table.backend === 'legacy' ? `${prefix}legacy-${table.name}` : `${prefix}${table.name}`;
    translateTable(
      table,
      name,
      registry,
      { exactLegacy: options.exactLegacy ?? false, counters: options.counters ?? false },
      { commands, entries, diagnostics },
    );
  }
  return { commands, entries, tally: tallyOf(entries), diagnostics };
};
