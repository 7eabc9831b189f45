/** A finding in the HTML report: all of it is there without opening anything but the packet's trace. */
import type { Evidence, Finding, Fix, Witness } from '../finding.ts';
import { type Html, html, nothing } from './html-tag.ts';
import { boxed } from './html-tables.ts';
import { folded } from './shell.ts';
import { place } from './text-finding.ts';
import type { HostReport } from './types.ts';
import { referenceUrl, simulateCommand, worstFirst } from './words.ts';

/** What packets are sent through: a host, or for a finding of several the files of its rules. */
export type Home = Pick<HostReport, 'name' | 'files'>;

export const badge = ({ severity, accepted }: Finding): Html =>
  accepted
    ? html`<span class="badge accepted">accepted</span>`
    : html`<span class="badge ${severity}">${severity}</span>`;

const entry = (name: string, content: Html): Html =>
  html`<dt>${name}</dt>
    <dd>${content}</dd>`;

const evidenceItem = (evidence: Evidence): Html =>
  html`<li>
    <div class="where">
      <b>${place(evidence)}</b
      >${evidence.note === undefined ? nothing : html` <span class="soft">${evidence.note}</span>`}
    </div>
    ${evidence.text === '' ? nothing : html`<pre>${evidence.text}</pre>`}
  </li>`;

const commandBlock = (commands: readonly string[]): Html =>
  html`<pre>
${commands
      .flatMap((command) => command.split('\n'))
      .flatMap((line) => folded(line, 110))
      .join('\n')}</pre>`;

const fixItem = ({ what, commands }: Fix): Html =>
  html`<div class="fix">${what}${commands.length === 0 ? nothing : commandBlock(commands)}</div>`;

const witnessPart = (witness: Witness, { files, name }: Home): Html =>
  html`<span class="mark ${witness.verdict === 'accept' ? 'bad' : 'plain'}">${witness.verdict}</span> at
    ${witness.hook === 'all' ? 'the end of its way' : witness.hook}; sent through the simulator
    by${commandBlock([simulateCommand(files, witness, name)])}${
      witness.trace.length === 0
        ? nothing
        : html`<details>
            <summary>its way through the rules</summary>
            <pre>${witness.trace.join('\n')}</pre>
          </details>`
    }`;

const reference = (name: string): Html => {
  const url = referenceUrl(name);
  return url === undefined ? html`${name}` : html`<a href="${url}" rel="noreferrer">${name}</a>`;
};

const commas = (parts: readonly Html[]): Html =>
  html`${parts.map((part, index) => (index === 0 ? part : html`, ${part}`))}`;

export const findingCard = (finding: Finding, home: Home, id: string): Html => {
  const { severity, accepted, title, subject, what, means, evidence, witness, fix, references, code } = finding;
  return html`<article class="finding ${accepted ? 'accepted' : severity}" id="${id}">
    <div class="top">${badge(finding)}<code>${code}</code></div>
    <h4>${title}</h4>
    <p class="subject">${subject}</p>
    ${accepted ? html`<p class="reason">${severity}, accepted${accepted.until === undefined ? '' : ` until ${accepted.until}`}: ${accepted.reason}</p>` : nothing}
    <p>${what}</p>
    <p>${means}</p>
    <dl>
      ${
        evidence.length === 0
          ? nothing
          : entry(
              'rules',
              html`<ul class="rule">
                ${evidence.map(evidenceItem)}
              </ul>`,
            )
      }${witness ? entry('packet', witnessPart(witness, home)) : nothing}${entry('fix', html`${fix.map(fixItem)}`)}${references.length === 0 ? nothing : entry('see', commas(references.map(reference)))}
    </dl>
  </article> `;
};

/** All findings in a table, worst first whatever their job, each leading to its card. */
export const findingIndex = (findings: readonly Finding[], idOf: (index: number) => string): Html =>
  boxed(
    'Findings',
    html`<table class="stack"><thead><tr><th scope="col">severity</th><th scope="col">finding</th><th scope="col">about</th></tr></thead><tbody>${worstFirst(findings).map(({ finding, index }) => html`<tr><td>${badge(finding)}</td><td class="wide"><a href="#${idOf(index)}">${finding.title}</a></td><td class="wide">${finding.subject}</td></tr>`)}</tbody></table>`, // prettier-ignore
  );
