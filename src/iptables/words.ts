import type { Code } from '../diagnostics/catalogue.ts';
import type { Diagnostic, Span } from '../diagnostics/diagnostic.ts';

/** One word of a rule. `column` is 1-based in the line that it was read from. */
export interface Word {
  readonly text: string;
  readonly column: number;
  /** As many characters as it takes in the line, quotes and escapes included. */
  readonly length: number;
  /** A quoted word is never an option or a `!`. */
  readonly quoted: boolean;
}

/** The line that words come from; spans are drawn on it. */
export interface Line {
  readonly file: string;
  readonly number: number;
  readonly text: string;
}

export const spanOf = (line: Line, column: number, length = 1): Span => ({
  file: line.file,
  line: line.number,
  column,
  length: Math.max(1, length),
  text: line.text,
});

/** A part of a line: a word, or whatever has its place. */
export interface Place {
  readonly column: number;
  readonly length: number;
}

export const errorAt = (
  line: Line,
  { column, length }: Place,
  code: Code,
  what: string,
  help?: string,
): Diagnostic => ({
  code,
  severity: 'error',
  what,
  ...(help === undefined ? {} : { help }),
  span: spanOf(line, column, length),
});

/** All of a line. */
export const wholeOf = (line: Line): Place => ({ column: 1, length: line.text.length });

const blank = 0x20;
const tab = 0x09;
const newline = 0x0a;
const quote = 0x22;
const backslash = 0x5c;

const isBlank = (code: number): boolean => code === blank || code === tab || code === newline;

/**
 * Splits a line as iptables-restore does: blanks separate, `"` quotes, and inside quotes a backslash takes the next
 * character as it is. An unclosed quote yields the diagnostic instead of words.
 */
export const splitWords = (line: Line, from = 0): readonly Word[] | Diagnostic => {
  const { text } = line;
  const words: Word[] = [];
  let i = from;
  while (i < text.length) {
    if (isBlank(text.charCodeAt(i))) {
      i++;
      continue;
    }
    const start = i;
    let plainStart = i;
    let value = '';
    let quoted = false;
    let inside = false;
    let opened = i;
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (inside) {
        if (code === quote) {
          value += text.slice(plainStart, i);
          plainStart = i + 1;
          inside = false;
        } else if (code === backslash && i + 1 < text.length) {
          value += text.slice(plainStart, i);
          plainStart = i + 1;
          i++;
        }
      } else if (code === quote) {
        value += text.slice(plainStart, i);
        plainStart = i + 1;
        opened = i;
        inside = true;
        quoted = true;
      } else if (isBlank(code)) break;
    }
    if (inside)
      return {
        code: 'bad-quote',
        severity: 'error',
        what: 'the quote that opens here is never closed',
        help: 'close it, or escape it as \\" inside another quoted string',
        span: spanOf(line, opened + 1),
      };
    words.push({ text: value + text.slice(plainStart, i), column: start + 1, length: i - start, quoted });
  }
  return words;
};

/** Whether a line ends inside a quoted string: iptables-save prints a newline in a comment as it is. */
export const endsInsideQuote = (text: string): boolean => {
  if (!text.includes('"')) return false;
  let inside = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === quote) inside = !inside;
    else if (inside && code === backslash) i++;
  }
  return inside;
};

/** How many characters the word at a column takes, quotes included: for a caret as long as the word. */
export const wordLengthAt = (text: string, column: number): number =>
  /^(?:"(?:\\.|[^"\\])*"|\S+)/.exec(text.slice(column - 1))?.[0].length ?? 1;
