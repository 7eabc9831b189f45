/** The iptables rules of the host: both backends, both families. Reading changes nothing and loads no table. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Input } from '../iptables/parse.ts';
import type { Backend, Family } from '../netfilter/family.ts';
import type { Answer, Programs } from './programs.ts';

/** One per family. Of each, the kernel lists the legacy tables that there are, and iptables-legacy-save touches only those. */
const tools = ['iptables', 'ip6tables'] as const;
const familyOf = { iptables: 'ip', ip6tables: 'ip6' } as const;

/** Tables, or the word of iptables-nft-save that it cannot show one. */
const hasTables = (text: string): boolean => /^(?:\*|# Table )/m.test(text);

export interface Saved {
  /** One per program that has tables. */
  readonly inputs: readonly Input[];
  /** Programs that are not installed. */
  readonly diagnostics: readonly Diagnostic[];
  readonly failures: readonly { readonly program: string; readonly why: string }[];
  /** How many programs are there. */
  readonly answered: number;
}

const notSeen = (program: string): Diagnostic => ({
  code: 'live-read-failed',
  severity: 'warning',
  what: `${program} is not installed: rules that it would show, if any, are not seen`,
  help: 'install iptables',
});

/** Some releases do not say in a dump which backend it is of; the program that made it is sure. */
const inputOf = (
  program: string,
  { text, place }: Extract<Answer, { readonly kind: 'text' }>,
  family: Family,
  backend: Backend | undefined,
): Input => ({
  name: place?.file ?? `<${program}>`,
  text,
  family,
  ...(place ? { firstLine: place.line } : {}),
  ...(backend === undefined ? {} : { backend }),
});

/** A line of a dump without the figures of its counters: those are no part of the rule, and change with every packet. */
export const ruleText = (line: string): string => line.trim().replace(/^\[\d+:\d+\]\s*/, '');

export const readSaves = async ({ ask }: Programs): Promise<Saved> => {
  const inputs: Input[] = [];
  const diagnostics: Diagnostic[] = [];
  const failures: { readonly program: string; readonly why: string }[] = [];
  let answered = 0;
  const has = async (tool: (typeof tools)[number], backend: Backend | undefined): Promise<boolean> => {
    const program = backend === undefined ? `${tool}-save` : `${tool}-${backend}-save`;
    const answer = await ask(program, ['-c']);
    if (answer.kind === 'missing') return false;
    answered++;
    if (answer.kind === 'failed') failures.push({ program, why: answer.why });
    else if (hasTables(answer.text)) inputs.push(inputOf(program, answer, familyOf[tool], backend));
    return true;
  };
  // One after the other: both backends of a family take the same locks.
  for (const tool of tools) {
    const hasNft = await has(tool, 'nft');
    const hasLegacy = await has(tool, 'legacy');
    // Before 1.8.0 there is only the plain name; with both backends it is one of them again.
    if (!hasNft && !hasLegacy) {
      if (!(await has(tool, undefined))) diagnostics.push(notSeen(`${tool}-save`));
    } else if (!hasNft) diagnostics.push(notSeen(`${tool}-nft-save`));
    else if (!hasLegacy) diagnostics.push(notSeen(`${tool}-legacy-save`));
  }
  return { inputs, diagnostics, failures, answered };
};
