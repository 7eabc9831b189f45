/** Reading and writing files, with errors that say what to do. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import type { Input } from '../iptables/parse.ts';

const causes: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ENOTDIR: 'part of the path is not a folder',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
};

const reasonOf = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return causes[code] ?? (error instanceof Error ? error.message : String(error));
};

/** Longer inputs do not fit into one JavaScript string. */
const largest = 500_000_000;

/** `-` is standard input. Text is UTF-8; bytes that are not become U+FFFD. */
export const readInput = (path: string): Input => {
  try {
    if (path === '-') return { name: '<stdin>', text: readFileSync(0, 'utf8') };
    const { size } = statSync(path);
    if (size > largest)
      throw new EnvironmentError('file-unreadable', `${path} has ${size} bytes: more than dnfw reads at once`, {
        help: 'split it by table',
      });
    return { name: path, text: readFileSync(path, 'utf8') };
  } catch (error) {
    if (error instanceof EnvironmentError) throw error;
    throw new EnvironmentError(
      'file-unreadable',
      `cannot read ${path === '-' ? 'standard input' : path}: ${reasonOf(error)}`,
      { cause: error },
    );
  }
};

/** As readInput, for what is no text. */
export const readBytes = (path: string): Uint8Array => {
  try {
    return readFileSync(path === '-' ? 0 : path);
  } catch (error) {
    throw new EnvironmentError(
      'file-unreadable',
      `cannot read ${path === '-' ? 'standard input' : path}: ${reasonOf(error)}`,
      { cause: error },
    );
  }
};

/** Hands all bytes to the system: one write may take only a part of them, silently so on a disk that fills up. */
const writeAll = (file: number, chunk: string | Uint8Array): void => {
  const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(file, bytes, at);
    } catch (error) {
      // A pipe that somebody made non-blocking, and whose reader is slow: wait for it.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
};

interface Destination {
  /** Behind symbolic links: those stay. */
  readonly path: string;
  /** Of a file that is there already. */
  readonly mode?: number;
  /** A device or a pipe is written to; a file put in the place of /dev/null would harm the whole host. */
  readonly special: boolean;
}

const destinationOf = (path: string): Destination => {
  const there = statSync(path, { throwIfNoEntry: false });
  if (!there) return { path, special: false };
  if (!there.isFile()) return { path, special: true };
  return { path: realpathSync(path), mode: there.mode & 0o777, special: false };
};

const writeBeside = ({ path, mode }: Destination, chunks: Iterable<string | Uint8Array>, newMode: number): void => {
  const scratch = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = openSync(scratch, 'wx', newMode);
    try {
      if (mode !== undefined) fchmodSync(file, mode);
      for (const chunk of chunks) writeAll(file, chunk);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(scratch, path);
  } catch (error) {
    rmSync(scratch, { force: true });
    throw error;
  }
};

const writeInto = (path: string, chunks: Iterable<string | Uint8Array>): void => {
  const file = openSync(path, 'w');
  try {
    for (const chunk of chunks) writeAll(file, chunk);
  } finally {
    closeSync(file);
  }
};

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

/**
 * Writes the chunks beside the file and renames: a reader sees the old content or the new one, never a part. `mode`: of
 * a file that is not there yet.
 */
export const writeAtomically = (path: string, chunks: Iterable<string | Uint8Array>, mode = 0o644): void => {
  try {
    const destination = destinationOf(path);
    if (destination.special) writeInto(path, chunks);
    else writeBeside(destination, chunks, mode);
  } catch (error) {
    const why = isMissing(error) ? `there is no folder ${dirname(path)}` : reasonOf(error);
    throw new EnvironmentError('file-unwritable', `cannot write ${path}: ${why}`, { cause: error });
  }
};

/** Writes to standard output; returns when everything is handed to the system. */
export const writeOut = (chunks: Iterable<string | Uint8Array>): void => {
  try {
    for (const chunk of chunks) writeAll(1, chunk);
  } catch (error) {
    // Whoever closes the pipe has seen enough.
    if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return;
    throw new EnvironmentError('file-unwritable', `cannot write to standard output: ${reasonOf(error)}`, {
      cause: error,
    });
  }
};
