/** The host of a capture, with its guard, where a plan is made for it. */
import { join } from 'node:path';
import type { Capture } from '../capture/document.ts';
import { seamsOf } from '../capture/replay.ts';
import { guardListing, nftListing } from '../capture/take.ts';
import type { GenerationMeta } from '../guard/generations.ts';
import { type Host, readHost } from '../guard/host.ts';
import { type Paths, pathsFrom } from '../guard/paths.ts';
import { situationFrom } from '../guard/records.ts';
import type { Situation } from '../guard/situation.ts';
import type { Json } from '../nftables/json.ts';
import { requireCapture } from './captures.ts';
import { step } from './guard-engine.ts';

export interface GivenHost {
  readonly host: Host;
  /** undefined if the capture does not have what nft lists. */
  readonly situation: Situation | undefined;
  /** Of the generation that was loaded when it was taken, or last. */
  readonly meta: GenerationMeta | undefined;
  /** What the kernel listed when that was loaded. */
  readonly recorded: Json | undefined;
  /** Where nothing is: records of this host's own guard are no business of that one's. */
  readonly paths: Paths;
}

/** There is nothing below a file. */
const nowhere = (file: string): Paths =>
  pathsFrom({ DNFW_STATE_DIR: join(file, 'none'), DNFW_RUN_DIR: join(file, 'none') });

const situationIn = ({ answers, guard }: Capture): Situation | undefined => {
  const listed = answers.get(nftListing);
  const isListed = listed?.kind === 'json' || listed?.kind === 'text';
  if (!isListed) step('the capture does not have what nft lists, so all of the guard is shown');
  return isListed ? situationFrom(guard, guardListing(listed)) : undefined;
};

/** `none`: the file is no capture, and that has been said. */
export const givenHost = async (file: string): Promise<GivenHost | 'none'> => {
  const capture = requireCapture(file);
  if (!capture) return 'none';
  return {
    host: await readHost(seamsOf(capture, file)),
    situation: situationIn(capture),
    meta: capture.guard?.meta ?? undefined,
    recorded: capture.guard?.listing ?? undefined,
    paths: nowhere(file),
  };
};
