// A host to lose: a network namespace with folders of its own in which dnfw runs as a user would run it.
import { spawn, type SpawnOptions } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { program } from '../../cli/dnfw.ts';

export const policies: Readonly<Record<string, string>> = {
  'policy.yaml': 'version: 1\nmode: enforce\ndefault: drop\nallow:\n  - { proto: tcp, ports: [22] }\n',
  'wider.yaml': 'version: 1\nmode: enforce\ndefault: drop\nallow:\n  - { proto: tcp, ports: [22, 8000] }\n',
};

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Lab {
  readonly folder: string;
  /** Runs a script of bash in a new network namespace; `dnfw` is the program, and `nft` the kernel's word. */
  readonly run: (script: string, seconds?: number) => Promise<Ran>;
  readonly read: (path: string) => string;
  readonly has: (path: string) => boolean;
  /** All files and folders in it, as paths. */
  readonly files: (path: string) => readonly string[];
  readonly remove: () => void;
}

const collect = (command: string, args: readonly string[], options: SpawnOptions, seconds: number): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const out = { stdout: '', stderr: '' };
    child.stdout?.on('data', (chunk: Buffer) => (out.stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (out.stderr += chunk.toString()));
    const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
    child.on('error', reject);
    // Not `close`: a dead-man that outlives the script must not keep it open.
    child.on('exit', (status) => {
      clearTimeout(timer);
      setImmediate(() => resolve({ status, ...out }));
    });
  });

const prelude = `set -u
dnfw() { "$DNFW_NODE" "$DNFW_MAIN" "$@"; }
# The words of the generation that is loaded, or nothing.
loaded() { nft list table inet dnfw 2>/dev/null | grep -o 'dnfw generation [0-9]* [0-9a-f]*'; }
ip link set lo up
`;

/** Timers that still wait when a test is over. */
const endDeadmen = (pending: string): void => {
  for (const id of existsSync(pending) ? readdirSync(pending) : []) {
    const file = join(pending, id, 'timer.pid');
    const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
    const words = pid > 1 && existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '';
    if (words.includes(join(pending, id))) process.kill(-pid, 'SIGKILL');
  }
};

/** `from` is the folder of another lab, which is copied. */
export const newLab = (from?: string): Lab => {
  if (process.getuid?.() !== 0) throw new Error('the kernel tests make network namespaces: run them as root');
  const folder = mkdtempSync(join(tmpdir(), 'dnfw-lab-'));
  if (from !== undefined) cpSync(from, folder, { recursive: true });
  for (const name of ['etc', 'lib', 'run', 'units']) mkdirSync(join(folder, name), { recursive: true });
  for (const [name, text] of Object.entries(policies)) writeFileSync(join(folder, name), text);
  const env = {
    PATH: process.env['PATH'],
    LC_ALL: 'C',
    DNFW_NODE: process.execPath,
    DNFW_MAIN: program,
    DNFW_CONFIG_DIR: join(folder, 'etc'),
    DNFW_STATE_DIR: join(folder, 'lib'),
    DNFW_RUN_DIR: join(folder, 'run'),
    DNFW_UNIT_DIR: join(folder, 'units'),
  };
  return {
    folder,
    run: (script, seconds = 60) => {
      writeFileSync(join(folder, 'script'), prelude + script);
      return collect('unshare', ['-n', 'bash', 'script'], { cwd: folder, env }, seconds);
    },
    read: (path) => readFileSync(join(folder, path), 'utf8'),
    has: (path) => existsSync(join(folder, path)),
    files: (path) =>
      existsSync(join(folder, path)) ? readdirSync(join(folder, path), { recursive: true, encoding: 'utf8' }) : [],
    remove: () => {
      endDeadmen(join(folder, 'run', 'pending'));
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** Runs the tasks, two at a time. */
export const twoAtATime = async <T>(tasks: readonly (() => Promise<T>)[]): Promise<readonly T[]> => {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < tasks.length; at = next++) results[at] = await (tasks[at] as () => Promise<T>)();
  };
  await Promise.all([worker(), worker()]);
  return results;
};
