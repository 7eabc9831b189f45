/** Findings that somebody knows of and leaves, each with the reason: read, applied to reports, and written for the first time. */
import { type Diagnostic, isError, type Outcome, type Span } from '../diagnostics/diagnostic.ts';
import { readYaml, type YamlFile, type YamlUse } from '../guard/policy-yaml.ts';
import type { Input } from '../iptables/parse.ts';
import type { Finding } from './finding.ts';
import type { BaselineUse, HostReport, PrintableReport } from './report/types.ts';

export interface BaselineEntry {
  readonly code: string;
  /** Without it, every finding of the code. */
  readonly subject?: string;
  /** Without it, every host, and what is found of all together. */
  readonly host?: string;
  readonly reason: string;
  /** The last day on which it counts, as 2027-03-31. */
  readonly until?: string;
  readonly span: Span;
}

export interface Baseline {
  readonly file: string;
  readonly entries: readonly BaselineEntry[];
}

const use: YamlUse = {
  what: 'a baseline',
  syntax: 'baseline-syntax',
  twice: 'baseline-twice',
  once: 'write every entry out',
};

/** What `--write-baseline` writes for a reason: somebody has to put one there. */
const unwritten = '…';

const keys = ['code', 'subject', 'host', 'reason', 'until'] as const;
type Key = (typeof keys)[number];
const isKey = (key: string): key is Key => keys.some((one) => one === key);

const isDay = (text: string): boolean => {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined;
  return day !== undefined && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
};

interface Mistake {
  readonly what: string;
  readonly help: string;
  readonly span: Span;
}

const mistakesIn = (entry: object, at: number, file: YamlFile, codes: ReadonlySet<string>): readonly Mistake[] => {
  const found: Mistake[] = [];
  const values = new Map<string, unknown>(Object.entries(entry));
  for (const [key, value] of values)
    if (!isKey(key))
      found.push({
        what: `an entry has no key ${key}`,
        help: `the keys are ${keys.join(', ')}`,
        span: file.keySpanOf([at, key]),
      });
    else if (typeof value !== 'string' || value.trim() === '')
      found.push({
        what: `${key} has to be text`,
        help: 'put it in quotes, or leave it out',
        span: file.spanOf([at, key]),
      });
  const code = values.get('code');
  if (!values.has('code'))
    found.push({
      what: 'the entry does not say `code`',
      help: 'write which finding it is about',
      span: file.spanOf([at]),
    });
  else if (typeof code === 'string' && !codes.has(code))
    found.push({
      what: `there is no finding ${code}`,
      help: 'dnfw-findings(7) lists them',
      span: file.spanOf([at, 'code']),
    });
  const reason = values.get('reason');
  if (!values.has('reason'))
    found.push({
      what: 'the entry does not say `reason`',
      help: 'write why the finding is left as it is',
      span: file.spanOf([at]),
    });
  else if (reason === unwritten)
    found.push({
      what: 'the reason is not written yet',
      help: 'write why the finding is left as it is',
      span: file.spanOf([at, 'reason']),
    });
  const until = values.get('until');
  if (typeof until === 'string' && !isDay(until))
    found.push({
      what: `${until} is no day`,
      help: 'write the last day as in 2027-03-31',
      span: file.spanOf([at, 'until']),
    });
  return found;
};

/** `codes`: of all findings that there are. With an error among the diagnostics there is no baseline. */
export const readBaseline = (input: Input, codes: ReadonlySet<string>): Outcome<Baseline | undefined> => {
  const file = readYaml(input, use);
  if (file.diagnostics.some(isError)) return { value: undefined, diagnostics: file.diagnostics };
  const { data } = file;
  const error = (code: Diagnostic['code'], { what, help, span }: Mistake): Diagnostic => ({
    code,
    severity: 'error',
    what,
    help,
    span,
  });
  const form = 'write a list of entries, each with code, reason, and subject, host and until where they are wanted';
  // An empty file is a list of nothing.
  if (data === undefined || data === null) return { value: { file: input.name, entries: [] }, diagnostics: [] };
  if (!Array.isArray(data))
    return {
      value: undefined,
      diagnostics: [error('baseline-syntax', { what: 'a baseline is a list', help: form, span: file.spanOf([]) })],
    };
  const values: readonly unknown[] = data;
  const mistakes = values.flatMap((entry, at): readonly Mistake[] =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? mistakesIn(entry, at, file, codes)
      : [{ what: 'this is no entry', help: form, span: file.spanOf([at]) }],
  );
  if (mistakes.length > 0)
    return { value: undefined, diagnostics: mistakes.map((one) => error('baseline-entry', one)) };
  const entries = values.map((entry, at): BaselineEntry => ({
    ...(entry as Omit<BaselineEntry, 'span'>),
    span: file.spanOf([at, 'code']),
  }));
  return { value: { file: input.name, entries }, diagnostics: [] };
};

