/** Markdown for comments on pull requests: a table that says it all, and the details folded below. */
import { type Finding, jobs } from '../finding.ts';
import type { Format } from './format.ts';
import { block, code, inHtml, inline, row } from './markdown-text.ts';
import { type Cell, matrixOf } from './matrix.ts';
import { filesOf, place } from './text-finding.ts';
import type { BaselineUse, BrokenHost, ExposureRow, HostReport, OverlayRow, PrintableReport } from './types.ts';
import { countsOf, countWords, dockerWords, familyWords, gistOf, isSingle, jobTitles, nextCommand, plural, portWords, referenceUrl, rulesWords, simulateCommand, vniWords, worstFirst } from './words.ts'; // prettier-ignore

const severityWord = ({ severity, accepted }: Finding): string =>
  accepted ? `accepted (${severity})` : severity.toUpperCase();

const tableLines = (findings: readonly Finding[]): readonly string[] =>
  findings.length === 0
    ? []
    : [
        '',
        row('severity', 'finding', 'about', 'code'),
        row('---', '---', '---', '---'),
        ...worstFirst(findings).map(({ finding }) =>
          row(
            severityWord(finding),
            inline(finding.title),
            code(finding.subject, 'table'),
            code(finding.code, 'table'),
          ),
        ),
      ];

const reference = (name: string): string => {
  const url = referenceUrl(name);
  return url === undefined ? inline(name) : `[${inline(name)}](${url})`;
};

const detailLines = (finding: Finding, host: Pick<HostReport, 'name' | 'files'>): readonly string[] => {
  const { title, subject, what, means, accepted, evidence, witness, fix, references } = finding;
  return [
    '',
    `<details><summary><b>${severityWord(finding)}</b> ${inHtml(title)}: ${inHtml(subject)}</summary>`,
    '',
    ...(accepted ? [`**Accepted**${accepted.until === undefined ? '' : ` until ${inline(accepted.until)}`}: ${inline(accepted.reason)}`, ''] : []), // prettier-ignore
    inline(what),
    '',
    inline(means),
    ...(evidence.length === 0
      ? []
      : [
          '',
          row('rule', 'where', ''),
          row('---', '---', '---'),
          ...evidence.map((one) => row(code(one.text, 'table'), code(place(one), 'table'), inline(one.note ?? ''))),
        ]),
    ...(witness
      ? [
          '',
          `A packet that shows it, ${inline(witness.verdict)} at ${witness.hook === 'all' ? 'the end of its way' : witness.hook}:`,
          '',
          ...block([simulateCommand(host.files, witness, host.name)], 'sh'),
          '',
          ...block(witness.trace),
        ]
      : []),
    ...fix.flatMap((one) => ['', `Fix: ${inline(one.what)}`, '', ...block(one.commands, 'sh')]),
    ...(references.length === 0 ? [] : ['', `See ${references.map(reference).join(', ')}.`]),
    '',
    '</details>',
  ];
};

const folded = (summary: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : ['', `<details><summary>${summary}</summary>`, '', ...lines, '', '</details>'];

const overlayLines = (rows: readonly OverlayRow[]): readonly string[] =>
  rows.length === 0
    ? []
    : [
        row('overlay', 'network', 'MARK', 'ACCEPT', 'DROP', 'guard', 'clear packet'),
        row('---', '---', '---', '---', '---', '---', '---'),
        ...rows.map(
          (one) =>
          row(vniWords(one), code(one.network ?? '', 'table'), String(one.mark ?? 'not known'), String(one.accept ?? 'not known'), String(one.drop ?? 'not known'), one.guard ? 'yes' : 'no', one.clear ?? 'not known'), // prettier-ignore
        ),
      ];

const exposureLines = (rows: readonly ExposureRow[]): readonly string[] =>
  rows.length === 0
    ? []
    : [
        row('port', 'behind it', 'from anywhere', 'its networks', 'containers', 'this host'),
        row('---', '---', '---', '---', '---', '---'),
        ...rows.map(
          (one) =>
          row(code(`${portWords(one)} ${familyWords[one.family]}`, 'table'), `${one.kind}: ${code(one.behind, 'table')}`, one.reach.anywhere, one.reach.network, one.reach.containers, one.reach.host), // prettier-ignore
        ),
      ];

const hostLines = (host: HostReport): readonly string[] => [
  '',
  `### ${inline(host.name)}: ${countWords(countsOf(host.findings))}`,
  '',
  inline([...dockerWords(host), rulesWords(host)].join('; ')),
  ...tableLines(host.findings),
  ...jobs.flatMap((job) => {
    const some = host.findings.filter((finding) => finding.job === job);
    return some.length === 0 ? [] : ['', `#### ${jobTitles[job]}`, ...some.flatMap((one) => detailLines(one, host))];
  }),
  ...folded('Encrypted overlays', overlayLines(host.overlays)),
  ...folded('Who reaches which port', exposureLines(host.exposure)),
  ...folded(
    `Not looked at: ${plural(host.lacks.length, 'thing')}`,
    host.lacks.map((lack) => `* ${inline(lack)}`),
  ),
];

const cellWords: Readonly<Record<Cell, string>> = {
  critical: '**CRITICAL**',
  high: '**HIGH**',
  medium: 'medium',
  low: 'low',
  info: 'info',
  accepted: 'accepted',
  none: '',
  left: '?',
};

const matrixLines = (report: PrintableReport): readonly string[] => {
  const { columns, rows } = matrixOf(report);
  if (columns.length === 0) return [];
  return [
    '',
    row('host', ...columns.map((column) => code(column.code, 'table'))),
    row('---', ...columns.map(() => ':---:')),
    ...rows.map(({ name, cells }) => row(inline(name), ...cells.map((cell) => cellWords[cell]))),
    '',
    'Empty: looked for and not there. ?: not looked for.',
  ];
};

const brokenLines = (broken: readonly BrokenHost[]): readonly string[] =>
  broken.length === 0
    ? []
    : ['', `### Not audited: ${plural(broken.length, 'host')}`, '', ...broken.map(({ name, why }) => `* ${inline(name)}: ${inline(why)}`)]; // prettier-ignore

const staleLines = (baseline: BaselineUse | undefined): readonly string[] =>
  folded(
    'Entries of the baseline that accept nothing',
    (baseline?.stale ?? []).map(
      ({ file, line, code: which, subject, host }) =>
      `* ${code(`${file}:${line}`)}: ${inline([which, subject, host].filter((part) => part !== undefined).join(', '))}`, // prettier-ignore
    ),
  );

const lined = (lines: readonly string[]): string => (lines.length === 0 ? '' : `${lines.join('\n')}\n`);

export const markdown: Format = function* (report) {
  const gist = gistOf(report);
  yield lined(['## dnfw audit', '', `${plural(gist.hosts, 'host')}: ${countWords(gist.counts)}`]);
  if (!isSingle(report, gist)) {
    yield lined(matrixLines(report));
    yield lined(brokenLines(report.broken));
    if (report.fleet.length > 0)
      yield lined(['', '### All hosts together', ...tableLines(report.fleet), ...report.fleet.flatMap((one) => detailLines(one, { name: 'HOST', files: filesOf(one) }))]); // prettier-ignore
  }
  for (const host of report.hosts) yield lined(hostLines(host));
  yield lined(staleLines(report.baseline));
  yield lined(['', `Next: ${code(nextCommand(gist.worst, gist.lacks, gist.isLive))}`]);
};
