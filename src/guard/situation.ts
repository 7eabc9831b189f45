/**
 * How things stand: what the kernel has, what waits, and what the records say. A dnfw may have been killed anywhere, a
 * dead-man may have restored, somebody may have flushed: where the records disagree, the kernel wins, and it is said.
 */
import type { Json } from '../nftables/json.ts';
import type { Engine } from './engine.ts';
import { generationNumbers, readMeta, readMetas } from './generations.ts';
import { type GenerationMark, markIn } from './loaded.ts';
import type { Paths } from './paths.ts';
import { readWaitings, type Waiting } from './pending.ts';
import { noState, type Pending, readState, type State } from './state.ts';

export interface Situation {
  /** What `nft -j list table inet dnfw` says; undefined if there is no such table. */
  readonly listing: Json | undefined;
  /** Which generation that is; undefined if the table does not say. */
  readonly mark: GenerationMark | undefined;
  /** What state.json says, or would have to say. */
  readonly state: State;
  /** What state.json says, if it can be read. */
  readonly recorded: State | undefined;
  readonly waitings: readonly Waiting[];
  /** Where the records were wrong, as sentences. */
  readonly repairs: readonly string[];
}

/** The newest that somebody confirmed. */
const lastConfirmed = (paths: Paths): number | null =>
  readMetas(paths).findLast(({ outcome }) => outcome === 'confirmed')?.generation ?? null;

const pendingOf = ({ id, generation, previous, deadline }: Waiting): Pending => ({
  id,
  generation,
  previous,
  deadline,
});

const goodOf = (
  paths: Paths,
  current: number | null,
  confirmed: number | undefined,
  recorded: State | undefined,
): number | null => {
  if (confirmed !== undefined) return confirmed;
  if (current !== null && readMeta(paths, current)?.outcome === 'confirmed') return current;
  const good = recorded ? recorded.good : lastConfirmed(paths);
  return good !== null && readMeta(paths, good)?.outcome === 'confirmed' ? good : lastConfirmed(paths);
};

const missingRecord = (
  paths: Paths,
  mark: GenerationMark | undefined,
  kind: 'missing' | 'damaged',
): readonly string[] => {
  if (kind === 'damaged') return ['state.json is damaged: what the kernel and the generations say is taken instead'];
  const isNew = mark === undefined && generationNumbers(paths).length === 0;
  return isNew ? [] : ['state.json is missing: what the kernel and the generations say is taken instead'];
};

const disagreement = (
  recorded: State,
  state: State,
  waitings: readonly Waiting[],
  listed: boolean,
): readonly string[] => {
  if (recorded.current === state.current) return [];
  const reverted = waitings.find(({ phase, generation }) => phase === 'reverted' && generation === recorded.current);
  if (reverted)
    return [
      `nobody confirmed generation ${reverted.generation} in time: ${state.current === null ? 'there is no guard again' : `generation ${state.current} is back`}`,
    ];
  if (state.current !== null)
    return [
      recorded.current === null
        ? `generation ${state.current} is loaded, and the records do not say so`
        : `generation ${state.current} is loaded, and the records say ${recorded.current}`,
    ];
  return [
    listed
      ? `table inet dnfw is there, but does not say that it is generation ${recorded.current}`
      : `generation ${recorded.current} is not loaded any more: somebody took the table away`,
  ];
};

/** The records against what the kernel lists. Reads, and changes nothing. */
export const situationOf = (paths: Paths, listing: Json | undefined): Situation => {
  const mark = listing === undefined ? undefined : markIn(listing);
  const waitings = readWaitings(paths);
  const disk = readState(paths);
  const recorded = disk.kind === 'state' ? disk.state : undefined;
  const current = mark?.generation ?? null;
  const armed = waitings.find(
    ({ phase, generation, hash }) => phase === 'armed' && generation === current && hash === mark?.hash,
  );
  const confirmed = waitings.findLast(({ phase }) => phase === 'confirmed')?.generation;
  const good = goodOf(paths, current, confirmed, recorded);
  const state: State = { ...noState, current, good, pending: armed ? pendingOf(armed) : null };
  const repairs =
    disk.kind === 'state'
      ? disagreement(disk.state, state, waitings, listing !== undefined)
      : missingRecord(paths, mark, disk.kind);
  return { listing, mark, state, recorded, waitings, repairs };
};

export const readSituation = async ({ nft, paths }: Pick<Engine, 'nft' | 'paths'>): Promise<Situation> =>
  situationOf(paths, await nft.listGuard());
