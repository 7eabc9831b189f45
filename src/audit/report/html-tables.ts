/** Encrypted overlays and ports as tables of the HTML report. */
import { type Html, html, nothing } from './html-tag.ts';
import { type ExposureRow, type HostReport, type OverlayRow, type Reach, type SourceClass, sourceClasses } from './types.ts'; // prettier-ignore
import { familyWords, portWords, vniWords } from './words.ts';

const mark = (kind: 'bad' | 'good' | 'doubt' | 'plain', text: string): Html =>
  html`<span class="mark ${kind}">${text}</span>`;

/** A table in a box of its own: where it is too wide, the box is scrolled and not the page. */
export const boxed = (label: string, table: Html, width: 'all' | 'fit' = 'all'): Html =>
  html`<div class="scroll ${width}" tabindex="0" role="region" aria-label="${label}">${table}</div>`;

const clearWords: Readonly<Record<NonNullable<OverlayRow['clear']> | 'none', Html>> = {
  accept: mark('bad', '✗ let in'),
  drop: mark('good', '✓ dropped'),
  unknown: mark('doubt', '? it depends'),
  none: mark('plain', 'not known'),
};

const number = (count: number | undefined, isNeeded: boolean): Html =>
  count === undefined ? clearWords.none : count === 0 ? mark(isNeeded ? 'bad' : 'plain', 'none') : html`${count}`;

const overlayRow = (row: OverlayRow, first: Html): Html =>
  html`<tr>
    ${first}
    <td>${number(row.mark, true)}</td>
    <td>${number(row.accept, false)}</td>
    <td>${number(row.drop, !row.guard)}</td>
    <td>${row.guard ? mark('good', '✓ guarded') : mark('plain', 'no')}</td>
    <td class="state">${clearWords[row.clear ?? 'none']}</td>
  </tr>`;

const overlayHead = (first: Html): Html =>
  html`<thead>
    <tr>
      ${first}
      <th scope="col">MARK: sent encrypted</th>
      <th scope="col">ACCEPT</th>
      <th scope="col">DROP: clear kept out</th>
      <th scope="col">guard</th>
      <th scope="col">a clear packet is</th>
    </tr>
  </thead>`;

const vniCell = (row: OverlayRow): Html =>
  html`<td class="wide">
    ${row.network === undefined ? nothing : html`<b>${row.network}</b><br />`}${vniWords(row)}
  </td>`;

export const overlayTable = (rows: readonly OverlayRow[]): Html =>
  boxed(
    'Encrypted overlays',
    html`<table>
      ${overlayHead(html`<th scope="col">network</th>`)}
      <tbody>
        ${rows.map((row) => overlayRow(row, vniCell(row)))}
      </tbody>
    </table>`,
  );

interface Node {
  readonly host: string;
  readonly row: OverlayRow;
}

const keyOf = ({ family, port, vni }: OverlayRow): string =>
  `${String(vni).padStart(8)} ${String(port).padStart(5)} ${family}`;

const nodesByVni = (hosts: Iterable<HostReport>): readonly (readonly Node[])[] => {
  const groups = new Map<string, Node[]>();
  for (const { name, overlays } of hosts)
    for (const row of overlays) {
      const nodes = groups.get(keyOf(row));
      if (nodes) nodes.push({ host: name, row });
      else groups.set(keyOf(row), [{ host: name, row }]);
    }
  return [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, nodes]) => nodes);
};

/** Each network with all of the nodes that have rules about it. */
export const fleetOverlayTable = (hosts: Iterable<HostReport>): Html => {
  const groups = nodesByVni(hosts);
  if (groups.length === 0) return nothing;
  const row = (nodes: readonly Node[], { host, row: one }: Node, index: number): Html => {
    const vni = index === 0 ? html`<th scope="rowgroup" rowspan="${nodes.length}">${one.network === undefined ? nothing : html`<b>${one.network}</b><br>`}${vniWords(one)}</th>` : nothing; // prettier-ignore
    return overlayRow(
      one,
      html`${vni}
        <td>${host}</td>`,
    );
  };
  return boxed(
    'Encrypted overlays by node',
    html`<table>
      ${overlayHead(
        html`<th scope="col">network</th>
          <th scope="col">node</th>`,
      )}${groups.map(
        (nodes) =>
          html`<tbody>
            ${nodes.map((node, index) => row(nodes, node, index))}
          </tbody>`,
      )}
    </table>`,
  );
};

const reachWords: Readonly<Record<Reach, Html>> = {
  open: mark('doubt', '● open'),
  closed: mark('plain', '○ closed'),
  unknown: mark('plain', '? unknown'),
};

/** What anyone can reach is what a reader looks for. */
const reachMark = (reach: Reach, source: SourceClass): Html => {
  if (reach !== 'open' || source === 'network' || source === 'containers') return reachWords[reach];
  return mark(source === 'anywhere' ? 'bad' : 'plain', '● open');
};

const sourceWords: Readonly<Record<SourceClass, string>> = {
  anywhere: 'from anywhere',
  network: 'from its networks',
  containers: 'from containers',
  host: 'from this host',
};

const exposureRow = (row: ExposureRow): Html =>
  html`<tr><th scope="row">${portWords(row)}</th><td>${familyWords[row.family]}</td><td class="wide">${row.kind} · ${row.behind}</td>${sourceClasses.map((source) => html`<td class="state">${reachMark(row.reach[source], source)}</td>`)}</tr>`; // prettier-ignore

export const exposureTable = (rows: readonly ExposureRow[]): Html =>
  boxed(
    'Who reaches which port',
    html`<table><thead><tr><th scope="col">port</th><th scope="col">family</th><th scope="col">behind it</th>${sourceClasses.map((source) => html`<th scope="col">${sourceWords[source]}</th>`)}</tr></thead><tbody>${rows.map(exposureRow)}</tbody></table>`, // prettier-ignore
  );
