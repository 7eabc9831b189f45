/** JUnit's XML: a suite for each host, a test case for each finding that was or was not looked for. */
import type { Finding, Severity } from '../finding.ts';
import { plainBrush, type Declaration, type Format } from './format.ts';
import { counts } from './severity.ts';
import { findingLines } from './text-finding.ts';
import type { BrokenHost, HostReport, PrintableReport } from './types.ts';
import { plural } from './words.ts';
import { element, openTag } from './xml.ts';

/** Without `--fail-on`: what is only told (`info`) fails no test. */
const usual: Severity = 'low';

interface Tally {
  readonly tests: number;
  readonly failures: number;
  readonly skipped: number;
  readonly errors: number;
}

interface Suite extends Tally {
  readonly name: string;
  readonly cases: readonly string[];
}

const bodyOf = (findings: readonly Finding[], { files, name }: Pick<HostReport, 'files' | 'name'>): string =>
  findings.map((finding) => findingLines(finding, files, name, plainBrush).join('\n')).join('\n\n');

const caseOf = (
  { code, title, job }: Pick<Declaration, 'code' | 'title' | 'job'>,
  inner: readonly string[],
): string => {
  const open = openTag('testcase', { name: `${code}: ${title}`, classname: `dnfw.${job}.${code}` });
  return inner.length === 0 ? `${open.slice(0, -1)}/>` : [open, ...inner, '</testcase>'].join('\n');
};

const headOf = (failing: readonly Finding[]): string => {
  const [first] = failing;
  const more = failing.length - 1;
  return `${first?.severity ?? ''}: ${first?.subject ?? ''}${more > 0 ? ` and ${plural(more, 'other')}` : ''}`;
};

/** One test case may have one failure: all findings of a code are told in it. Those that do not count are told beside. */
const innerOf = (
  findings: readonly Finding[],
  host: Pick<HostReport, 'files' | 'name'>,
  failOn: Severity,
): readonly string[] => {
  const failing = findings.filter((finding) => counts(finding, failOn));
  const told = findings.filter((finding) => !counts(finding, failOn));
  return [
    ...(failing.length > 0 ? [element('failure', { type: failing[0]?.severity ?? '', message: headOf(failing) }, bodyOf(failing, host))] : []), // prettier-ignore
    ...(told.length > 0 ? [element('system-out', {}, bodyOf(told, host))] : []),
  ];
};

const suiteOf = (
  host: Pick<HostReport, 'files' | 'name' | 'findings' | 'looked' | 'left'>,
  declared: ReadonlyMap<string, Declaration>,
  failOn: Severity,
): Suite => {
  const about = (code: string): Pick<Declaration, 'code' | 'title' | 'job'> =>
    declared.get(code) ??
    host.findings.find((finding) => finding.code === code) ?? { code, title: code, job: 'hygiene' };
  // What was found was looked for, whatever the report says.
  const codes = [...new Set([...host.looked, ...host.findings.map(({ code }) => code)])];
  const cases = codes.map((code) => {
    const findings = host.findings.filter((finding) => finding.code === code);
    const failed = findings.some((finding) => counts(finding, failOn));
    return { failed, text: caseOf(about(code), innerOf(findings, host, failOn)) };
  });
  const left = host.left.map(({ code, because }) =>
    caseOf(about(code), [element('skipped', { message: `not known: ${because.join(', ')}` })]),
  );
  return {
    name: host.name,
    tests: cases.length + left.length,
    failures: cases.filter(({ failed }) => failed).length,
    skipped: left.length,
    errors: 0,
    cases: [...cases.map(({ text }) => text), ...left],
  };
};

const brokenSuite = ({ name, why, files }: BrokenHost): Suite => ({
  name,
  tests: 1,
  failures: 0,
  skipped: 0,
  errors: 1,
  cases: [
    caseOf({ code: 'read', title: 'the host can be read', job: 'hygiene' }, [
      element('error', { type: 'unreadable', message: why }, `${files.join(', ')}: ${why}`),
    ]),
  ],
});

const suitesOf = function* (
  { hosts, broken, fleet }: PrintableReport,
  declared: ReadonlyMap<string, Declaration>,
  failOn: Severity,
): Generator<Suite> {
  if (fleet.length > 0) yield suiteOf({ name: 'all hosts together', files: [], findings: fleet, looked: [], left: [] }, declared, failOn); // prettier-ignore
  for (const host of hosts) yield suiteOf(host, declared, failOn);
  for (const host of broken) yield brokenSuite(host);
};

const tallied = ({ tests, failures, errors, skipped }: Tally): Readonly<Record<string, number>> => ({ tests, failures, errors, skipped }); // prettier-ignore

/** Twice through the hosts: the figures stand in front. */
export const junit: Format = function* (report, setting) {
  const declared = new Map(setting.declared.map((one) => [one.code, one]));
  const failOn = setting.failOn ?? usual;
  const total = { tests: 0, failures: 0, errors: 0, skipped: 0 };
  for (const suite of suitesOf(report, declared, failOn))
    for (const key of ['tests', 'failures', 'errors', 'skipped'] as const) total[key] += suite[key];
  yield `<?xml version="1.0" encoding="UTF-8"?>\n${openTag('testsuites', { name: 'dnfw audit', ...tallied(total) })}\n`;
  for (const suite of suitesOf(report, declared, failOn))
    yield `${openTag('testsuite', { name: suite.name, ...tallied(suite) })}\n${suite.cases.join('\n')}\n</testsuite>\n`;
  yield '</testsuites>\n';
};
