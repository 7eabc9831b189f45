import type { Input } from './parse.ts';
import type { Line } from './words.ts';

/** A line after the first that starts inside a quoted string is looked for at most this many lines further. */
const longestQuote = 64;

/** The lines of an input, without their line ends; a byte order mark and carriage returns before line feeds are not part of them. */
export function* linesOf(input: Input): Generator<Line> {
  const { text, name } = input;
  let start = text.startsWith('\ufeff') ? 1 : 0;
  for (let number = input.firstLine ?? 1; start < text.length; number++) {
    let end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    const stop = end > start && text.charCodeAt(end - 1) === 13 ? end - 1 : end;
    yield { file: name, number, text: text.slice(start, stop) };
    start = end + 1;
  }
}

/** A line that begins a rule or a table goes on nothing: then the quote above was left open by mistake. */
const beginsSomething = /^(?:\[\d+:\d+\]\s*)?-[A-Z]\s|^[:*]\S+|^COMMIT\s*$/;

/**
 * Lines of an iptables-save dump: a line that ends inside a quoted string goes on on the next one, because
 * iptables-save prints a newline in a comment as it is. If the quote is not closed soon, each line stands for itself.
 */
export function* joinedLines(input: Input, endsInside: (text: string) => boolean): Generator<Line> {
  const lines = linesOf(input);
  const waiting: Line[] = [];
  for (;;) {
    const line = waiting.shift() ?? (lines.next().value as Line | undefined);
    if (!line) return;
    if (line.text.startsWith('#') || !endsInside(line.text)) {
      yield line;
      continue;
    }
    let joined = line.text;
    const taken: Line[] = [];
    while (taken.length < longestQuote && endsInside(joined)) {
      const more = waiting.shift() ?? (lines.next().value as Line | undefined);
      if (!more) break;
      taken.push(more);
      if (beginsSomething.test(more.text)) break;
      joined += `\n${more.text}`;
    }
    if (endsInside(joined)) {
      waiting.unshift(...taken);
      yield line;
    } else yield { ...line, text: joined };
  }
}
