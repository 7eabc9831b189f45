/** The ladder as a picture: hooks side by side, base chains below each other as packets meet them, and whose they are. */
import type { Hook } from '../../netfilter/hooks.ts';
import { type Html, html, nothing } from './html-tag.ts';
import type { Rung } from '../../guard/ladder.ts';
import type { HookLadder } from './types.ts';
import { plural } from './words.ts';

const captions: Readonly<Record<Hook, string>> = {
  prerouting: 'everything that arrives',
  input: 'for this host itself',
  forward: 'routed on: containers',
  output: 'made by this host',
  postrouting: 'everything that leaves',
};

const priorityNames: Readonly<Record<number, string>> = { [-300]: 'raw', [-150]: 'mangle', [-100]: 'dstnat', 0: 'filter', 50: 'security', 100: 'srcnat' }; // prettier-ignore

const axis = 82;
const column = 210;
const boxWidth = 194;
const headHeight = 58;
const gap = 8;
/** A chain without rules that accepts does nothing: it is a line. */
const heights = { line: 26, plain: 62, remarkable: 78 } as const;

interface Box {
  readonly families: readonly string[];
  readonly rungs: readonly [Rung, ...Rung[]];
}

const keyOf = ({ table, chain, runs, policy, owner, isTied, type }: Rung): string =>
  [table, chain, runs, policy, owner, isTied, type].join('\n');

/** The same chain of both families is one box. */
export const boxesOf = (rungs: readonly Rung[]): readonly Box[] => {
  const groups = new Map<string, [Rung, ...Rung[]]>();
  for (const rung of rungs) {
    const key = keyOf(rung);
    const group = groups.get(key);
    // Two chains of one family are never one box.
    if (group && !group.some(({ family }) => family === rung.family)) group.push(rung);
    else groups.set(group ? `${key}\n${groups.size}` : key, [rung]);
  }
  return [...groups.values()].map((some) => ({ families: some.map(({ family }) => family), rungs: some }));
};

const isIdle = ({ rungs }: Box): boolean => rungs.every(({ rules, policy }) => rules === 0 && policy === 'accept');
const isRemarkable = ({ rungs: [{ policy, isTied }] }: Box): boolean => policy === 'drop' || isTied;
const heightOf = (box: Box): number =>
  isIdle(box) ? heights.line : isRemarkable(box) ? heights.remarkable : heights.plain;

const ownerClass = (owner: string): string => {
  if (/\bdocker\b/i.test(owner)) return 'docker';
  if (owner === 'dnfw') return 'dnfw';
  return owner.startsWith('nobody') ? 'nobody' : 'other';
};

/** As much as a box is wide, by the letters' usual width. */
const cut = (text: string, letters: number): string =>
  text.length <= letters ? text : `${text.slice(0, letters - 1)}…`;

const chainWords = ({ rungs: [{ table, chain }] }: Box): string => `${table} ${chain}`;

const rulesWords = ({ rungs }: Box): string =>
  rungs.length === 1 ? plural(rungs[0].rules, 'rule') : `${rungs.map(({ rules }) => rules).join(' + ')} rules`;

const remark = ({ rungs: [{ policy, isTied }] }: Box): Html => {
  const drops = policy === 'drop' ? html`<tspan class="drop">policy drop</tspan>` : html`policy accept`;
  return html`<text class="more" x="10" y="68"
    >${drops}${isTied ? html` · <tspan class="tied">tied</tspan>` : nothing}</text
  >`;
};

/** A picture of its own, which cuts off what is wider: letters are not equally wide everywhere. */
const boxPicture = (box: Box, x: number, y: number): Html => {
  const [{ owner, policy, runs, type }] = box.rungs;
  const families = box.families.join(' + ');
  const about = `${families} ${chainWords(box)}: ${owner}, type ${type}, ${runs}, policy ${policy}, ${rulesWords(box)}`;
  const height = heightOf(box);
  const kind = isIdle(box) ? 'nobody' : ownerClass(owner);
  const lines = isIdle(box)
    ? html`<text class="more" x="10" y="17">${cut(chainWords(box), 20)}: empty</text>`
    : html`<text class="chain" x="10" y="19">${cut(chainWords(box), 23)}</text
        ><text class="owner" x="10" y="36">${cut(`${owner}${runs === 'iptables-legacy' ? ' (legacy)' : ''}`, 27)}</text
        ><text class="more" x="10" y="52">${cut(`${families} · ${rulesWords(box)}`, 29)}</text
        >${isRemarkable(box) ? remark(box) : nothing}`;
  return html`<svg class="chain-box" x="${x}" y="${y}" width="${boxWidth}" height="${height}">
    <title>${about}</title>
    <rect class="box ${kind}" x="1" y="1" width="${boxWidth - 2}" height="${height - 2}" rx="7" />
    ${lines}
  </svg>`;
};

