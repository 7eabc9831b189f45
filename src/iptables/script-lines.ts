/** The lines of a script: places are counted in the whole text, and diagnostics speak of lines and columns. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Input } from './parse.ts';
import { type Line, spanOf } from './words.ts';

/** A command's lines as one, from the start of the first to the end of the last. */
export interface LogicalLine {
  readonly line: Line;
  /** Where it begins in the text. */
  readonly start: number;
}

export interface ScriptLines {
  /** Without a byte order mark, and with line feeds at all line ends. */
  readonly text: string;
  readonly logical: (start: number, end: number) => LogicalLine;
  /** Moves a diagnostic about a line that is several onto the one of them that it is about. */
  readonly settle: (diagnostic: Diagnostic, logical: LogicalLine) => Diagnostic;
}

export const scriptLines = (input: Input): ScriptLines => {
  const text = input.text.replace(/^\ufeff/, '').replaceAll('\r\n', '\n');
  const starts = [0];
  for (let feed = text.indexOf('\n'); feed >= 0; feed = text.indexOf('\n', feed + 1)) starts.push(feed + 1);
  const indexOf = (at: number): number => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] as number) <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  const endOf = (index: number): number =>
    index + 1 < starts.length ? (starts[index + 1] as number) - 1 : text.length;
  const logical = (start: number, end: number): LogicalLine => {
    const first = indexOf(start);
    const last = indexOf(Math.max(start, end - 1));
    const from = starts[first] as number;
    const raw = text.slice(from, endOf(last));
    // As many blanks as a line continuation has characters: columns stay what they are.
    const joined = first === last ? raw : raw.replaceAll('\\\n', '  ');
    return { line: { file: input.name, number: first + 1, text: joined }, start: from };
  };
  const settle = (diagnostic: Diagnostic, { line, start }: LogicalLine): Diagnostic => {
    const { span } = diagnostic;
    if (!span || span.line !== line.number) return diagnostic;
    const at = start + span.column - 1;
    const index = indexOf(Math.min(at, Math.max(0, text.length - 1)));
    const physical = { file: input.name, number: index + 1, text: text.slice(starts[index], endOf(index)) };
    const column = at - (starts[index] as number) + 1;
    const length = Math.min(span.length, Math.max(1, physical.text.length - column + 1));
    return { ...diagnostic, span: spanOf(physical, column, length) };
  };
  return { text, logical, settle };
};
