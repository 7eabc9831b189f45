/** `dnfw audit`: what Docker did to the firewall of one host or of many. */
import { existsSync } from 'node:fs';
import { isatty } from 'node:tty';
import { declared } from '../audit/declarations.ts';
import { type Applied, applyBaseline, newBaseline, readBaseline } from '../audit/baseline.ts';
import type { Finding, Severity } from '../audit/finding.ts';
import { fleetFindings } from '../audit/fleet/registry.ts';
import type { HostSummary } from '../audit/fleet/summary.ts';
import { explanation } from '../audit/report/explain.ts';
import { type Brush, plainBrush, type Setting } from '../audit/report/format.ts';
import { type FormatName, formats } from '../audit/report/formats.ts';
import { schemaVersion } from '../audit/report/json.ts';
import { counts } from '../audit/report/severity.ts';
import { colours } from '../audit/report/text.ts';
import type { HostReport, PrintableReport, Report } from '../audit/report/types.ts';
import { plural } from '../audit/report/words.ts';
import { type Diagnostic, EnvironmentError, isError } from '../diagnostics/diagnostic.ts';
import { jobsFor } from './audit-jobs.ts';
import { pack, type Packed, unpack, unpacked } from './audit-packed.ts';
import { runJobs } from './audit-pool.ts';
import { exit, type ExitStatus } from './exit.ts';
import { readInput, writeAtomically, writeOut } from './files.ts';
import { coloursAllowed, progress, report as tell, say } from './terminal.ts';
import { version } from './version.ts';

export interface AuditFlags {
  readonly format: FormatName;
  readonly json?: boolean;
  readonly output?: string;
  readonly failOn?: Severity;
  readonly baseline?: string;
  readonly writeBaseline?: string;
  readonly explain?: string;
  readonly only?: readonly string[];
  readonly host?: readonly string[];
  readonly before?: readonly string[];
  readonly after?: readonly string[];
}

const codes: ReadonlySet<string> = new Set(declared.map(({ code }) => code));

const coloured: Brush = (style, text) => (text === '' ? '' : `\u001b[${colours[style]}m${text}\u001b[0m`);

/** By the descriptor: to touch process.stdout would make a pipe non-blocking. */
const brushFor = (output: string | undefined): Brush =>
  output === undefined && coloursAllowed(isatty(1)) ? coloured : plainBrush;

const misused = (what: string, help: string): ExitStatus => {
  tell([{ code: 'usage', severity: 'error', what, help }]);
  return exit.usage;
};

const noSuchFinding = (code: string): ExitStatus =>
  misused(`there is no finding "${code}"`, `it has to be one of ${[...codes].join(', ')}`);

const write = (chunks: Iterable<string>, output: string | undefined): void => {
  if (output === undefined) writeOut(chunks);
  else writeAtomically(output, chunks);
};

const explain = (code: string, { json, output }: AuditFlags): ExitStatus => {
  const rule = declared.find((one) => one.code === code);
  if (!rule) return noSuchFinding(code);
  const { severity, job, title, about, silent, references, needs } = rule;
  const text = json
    ? JSON.stringify({ schemaVersion, code, severity, job, title, about, silent, references: references ?? [], needs }, null, 2) // prettier-ignore
    : explanation(rule, brushFor(output)).join('\n');
  write([`${text}\n`], output);
  return exit.done;
};

/** As the clock of this machine has it: what ends on a day ends with the operator's day. */
const today = (): string => {
  const now = new Date();
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
};

const baselineOf = (path: string): { readonly applied?: Applied; readonly diagnostics: readonly Diagnostic[] } => {
  const { value, diagnostics } = readBaseline(readInput(path), codes);
  return { ...(value ? { applied: applyBaseline(value, today()) } : {}), diagnostics };
};

const refuseToOverwrite = (path: string): void => {
  if (existsSync(path))
    throw new EnvironmentError('baseline-exists', `${path} is there already`, {
      help: 'name another file, or add to this one by hand what --format json shows',
    });
};

const statusOf = ({ hosts, fleet, broken }: PrintableReport, failOn: Severity | undefined): ExitStatus => {
  const fails = (findings: readonly Finding[]): boolean =>
    failOn !== undefined && findings.some((finding) => counts(finding, failOn));
  if (fails(fleet)) return exit.findings;
  if (failOn !== undefined) for (const { findings } of hosts) if (fails(findings)) return exit.findings;
  return broken.length > 0 ? exit.usage : exit.done;
};

