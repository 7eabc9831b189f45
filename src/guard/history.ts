/** Every guard that is on record. */
import { type GenerationMeta, readMetas } from './generations.ts';
import type { Paths } from './paths.ts';
import { readState } from './state.ts';

export interface HistoryEntry extends GenerationMeta {
  readonly isCurrent: boolean;
  readonly isGood: boolean;
}

/** Newest first. What is loaded is what the records say: nothing asks the kernel. */
export const history = (paths: Paths): readonly HistoryEntry[] => {
  const disk = readState(paths);
  const state = disk.kind === 'state' ? disk.state : undefined;
  return readMetas(paths)
    .map((meta) => ({
      ...meta,
      isCurrent: meta.generation === state?.current,
      isGood: meta.generation === state?.good,
    }))
    .toReversed();
};
