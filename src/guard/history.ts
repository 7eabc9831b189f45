/** Every guard that is on record. */
import { type GenerationMeta, readMetas } from './generations.ts';
import type { Paths } from './paths.ts';
import type { State } from './state.ts';

export interface HistoryEntry extends GenerationMeta {
  readonly isCurrent: boolean;
  readonly isGood: boolean;
}

/** Newest first. What is loaded is what the kernel says: a dead-man writes no records. */
export const history = (paths: Paths, { current, good }: Pick<State, 'current' | 'good'>): readonly HistoryEntry[] =>
  readMetas(paths)
    .map((meta) => ({ ...meta, isCurrent: meta.generation === current, isGood: meta.generation === good }))
    .toReversed();
