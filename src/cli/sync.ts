/** `dnfw sync` and `dnfw watch`: the guard's networks in line with Docker's rules, once or as they change. */
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { vniWords } from '../guard/enforced.ts';
import type { EncryptedVni } from '../guard/facts.ts';
import { readHostRules } from '../guard/host.ts';
import { systemPrograms } from '../guard/programs.ts';
import { syncGuard, type Synced } from '../guard/sync.ts';
import { watchRules } from '../guard/watch.ts';
import { watchUnitText } from '../guard/watch-unit.ts';
import { exit, type ExitStatus } from './exit.ts';
import { writeOut } from './files.ts';
import { answer, guardEngine, guardPaths, step } from './guard-engine.ts';

export interface SyncFlags {
  readonly json?: boolean;
}

export interface WatchFlags {
  readonly printUnit?: boolean;
}

const sync = (): Promise<Synced> => syncGuard(guardEngine(), () => readHostRules(systemPrograms));

const list = (head: string, of: readonly EncryptedVni[]): readonly string[] =>
  of.map((one) => `${head}: ${vniWords(one)}`);

const changeLines = ({ missing, stale }: Synced): readonly string[] => [
  ...list('enforced from now on', missing),
  ...list('not enforced any more', stale),
];

const unread = ({ notRead }: Synced): readonly string[] =>
  notRead.map((why) => `not read, so nothing is taken for gone: ${why}`);

export const syncOnce = async ({ json }: SyncFlags): Promise<ExitStatus> => {
  const found = await sync();
  const { changed, enforced, missing, stale, notRead } = found;
  for (const line of unread(found)) step(line);
  const lines = changed ? changeLines(found) : [`nothing to do: ${enforced.length} encrypted ${enforced.length === 1 ? 'network is' : 'networks are'} enforced`]; // prettier-ignore
  answer(json, { changed, enforced, added: changed ? missing : [], removed: changed ? stale : [], notRead }, lines);
  return exit.done;
};

/** Runs until it is told to stop. A guard that is not there, or a lock that is taken, is tried again at the next change. */
export const watchGuard = async ({ printUnit }: WatchFlags): Promise<ExitStatus> => {
  if (printUnit === true) {
    const program = fileURLToPath(new URL('main.js', import.meta.url));
    writeOut([watchUnitText(guardPaths(), [process.execPath, program])]);
    return exit.done;
  }
  let said = '';
  // The same trouble is told once.
  const tell = (text: string): void => {
    if (text !== said && text !== '') step(text);
    said = text;
  };
  const look = async (): Promise<void> => {
    try {
      const found = await sync();
      tell(unread(found).join('; '));
      if (found.changed) for (const line of changeLines(found)) step(line);
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error));
    }
  };
  const watching = watchRules(systemPrograms, look);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  watching.stop();
  return exit.done;
};
