/** Effects: what is written down of the guard that is loaded, or that was. Plain data, which a capture can carry. */
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import type { Json } from '../nftables/json.ts';
import { isPersistent } from './boot.ts';
import { type GenerationMeta, generationNumbers, readExternal, readListing, readMeta } from './generations.ts';
import { markIn } from './loaded.ts';
import type { Paths } from './paths.ts';
import { type Situation, situationOf } from './situation.ts';
import type { State } from './state.ts';
import { isWatchPersistent } from './watch-unit.ts';

export interface GuardRecords {
  /** What state.json says, or would have to say. */
  readonly state: State;
  /** What it says, if it can be read. */
  readonly recorded: State | null;
  /** Where the records were wrong, as sentences. */
  readonly repairs: readonly string[];
  /** Of the generation that is loaded, or was last; null if there is no record of it. */
  readonly meta: GenerationMeta | null;
  /** What the kernel listed when it was loaded. */
  readonly listing: Json;
  /** Sets that other programs fill. */
  readonly external: readonly string[];
  readonly persistent: boolean;
  /** Whether `dnfw watch` runs from every boot on. */
  readonly watchPersistent: boolean;
}

/** `listing`: what nft says of table inet dnfw. Null: there is no guard, and there was none. Throws EnvironmentErrors. */
export const readRecords = (paths: Paths, listing: Json | undefined): GuardRecords | null => {
  const { mark, state, recorded, repairs } = situationOf(paths, listing);
  const number = mark?.generation ?? recorded?.current ?? recorded?.good ?? generationNumbers(paths).at(-1);
  if (number === undefined && recorded === undefined) return null;
  const known = number === undefined ? undefined : readMeta(paths, number);
  return {
    state,
    recorded: recorded ?? null,
    repairs,
    meta: known ?? null,
    listing: (number === undefined ? undefined : readListing(paths, number)) ?? null,
    external: number === undefined ? [] : [...readExternal(paths, number)],
    persistent: isPersistent(paths),
    watchPersistent: isWatchPersistent(paths),
  };
};

/** How things stood, by the records and what nft listed. What waited to be confirmed is not kept. */
export const situationFrom = (records: GuardRecords | null | undefined, listing: Json | undefined): Situation => ({
  listing,
  mark: listing === undefined ? undefined : markIn(listing),
  state: records?.state ?? { schemaVersion: 1, current: null, good: null, pending: null },
  recorded: records?.recorded ?? undefined,
  waitings: [],
  repairs: records?.repairs ?? [],
});

/** The records, or why they cannot be read. */
export const recordsOr = (
  paths: Paths,
  listing: Json | undefined,
): { readonly records: GuardRecords | null } | { readonly why: string } => {
  try {
    return { records: readRecords(paths, listing) };
  } catch (error) {
    if (error instanceof EnvironmentError) return { why: error.message };
    throw error;
  }
};
