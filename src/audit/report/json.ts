/** The report as JSON: report.schema.json says what is in it. */
import { severities } from '../finding.ts';
import type { Format } from './format.ts';
import { countsOf, gistOf } from './words.ts';

/** It changes when a field changes its meaning or goes away. */
export const schemaVersion = 1;

/** A value, each of its lines but the first behind `indent` blanks. */
const indented = (value: unknown, indent: number): string =>
  JSON.stringify(value, null, 2).replaceAll('\n', `\n${' '.repeat(indent)}`);

export const json: Format = function* (report, { version }) {
  const { hosts, counts } = gistOf(report);
  yield `{\n  "schemaVersion": ${schemaVersion},\n  "dnfw": ${JSON.stringify(version)},\n`;
  yield `  "summary": ${indented({ hosts, broken: report.broken.length, ...Object.fromEntries(severities.map((severity) => [severity, counts[severity]])), accepted: counts.accepted }, 2)},\n`;
  yield '  "hosts": [';
  let first = true;
  for (const host of report.hosts) {
    const { critical, high, medium, low, info, accepted } = countsOf(host.findings);
    yield `${first ? '' : ','}\n    ${indented({ ...host, summary: { critical, high, medium, low, info, accepted } }, 4)}`;
    first = false;
  }
  yield `${first ? '' : '\n  '}],\n  "broken": ${indented(report.broken, 2)},\n  "fleet": ${indented(report.fleet, 2)}`;
  if (report.baseline) yield `,\n  "baseline": ${indented(report.baseline, 2)}`;
  yield '\n}\n';
};
