/** `dnfw status`: how the guard stands. */
import { join } from 'node:path';
import { seamsOf } from '../capture/replay.ts';
import { guardListing, nftListing } from '../capture/take.ts';
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import { isPersistent } from '../guard/boot.ts';
import { readText } from '../guard/disk.ts';
import { readListing, readMeta } from '../guard/generations.ts';
import { type Host, readHost } from '../guard/host.ts';
import { metricsText } from '../guard/metrics.ts';
import { generationFolder } from '../guard/paths.ts';
import { situationFrom } from '../guard/records.ts';
import { readSituation, type Situation } from '../guard/situation.ts';
import { isSound, type Status, statusOf } from '../guard/status.ts';
import { isWatchPersistent } from '../guard/watch-unit.ts';
import { families } from '../netfilter/family.ts';
import { type Json, listOf, property, textOf } from '../nftables/json.ts';
import { setName } from '../guard/ruleset-sources.ts';
import { exit, type ExitStatus } from './exit.ts';
import { writeAtomically } from './files.ts';
import { requireCapture } from './captures.ts';
import { answer, guardEngine, guardPaths, step } from './guard-engine.ts';
import { statusJson, statusLines } from './status-report.ts';

export interface StatusFlags {
  readonly capture?: string;
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
const unseen = (host: Host, reason: string, flags: StatusFlags): ExitStatus => {
  const situation = situationFrom(undefined, undefined);
  const status = statusOf({ situation, recorded: undefined, mode: undefined, external: new Set(), persistent: false, watchPersistent: false, host, now: new Date() }); // prettier-ignore
  const { published, gaps } = status;
  const lines = [`whether there is a guard is not known: ${reason}`, ...gaps.map((gap) => `not read: ${gap}`)];
  answer(flags.json, { guard: 'unknown', why: reason, published, gaps }, lines);
  return exit.environment;
};

const tell = (status: Status, flags: StatusFlags): ExitStatus => {
  if (flags.metrics !== undefined) writeAtomically(flags.metrics, [metricsText(status)]);
  answer(flags.json, statusJson(status), statusLines(status));
  return isSound(status) ? exit.done : exit.drifted;
};

/** How the guard stood when the capture was taken. */
const capturedStatus = async (file: string, flags: StatusFlags): Promise<ExitStatus> => {
  const capture = requireCapture(file);
  if (!capture) return exit.usage;
  const host = await readHost(seamsOf(capture, file));
  const listed = capture.answers.get(nftListing);
  if (listed?.kind !== 'json' && listed?.kind !== 'text')
    return unseen(host, 'the capture does not have what nft lists', flags);
  if (capture.guard === undefined) step("the capture does not have the guard's records");
  const situation = situationFrom(capture.guard, guardListing(listed));
  // Records of a generation that is not loaded have nothing to be compared with.
  const records = situation.mark === undefined ? undefined : capture.guard;
  const status = statusOf({
    situation,
    recorded: records?.listing ?? undefined,
    mode: records?.meta?.mode,
    external: new Set(records?.external),
    persistent: capture.guard?.persistent ?? false,
    watchPersistent: capture.guard?.watchPersistent ?? false,
    host,
    now: new Date(capture.taken),
  });
  return tell(status, flags);
};

const reasonOf = ({ help, message }: EnvironmentError): string =>
  help === undefined ? message : `${message}; ${help}`;

export const guardStatus = async (flags: StatusFlags): Promise<ExitStatus> => {
  if (flags.capture !== undefined) return capturedStatus(flags.capture, flags);
  let situation: Situation;
  try {
    situation = await readSituation(guardEngine());
  } catch (error) {
    if (error instanceof EnvironmentError) return unseen(await readHost(), reasonOf(error), flags);
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
  return tell(status, flags);
};
