/** Explains a u32 or BPF program that is given without a rule around it. */
import type { Diagnostic, Outcome } from '../diagnostics/diagnostic.ts';
import { overlayProgram } from '../docker/overlay.ts';
import { versionWords } from '../docker/versions.ts';
import type { Registry } from '../extensions/contract.ts';
import { readSingleRule } from '../iptables/single.ts';
import type { Backend, Family } from '../netfilter/family.ts';
import type { ExplainedDocker, Explanation } from './explanation.ts';
import { section, listSection } from './lines.ts';
import { dockerLines, edgeLines, nftLines, programLines } from './print.ts';
import { explainRules } from './rules.ts';

export type ProgramKind = 'u32' | 'bytecode';

const matches: Readonly<Record<ProgramKind, string>> = { u32: 'u32', bytecode: 'bpf' };

export interface ProgramExplanation extends Pick<Explanation, 'family' | 'matches' | 'programs' | 'edges' | 'nft'> {
  readonly kind: ProgramKind;
  /** As iptables-save prints it. */
  readonly program: string;
  readonly docker?: ExplainedDocker;
}

interface Bad {
  readonly bad: string;
  readonly at?: number;
  readonly length?: number;
  readonly code?: Diagnostic['code'];
  readonly help?: string;
}

const isBad = (value: unknown): value is Bad => typeof value === 'object' && value !== null && 'bad' in value;

const wrongProgram = (kind: ProgramKind, text: string, { bad, at = 0, length = 1, code, help }: Bad): Diagnostic => ({
  code: code ?? 'bad-value',
  severity: 'error',
  what: bad,
  ...(help === undefined ? {} : { help }),
  span: { file: `<--${kind}>`, line: 1, column: at + 1, length: Math.max(1, length), text },
});

const dockerOf = (rule: string): ExplainedDocker | undefined => {
  const found = overlayProgram(rule);
  if (!found) return undefined;
  const { matcher, versions } = found;
  const about = 'the program by which Docker finds the packets of one encrypted overlay network';
  return { part: 'encrypt', about, versions, releases: versionWords(versions), matcher };
};

export interface ProgramOptions {
  readonly family?: Family;
  readonly backends: readonly Backend[];
}

/**
 * The program is explained as a part of a rule with `-p udp` in INPUT, which is where Docker's stand: neither says of
 * itself of which protocol its packets are, and the payload offset of BPF needs to be told.
 */
export const explainProgram = (
  kind: ProgramKind,
  text: string,
  registry: Registry,
  { family = 'ip', backends }: ProgramOptions,
): Outcome<ProgramExplanation | undefined> => {
  const match = matches[kind];
  const value = registry.matches.get(match)?.options[kind]?.value;
  if (!value) throw new Error(`match ${match} has no option ${kind}`);
  const parsed = value.parse(text, family);
  if (isBad(parsed)) return { value: undefined, diagnostics: [wrongProgram(kind, text, parsed)] };
  const program = value.print(parsed, family);
  const rule = `-A INPUT -p udp -m ${match} --${kind} ${program}`;
  const read = readSingleRule(rule, registry, { family, backend: backends[0] ?? 'legacy', table: 'filter' });
  if (!read.value) return { value: undefined, diagnostics: read.diagnostics };
  const [found] = explainRules({ tables: [read.value.table] }, registry, { backends, anywhere: true });
  if (!found) throw new Error('a rule that was read has no explanation');
  const docker = dockerOf(rule);
  return {
    value: {
      kind,
      program: program.replaceAll('"', ''),
      family,
      matches: found.matches,
      programs: found.programs,
      edges: found.edges,
      // The rule has no target; what it counts is not asked.
      nft: { ...found.nft, rules: found.nft.rules.map((one) => ({ ...one, text: one.text.replace(/ counter$/, '') })) },
      ...(docker ? { docker } : {}),
    },
    diagnostics: read.diagnostics,
  };
};

const lead = 'explained as in a rule with -p udp, where Docker has such programs';

export const printProgramExplanation = (explanation: ProgramExplanation): string => {
  const { kind, program, programs, matches: all, edges, nft, docker } = explanation;
  const lines = [
    ...section(kind, [program]),
    ...section('', [lead]),
    ...programs.flatMap(({ lines: steps }) => programLines('steps', steps)),
    ...listSection('matches', all),
    ...edgeLines(edges),
    ...section('nft', nftLines(nft)),
    ...(nft.rules.length === 0 ? [] : section('', ['in INPUT, where no later fragment comes'])),
    ...(docker ? section('Docker', dockerLines(docker)) : []),
  ];
  return `${lines.join('\n')}\n`;
};
