/** The rulesets of the live host: both backends, both families. Reading changes nothing and loads no table. */
import process from 'node:process';
import { execa } from 'execa';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import type { Input } from '../iptables/parse.ts';

/** One per family. Of each, the kernel lists the legacy tables that there are, and iptables-legacy-save touches only those. */
const tools = ['iptables', 'ip6tables'] as const;

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

const notSeen = (program: string): Diagnostic => ({
  code: 'live-read-failed',
  severity: 'warning',
  what: `${program} is not installed: rules that it would show, if any, are not seen`,
  help: 'install iptables',
});

export const readLive = async (): Promise<LiveRules> => {
  const inputs: Input[] = [];
  const diagnostics: Diagnostic[] = [];
  let answered = 0;
  const has = async (program: string): Promise<boolean> => {
    const answer = await ask(program);
    if (answer.kind === 'missing') return false;
    if (answer.kind === 'failed')
      throw new EnvironmentError('live-read-failed', `${program} failed: ${answer.why}`, {
        help:
          process.getuid?.() === 0
            ? 'see what the program says when it is run by hand'
            : 'run dnfw as root, or give it files made with iptables-save',
      });
    answered++;
    if (hasTables(answer.text)) inputs.push({ name: `<${program}>`, text: answer.text });
    return true;
  };
  // One after the other: both backends of a family take the same locks.
  for (const tool of tools) {
    const nft = `${tool}-nft-save`;
    const legacy = `${tool}-legacy-save`;
    const hasNft = await has(nft);
    const hasLegacy = await has(legacy);
    // Before 1.8.0 there is only the plain name; with both backends it is one of them again.
    if (!hasNft && !hasLegacy) {
      if (!(await has(`${tool}-save`))) diagnostics.push(notSeen(`${tool}-save`));
    } else if (!hasNft) diagnostics.push(notSeen(nft));
    else if (!hasLegacy) diagnostics.push(notSeen(legacy));
  }
  if (answered === 0)
    throw new EnvironmentError('program-missing', 'iptables is not installed: none of its save programs is there', {
      help: 'install iptables, or give dnfw files made with iptables-save on the host',
    });
  return { inputs, diagnostics };
};
