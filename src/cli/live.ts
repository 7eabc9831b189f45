/** The rulesets of the live host: both backends, both families. Reading changes nothing and loads no table. */
import { execa } from 'execa';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import type { Input } from '../iptables/parse.ts';

/** Legacy tables are listed here by the kernel; iptables-legacy-save touches only those. */
const programs = ['iptables-nft-save', 'ip6tables-nft-save', 'iptables-legacy-save', 'ip6tables-legacy-save'] as const;

/** Before 1.8.0, and where one backend alone is built, only the plain name may be there. */
const plainNames = ['iptables-save', 'ip6tables-save'] as const;

type Answer =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly why: string };

/** The first line that is no warning such as the one about legacy tables. */
const reasonIn = (stderr: string): string | undefined =>
  stderr.split('\n').find((line) => line.trim() !== '' && !line.startsWith('#'));

const ask = async (program: string): Promise<Answer> => {
  const result = await execa(program, ['-c'], {
    reject: false,
    timeout: 60_000,
    stripFinalNewline: false,
    maxBuffer: 500_000_000,
    env: { LC_ALL: 'C' },
  });
  if (result.code === 'ENOENT') return { kind: 'missing' };
  if (result.failed)
    return { kind: 'failed', why: reasonIn(result.stderr) ?? result.shortMessage ?? 'it gave no reason' };
  return { kind: 'text', text: result.stdout };
};

/** Tables, or the word of iptables-nft-save that it cannot show one. */
const hasTables = (text: string): boolean => /^(?:\*|# Table )/m.test(text);

export interface LiveRules {
  readonly inputs: readonly Input[];
  readonly diagnostics: readonly Diagnostic[];
}

const isPlainNeeded = (plain: string, missing: readonly string[]): boolean =>
  missing.filter((name) => name.startsWith(plain.replace('-save', '-'))).length === 2;

export const readLive = async (): Promise<LiveRules> => {
  const inputs: Input[] = [];
  const missing: string[] = [];
  const read = async (program: string): Promise<void> => {
    const answer = await ask(program);
    if (answer.kind === 'missing') missing.push(program);
    else if (answer.kind === 'failed')
      throw new EnvironmentError('live-read-failed', `${program} failed: ${answer.why}`, {
        help: 'run dnfw as root, or give it files made with iptables-save',
      });
    else if (hasTables(answer.text)) inputs.push({ name: `<${program}>`, text: answer.text });
  };
  for (const program of programs) await read(program);
  for (const plain of plainNames) if (isPlainNeeded(plain, missing)) await read(plain);
  if (missing.length === programs.length + plainNames.length)
    throw new EnvironmentError('program-missing', 'iptables is not installed: none of its save programs is there', {
      help: 'install iptables, or give dnfw files made with iptables-save on the host',
    });
  const diagnostics = missing.map((program): Diagnostic => ({
    code: 'live-read-failed',
    severity: 'warning',
    what: `${program} is not installed: rules that it would show, if any, are not seen`,
    help: 'install iptables',
  }));
  return { inputs, diagnostics };
};
