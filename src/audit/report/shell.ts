/** Commands for a shell: words in quotes, and long lines that can still be pasted. */
import { visible } from '../../diagnostics/render.ts';

/** One word. Control characters cannot be typed, and are shown: such a command is to be read, not pasted. */
export const quoted = (word: string): string => {
  const shown = visible(word);
  if (/^[\w@%+=:,./-]+$/.test(shown) && !shown.startsWith('-')) return shown;
  return `'${shown.replaceAll("'", `'\\''`)}'`;
};

/** Where a line may be cut: at blanks outside quotes, and at those of the packet's words, which read a line's end as a blank. */
const breaksIn = (line: string): ReadonlyMap<number, 'shell' | 'packet'> | undefined => {
  const breaks = new Map<number, 'shell' | 'packet'>();
  let quote: string | undefined;
  let inPacket = false;
  for (let at = 0; at < line.length; at++) {
    const c = line[at];
    if (quote === undefined && c === '\\') at++;
    else if (quote === '"' && c === '\\') at++;
    else if (quote === undefined && (c === "'" || c === '"')) {
      quote = c;
      inPacket = c === "'" && line.slice(0, at).endsWith('--packet ') && !/["\\]/.test(line.slice(at));
    } else if (quote === c) quote = undefined;
    else if (c === ' ' && quote === undefined) breaks.set(at, 'shell');
    else if (c === ' ' && inPacket) breaks.set(at, 'packet');
  }
  return quote === undefined ? breaks : undefined;
};

/**
 * A command in lines of at most `width` columns, cut so that the shell reads what it would have read: with a backslash
 * at the end, or inside the words of a packet without one. A word that is longer stays whole.
 */
export const folded = (command: string, width: number): readonly string[] => {
  const line = visible(command);
  const breaks = line.length <= width || line.startsWith('#') ? undefined : breaksIn(line);
  if (!breaks) return [line];
  const lines: string[] = [];
  let start = 0;
  let last: number | undefined;
  const room = (): number => width - (lines.length === 0 ? 0 : 2) - 2;
  const cut = (at: number): void => {
    lines.push(`${lines.length === 0 ? '' : '  '}${line.slice(start, at)}${breaks.get(at) === 'shell' ? ' \\' : ''}`);
    start = at + 1;
    last = undefined;
  };
  for (const at of [...breaks.keys(), line.length]) {
    if (at - start > room() && last !== undefined) cut(last);
    last = at;
  }
  lines.push(`${lines.length === 0 ? '' : '  '}${line.slice(start)}`);
  return lines;
};
