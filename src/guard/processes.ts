/** Processes of this host, as /proc shows them. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** Another one after each boot (random(4)). */
export const bootId = (): string => read('/proc/sys/kernel/random/boot_id')?.trim() ?? 'unknown';

/** When a process started, in ticks since the boot, or undefined if there is no such process: a pid comes again, this does not. */
export const startOf = (pid: number): string | undefined => {
  const stat = read(`/proc/${pid}/stat`);
  // Behind the name, which may hold blanks and brackets, start the fields from the third on (proc(5)).
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
};

/** The words of its command line. */
export const wordsOf = (pid: number): readonly string[] =>
  (read(`/proc/${pid}/cmdline`) ?? '').split('\0').filter((word) => word !== '');

/** Processes with a word of their command line in this folder. */
export const processesOn = (folder: string): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => wordsOf(pid).some((word) => word.startsWith(`${folder}/`)));

/** Whether the first process is in the same namespace of this kind. */
export const sharesNamespace = (kind: 'net' | 'mnt' | 'pid'): boolean => {
  try {
    return readlinkSync(`/proc/1/ns/${kind}`) === readlinkSync(`/proc/self/ns/${kind}`);
  } catch {
    return false;
  }
};
