/** The report as one HTML file: no scripts, nothing from elsewhere; the browser is told to refuse both. */
import { type Finding, jobs, severities } from '../finding.ts';
import type { Format } from './format.ts';
import { brokenList, fleetOverlays, matrixTable } from './html-fleet.ts';
import { findingCard, findingIndex } from './html-finding.ts';
import { ladderFigure } from './html-ladder.ts';
import { style } from './html-style.ts';
import { exposureTable, overlayTable } from './html-tables.ts';
import { type Html, html, nothing } from './html-tag.ts';
import { filesOf } from './text-finding.ts';
import type { BaselineUse, HostReport, PrintableReport } from './types.ts';
import { type Counts, countsOf, countWords, dockerWords, type Gist, gistOf, isSingle, jobTitles, kindWords, nextCommand, plural, rulesWords } from './words.ts'; // prettier-ignore

const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const headOf = (title: string): Html =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <title>${title}</title>
        <style>
          ${{ markup: style }}
        </style>
      </head>
      <body></body>
    </html>`;

const countTiles = (counts: Counts): Html =>
  html`<ul class="counts">${([...severities, 'accepted'] as const).map((kind) => html`<li class="${counts[kind] > 0 ? `some ${kind}` : ''}"><b>${counts[kind]}</b><span>${kind}</span></li>`)}</ul>`; // prettier-ignore

const factsOf = (host: HostReport): readonly string[] => [
  ...dockerWords(host),
  rulesWords(host),
  `${kindWords[host.kind]}${host.files.length === 0 ? '' : `: ${host.files.join(', ')}`}`,
  ...(host.taken === undefined ? [] : [`read ${host.taken.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')}`]),
];

const factList = (facts: readonly string[]): Html =>
  html`<ul class="facts">
    ${facts.map((fact) => html`<li>${fact}</li>`)}
  </ul>`;

const navOf = (links: readonly (readonly [string, string])[]): Html =>
  html`<nav aria-label="Contents">${links.map(([id, name]) => html`<a href="#${id}">${name}</a>`)}</nav>`;

const lackList = (lacks: readonly string[], id: string): Html =>
  lacks.length === 0
    ? nothing
    : html`<h2 id="${id}">Not looked at</h2><div class="card"><p>Nothing is said about this.</p><ul class="plain-list">${lacks.map((lack) => html`<li>${lack}</li>`)}</ul></div>\n`; // prettier-ignore

const idsFor =
  (prefix: string) =>
  (index: number): string =>
    `${prefix}finding-${index + 1}`;

const cardsByJob = (
  findings: readonly Finding[],
  home: Pick<HostReport, 'name' | 'files'> | undefined,
  prefix: string,
): Html => {
  const idOf = idsFor(prefix);
  const numbered = findings.map((finding, index) => ({ finding, id: idOf(index) }));
  return html`${jobs.map((job) => {
    const some = numbered.filter(({ finding }) => finding.job === job);
    if (some.length === 0) return nothing;
    return html`<h3>${jobTitles[job]}</h3>${some.map(({ finding, id }) => findingCard(finding, home ?? { name: 'HOST', files: filesOf(finding) }, id))}`; // prettier-ignore
  })}`;
};

/** `prefix` keeps the names of places apart where there are several hosts. */
const hostParts = function* (host: HostReport, prefix: string): Generator<Html> {
  const { findings, ladder, overlays, exposure, lacks } = host;
  const section = (id: string, title: string, content: Html): Html =>
    html`<h2 id="${prefix}${id}">${title}</h2>
      ${content} `;
  if (findings.length > 0) yield section('findings', 'Findings', findingIndex(findings, idsFor(prefix)));
  const figure = ladderFigure(ladder);
  if (figure.markup !== '') yield section('ladder', 'Hooks and priorities', figure);
  if (overlays.length > 0) yield section('overlays', 'Encrypted overlays', overlayTable(overlays));
  if (exposure.length > 0) yield section('exposure', 'Who reaches which port', exposureTable(exposure));
  if (findings.length > 0) yield section('details', 'Findings in detail', cardsByJob(findings, host, prefix));
  yield lackList(lacks, `${prefix}lacks`);
};

