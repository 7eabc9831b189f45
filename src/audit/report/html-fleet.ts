/** The parts of the HTML report that are about several hosts. */
import { fleetOverlayTable, boxed } from './html-tables.ts';
import { type Html, html, nothing } from './html-tag.ts';
import { type Cell, matrixOf } from './matrix.ts';
import type { BrokenHost, PrintableReport } from './types.ts';
import { plural } from './words.ts';

const letters: Readonly<Record<Cell, readonly [string, string]>> = {
  critical: ['C', 'critical'],
  high: ['H', 'high'],
  medium: ['M', 'medium'],
  low: ['L', 'low'],
  info: ['i', 'info'],
  accepted: ['a', 'accepted'],
  none: ['·', 'not there'],
  left: ['?', 'not looked for'],
};

const cell = (one: Cell): Html => {
  const [letter, word] = letters[one];
  if (one === 'none' || one === 'left')
    return html`<td class="soft"><span aria-hidden="true">${letter}</span><span class="hidden">${word}</span></td>`;
  return html`<td><span class="badge ${one}" title="${word}">${letter}</span></td>`;
};

export const matrixTable = (report: PrintableReport): Html => {
  const { columns, rows } = matrixOf(report);
  if (columns.length === 0) return nothing;
  return html`${boxed('Hosts and findings', html`<table class="matrix"><thead><tr><th scope="col">host</th>${columns.map(({ code, title }) => html`<th scope="col" title="${title}"><div class="turned">${code}</div></th>`)}</tr></thead><tbody>${rows.map(({ name, cells }, index) => html`<tr><th scope="row"><a href="#host-${index + 1}">${name}</a></th>${cells.map(cell)}</tr>`)}</tbody></table>`, 'fit')}<p class="soft" style="margin-top:10px">C critical, H high, M medium, L low, i info, a accepted, · not there, ? not looked for</p>`; // prettier-ignore
};

export const brokenList = (broken: readonly BrokenHost[]): Html =>
  broken.length === 0
    ? nothing
    : html`<h2 id="broken">Not audited: ${plural(broken.length, 'host')} could not be read</h2><div class="card"><ul class="plain-list">${broken.map(({ name, why }) => html`<li><b>${name}</b>: ${why}</li>`)}</ul></div>\n`; // prettier-ignore

export const fleetOverlays = ({ hosts }: PrintableReport): Html => {
  const table = fleetOverlayTable(hosts);
  return table.markup === ''
    ? nothing
    : html`<h2 id="overlays">Encrypted overlays by node</h2>
        ${table} `;
};
