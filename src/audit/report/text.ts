/** The report for a terminal: worst first, at most 100 columns, with the next command as its last line. */
import { visible } from '../../diagnostics/render.ts';
import { wrapped } from '../../diagnostics/wrap.ts';
import { type Finding, jobs, type Severity } from '../finding.ts';
import type { Brush, Format } from './format.ts';
import { matrixLines } from './text-matrix.ts';
import { filesOf, findingLines } from './text-finding.ts';
import type { BaselineUse, BrokenHost, HostReport } from './types.ts';
import { countsOf, countWords, dockerWords, type Gist, gistOf, isSingle, jobTitles, kindWords, nextCommand, plural, rulesWords } from './words.ts'; // prettier-ignore

const byJob = (
  findings: readonly Finding[],
  host: Pick<HostReport, 'name' | 'files'> | undefined,
  brush: Brush,
): readonly string[] => {
  const seen = new Set<string>();
  return jobs.flatMap((job) => {
    const some = findings.filter((finding) => finding.job === job);
    if (some.length === 0) return [];
    const title = jobTitles[job];
    return [
      '',
      brush('strong', title),
      brush('faint', '-'.repeat(title.length)),
      ...some.flatMap((finding, index) => [
        ...(index === 0 ? [] : ['']),
        ...findingLines(finding, host?.files ?? filesOf(finding), host?.name ?? 'HOST', brush, seen),
      ]),
    ];
  });
};

/** What a host is, and how it stands. */
const headLines = (host: HostReport, brush: Brush): readonly string[] => {
  const { files, kind, taken, findings } = host;
  const from = files.length === 0 ? kindWords[kind] : `${kindWords[kind]}: ${files.join(', ')}`;
  const when = taken === undefined ? '' : `, read ${taken}`;
  const [first = '', ...more] = wrapped('', 2, `${host.name} (${from}${when})`);
  return [
    brush('strong', first),
    ...more,
    ...wrapped('  ', 2, [...dockerWords(host), rulesWords(host)].join('; ')),
    ...wrapped('  ', 2, countWords(countsOf(findings))),
  ];
};

const lackLines = ({ lacks }: HostReport, brush: Brush): readonly string[] =>
  lacks.length === 0
    ? []
    : [
        '',
        brush('strong', 'Not looked at: nothing is said about this'),
        ...lacks.flatMap((lack) => wrapped('  - ', 4, lack)),
      ];

const hostLines = (host: HostReport, brush: Brush): readonly string[] => [
  ...headLines(host, brush),
  ...byJob(host.findings, host, brush),
  ...lackLines(host, brush),
];

const brokenLines = (broken: readonly BrokenHost[], brush: Brush): readonly string[] =>
  broken.length === 0
    ? []
    : [
        '',
        brush('strong', `Not audited: ${plural(broken.length, 'host')} could not be read`),
        ...broken.flatMap(({ name, why }) => wrapped('  - ', 4, `${name}: ${why}`)),
      ];

const staleLines = (baseline: BaselineUse | undefined, brush: Brush): readonly string[] =>
  baseline === undefined || baseline.stale.length === 0
    ? []
    : [
        '',
        brush('strong', 'Entries of the baseline that accept nothing: they can go'),
        ...baseline.stale.flatMap(({ file, line, code, subject, host, until }) =>
          wrapped(
            '  - ',
            4,
            `${file}:${line}: ${code}${subject === undefined ? '' : `, ${subject}`}${host === undefined ? '' : ` on ${host}`}${until === undefined ? '' : `, ended ${until}`}`,
          ),
        ),
      ];

const fleetHead = ({ hosts, counts, broken }: Gist, brush: Brush): readonly string[] => [
  brush('strong', `${plural(hosts, 'host')} audited${broken.length > 0 ? `, ${broken.length} not` : ''}`),
  `  ${countWords(counts)}`,
];

const rule = '='.repeat(100);

const lined = (lines: readonly string[]): string => (lines.length === 0 ? '' : `${lines.join('\n')}\n`);

export const text: Format = function* (report, { brush }) {
  const gist = gistOf(report);
  const single = isSingle(report, gist);
  if (!single) {
    yield lined(fleetHead(gist, brush));
    yield lined(matrixLines(report, brush));
    yield lined(brokenLines(report.broken, brush));
    if (report.fleet.length > 0) yield lined(['', brush('strong', 'All hosts together'), ...byJob(report.fleet, undefined, brush)]); // prettier-ignore
  }
  for (const host of report.hosts)
    yield lined([...(single ? [] : ['', brush('faint', rule)]), ...hostLines(host, brush)]);
  yield lined(staleLines(report.baseline, brush));
  const next = nextCommand(gist.worst, gist.lacks, gist.isLive);
  yield lined(['', `next: ${brush('strong', visible(next))}`]);
};

/** For `Brush`: the colours of severities, as parameters of SGR. */
export const colours: Readonly<Record<Severity | 'strong' | 'faint', string>> = {
  critical: '1;97;41',
  high: '1;31',
  medium: '1;33',
  low: '36',
  info: '34',
  strong: '1',
  faint: '2',
};