const linksOf = ({
  findings,
  ladder,
  overlays,
  exposure,
  lacks,
}: HostReport): readonly (readonly [string, string])[] => [
  ...(findings.length > 0 ? [['findings', 'Findings'] as const] : []),
  ...(ladder.some(({ rungs }) => rungs.length > 0) ? [['ladder', 'Hooks and priorities'] as const] : []),
  ...(overlays.length > 0 ? [['overlays', 'Encrypted overlays'] as const] : []),
  ...(exposure.length > 0 ? [['exposure', 'Who reaches which port'] as const] : []),
  ...(findings.length > 0 ? [['details', 'Findings in detail'] as const] : []),
  ...(lacks.length > 0 ? [['lacks', 'Not looked at'] as const] : []),
];

const singlePage = function* (host: HostReport): Generator<Html> {
  yield html`<header class="page"><p class="eyebrow">dnfw audit</p><h1>${host.name}</h1>${factList(factsOf(host))}${countTiles(countsOf(host.findings))}${navOf(linksOf(host))}</header>\n<main>`; // prettier-ignore
  if (host.findings.length === 0) yield html`<h2>No findings</h2><p>Of what was looked for, nothing was found${host.lacks.length > 0 ? '; not everything could be looked for' : ''}.</p>`; // prettier-ignore
  yield* hostParts(host, '');
};

const fleetPage = function* (report: PrintableReport, gist: Gist): Generator<Html> {
  const { broken, fleet, hosts } = report;
  yield html`<header class="page"><p class="eyebrow">dnfw audit</p><h1>${plural(gist.hosts, 'host')}${broken.length > 0 ? `, ${broken.length} not audited` : ''}</h1>${countTiles(gist.counts)}${navOf([['matrix', 'Hosts and findings'], ...(fleet.length > 0 ? [['fleet', 'All hosts together'] as const] : []), ['hosts', 'Each host'], ...(broken.length > 0 ? [['broken', 'Not audited'] as const] : [])])}</header>\n<main>`; // prettier-ignore
  yield html`<h2 id="matrix">Hosts and findings</h2>
    ${matrixTable(report)} `;
  yield brokenList(broken);
  if (fleet.length > 0)
    yield html`<h2 id="fleet">All hosts together</h2>
      ${cardsByJob(fleet, undefined, 'fleet-')} `;
  yield fleetOverlays(report);
  yield html`<h2 id="hosts">Each host</h2> `;
  let number = 0;
  for (const host of hosts) {
    const prefix = `host-${++number}`;
    yield html`<details class="host" id="${prefix}">
      <summary>${host.name} <span class="soft">${countWords(countsOf(host.findings))}</span></summary>
      ${factList(factsOf(host))}
    </details>`;
    yield* hostParts(host, `${prefix}-`);
    yield html`</details>\n`;
  }
};

const staleList = (baseline: BaselineUse | undefined): Html =>
  baseline === undefined || baseline.stale.length === 0
    ? nothing
    : html`<h2>Entries of the baseline that accept nothing</h2><div class="card"><ul class="plain-list">${baseline.stale.map(({ file, line, code, subject, host }) => html`<li><code>${file}:${line}</code> ${[code, subject, host].filter((part) => part !== undefined).join(', ')}</li>`)}</ul></div>\n`; // prettier-ignore

export const htmlPage: Format = function* (report, { version }) {
  const gist = gistOf(report);
  const [only] = isSingle(report, gist) ? report.hosts : [];
  yield headOf(`dnfw audit: ${only?.name ?? plural(gist.hosts, 'host')}`).markup;
  for (const part of only ? singlePage(only) : fleetPage(report, gist)) yield part.markup;
  yield staleList(report.baseline).markup;
  yield html`</main>\n<footer>Next: <code>${nextCommand(gist.worst, gist.lacks, gist.isLive)}</code><br>Made by dnfw ${version}. This file has no scripts and asks for nothing from the network.</footer></body></html>\n`.markup; // prettier-ignore
};
