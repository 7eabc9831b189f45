/** Starts dead-men: as services where systemd is, so that no session takes them along, otherwise in sessions of their own. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import { script } from './deadman-script.ts';
import { readText } from './disk.ts';
import type { Timer } from './engine.ts';
import { sharesNamespace, wordsOf } from './processes.ts';

/** A service of systemd has another PATH than its caller. */
export const pathOf = (program: string): string =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path)) ?? program;

/** Services run in the namespaces of the first process: from any other one they would change another ruleset. */
const hasSystemd = (): boolean =>
  existsSync('/run/systemd/system') && (['net', 'mnt', 'pid'] as const).every((kind) => sharesNamespace(kind));

const asService = async (name: string, words: readonly string[]): Promise<boolean> => {
  const options = ['--quiet', '--collect', `--unit=dnfw-revert-${name}`, '--property=IgnoreSIGPIPE=yes'];
  const { failed } = await execa('systemd-run', [...options, ...words], { reject: false, timeout: 10_000 });
  return !failed;
};

const asSession = (words: readonly string[]): void => {
  const [program = '', ...rest] = words;
  // `detached` is setsid(2).
  const child = spawn(program, rest, { detached: true, stdio: 'ignore', cwd: '/' });
  child.on('error', () => {});
  child.unref();
};

const pidIn = (folder: string): number | undefined => {
  const pid = Number(readText(join(folder, 'timer.pid')) ?? '');
  return Number.isInteger(pid) && pid > 1 && wordsOf(pid).includes(join(folder, script)) ? pid : undefined;
};

export const createTimer = (): Timer => ({
  start: async (folder, name, seconds, generation) => {
    const words = ['/bin/sh', join(folder, script), pathOf('nft'), String(seconds), generation];
    if (!hasSystemd() || !(await asService(name, words))) asSession(words);
    for (let waited = 0; waited < 5000; waited += 20) {
      if (pidIn(folder) !== undefined) return;
      await sleep(20);
    }
    throw new EnvironmentError('program-failed', 'the timer that would restore the previous guard does not start', {
      help: 'nothing was changed; see whether /bin/sh works',
    });
  },
  runs: (folder) => pidIn(folder) !== undefined,
  stop: (folder) => {
    const pid = pidIn(folder);
    if (pid === undefined) return;
    try {
      // The script and its sleep: as a service and as a session it leads a group of its own.
      process.kill(-pid, 'SIGKILL');
    } catch {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has just ended.
      }
    }
  },
});
