/** Effects: the environments of this process and of its parents, from /proc. */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { Ancestry } from './caller.ts';

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

const parentOf = (pid: number): number | undefined => {
  const found = /^PPid:\s*(\d+)$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
};

const environmentOf = (pid: number): Readonly<Record<string, string>> | undefined => {
  const text = read(`/proc/${pid}/environ`);
  if (text === undefined) return undefined;
  const pairs = text.split('\0').map((pair) => {
    const equals = pair.indexOf('=');
    return [pair.slice(0, equals), pair.slice(equals + 1)] as const;
  });
  return Object.fromEntries(pairs);
};

/** More ancestors than a login has; a pid that comes again must not make it endless. */
const deepest = 64;

export const systemAncestry: Ancestry = {
  environments: () => {
    const found: (Readonly<Record<string, string | undefined>> | undefined)[] = [process.env];
    let pid: number | undefined = process.ppid;
    for (let i = 0; i < deepest && pid !== undefined && pid > 0; i++) {
      found.push(environmentOf(pid));
      pid = parentOf(pid);
    }
    return found;
  },
};
