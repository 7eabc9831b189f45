/** Text in Markdown (GitHub's) that stays text: no markup, no links, no mentions, no end of what it is in. */
import { visible } from '../../diagnostics/render.ts';

const wellFormed = (text: string): string => visible(text).replaceAll(/\p{Surrogate}/gu, '\ufffd');

const htmlEscapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** For places where HTML stands, such as a summary: markup of Markdown counts for nothing there. */
export const inHtml = (text: string): string =>
  noMention(wellFormed(text).replaceAll(/[&<>"]/g, (c) => htmlEscapes[c] ?? c));

/** Mentions and numbers of issues are looked for in what was rendered: an empty comment parts them. */
const noMention = (text: string): string => text.replaceAll(/@(?=\\?[\w-])|#(?=\d)/g, (c) => `${c}<!-- -->`);

/** One line of running text, also in a table. */
export const inline = (text: string): string =>
  noMention(
    wellFormed(text)
      .replaceAll(/[\\`*_{}[\]()+.!|~$^=:-]/g, (c) => `\\${c}`)
      .replaceAll(/[&<>"]/g, (c) => htmlEscapes[c] ?? c)
      .replace(/^#/, '\\#')
      .replace(/^(\d+)(?=\))/, '$1\\'),
  );

const longestRun = (text: string): number => Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));

/** In a table, a bar ends the cell even in code, unless a backslash stands before it. */
export const code = (text: string, place: 'line' | 'table' = 'line'): string => {
  const shown = wellFormed(text);
  if (shown.trim() === '') return '';
  const fence = '`'.repeat(longestRun(shown) + 1);
  const padded = /^`|`$|^ .* $/.test(shown) ? ` ${shown} ` : shown;
  return `${fence}${place === 'table' ? padded.replaceAll('|', '\\|') : padded}${fence}`;
};

/** A block of lines. */
export const block = (lines: readonly string[], language = ''): readonly string[] => {
  const shown = lines.flatMap((line) => line.split('\n')).map(wellFormed);
  const fence = '`'.repeat(Math.max(3, longestRun(shown.join('\n')) + 1));
  return [`${fence}${language}`, ...shown, fence];
};

/** Cells have to be Markdown already. */
export const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
