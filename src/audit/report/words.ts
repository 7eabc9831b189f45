/** Words that several formats have in common. */
import { visible } from '../../diagnostics/render.ts';
import { type Finding, type Job, rank, type Severity, severities, type Witness } from '../finding.ts';
import { quoted } from './shell.ts';
import type { BrokenHost, ExposureRow, HostReport, OverlayRow, PrintableReport } from './types.ts';

export const jobTitles: Readonly<Record<Job, string>> = {
  exposure: 'Exposure: who reaches what',
  encryption: 'Encryption: overlay networks',
  ordering: 'Ordering: which rule comes first',
  migration: 'Migration: what a translation changes',
  guard: 'Guard: what dnfw keeps',
  hygiene: 'Hygiene: rules that do nothing',
};

export const isOpen = ({ accepted }: Finding): boolean => accepted === undefined;

export type Counts = Readonly<Record<Severity, number>> & { readonly accepted: number };

export const countsOf = (findings: readonly Finding[]): Counts => {
  const counts = { critical: 0, high: 0, medium: 0, low: 0, info: 0, accepted: 0 };
  for (const finding of findings) counts[isOpen(finding) ? finding.severity : 'accepted']++;
  return counts;
};

/** `2 high, 1 low; 3 accepted`. */
export const countWords = (counts: Counts): string => {
  const some = severities
    .filter((severity) => counts[severity] > 0)
    .map((severity) => `${counts[severity]} ${severity}`);
  const open = some.length === 0 ? 'no findings' : some.join(', ');
  return counts.accepted === 0 ? open : `${open}; ${counts.accepted} accepted`;
};

export const sumOf = (all: Iterable<Counts>): Counts => {
  const sum = { critical: 0, high: 0, medium: 0, low: 0, info: 0, accepted: 0 };
  for (const counts of all) for (const key of [...severities, 'accepted'] as const) sum[key] += counts[key];
  return sum;
};

export const plural = (count: number, one: string, many: string = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

const engineWords = ({ engine }: HostReport): string => {
  if (!engine) return 'Docker Engine: not asked';
  const { version, swarm, backend } = engine;
  return [
    version === undefined ? 'Docker Engine of unknown version' : `Docker Engine ${version}`,
    ...(swarm === undefined ? [] : [`Swarm ${swarm}`]),
    ...(backend === undefined ? [] : [`firewall backend ${backend}`]),
  ].join(', ');
};

const eraWords = ({ era }: HostReport): string =>
  era === undefined ? 'no rules of Docker' : `its rules are those of ${era}`;

export const rulesWords = ({ rules, kind }: HostReport): string =>
  `${kind === 'comparison' ? 'after: ' : ''}${plural(rules.iptables, 'iptables rule')}, ${plural(rules.nft, 'native rule')}`;

/** What Docker is on the host, as far as anybody said. */
export const dockerWords = (host: HostReport): readonly string[] =>
  host.kind === 'comparison' ? [] : [engineWords(host), eraWords(host)];

export const kindWords: Readonly<Record<HostReport['kind'], string>> = {
  live: 'this host',
  capture: 'a capture',
  rules: 'bare rules',
  comparison: 'two states of a host',
};

export const familyWords = { ip: 'IPv4', ip6: 'IPv6' } as const;

export const vniWords = ({ vni, port, family }: Pick<OverlayRow, 'vni' | 'port' | 'family'>): string =>
  `VNI ${vni} (0x${vni.toString(16)}), port ${port}, ${familyWords[family]}`;

/** `127.0.0.1:8000-8010/tcp`. */
export const portWords = ({ protocol, port, last, address }: ExposureRow): string => {
  const on = address === undefined ? '' : `${address.includes(':') ? `[${address}]` : address}:`;
  return `${on}${port}${last === undefined || last === port ? '' : `-${last}`}/${protocol}`;
};

/** The command that shows the witness's way, in words of a shell: program and files, then options. */
export const simulateCommand = (all: readonly string[], { packet, files = all }: Witness, host: string): string => {
  const given = files.length > 0 ? files : [`${host}.json`];
  const command = `dnfw simulate ${given.map(quoted).join(' ')} --packet '${visible(packet).replaceAll("'", `'\\''`)}'`;
  return files.length > 0 ? command : `dnfw capture -o ${quoted(`${host}.json`)} && ${command}`;
};

/** Where a reference can be read, for formats that have links. */
export const referenceUrl = (reference: string): string | undefined => {
  const cve = /^CVE-\d{4}-\d{4,}$/.exec(reference)?.[0];
  if (cve !== undefined) return `https://www.cve.org/CVERecord?id=${cve}`;
  const advisory = /^GHSA(?:-[0-9a-z]{4}){3}$/.exec(reference)?.[0];
  if (advisory !== undefined) return `https://github.com/advisories/${advisory}`;
  const [, project, number] = /^([a-z][a-z0-9-]*)#(\d+)$/.exec(reference) ?? [];
  return project === 'moby' && number !== undefined ? `https://github.com/moby/moby/issues/${number}` : undefined;
};

/** With the place that each has in the list. Accepted ones come last. */
export const worstFirst = (
  findings: readonly Finding[],
): readonly { readonly finding: Finding; readonly index: number }[] => {
  const weight = (finding: Finding): number => (isOpen(finding) ? rank(finding.severity) : severities.length);
  const numbered = findings.map((finding, index) => ({ finding, index }));
  return numbered.toSorted((a, b) => weight(a.finding) - weight(b.finding));
};

const worstOf = (findings: readonly Finding[]): Finding | undefined =>
  findings.filter(isOpen).toSorted((a, b) => rank(a.severity) - rank(b.severity))[0];

/** What to type next: the last line of a report. */
export const nextCommand = (worst: Finding | undefined, lacks: boolean, isLive: boolean): string => {
  if (worst && worst.severity !== 'info') return `dnfw audit --explain ${worst.code}`;
  if (lacks) return isLive ? 'sudo dnfw audit' : 'sudo dnfw capture -o HOST.json';
  return worst ? `dnfw audit --explain ${worst.code}` : 'dnfw status';
};

export interface Gist {
  readonly hosts: number;
  readonly counts: Counts;
  readonly worst: Finding | undefined;
  readonly lacks: boolean;
  readonly isLive: boolean;
  readonly broken: readonly BrokenHost[];
}

/** The report in figures: one way through the hosts. */
export const gistOf = ({ hosts, fleet, broken }: PrintableReport): Gist => {
  let counts = countsOf(fleet);
  let worst = worstOf(fleet);
  let [number, lacks, isLive] = [0, false, false];
  for (const host of hosts) {
    number++;
    counts = sumOf([counts, countsOf(host.findings)]);
    worst = worstOf([...(worst ? [worst] : []), ...host.findings]);
    lacks ||= host.lacks.length > 0;
    isLive ||= host.kind === 'live';
  }
  return { hosts: number, counts, worst, lacks, isLive, broken };
};

/** One host, and nothing that is about several. */
export const isSingle = ({ fleet, broken }: PrintableReport, { hosts }: Gist): boolean =>
  hosts === 1 && fleet.length === 0 && broken.length === 0;
