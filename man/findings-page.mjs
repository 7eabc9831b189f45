// The page of the findings of `dnfw audit`, from their declarations.
import { argument, bySpelling, dated, list, sentences, text } from './roff.mjs';

const byCode = (a, b) => bySpelling({ name: a.code }, { name: b.code });

const facts = ({ needs: wanted, references }, needs) => [
  wanted.length === 0
    ? 'It needs the rules alone.'
    : `Beside the rules, it needs ${text(list(wanted.map((need) => needs[need]), 'and'))}.`, // prettier-ignore
  ...(references?.length ? [`See ${text(references.join(', '))}.`] : []),
];

const entry = (finding, needs) => [
  `.Ss ${argument(finding.code)}`,
  `${text(finding.title)}.`,
  `.Pq ${finding.severity}`,
  '.Pp',
  ...sentences(finding.about),
  ...(finding.silent ? ['.Pp', 'Not reported where:', ...sentences(finding.silent)] : []),
  '.Pp',
  ...facts(finding, needs),
];

/** Sections are jobs, in the order of reports; `declared` are the declarations of all findings. */
export const findingsPage = ({ declared, needs, jobs, severities, jobTitles }) => {
  const some = jobs.map((job) => ({ job, findings: declared.filter((one) => one.job === job).sort(byCode) }));
  const worstFirst = (a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity) || byCode(a, b);
  return `${[
    '.\\" Made by man/generate.mjs from src/audit/. Change the declarations, not this file.',
    `.Dd ${dated}`,
    '.Dt DNFW-FINDINGS 7',
    '.Os',
    '.Sh NAME',
    '.Nm dnfw-findings',
    '.Nd what dnfw audit finds',
    '.Sh DESCRIPTION',
    'This page lists the findings of',
    '.Xr dnfw-audit 1',
    'by what somebody who reads them wants to get done.',
    'Each has a code, which is never changed; its usual severity, which a single finding may differ from; what it is and what is looked at; and what it rests on.',
    'Where that is not known of a host, the finding is not looked for, and the report says so.',
    '.Ss All findings at a glance',
    '.Bl -column "overlay-drop-behind-accept-xx" "critical" "what it is"',
    '.It Sy Code Ta Sy Severity Ta Sy Finding',
    ...declared
      .toSorted(worstFirst)
      .map(({ code, severity, title }) => `.It ${argument(code)} Ta ${severity} Ta ${argument(title)}`),
    '.El',
    ...some.flatMap(({ job, findings }) =>
      findings.length === 0
        ? []
        : [`.Sh ${text(jobTitles[job].toUpperCase())}`, ...findings.flatMap((one) => entry(one, needs))],
    ),
    '.Sh SEE ALSO',
    '.Xr dnfw-audit 1 ,',
    '.Xr dnfw-simulate 1 ,',
    '.Xr dnfw 8',
  ].join('\n')}\n`;
};
