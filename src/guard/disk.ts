/** Files of the guard: written whole or not at all, and on the disk before anything relies on them. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { EnvironmentError } from '../diagnostics/diagnostic.ts';

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

const causes: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a folder',
  ENOTDIR: 'part of the path is not a folder',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
};

const reasonOf = (error: unknown): string =>
  causes[codeOf(error)] ?? (error instanceof Error ? error.message : String(error));

const unwritable = (path: string, error: unknown): EnvironmentError =>
  new EnvironmentError('file-unwritable', `cannot write ${path}: ${reasonOf(error)}`, {
    cause: error,
    ...(codeOf(error) === 'EACCES' ? { help: 'run dnfw as root' } : {}),
  });

const isAbsent = (error: unknown): boolean => codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';

/** The text of a file, or undefined if there is none; other failures are EnvironmentErrors. */
export const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw new EnvironmentError('file-unreadable', `cannot read ${path}: ${reasonOf(error)}`, {
      cause: error,
      ...(codeOf(error) === 'EACCES' ? { help: 'run dnfw as root' } : {}),
    });
  }
};

/** The names in a folder; none if there is no folder. */
export const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder).toSorted();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw new EnvironmentError('file-unreadable', `cannot read ${folder}: ${reasonOf(error)}`, { cause: error });
  }
};

export const exists = (path: string): boolean => namesIn(dirname(path)).includes(path.slice(dirname(path).length + 1));

/** mkdir -p; Node's own says ENOENT for a read-only file system. Others have no business in the guard's folders. */
export const makeFolder = (path: string, mode: number = 0o700): void => {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw unwritable(path, error);
    makeFolder(dirname(path), mode);
    makeFolder(path, mode);
  }
};

/** A name is on the disk when its folder is. Some file systems cannot do this for folders, and need not. */
const settleFolder = (path: string): void => {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } catch (error) {
    if (codeOf(error) !== 'EINVAL') throw error;
  } finally {
    closeSync(folder);
  }
};

/** A file that nobody looks at yet, because its folder does not have its name yet. */
export const writeNew = (path: string, content: string, mode: number = 0o600): void => {
  try {
    const file = openSync(path, 'w', mode);
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw unwritable(path, error);
  }
};

/** Takes a file of our own away that may never have been made. */
export const discard = (path: string): void => {
  try {
    rmSync(path, { force: true });
  } catch {
    // There is none, because its folder is not one.
  }
};

/** A reader sees the old content or the new one, now and after a power failure. */
export const writeDurably = (path: string, content: string, mode: number = 0o600): void => {
  const scratch = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  makeFolder(dirname(path));
  try {
    writeNew(scratch, content, mode);
    renameSync(scratch, path);
    settleFolder(dirname(path));
  } catch (error) {
    discard(scratch);
    throw error instanceof EnvironmentError ? error : unwritable(path, error);
  }
};

/** Renames; false if there is nothing to rename. Of two that rename the same file, one succeeds. */
export const move = (from: string, to: string): boolean => {
  try {
    renameSync(from, to);
    settleFolder(dirname(to));
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw unwritable(to, error);
  }
};

export const remove = (path: string): void => {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    throw unwritable(path, error);
  }
};

/** Removes a folder if nothing is in it. */
export const removeEmpty = (path: string): void => {
  try {
    rmdirSync(path);
  } catch {
    // Somebody else has something there, or it was never made.
  }
};
