/** Hosts by findings in 100 columns: letters in numbered columns, in several bands where there are many. */
import { visible } from '../../diagnostics/render.ts';
import { wrapped } from '../../diagnostics/wrap.ts';
import type { Brush } from './format.ts';
import { type Cell, type Matrix, matrixOf } from './matrix.ts';
import type { PrintableReport } from './types.ts';
import { plural } from './words.ts';

const letters: Readonly<Record<Cell, string>> = {
  critical: 'C',
  high: 'H',
  medium: 'M',
  low: 'L',
  info: 'i',
  accepted: 'a',
  none: '.',
  left: '?',
};

const legend = 'C critical, H high, M medium, L low, i info, a accepted, . not there, ? not looked for';

const widest = 100;
const cell = 4;
const longestName = 40;

const shortened = (name: string): string => {
  const shown = visible(name);
  return shown.length <= longestName ? shown : `${shown.slice(0, longestName - 1)}…`;
};

const band = ({ columns, rows }: Matrix, from: number, to: number, width: number, brush: Brush): readonly string[] => [
  brush('faint', `${' '.repeat(width)}${columns.slice(from, to).map((_, index) => String(from + index + 1).padStart(cell)).join('')}`), // prettier-ignore
  ...rows.map(({ name, cells }) => {
    const marks = cells.slice(from, to).map((one) => {
      const mark = letters[one].padStart(cell);
      return one === 'none' || one === 'left' || one === 'accepted' ? mark : brush(one, mark);
    });
    return `${shortened(name).padEnd(width)}${marks.join('')}`;
  }),
];

export const matrixLines = (report: PrintableReport, brush: Brush): readonly string[] => {
  const matrix = matrixOf(report);
  const { columns, rows } = matrix;
  if (columns.length === 0) return [];
  const width = Math.max(...rows.map(({ name }) => shortened(name).length));
  const perBand = Math.floor((widest - width) / cell);
  const bands = Array.from({ length: Math.ceil(columns.length / perBand) }, (_, index) => index * perBand);
  return [
    '',
    brush('strong', 'Hosts and findings'),
    `  ${legend}`,
    ...bands.flatMap((from) => ['', ...band(matrix, from, from + perBand, width, brush)]),
    '',
    ...columns.flatMap(({ code, title, worst, hosts }, index) =>
      wrapped(
        `${String(index + 1).padStart(cell)}  `,
        cell + 2,
        `${worst}: ${code}: ${title} (${plural(hosts, 'host')})`,
      ),
    ),
  ];
};
