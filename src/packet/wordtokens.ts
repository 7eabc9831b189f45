/** The words of a packet in text: blanks between them, `key=value` or a word alone, values in quotes where needed. */
import type { Code } from '../diagnostics/catalogue.ts';
import type { Diagnostic, Span } from '../diagnostics/diagnostic.ts';

export interface Token {
  /** In front of the `=`. */
  readonly name: string;
  /** Undefined for a word alone. */
  readonly value: string | undefined;
  /** Whether the value is in quotes: then `unknown` and `none` are names like any other. */
  readonly quoted: boolean;
  readonly whole: Span;
  readonly nameSpan: Span;
  readonly valueSpan: Span;
}

const packetFile = '--packet';

export const errorAt = (
  span: Span,
  code: Code,
  what: string,
  more: { readonly why?: string | undefined; readonly help?: string | undefined; readonly severity?: 'warning' } = {},
): Diagnostic => ({
  code,
  severity: more.severity ?? 'error',
  what,
  span,
  ...(more.why === undefined ? {} : { why: more.why }),
  ...(more.help === undefined ? {} : { help: more.help }),
});

interface Raw {
  readonly text: string;
  readonly equals: number;
  readonly quoted: boolean;
  readonly end: number;
  readonly open: boolean;
}

/** One word from `start` on: `text` without quotes, `equals` where its first unquoted = is in it. */
const scan = (line: string, start: number): Raw => {
  let text = '';
  let equals = -1;
  let quoted = false;
  let inside = false;
  let at = start;
  for (; at < line.length; at++) {
    const c = line[at] as string;
    if (!inside && /\s/.test(c)) break;
    if (c === '"') {
      inside = !inside;
      quoted = true;
    } else if (inside && c === '\\' && at + 1 < line.length) text += line[++at];
    else {
      if (c === '=' && !inside && equals < 0) equals = text.length;
      text += c;
    }
  }
  return { text, equals, quoted, end: at, open: inside };
};

/** Never fails; a quote that is not closed ends with the line, and is told. */
export const tokensOf = (
  text: string,
): { readonly tokens: readonly Token[]; readonly diagnostics: readonly Diagnostic[] } => {
  const tokens: Token[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const span = (from: number, to: number): Span => ({
      file: packetFile,
      line: index + 1,
      column: from + 1,
      length: Math.max(1, to - from),
      text: line,
    });
    for (let at = 0; at < line.length;) {
      if (/\s/.test(line[at] as string)) {
        at++;
        continue;
      }
      const { text: word, equals, quoted, end, open } = scan(line, at);
      if (open) diagnostics.push(errorAt(span(at, end), 'bad-quote', 'a quote is opened and never closed'));
      const value = equals < 0 ? undefined : word.slice(equals + 1);
      tokens.push({
        name: equals < 0 ? word : word.slice(0, equals),
        value,
        quoted: quoted && equals >= 0,
        whole: span(at, end),
        nameSpan: span(at, equals < 0 ? end : at + equals),
        valueSpan: span(equals < 0 ? at : Math.min(end - 1, at + equals + 1), end),
      });
      at = end;
    }
  }
  return { tokens, diagnostics };
};

/** A value as a word, in quotes where it has to be. */
export const quotedIfNeeded = (text: string): string =>
  text === '' || text === 'unknown' || text === 'none' || /[\s"\\]/.test(text)
    ? `"${text.replace(/["\\]/g, String.raw`\$&`)}"`
    : text;
