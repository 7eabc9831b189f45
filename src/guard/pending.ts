/**
 * Guards that wait to be confirmed: a folder each, with what would be put back and a file whose name says how it
 * stands. That file is only ever renamed, so that of the dead-man and dnfw exactly one decides.
 */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { count, type Json, property, textOf } from '../nftables/json.ts';
import { script, scriptText } from './deadman-script.ts';
import { makeFolder, move, namesIn, readText, remove, writeNew } from './disk.ts';
import type { Engine } from './engine.ts';
import { GuardError } from './failure.ts';
import { type GenerationMark, markWords } from './loaded.ts';
import { type Paths, pendingFolder, pendingsFolder } from './paths.ts';
import type { Pending } from './state.ts';

/**
 * `armed`: the dead-man decides if nobody else does. `firing`: it restores. `reverted`: it has. `confirmed`: somebody
 * confirmed. `void`: it counts no more.
 */
export type Phase = 'armed' | 'firing' | 'reverted' | 'confirmed' | 'void';

const phases: readonly Phase[] = ['armed', 'firing', 'reverted', 'confirmed', 'void'];

export interface Waiting extends Pending {
  readonly hash: string;
  /** Whether the guard is to survive boots once it is confirmed. */
  readonly persist: boolean;
  /** The SSH connection that it was installed from, if any: confirming over the same one proves little. */
  readonly connection: string;
  readonly phase: Phase;
  /** An nft was started to load it and has not been seen to end. */
  readonly loading: boolean;
}

/** No letters and digits that look alike. */
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';

export const newId = (): string => Array.from({ length: 6 }, () => alphabet[randomInt(alphabet.length)]).join('');

const parseJson = (text: string | undefined): Json | undefined => {
  try {
    // What JSON.parse gives is Json.
    return text === undefined ? undefined : (JSON.parse(text) as Json);
  } catch {
    return undefined;
  }
};

const readWaiting = (paths: Paths, id: string): Waiting | undefined => {
  const folder = pendingFolder(paths, id);
  const value = parseJson(readText(join(folder, 'meta.json')));
  const generation = count(property(value, 'generation'));
  const names = new Set(namesIn(folder));
  const phase = phases.find((one) => names.has(one));
  if (generation === undefined || phase === undefined) return undefined;
  return {
    id,
    generation,
    previous: count(property(value, 'previous')) ?? null,
    deadline: textOf(value, 'deadline') ?? '',
    hash: textOf(value, 'hash') ?? '',
    persist: property(value, 'persist') === true,
    connection: textOf(value, 'connection') ?? '',
    phase,
    loading: names.has('loading'),
  };
};

/** Folders that are damaged or half made are not among them: no dead-man was ever started for those. */
export const readWaitings = (paths: Paths): readonly Waiting[] =>
  namesIn(pendingsFolder(paths)).flatMap((id) => readWaiting(paths, id) ?? []);

export interface Arming {
  readonly id: string;
  readonly mark: GenerationMark;
  readonly previous: number | null;
  readonly seconds: number;
  readonly persist: boolean;
  readonly connection: string;
  /** The document that puts the previous guard back. */
  readonly revert: string;
}

export const revertFile = (paths: Paths, id: string): string => join(pendingFolder(paths, id), 'revert.json');

/** The document that would put back what was there before. */
export const readRevert = (paths: Paths, id: string): string => {
  const text = readText(revertFile(paths, id));
  if (text !== undefined) return text;
  throw new GuardError(
    'refused',
    'state-damaged',
    `the document that undoes ${id} is missing`,
    'dnfw rollback --to N loads an earlier guard',
  );
};

/** Starts the dead-man. When this returns, the previous guard comes back whatever happens to dnfw. */
export const arm = async ({ paths, timer, now }: Engine, arming: Arming): Promise<Pending> => {
  const { id, mark, previous, seconds, persist, connection, revert } = arming;
  const deadline = new Date(now().getTime() + seconds * 1000).toISOString();
  const folder = pendingFolder(paths, id);
  const scratch = `${folder}.tmp`;
  makeFolder(pendingsFolder(paths));
  try {
    makeFolder(scratch);
    writeNew(join(scratch, 'revert.json'), revert);
    writeNew(join(scratch, script), scriptText, 0o700);
    const meta = {
      schemaVersion: 1,
      id,
      generation: mark.generation,
      hash: mark.hash,
      previous,
      deadline,
      persist,
      connection,
    };
    writeNew(join(scratch, 'meta.json'), `${JSON.stringify(meta, null, 2)}\n`);
    writeNew(join(scratch, 'armed'), '');
    move(scratch, folder);
  } catch (error) {
    remove(scratch);
    throw error;
  }
  await timer.start(folder, id, seconds, markWords(mark));
  return { id, generation: mark.generation, previous, deadline };
};

/** Says how a guard that waits stands from now on; false if somebody else has decided first. */
export const decide = (paths: Paths, id: string, from: Phase, to: Phase): boolean => {
  const folder = pendingFolder(paths, id);
  return move(join(folder, from), join(folder, to));
};

/** Nothing is left of it. Only for what was decided. */
export const forget = ({ paths, timer }: Engine, id: string): void => {
  const folder = pendingFolder(paths, id);
  timer.stop(folder);
  remove(folder);
};

export const startLoading = (paths: Paths, id: string): void => writeNew(join(pendingFolder(paths, id), 'loading'), '');
export const endLoading = (paths: Paths, id: string): void => remove(join(pendingFolder(paths, id), 'loading'));
