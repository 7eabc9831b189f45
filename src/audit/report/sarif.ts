/** SARIF 2.1.0 (OASIS): one run, a result for every finding, its rules as locations. */
import { visible } from '../../diagnostics/render.ts';
import type { Evidence, Finding } from '../finding.ts';
import type { Declaration, Format, Setting } from './format.ts';
import { levels, scores } from './severity.ts';
import type { HostReport, PrintableReport } from './types.ts';
import { referenceUrl, simulateCommand } from './words.ts';

const schema = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

/** What no text may hold: halves of surrogate pairs, which UTF-8 does not have. */
const wellFormed = (text: string): string => text.replaceAll(/\p{Surrogate}/gu, '\ufffd');
const shown = (text: string): string => wellFormed(text.split('\n').map(visible).join('\n'));

/** A file name as a URI reference (RFC 3986): a colon in the first part of a path would be the end of a scheme. */
export const uriOf = (file: string): string => {
  const path = wellFormed(file).split('/').map(encodeURIComponent).join('/');
  if (path.startsWith('//')) return `file:///.${path}`;
  if (path.startsWith('/')) return `file://${path}`;
  return path;
};

const messageOf = (text: string): object => ({ text: shown(text) });

/** Line 0 is the file as a whole, which has no region. */
const locationOf = ({ file, line, text, note }: Evidence, host: HostReport | undefined, id?: number): object => ({
  ...(id === undefined ? {} : { id }),
  physicalLocation: {
    artifactLocation: { uri: uriOf(file) },
    ...(line > 0 ? { region: { startLine: line, ...(text === '' ? {} : { snippet: { text: shown(text) } }) } } : {}),
  },
  ...(host ? { logicalLocations: [{ name: shown(host.name), kind: 'host' }] } : {}),
  ...(note === undefined ? {} : { message: messageOf(note) }),
});

/** A finding without rules is about its host. */
const hostLocation = (host: HostReport | undefined): readonly object[] => {
  if (!host) return [];
  const [file] = host.files;
  return [
    {
      ...(file === undefined ? {} : { physicalLocation: { artifactLocation: { uri: uriOf(file) } } }),
      logicalLocations: [{ name: shown(host.name), kind: 'host' }],
    },
  ];
};

const wordsOf = (finding: Finding): string => `${finding.what} ${finding.means}`;

const propertiesOf = (finding: Finding, host: HostReport | undefined): object => {
  const { severity, job, subject, fix, witness } = finding;
  return {
    severity,
    job,
    subject: shown(subject),
    'security-severity': scores[severity],
    ...(host ? { host: shown(host.name) } : {}),
    fix: fix.map(({ what, commands }) => ({ what: shown(what), commands: commands.map(shown) })),
    ...(witness
      ? {
          witness: {
            packet: shown(witness.packet),
            hex: witness.hex,
            hook: witness.hook,
            verdict: shown(witness.verdict),
            trace: witness.trace.map(shown),
            command: shown(simulateCommand(host?.files ?? [], witness, host?.name ?? 'HOST')),
          },
        }
      : {}),
  };
};

const resultOf = (finding: Finding, host: HostReport | undefined, indexes: ReadonlyMap<string, number>): object => {
  const { code, severity, evidence, fingerprint, accepted } = finding;
  const index = indexes.get(code);
  const [first, ...more] = evidence;
  return {
    ruleId: code,
    ...(index === undefined ? {} : { ruleIndex: index }),
    level: levels[severity],
    message: messageOf(wordsOf(finding)),
    locations: first ? [locationOf(first, host)] : hostLocation(host),
    ...(more.length === 0 ? {} : { relatedLocations: more.map((one, at) => locationOf(one, host, at + 1)) }),
    partialFingerprints: { 'dnfw/v1': shown(host ? `${host.name}: ${fingerprint}` : fingerprint) },
    suppressions: accepted ? [{ kind: 'external', status: 'accepted', justification: shown(accepted.reason) }] : [],
    properties: propertiesOf(finding, host),
  };
};

const link = (reference: string): string => {
  const url = referenceUrl(reference);
  return url === undefined ? reference : `[${reference}](${url})`;
};

const ruleOf = ({ code, title, about, silent, severity, job, references }: Declaration): object => {
  const more = silent === undefined ? '' : `\n\nNot reported: ${silent}`;
  const see = (references ?? []).length === 0 ? '' : `\n\nSee ${(references ?? []).join(', ')}.`;
  const links = (references ?? []).length === 0 ? '' : `\n\nSee ${(references ?? []).map(link).join(', ')}.`;
  const url = (references ?? []).map(referenceUrl).find((one) => one !== undefined);
  return {
    id: code,
    name: code.replaceAll(/(?:^|-)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    shortDescription: { text: `${title}.` },
    fullDescription: { text: about },
    help: { text: `${about}${more}${see}`, markdown: `${about}${more}${links}` },
    ...(url === undefined ? {} : { helpUri: url }),
    defaultConfiguration: { level: levels[severity] },
    properties: { 'security-severity': scores[severity], tags: ['security', job] },
  };
};

/** What was not looked at, and who could not be read. */
const notificationsOf = function* ({ hosts, broken }: PrintableReport): Generator<object> {
  for (const { name, why, files } of broken)
    yield {
      level: 'error',
      message: messageOf(`${name} could not be read: ${why}`),
      ...(files[0] === undefined ? {} : { locations: [{ physicalLocation: { artifactLocation: { uri: uriOf(files[0]) } } }] }), // prettier-ignore
    };
  for (const { name, lacks } of hosts)
    for (const lack of lacks) yield { level: 'note', message: messageOf(`${name}: ${lack}`) };
};

const resultsOf = function* (report: PrintableReport, indexes: ReadonlyMap<string, number>): Generator<object> {
  for (const finding of report.fleet) yield resultOf(finding, undefined, indexes);
  for (const host of report.hosts) for (const finding of host.findings) yield resultOf(finding, host, indexes);
};

/** An array, one element a line. */
const listed = function* (values: Iterable<object>): Generator<string> {
  let lead = '[\n';
  for (const value of values) {
    yield `${lead}${JSON.stringify(value)}`;
    lead = ',\n';
  }
  yield lead === '[\n' ? '[]' : '\n]';
};

const driverOf = ({ version, declared }: Setting): object => ({
  name: 'dnfw',
  version,
  semanticVersion: version,
  rules: declared.map(ruleOf),
});

export const sarif: Format = function* (report, setting) {
  const indexes = new Map(setting.declared.map(({ code }, index) => [code, index]));
  yield `{"$schema":${JSON.stringify(schema)},"version":"2.1.0","runs":[{\n"tool":{"driver":${JSON.stringify(driverOf(setting))}},\n`;
  yield `"columnKind":"utf16CodeUnits",\n"invocations":[{"executionSuccessful":${report.broken.length === 0},"toolExecutionNotifications":`;
  yield* listed(notificationsOf(report));
  yield '}],\n"results":';
  yield* listed(resultsOf(report, indexes));
  yield '\n}]}\n';
};
