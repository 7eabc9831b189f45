/** `dnfw status`: how the guard stands. */
import { join } from 'node:path';
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import { isPersistent } from '../guard/boot.ts';
import { readText } from '../guard/disk.ts';
import { readListing, readMeta } from '../guard/generations.ts';
import { readHost } from '../guard/host.ts';
import { metricsText } from '../guard/metrics.ts';
import { generationFolder } from '../guard/paths.ts';
import { readSituation, type Situation } from '../guard/situation.ts';
import { isSound, statusOf } from '../guard/status.ts';
import { isWatchPersistent } from '../guard/watch-unit.ts';
import { families } from '../netfilter/family.ts';
import { type Json, listOf, property, textOf } from '../nftables/json.ts';
import { setName } from '../guard/ruleset-sources.ts';
import { exit, type ExitStatus } from './exit.ts';
import { writeAtomically } from './files.ts';
import { answer, guardEngine, guardPaths, step } from './guard-engine.ts';
import { statusJson, statusLines } from './status-report.ts';

export interface StatusFlags {
  readonly json?: boolean;
  readonly metrics?: string;
}

/** The records belong to root: without them status says less. */
const orElse = <T>(read: () => T, other: T): T => {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    step(`not read: ${error.message}`);
    return other;
  }
};

const parsed = (text: string | undefined): Json => {
  try {
    // JSON.parse gives nothing but Json.
    return text === undefined ? null : (JSON.parse(text) as Json);
  } catch {
    return null;
  }
};

/** Names in the kernel of sets that others fill. */
const externalOf = (generation: number | undefined): ReadonlySet<string> => {
  if (generation === undefined) return new Set();
  const text = orElse(() => readText(join(generationFolder(guardPaths(), generation), 'policy.json')), undefined);
  const sets = listOf(property(property(parsed(text), 'policy'), 'sets'));
  const external = sets.filter((set) => property(set, 'external') === true);
  return new Set(external.flatMap((set) => families.map((family) => setName(textOf(set, 'name') ?? '', family))));
};

/** Without the right to ask the kernel nothing can be said of the guard; of the host, a little. */
const unseen = async (error: EnvironmentError, flags: StatusFlags): Promise<ExitStatus> => {
  const host = await readHost();
  const situation: Situation = { listing: undefined, mark: undefined, state: { schemaVersion: 1, current: null, good: null, pending: null }, recorded: undefined, waitings: [], repairs: [] }; // prettier-ignore
  const status = statusOf({ situation, recorded: undefined, mode: undefined, external: new Set(), persistent: false, watchPersistent: false, host, now: new Date() }); // prettier-ignore
  const { published, gaps } = status;
  const why = error.help === undefined ? error.message : `${error.message}; ${error.help}`;
  const lines = [`whether there is a guard is not known: ${why}`, ...gaps.map((gap) => `not read: ${gap}`)];
  answer(flags.json, { guard: 'unknown', why, published, gaps }, lines);
  return exit.environment;
};

export const guardStatus = async (flags: StatusFlags): Promise<ExitStatus> => {
  let situation: Situation;
  try {
    situation = await readSituation(guardEngine());
  } catch (error) {
    if (error instanceof EnvironmentError) return unseen(error, flags);
    throw error;
  }
  const host = await readHost();
  const generation = situation.mark?.generation;
  const paths = guardPaths();
  const status = statusOf({
    situation,
    recorded: generation === undefined ? undefined : orElse(() => readListing(paths, generation), undefined),
    mode: generation === undefined ? undefined : orElse(() => readMeta(paths, generation)?.mode, undefined),
    external: externalOf(generation),
    persistent: orElse(() => isPersistent(paths), false),
    watchPersistent: orElse(() => isWatchPersistent(paths), false),
    host,
    now: new Date(),
  });
  if (flags.metrics !== undefined) writeAtomically(flags.metrics, [metricsText(status)]);
  answer(flags.json, statusJson(status), statusLines(status));
  return isSound(status) ? exit.done : exit.drifted;
};