export interface Applied {
  readonly host: (report: HostReport) => HostReport;
  readonly fleet: (findings: readonly Finding[]) => readonly Finding[];
  /** When all hosts have been through. */
  readonly use: () => BaselineUse;
  readonly warnings: () => readonly Diagnostic[];
}

const about = ({ code, subject, host }: BaselineEntry): string =>
  [code, ...(subject === undefined ? [] : [subject]), ...(host === undefined ? [] : [`on ${host}`])].join(', ');

/** `today` as 2027-03-31. An entry counts on its last day. Hosts may come one by one, and are not kept. */
export const applyBaseline = ({ file, entries }: Baseline, today: string): Applied => {
  const used = new Set<BaselineEntry>();
  /** Those whose finding was looked for where they want it: only then nothing found means something. */
  const asked = new Set<BaselineEntry>();
  const isOver = ({ until }: BaselineEntry): boolean => until !== undefined && until < today;
  const mark = (finding: Finding, host: string | undefined): Finding => {
    const matching = entries.filter(
      (entry) =>
        entry.code === finding.code &&
        (entry.subject ?? finding.subject) === finding.subject &&
        (entry.host === undefined || entry.host === host),
    );
    for (const entry of matching) (isOver(entry) ? asked : used).add(entry);
    const counting = matching.find((entry) => !isOver(entry));
    if (!counting) return finding;
    const { reason, until } = counting;
    return { ...finding, accepted: { reason, ...(until === undefined ? {} : { until }) } };
  };
  const stale = (): readonly BaselineEntry[] => entries.filter((entry) => asked.has(entry) && !used.has(entry));
  return {
    host: (report) => {
      for (const entry of entries)
        if ((entry.host === undefined || entry.host === report.name) && report.looked.includes(entry.code))
          asked.add(entry);
      return { ...report, findings: report.findings.map((finding) => mark(finding, report.name)) };
    },
    fleet: (findings) => findings.map((finding) => mark(finding, undefined)),
    use: () => ({
      file,
      stale: stale().map((entry) => {
        const { code, subject, host, until, span } = entry;
        return {
          file: span.file,
          line: span.line,
          code,
          ...(subject === undefined ? {} : { subject }),
          ...(host === undefined ? {} : { host }),
          ...(isOver(entry) && until !== undefined ? { until } : {}),
        };
      }),
    }),
    warnings: () =>
      stale().map((entry) => ({
        code: 'baseline-stale',
        severity: 'warning',
        what: isOver(entry)
          ? `this entry ended ${entry.until}: ${about(entry)}`
          : `nothing is found that this entry accepts: ${about(entry)}`,
        help: isOver(entry) ? 'mend what it is about, or write a later day' : 'take it out',
        span: entry.span,
      })),
  };
};

/** A first baseline of everything that is not accepted yet; in JSON if the file is to be called so. */
export const newBaseline = ({ hosts, fleet }: PrintableReport, isJson: boolean): string => {
  const of = (findings: readonly Finding[], host: string | undefined): readonly object[] =>
    findings
      .filter(({ accepted }) => accepted === undefined)
      .map(({ code, subject }) => ({ code, subject, ...(host === undefined ? {} : { host }), reason: unwritten }));
  const entries = [...of(fleet, undefined), ...Array.from(hosts, ({ name, findings }) => of(findings, name)).flat()];
  if (isJson) return `${JSON.stringify(entries, null, 2)}\n`;
  // Strings of JSON are strings of YAML.
  const lines = entries.map(
    (entry) =>
      `- ${Object.entries(entry)
        .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
        .join('\n  ')}`,
  );
  return `${['# Findings that are known and left as they are: dnfw-audit(1). Write a reason for each.', ...(lines.length === 0 ? ['[]'] : lines)].join('\n')}\n`;
};
