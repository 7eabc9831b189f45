/** `dnfw sync` and `dnfw watch`: the guard's networks in line with Docker's, once or as they change. */
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { vniWords } from '../guard/enforced.ts';
import type { EncryptedVni } from '../guard/facts.ts';
import { askDocker, readHostRules } from '../guard/host.ts';
import { systemPrograms } from '../guard/programs.ts';
import { type Sources, syncGuard, type Synced } from '../guard/sync.ts';
import { watchRules } from '../guard/watch.ts';
import { type PersistedWatch, persistWatch, watchUnitText } from '../guard/watch-unit.ts';
import { exit, type ExitStatus } from './exit.ts';
import { writeOut } from './files.ts';
import { answer, guardEngine, guardPaths, step } from './guard-engine.ts';
import { keptWhy } from './guard-report.ts';

export interface SyncFlags {
  readonly json?: boolean;
}

export interface WatchFlags {
  readonly persist?: boolean;
  readonly printUnit?: boolean;
}

const sources: Sources = { rules: () => readHostRules(systemPrograms), docker: () => askDocker(systemPrograms) };

const list = (head: string, of: readonly EncryptedVni[]): readonly string[] =>
  of.map((one) => `${head}: ${vniWords(one)}`);

const changeLines = ({ missing, stale }: Synced): readonly string[] =>
  missing.length + stale.length === 0
    ? ['the chain of encrypted networks and its record are in line again']
    : [...list('enforced from now on', missing), ...list('not enforced any more', stale)];

/** What the operator has to know beside what was done. */
const notes = ({ notRead, told, kept }: Synced): readonly string[] => [
  ...notRead.map((why) => `not read, so nothing is taken for gone: ${why}`),
  ...(notRead.length > 0 ? [] : kept.map((one) => `${vniWords(one)} stays enforced, ${keptWhy(true)}`)),
  ...told.map((one) => `${vniWords(one)} is encrypted, says the engine, and Docker's rules about it are gone: restart the engine; the guard is alone in their place`), // prettier-ignore
];

export const syncOnce = async ({ json }: SyncFlags): Promise<ExitStatus> => {
  const found = await syncGuard(guardEngine(), sources, 'follow');
  const { changed, enforced, missing, stale, notRead, told, kept, answers } = found;
  if (!answers) step('the engine of Docker does not answer: its rules alone tell which networks are encrypted');
  for (const line of notes(found)) step(line);
  const lines = changed ? changeLines(found) : [`nothing to do: ${enforced.length} encrypted ${enforced.length === 1 ? 'network is' : 'networks are'} enforced`]; // prettier-ignore
  answer(
    json,
    { changed, enforced, added: changed ? missing : [], removed: changed ? stale : [], told, kept, answers, notRead },
    lines,
  );
  return exit.done;
};

const persisted = ({ changed, started }: PersistedWatch): ExitStatus => {
  const what = changed ? 'dnfw-watch.service is set up' : 'dnfw-watch.service is set up already';
  writeOut([`${what}, ${started ? 'and runs' : 'and starts with the next boot: no systemd runs it now'}\n`]);
  return exit.done;
};

/** Runs until it is told to stop. A guard that is not there, or a lock that is taken, is tried again at the next change. */
export const watchGuard = async ({ printUnit, persist }: WatchFlags): Promise<ExitStatus> => {
  const command = [process.execPath, fileURLToPath(new URL('main.js', import.meta.url))];
  if (printUnit === true) {
    writeOut([watchUnitText(guardPaths(), command)]);
    return exit.done;
  }
  if (persist === true) return persisted(await persistWatch(guardEngine(), command));
  let said = '';
  // The same trouble is told once.
  const tell = (lines: readonly string[]): void => {
    const text = lines.join('\n');
    if (text !== said) for (const line of lines) step(line);
    said = text;
  };
  const look = async (): Promise<void> => {
    try {
      const found = await syncGuard(guardEngine(), sources, 'keep');
      tell(notes(found));
      if (found.changed) for (const line of changeLines(found)) step(line);
    } catch (error) {
      tell([error instanceof Error ? error.message : String(error)]);
    }
  };
  const watching = watchRules(systemPrograms, look);
  await new Promise<void>((resolve) => {
    // Not `once`: if nobody listened any more, execa would end this process, and nft with it, in the middle of a sync.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
  watching.stop();
  return exit.done;
};