interface Row {
  readonly priority: number;
  readonly y: number;
  readonly height: number;
  readonly cells: readonly (readonly Box[])[];
}

const stackHeight = (boxes: readonly Box[]): number =>
  boxes.reduce((sum, box) => sum + heightOf(box), 0) + Math.max(0, boxes.length - 1) * gap;

const rowsOf = (ladder: readonly HookLadder[]): readonly Row[] => {
  const priorities = [...new Set(ladder.flatMap(({ rungs }) => rungs.map(({ priority }) => priority)))].toSorted((a, b) => a - b); // prettier-ignore
  let y = headHeight;
  return priorities.map((priority) => {
    const cells = ladder.map(({ rungs }) => boxesOf(rungs.filter((rung) => rung.priority === priority)));
    const height = Math.max(34, ...cells.map(stackHeight)) + 2 * gap;
    const row = { priority, y, height, cells };
    y += height;
    return row;
  });
};

const cellPicture = (boxes: readonly Box[], left: number, { y, height }: Row): readonly Html[] => {
  let at = y + (height - stackHeight(boxes)) / 2;
  return boxes.map((box) => {
    const picture = boxPicture(box, left + (column - boxWidth) / 2, at);
    at += heightOf(box) + gap;
    return picture;
  });
};

const rowPicture = (row: Row, index: number, width: number): Html => {
  const middle = row.y + row.height / 2;
  const name = priorityNames[row.priority];
  return html`${index % 2 === 0 ? html`<rect class="band" x="0" y="${row.y}" width="${width}" height="${row.height}" />` : nothing}<text
      class="prio"
      x="${axis - 12}"
      y="${middle + (name === undefined ? 5 : -1)}"
      >${row.priority > 0 ? `+${row.priority}` : String(row.priority).replace('-', '−')}</text
    >${name === undefined ? nothing : html`<text class="prio-name" x="${axis - 12}" y="${middle + 14}">${name}</text>`}`;
};

const hookPicture = ({ hook, rungs }: HookLadder, index: number, bottom: number): Html => {
  const middle = axis + index * column + column / 2;
  const rail = rungs.length === 0 ? nothing : html`<path class="rail" d="M${middle} ${headHeight - 6}V${bottom + 4}"/><path class="head" d="M${middle - 6} ${bottom + 3}h12l-6 9z"/>`; // prettier-ignore
  return html`<text class="hook" x="${middle}" y="24" text-anchor="middle">${hook}</text
    ><text class="say" x="${middle}" y="42" text-anchor="middle">${captions[hook]}</text>${rail}`;
};

const itemOf = (box: Box): Html => {
  const [{ priority, owner, runs, policy, isTied }] = box.rungs;
  const facts = isIdle(box)
    ? ['no rules']
    : [owner, runs, `policy ${policy}`, rulesWords(box), ...(isTied ? ['tied'] : [])];
  return html`<li>
    <b>${priority}</b> ${box.families.join(' + ')} ${chainWords(box)} <span class="soft">${facts.join(' · ')}</span>
  </li>`;
};

const listOf = (ladder: readonly HookLadder[]): Html =>
  html`${ladder.map(
    ({ hook, rungs }) =>
      html`<h4>${hook} <span class="soft">${captions[hook]}</span></h4>
        <ol class="plain-list rungs">
          ${boxesOf(rungs).map(itemOf)}
        </ol>`,
  )}`;

/** The picture, and the same as a list for narrow screens and for those who do not see it. */
export const ladderFigure = (ladder: readonly HookLadder[]): Html => {
  const hooks = ladder.filter(({ rungs }) => rungs.length > 0);
  if (hooks.length === 0) return nothing;
  const rows = rowsOf(hooks);
  const width = axis + hooks.length * column;
  const bottom = headHeight + rows.reduce((sum, { height }) => sum + height, 0);
  const tied = hooks.some(({ rungs }) => rungs.some(({ isTied }) => isTied));
  return html`<figure>
    <div class="scroll picture" tabindex="0" role="region" aria-label="Hooks and priorities">
      <svg aria-hidden="true" viewBox="0 0 ${width} ${bottom + 20}" style="max-width:${width}px">
        ${rows.map((row, index) => rowPicture(row, index, width))}${hooks.map((hook, index) => hookPicture(hook, index, bottom))}${rows.flatMap((row) => row.cells.flatMap((boxes, index) => cellPicture(boxes, axis + index * column, row)))}
      </svg>
    </div>
    <div class="card hidden narrow">${listOf(hooks)}</div>
    <figcaption>
      Packets meet the base chains of a hook from top to bottom, by priority. A drop is final; an accept lets a packet
      go on to the next
      chain.${tied ? ' Tied: another chain has the same priority and meets the same packets, and which of them comes first is chance.' : ''}
    </figcaption>
  </figure>`;
};