const writeFirst = (path: string, report: PrintableReport): void => {
  refuseToOverwrite(path);
  writeAtomically(path, [newBaseline(report, path.endsWith('.json'))]);
  const isNew = ({ accepted }: Finding): boolean => accepted === undefined;
  let number = report.fleet.filter(isNew).length;
  for (const { findings } of report.hosts) number += findings.filter(isNew).length;
  say(`wrote ${plural(number, 'finding')} to ${path}: write a reason for each, then give it with --baseline`);
};

const printed = (report: PrintableReport, flags: AuditFlags): void => {
  const setting: Setting = {
    version: version(),
    declared,
    brush: brushFor(flags.output),
    ...(flags.failOn === undefined ? {} : { failOn: flags.failOn }),
  };
  write(formats[flags.json ? 'json' : flags.format](report, setting), flags.output);
};

/** What was read and found; a status instead where nothing can be said. */
interface Gathered {
  readonly hosts: readonly Packed[];
  /** What is compared with other hosts. */
  readonly summaries: readonly HostSummary[];
  readonly broken: Report['broken'];
}

/** A comparison of two states looks for the same things always: others are left out of what it tells. */
const narrowed = (host: HostReport, only: ReadonlySet<string> | undefined): HostReport =>
  only === undefined
    ? host
    : {
        ...host,
        findings: host.findings.filter(({ code }) => only.has(code)),
        looked: host.looked.filter((code) => only.has(code)),
      };

const compared = async (
  files: readonly string[],
  { before, after, host, only }: AuditFlags,
): Promise<Gathered | ExitStatus> => {
  if (!before || !after || files.length > 0 || host)
    return misused(
      '--before and --after go together, without other files or --host',
      'dnfw audit --before A --after B',
    );
  const { auditBefore } = await import('./audit-before.ts');
  const { value, diagnostics } = await auditBefore(before, after);
  tell(diagnostics);
  return value ? { hosts: [pack(narrowed(value, only && new Set(only)))], summaries: [], broken: [] } : exit.usage;
};

const gathered = async (files: readonly string[], { host, only }: AuditFlags): Promise<Gathered | ExitStatus> => {
  const jobs = jobsFor(files);
  const options = { ...(only ? { only } : {}), ...(host ? { names: host } : {}) };
  const done = await runJobs(jobs, options, progress('audited', 'hosts'));
  tell(done.flatMap(({ diagnostics }) => diagnostics));
  const read = done.flatMap((one) => one.read);
  const missing = host?.find((name) => !read.includes(name));
  if (missing !== undefined) return misused(`there is no host "${missing}"`, `there are ${read.join(', ')}`);
  const hosts = done.flatMap((one) => one.hosts);
  const broken = done.flatMap((one) => one.broken);
  if (hosts.length === 0 && jobs.length === 1) return exit.usage;
  return { hosts: hosts.map(({ report }) => report), summaries: hosts.map(({ summary }) => summary), broken };
};

export const auditFiles = async (files: readonly string[], flags: AuditFlags): Promise<ExitStatus> => {
  if (flags.explain !== undefined) return explain(flags.explain, flags);
  // Without a code nothing would be looked for, and a pipeline with an empty variable would pass.
  const unknown = flags.only?.length === 0 ? '' : flags.only?.find((code) => !codes.has(code));
  if (unknown !== undefined) return noSuchFinding(unknown);
  if (flags.writeBaseline !== undefined) refuseToOverwrite(flags.writeBaseline);
  const { applied, diagnostics } = flags.baseline === undefined ? { diagnostics: [] } : baselineOf(flags.baseline);
  tell(diagnostics);
  if (diagnostics.some(isError)) return exit.usage;
  const found = await (flags.before || flags.after ? compared(files, flags) : gathered(files, flags));
  if (typeof found === 'number') return found;
  // A baseline counts what it has accepted: every host is shown to it once.
  const hosts = unpacked(applied ? found.hosts.map((one) => pack(applied.host(unpack(one)))) : found.hosts);
  const together = fleetFindings(found.summaries, flags.only && new Set(flags.only));
  const fleet = applied ? applied.fleet(together) : together;
  const report: PrintableReport = {
    hosts,
    broken: found.broken,
    fleet,
    ...(applied ? { baseline: applied.use() } : {}),
  };
  if (applied) tell(applied.warnings());
  printed(report, flags);
  if (flags.writeBaseline !== undefined) writeFirst(flags.writeBaseline, report);
  return statusOf(report, flags.failOn);
};
