/**
 * One dnfw at a time. The lock is a file that says who holds it; one whose holder is gone, or was of an earlier boot,
 * counts for nothing.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import { script } from './deadman-script.ts';
import { discard, makeFolder, namesIn, readText, writeNew } from './disk.ts';
import { GuardError } from './failure.ts';
import { lockFile, type Paths } from './paths.ts';
import { bootId, processesOn, startOf, wordsOf } from './processes.ts';

export interface Lock {
  /** Throws if somebody took the lock away; to be asked before the kernel is changed. */
  readonly assertHeld: () => void;
  readonly release: () => void;
}

interface Holder {
  readonly pid: number;
  readonly start: string;
  readonly boot: string;
}

const holderIn = (text: string): Holder | undefined => {
  const found = /^(\d+) (\d+) (\S+) /.exec(text);
  return found ? { pid: Number(found[1]), start: found[2] ?? '', boot: found[3] ?? '' } : undefined;
};

const isAlive = ({ pid, start, boot }: Holder): boolean => boot === bootId() && startOf(pid) === start;

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** Gives a finished file the name of the lock; false if somebody has it. link(2) fails where rename(2) replaces. */
const claim = (scratch: string, path: string): boolean => {
  try {
    linkSync(scratch, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw new EnvironmentError('file-unwritable', `cannot make the lock ${path}: ${String(codeOf(error))}`, {
      cause: error,
    });
  }
};

/** Takes a dead holder's lock away. Somebody else may have done so already and hold a new one: that is put back. */
const breakLock = (path: string, stale: string, scratch: string): void => {
  const aside = `${scratch}.stale`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if (readText(aside) !== stale) claim(aside, path);
  rmSync(aside, { force: true });
};

/** An nft that a killed dnfw has left behind may still change the kernel: it is waited for. */
const awaitOrphans = async ({ state, run }: Paths): Promise<void> => {
  const until = performance.now() + 60_000;
  const isOrphan = (pid: number): boolean =>
    pid !== process.pid && !wordsOf(pid).some((word) => basename(word) === script);
  const hasOrphans = (folder: string): boolean => processesOn(folder).some(isOrphan);
  while (performance.now() < until && (hasOrphans(join(state, 'generations')) || hasOrphans(join(run, 'pending'))))
    await sleep(50);
};

/** What processes left behind that died while they took the lock. */
const sweep = ({ run }: Paths): void => {
  for (const name of namesIn(run)) {
    const pid = /^lock\.(\d+)\./.exec(name)?.[1];
    if (pid !== undefined && startOf(Number(pid)) === undefined) rmSync(join(run, name), { force: true });
  }
};

const busy = (text: string): GuardError => {
  const pid = holderIn(text)?.pid;
  return new GuardError(
    'refused',
    'guard-busy',
    `another dnfw is at work${pid === undefined ? '' : ` (process ${pid})`}: nothing was changed`,
    'wait until it has ended',
  );
};

/** Throws a GuardError while another dnfw holds the lock. */
export const takeLock = async (paths: Paths): Promise<Lock> => {
  const path = lockFile(paths);
  makeFolder(paths.run);
  const token = randomBytes(6).toString('hex');
  const scratch = `${path}.${process.pid}.${token}`;
  const own = `${process.pid} ${startOf(process.pid) ?? '0'} ${bootId()} ${token}\n`;
  const isOwn = (): boolean => readText(path) === own;
  let broken = false;
  try {
    writeNew(scratch, own);
    while (!claim(scratch, path)) {
      const text = readText(path);
      if (text === undefined) continue;
      const holder = holderIn(text);
      if (holder && isAlive(holder)) throw busy(text);
      breakLock(path, text, scratch);
      broken = true;
    }
  } finally {
    discard(scratch);
  }
  sweep(paths);
  if (broken) await awaitOrphans(paths);
  return {
    assertHeld: () => {
      if (!isOwn()) throw busy(readText(path) ?? '');
    },
    release: () => {
      if (isOwn()) rmSync(path, { force: true });
    },
  };
};
