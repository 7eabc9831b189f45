/** `dnfw audit`: what Docker did to the firewall of one host or of many. */
import { existsSync } from 'node:fs';
import { isatty } from 'node:tty';
import { declared } from '../audit/declarations.ts';
import { type Applied, applyBaseline, newBaseline, readBaseline } from '../audit/baseline.ts';
import type { Finding, Severity } from '../audit/finding.ts';
import { inspectHost } from '../audit/inspect.ts';
import { explanation } from '../audit/report/explain.ts';
import { type Brush, plainBrush, type Setting } from '../audit/report/format.ts';
import { type FormatName, formats } from '../audit/report/formats.ts';
import { schemaVersion } from '../audit/report/json.ts';
import { counts } from '../audit/report/severity.ts';
import { colours } from '../audit/report/text.ts';
import type { Report } from '../audit/report/types.ts';
import { plural } from '../audit/report/words.ts';
import type { Source } from '../audit/source.ts';
import { type Diagnostic, EnvironmentError, isError } from '../diagnostics/diagnostic.ts';
import { readSources } from './audit-sources.ts';
import { exit, type ExitStatus } from './exit.ts';
import { readInput, writeAtomically, writeOut } from './files.ts';
import { coloursAllowed, report as tell, say } from './terminal.ts';
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

const chosen = (sources: readonly Source[], names: readonly string[] | undefined): readonly Source[] =>
  names === undefined ? sources : sources.filter(({ name }) => names.includes(name));

const statusOf = ({ hosts, fleet, broken }: Report, failOn: Severity | undefined): ExitStatus => {
  const fails = (findings: readonly Finding[]): boolean =>
    failOn !== undefined && findings.some((finding) => counts(finding, failOn));
  if (fails(fleet) || hosts.some(({ findings }) => fails(findings))) return exit.findings;
  return broken.length > 0 ? exit.usage : exit.done;
};

const writeFirst = (path: string, report: Report): void => {
  refuseToOverwrite(path);
  writeAtomically(path, [newBaseline(report, path.endsWith('.json'))]);
  const number = [report.fleet, ...report.hosts.map(({ findings }) => findings)]
    .flat()
    .filter(({ accepted }) => accepted === undefined).length;
  say(`wrote ${plural(number, 'finding')} to ${path}: write a reason for each, then give it with --baseline`);
};

const printed = (report: Report, flags: AuditFlags): void => {
  const setting: Setting = {
    version: version(),
    declared,
    brush: brushFor(flags.output),
    ...(flags.failOn === undefined ? {} : { failOn: flags.failOn }),
  };
  write(formats[flags.json ? 'json' : flags.format](report, setting), flags.output);
};

const inspected = (sources: readonly Source[], flags: AuditFlags, applied: Applied | undefined): Report['hosts'] => {
  const only = flags.only === undefined ? undefined : new Set(flags.only);
  return sources.map((source) => {
    const host = inspectHost(source, only);
    return applied ? applied.host(host) : host;
  });
};

export const auditFiles = async (files: readonly string[], flags: AuditFlags): Promise<ExitStatus> => {
  if (flags.explain !== undefined) return explain(flags.explain, flags);
  const unknown = flags.only?.find((code) => !codes.has(code));
  if (unknown !== undefined) return noSuchFinding(unknown);
  if (flags.writeBaseline !== undefined) refuseToOverwrite(flags.writeBaseline);
  const { applied, diagnostics } = flags.baseline === undefined ? { diagnostics: [] } : baselineOf(flags.baseline);
  tell(diagnostics);
  if (diagnostics.some(isError)) return exit.usage;
  const read = await readSources(files);
  tell(read.diagnostics);
  const missing = flags.host?.find((name) => ![...read.sources, ...read.broken].some((one) => one.name === name));
  if (missing !== undefined && read.sources.length > 0)
    return misused(`there is no host "${missing}"`, `there are ${read.sources.map(({ name }) => name).join(', ')}`);
  const sources = chosen(read.sources, flags.host);
  if (sources.length === 0) return exit.usage;
  const hosts = inspected(sources, flags, applied);
  const report: Report = { hosts, broken: read.broken, fleet: [], ...(applied ? { baseline: applied.use() } : {}) };
  if (applied) tell(applied.warnings());
  printed(report, flags);
  if (flags.writeBaseline !== undefined) writeFirst(flags.writeBaseline, report);
  return statusOf(report, flags.failOn);
};
