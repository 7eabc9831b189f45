/** Reading and writing files, with errors that say what to do. */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
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

/** Writes the chunks beside the file and renames: a reader sees the old content or the new one, never a part. */
export const writeAtomically = (path: string, chunks: Iterable<string>): void => {
  const scratch = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = openSync(scratch, 'wx', 0o644);
    try {
      for (const chunk of chunks) writeSync(file, chunk);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(scratch, path);
  } catch (error) {
    rmSync(scratch, { force: true });
    throw new EnvironmentError('file-unwritable', `cannot write ${path}: ${reasonOf(error)}`, { cause: error });
  }
};

/** Writes to standard output; returns when everything is handed to the system. */
export const writeOut = (chunks: Iterable<string>): void => {
  for (const chunk of chunks) {
    const bytes = Buffer.from(chunk);
    for (let at = 0; at < bytes.length;) {
      try {
        at += writeSync(1, bytes, at);
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : '';
        // A pipe whose reader is slow or gone: wait for the one, be content with the other.
        if (code === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
        else if (code === 'EPIPE') return;
        else
          throw new EnvironmentError('file-unwritable', `cannot write to standard output: ${reasonOf(error)}`, {
            cause: error,
          });
      }
    }
  }
};
