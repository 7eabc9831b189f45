// Runs commands in a network namespace of their own, so that a test changes no rule of the host. Nothing here is
// skipped: without root or without the tools the tests fail and say what is missing.
//
// DNFW_TEST_NFT is a command prefix for another nft, e.g. `chroot /srv/trixie`: the tests of nft run with that one.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Step {
  readonly command: readonly string[];
  /** What it reads on standard input, from a regular file: nft 1.0.6 hides errors of JSON that comes through a pipe. */
  readonly input?: string;
}

export interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const needed = ['unshare', 'bash', 'nft', 'iptables-nft-restore', 'iptables-legacy-restore', 'ip6tables-nft-restore'];

const onPath = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, program)));

const requireTools = (): void => {
  if (process.getuid?.() !== 0) throw new Error('the kernel tests make network namespaces: run them as root');
  const missing = needed.filter((program) => !onPath(program));
  if (missing.length > 0) throw new Error(`the kernel tests need ${missing.join(', ')}: install iptables and nftables`);
};

const quote = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`;

/** Runs the steps one after the other in one new namespace. A step that fails does not stop the next. */
export const inNamespace = (steps: readonly Step[], timeoutSeconds: number = 100): readonly Result[] => {
  requireTools();
  const folder = mkdtempSync(join(tmpdir(), 'dnfw-namespace-'));
  try {
    const script = steps.map(({ command, input }, index) => {
      if (input !== undefined) writeFileSync(join(folder, `${index}.in`), input);
      const from = input === undefined ? '/dev/null' : `${index}.in`;
      return `${command.map(quote).join(' ')} <${from} >${index}.out 2>${index}.err; echo $? >${index}.status\n`;
    });
    writeFileSync(join(folder, 'script'), script.join(''));
    const run = spawnSync('unshare', ['-n', 'bash', 'script'], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
      timeout: timeoutSeconds * 1000,
      killSignal: 'SIGKILL',
    });
    if (run.error) throw new Error(`the namespace did not finish: ${run.error.message}`, { cause: run.error });
    return steps.map((step, index) => {
      const read = (kind: string): string => readFileSync(join(folder, `${index}.${kind}`), 'utf8');
      if (!existsSync(join(folder, `${index}.status`)))
        throw new Error(`"${step.command.join(' ')}" did not run in the namespace: ${run.stderr}`);
      return { status: Number(read('status')), stdout: read('out'), stderr: read('err') };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const prefix = (process.env['DNFW_TEST_NFT'] ?? '').split(' ').filter((word) => word !== '');

export const nft = (args: string, input?: string): Step => ({
  command: [...prefix, 'nft', ...args.split(' ')],
  ...(input === undefined ? {} : { input }),
});

export interface Tool {
  readonly family: 'ip' | 'ip6';
  readonly backend: 'nft' | 'legacy';
}

const program = ({ family, backend }: Tool, kind: 'restore' | 'save'): string =>
  `${family === 'ip' ? 'iptables' : 'ip6tables'}-${backend}-${kind}`;

export const iptablesRestore = (tool: Tool, dump: string): Step => ({
  command: [program(tool, 'restore')],
  input: dump,
});

export const iptablesSave = (tool: Tool, table: string): Step => ({ command: [program(tool, 'save'), '-t', table] });

/** The rules of iptables-save output, without counters, comments and chain lines. */
export const savedRules = (dump: string): readonly string[] =>
  dump.split('\n').filter((line) => line.startsWith('-A '));
