/** One finding as lines of at most 100 columns. */
import { wrapped } from '../../diagnostics/wrap.ts';
import type { Evidence, Finding, Fix, Witness } from '../finding.ts';
import type { Brush } from './format.ts';
import { folded } from './shell.ts';
import { simulateCommand } from './words.ts';

const widest = 100;
/** Where the text of a finding begins, behind the names of its parts. */
const inner = 10;

const labelled = (name: string, text: string): readonly string[] => wrapped(`  ${name}`.padEnd(inner), inner, text);

export const place = ({ file, line }: Evidence): string => (line === 0 ? file : `${file}:${line}`);

/** Of what is only good to know, so many rules: the other formats have them all. */
const mostOfMinor = 4;

/** A rule that a finding before has shown is named by its place alone. `seen` has those of the host so far. */
const ruleLines = (evidence: Evidence, index: number, brush: Brush, seen: Set<string>): readonly string[] => {
  const key = `${place(evidence)} ${evidence.text}`;
  const isKnown = evidence.text !== '' && seen.has(key);
  seen.add(key);
  const note = `${evidence.note === undefined ? '' : `  ${evidence.note}`}${isKnown ? '  (shown above)' : ''}`;
  const [first = '', ...more] = wrapped(index === 0 ? '  rules'.padEnd(inner) : ' '.repeat(inner), inner, `${place(evidence)}${note}`); // prettier-ignore
  const rule = evidence.text === '' || isKnown ? [] : wrapped(' '.repeat(inner + 2), inner + 4, evidence.text);
  return [first, ...more, ...rule.map((line) => brush('faint', line))];
};

const evidenceLines = ({ evidence, severity }: Finding, brush: Brush, seen: Set<string>): readonly string[] => {
  const isMinor = severity === 'info' || severity === 'low';
  // One line instead of one rule saves nothing.
  const most = isMinor && evidence.length > mostOfMinor + 1 ? mostOfMinor : evidence.length;
  const left = evidence.length - most;
  return [
    ...evidence.slice(0, most).flatMap((one, index) => ruleLines(one, index, brush, seen)),
    ...(left === 0 ? [] : labelled('', `and ${left} more rules: --format json has them all`)),
  ];
};

const commandLines = (commands: readonly string[], indent: number): readonly string[] =>
  commands.flatMap((command) =>
    command.split('\n').flatMap((line) => folded(line, widest - indent).map((part) => `${' '.repeat(indent)}${part}`)),
  );

const witnessLines = (witness: Witness, files: readonly string[], host: string): readonly string[] => [
  ...labelled('packet', `${witness.verdict} at ${witness.hook === 'all' ? 'the end of its way' : witness.hook}; its way is shown by`), // prettier-ignore
  ...commandLines([simulateCommand(files, witness, host)], inner + 2),
];

const fixLines = ({ what, commands }: Fix, index: number): readonly string[] => [
  ...labelled(index === 0 ? 'fix' : '', `${what}:`),
  ...commandLines(commands, inner + 2),
];

/** The files of a finding of several hosts: those of its rules. */
export const filesOf = ({ evidence }: Finding): readonly string[] => [...new Set(evidence.map(({ file }) => file))];

/** `files` are those of the finding's host: they are what the packet is sent through. */
export const findingLines = (
  finding: Finding,
  files: readonly string[],
  host: string,
  brush: Brush,
  seen: Set<string> = new Set(),
): readonly string[] => {
  const { severity, accepted, title, subject, what, means, witness, fix, references, code } = finding;
  const word = accepted ? 'ACCEPTED' : severity.toUpperCase();
  const [head = '', ...more] = wrapped(`${word}  `, word.length + 2, title);
  return [
    `${brush(accepted ? 'faint' : severity, word)}${brush('strong', head.slice(word.length))}`,
    ...more.map((line) => brush('strong', line)),
    ...labelled('about', subject),
    ...(accepted
      ? labelled('because', `${accepted.reason} (${severity}${accepted.until === undefined ? '' : `; until ${accepted.until}`})`) // prettier-ignore
      : []),
    ...labelled('seen', what),
    ...labelled('means', means),
    ...evidenceLines(finding, brush, seen),
    ...(witness ? witnessLines(witness, files, host) : []),
    ...fix.flatMap(fixLines),
    ...(references.length > 0 ? labelled('see', references.join(', ')) : []),
    ...labelled(references.length > 0 ? '' : 'see', `dnfw audit --explain ${code}`),
  ];
};
