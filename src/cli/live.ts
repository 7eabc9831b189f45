/** The rulesets of the live host: both backends, both families. Reading changes nothing and loads no table. */
import { execa } from 'execa';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import type { Input } from '../iptables/parse.ts';

/** Legacy tables are listed here by the kernel; iptables-legacy-save touches only those. */
const programs = ['iptables-nft-save', 'ip6tables-nft-save', 'iptables-legacy-save', 'ip6tables-legacy-save'] as const;

const fallback: Readonly<Record<string, string>> = {
  'iptables-nft-save': 'iptables-save',
  'ip6tables-nft-save': 'ip6tables-save',
};

type Answer =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly why: string };

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
    return { kind: 'failed', why: (result.stderr || (result.shortMessage ?? '')).trim().split('\n')[0] ?? '' };
  return { kind: 'text', text: result.stdout };
};

const hasRules = (text: string): boolean => /^\*/m.test(text);

export interface LiveRules {
  readonly inputs: readonly Input[];
  readonly diagnostics: readonly Diagnostic[];
}

export const readLive = async (): Promise<LiveRules> => {
  const inputs: Input[] = [];
  const diagnostics: Diagnostic[] = [];
  const missing: string[] = [];
  for (const program of programs) {
    const spare = fallback[program];
    let name: string = program;
    let answer = await ask(program);
    if (answer.kind === 'missing' && spare) {
      name = spare;
      answer = await ask(spare);
    }
    if (answer.kind === 'missing') missing.push(program);
    else if (answer.kind === 'failed')
      throw new EnvironmentError('live-read-failed', `${name} failed: ${answer.why}`, {
        help: 'run dnfw as root, or give it files made with iptables-save',
      });
    else if (hasRules(answer.text)) inputs.push({ name: `<${name}>`, text: answer.text });
  }
  if (missing.length === programs.length)
    throw new EnvironmentError('program-missing', 'iptables is not installed: none of its save programs is there', {
      help: 'install iptables, or give dnfw files made with iptables-save on the host',
    });
  for (const program of missing)
    diagnostics.push({
      code: 'live-read-failed',
      severity: 'warning',
      what: `${program} is not installed: rules of that backend, if any, are not seen`,
      help: 'install iptables',
    });
  return { inputs, diagnostics };
};
