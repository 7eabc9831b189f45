/** Explains a u32 or BPF program that is given without a rule around it. */
import type { Diagnostic, Outcome } from '../diagnostics/diagnostic.ts';
import { overlayProgram } from '../docker/overlay.ts';
import { versionWords } from '../docker/versions.ts';
import type { Registry } from '../extensions/contract.ts';
import { readSingleRule } from '../iptables/single.ts';
import type { Backend, Family } from '../netfilter/family.ts';
import { protocolName, udp } from '../netfilter/protocols.ts';
import type { Condition } from '../packet/condition.ts';
import { fieldWords } from '../packet/fieldwords.ts';
import { narrowed } from '../packet/narrow.ts';
import { iptablesProgram } from '../simulate/iptables-program.ts';
import type { ExplainedDocker, Explanation } from './explanation.ts';
import { section, listSection } from './lines.ts';
import { dockerLines, edgeLines, nftLines, programLines } from './print.ts';
import { explainRules } from './rules.ts';
import { payloadsIn } from './suppose.ts';

export const programKinds = ['u32', 'bytecode'] as const;
export type ProgramKind = (typeof programKinds)[number];

const matches: Readonly<Record<ProgramKind, string>> = { u32: 'u32', bytecode: 'bpf' };

export interface ProgramExplanation extends Pick<Explanation, 'family' | 'matches' | 'programs' | 'edges' | 'nft'> {
  readonly kind: ProgramKind;
  /** As iptables-save prints it. */
  readonly program: string;
  /** The protocol of the rule as a part of which the program is explained. */
  readonly protocol?: string;
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

/** A test for one protocol that has to hold, in the program's own words. */
const protocolIn = (condition: Condition, family: Family): number | undefined => {
  if (condition.kind === 'program') return condition.same && protocolIn(condition.same, family);
  if (condition.kind === 'all')
    return condition.of.map((part) => protocolIn(part, family)).find((found) => found !== undefined);
  if (condition.kind !== 'test') return undefined;
  const { field, mask, ranges } = narrowed(condition, { family });
  const [only] = ranges;
  const isProtocol = mask === undefined && ['ip protocol', 'ip6 nexthdr'].includes(fieldWords(field, { family }));
  return isProtocol && only && ranges.length === 1 && only.low === only.high ? Number(only.low) : undefined;
};

/** The protocol that the program asks for itself; UDP, where Docker has its programs, if it only reads behind the IP header. */
const protocolOf = (match: string, kind: ProgramKind, program: string, registry: Registry, family: Family): number | undefined => {
  const bare = readSingleRule(`-A INPUT -m ${match} --${kind} ${program}`, registry, { family, backend: 'nft', table: 'filter' });
  const tables = bare.value ? [bare.value.table] : [];
  const chains = iptablesProgram({ tables }, registry, family).tables.flatMap((table) => [...table.chains.values()]);
  const conditions = chains.flatMap(({ rules }) => rules.flatMap(({ steps }) => steps.flatMap((step) => (step.kind === 'test' ? [step.condition] : []))));
  const asked = conditions.map((condition) => protocolIn(condition, family)).find((found) => found !== undefined);
  const open = conditions.some((condition) => condition.kind === 'unmodelled' || payloadsIn(condition).some(({ base }) => base !== 'nh'));
  return asked ?? (open ? udp : undefined);
}; // prettier-ignore

/**
 * The program is explained as a part of a rule in INPUT, which is where Docker's stand, with the protocol that it needs:
 * the payload offset of BPF depends on it, and the names of header fields do.
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
  const protocol = protocolOf(match, kind, program, registry, family);
  const selector = protocol === undefined ? '' : `-p ${protocolName(protocol)} `;
  const rule = `-A INPUT ${selector}-m ${match} --${kind} ${program}`;
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
      ...(protocol === undefined ? {} : { protocol: protocolName(protocol) }),
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

export const printProgramExplanation = (explanation: ProgramExplanation): string => {
  const { kind, program, protocol, programs, matches: all, edges, nft, docker } = explanation;
  const lines = [
    ...section(kind, [program]),
    ...(protocol === undefined ? [] : section('', [`explained as a part of a rule with -p ${protocol}`])),
    ...programs.flatMap(({ lines: steps }) => programLines('steps', steps)),
    ...listSection('matches', all),
    ...edgeLines(edges),
    ...section('nft', nftLines(nft)),
    ...(nft.rules.length === 0 ? [] : section('', ['in INPUT, where no later fragment comes'])),
    ...(docker ? section('Docker', dockerLines(docker)) : []),
  ];
  return `${lines.join('\n')}\n`;
};
