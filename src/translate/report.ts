import type { Code } from '../diagnostics/catalogue.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Backend, Family } from '../netfilter/family.ts';

/**
 * `exact`: the same packets, the same effects. `guarded`: differs only on truncated or broken packets, as named.
 * `approximate`: differs on ordinary packets in the way named. `refused`: there is no nft rule for it.
 */
export type Status = 'exact' | 'guarded' | 'approximate' | 'refused';

/** What became of one input rule. */
export interface Entry {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly family: Family;
  readonly backend: Backend;
  readonly table: string;
  readonly chain: string;
  readonly status: Status;
  /** Codes of the differences or of the refusal, sorted. */
  readonly codes: readonly Code[];
  /** Positions in the document's `nftables` array of the rules that it became. */
  readonly nft: readonly number[];
  /** One sentence per code, in the same order; empty for an exact rule. */
  readonly why: readonly string[];
  /** The refusal as a diagnostic with its place. */
  readonly refusal?: Diagnostic;
}

export interface Tally {
  readonly rules: number;
  readonly exact: number;
  readonly guarded: number;
  readonly approximate: number;
  readonly refused: number;
}

export const tallyOf = (entries: readonly Entry[]): Tally => {
  const tally = { rules: entries.length, exact: 0, guarded: 0, approximate: 0, refused: 0 };
  for (const entry of entries) tally[entry.status]++;
  return tally;
};
