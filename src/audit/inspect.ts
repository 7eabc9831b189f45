/** Audits one host: all finding rules over what was read of it. */
import { families } from '../netfilter/family.ts';
import { versionWords } from '../docker/versions.ts';
import { type FindingRule, type Need, needs } from './contract.ts';
import type { Exposure } from './exposure.ts';
import { type Finding, type Found, jobs, rank } from './finding.ts';
import { type AuditHost, auditHost } from './host.ts';
import { laddersOf } from './ladder.ts';
import { type HostSummary, summaryOf } from './fleet/summary.ts';
import { lacksOf } from './lacks.ts';
import { overlayRows } from './overlay-rows.ts';
import { findingRules } from './registry.ts';
import type { HostReport } from './report/types.ts';
import type { Source } from './source.ts';

export const findingOf = (rule: Omit<FindingRule, 'find' | 'needs'>, { severity, ...found }: Found): Finding => ({
  code: rule.code,
  job: rule.job,
  title: rule.title,
  severity: severity ?? rule.severity,
  references: rule.references ?? [],
  fingerprint: `${rule.code}: ${found.subject}`,
  ...found,
});

/** By job, worst first, then by code and subject, so that two runs print the same. */
export const inOrder = (findings: readonly Finding[]): readonly Finding[] =>
  findings.toSorted(
    (a, b) =>
      jobs.indexOf(a.job) - jobs.indexOf(b.job) ||
      rank(a.severity) - rank(b.severity) ||
      a.code.localeCompare(b.code) ||
      a.subject.localeCompare(b.subject, 'en', { numeric: true }),
  );

const missing = (lacked: ReadonlySet<Need>, rule: FindingRule): readonly Need[] =>
  rule.needs.filter((need) => lacked.has(need));

const notLookedFor = (lacked: ReadonlySet<Need>, rules: readonly FindingRule[]): readonly string[] =>
  [...lacked].flatMap((need) => {
    const codes = rules.filter((rule) => rule.needs.includes(need)).map(({ code }) => code);
    return codes.length === 0 ? [] : [`not known: ${needs[need]}; not looked for: ${codes.join(', ')}`];
  });

const nftRules = ({ host }: AuditHost): number =>
  host.nft.tables.flatMap(({ chains }) => [...chains.values()]).reduce((sum, { rules }) => sum + rules.length, 0);

/** Tables of Docker's own nftables backend. */
const isNative: ReadonlySet<string> = new Set(['docker-bridges', 'docker-overlay']);

const eraOf = (host: AuditHost): string | undefined => {
  if (!host.rules().some(({ docker }) => docker !== undefined && docker.part !== 'operator'))
    return host.host.nft.tables.some(({ name }) => isNative.has(name))
      ? '29 and later, with the nftables backend'
      : undefined;
  const versions = host.versionsByRules();
  return versions.length === 0 ? 'several releases' : versionWords(versions);
};

/** What the matrix of exposure rests on, and what it leaves out. */
const notShown = (host: AuditHost, { exposed, left }: Exposure): readonly string[] => [
  ...families
    .filter((family) => exposed.some(({ row }) => row.family === family))
    .flatMap((family) => {
      const { supposed } = host.probes(family).vantage;
      return supposed === undefined ? [] : [`not known: ${supposed}`];
    }),
  ...(left === 0 ? [] : [`ports that were not looked at, because there are too many: ${left}`]),
];

/** `only`: the codes to look for; all if it is not given. */
export const inspectHost = (source: Source, only?: ReadonlySet<string>): HostReport =>
  reportOf(source, auditHost(source), only);

/** With what is compared with other hosts (fleet/registry.ts): little enough to be kept of thousands. */
export const inspectNode = (
  source: Source,
  only?: ReadonlySet<string>,
): { readonly report: HostReport; readonly summary: HostSummary } => {
  const host = auditHost(source);
  return { report: reportOf(source, host, only), summary: summaryOf(host) };
};

const reportOf = (source: Source, host: AuditHost, only: ReadonlySet<string> | undefined): HostReport => {
  const lacked = lacksOf(source);
  const rules = findingRules.filter(({ code }) => only?.has(code) ?? true);
  const looked = rules.filter((rule) => missing(lacked.needs, rule).length === 0);
  const left = rules.filter((rule) => missing(lacked.needs, rule).length > 0);
  const findings = looked.flatMap((rule) => rule.find(host).map((found) => findingOf(rule, found)));
  const { docker } = source.host;
  const era = eraOf(host);
  const exposure = host.exposure();
  return {
    name: source.name,
    kind: source.kind,
    files: source.files,
    ...(source.around.taken ? { taken: source.around.taken.toISOString() } : {}),
    ...(docker
      ? {
          engine: {
            ...(docker.version === undefined ? {} : { version: docker.version }),
            ...(docker.swarm === undefined ? {} : { swarm: docker.swarm }),
            ...(source.around.firewallBackend === undefined ? {} : { backend: source.around.firewallBackend }),
          },
        }
      : {}),
    ...(era === undefined ? {} : { era }),
    rules: { iptables: host.rules().length, nft: nftRules(host) },
    ladder: laddersOf(host),
    overlays: overlayRows(host),
    exposure: exposure.exposed.map(({ row }) => row),
    findings: inOrder(findings),
    looked: looked.map(({ code }) => code),
    left: left.map((rule) => ({ code: rule.code, because: missing(lacked.needs, rule).map((need) => needs[need]) })),
    lacks: [
      ...lacked.words,
      ...notShown(host, exposure),
      ...notLookedFor(lacked.needs, rules),
      ...host.unsure().map((question) => `not answered, because it would take too much time or memory: ${question}`),
    ],
  };
};
