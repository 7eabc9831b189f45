/** The words and operators of a shell script (POSIX "Shell Command Language", 2.3 Token Recognition). */

/** A piece of a word. What only a running shell can tell is `unknown`. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string; readonly quoted: boolean }
  | { readonly kind: 'variable'; readonly name: string; readonly quoted: boolean }
  | { readonly kind: 'unknown'; readonly what: string; readonly source: string };

interface Range {
  /** Counted from 0 in the whole input. */
  readonly start: number;
  readonly end: number;
}

export interface ShellWord extends Range {
  readonly kind: 'word';
  readonly pieces: readonly Piece[];
}

export interface Operator extends Range {
  readonly kind: 'operator';
  /** A line feed is one as well. */
  readonly text: string;
}

/** A quote or a substitution that never ends; nothing comes after it. */
export interface Broken extends Range {
  readonly kind: 'broken';
  readonly what: string;
}

export type Token = ShellWord | Operator | Broken;

class Unclosed extends Error {
  readonly start: number;
  readonly what: string;
  constructor(start: number, what: string) {
    super(what);
    this.start = start;
    this.what = what;
  }
}

const operators = /&&|&>>|&>|&|\|\||\|&|\||;;&|;;|;&|;|<<<|<<-|<<|<&|<>|<|>>|>&|>\||>|\(|\)/y;
const plain = /[^ \t\n"'`\\$&|;<>()]+/y;
const comment = /[^\n]*/y;
const name = /[A-Za-z_][A-Za-z0-9_]*/y;
const braced = /\{([A-Za-z_][A-Za-z0-9_]*)\}/y;

const matchAt = (pattern: RegExp, text: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at;
  return pattern.exec(text);
};

/** The end of `\` and a line end, which a shell takes for nothing at all; `at` if there is none. */
const skipContinuation = (text: string, at: number): number =>
  text[at] === '\\' && text[at + 1] === '\n' ? at + 2 : at;

/** The place behind the bracket that closes the one at `open`; quotes inside are respected. */
const skipBrackets = (text: string, open: number, what: string): number => {
  const closers: string[] = [];
  for (let at = open; at < text.length; at++) {
    const c = text[at];
    if (c === '\\') at++;
    else if (c === "'" && closers.at(-1) !== '"') {
      at = text.indexOf("'", at + 1);
      if (at < 0) break;
    } else if (c === '"') {
      if (closers.at(-1) === '"') closers.pop();
      else closers.push('"');
    } else if (c === closers.at(-1)) closers.pop();
    else if (c === '(' && closers.at(-1) !== '"') closers.push(')');
    else if (c === '{' && (closers.length === 0 || text[at - 1] === '$')) closers.push('}');
    if (closers.length === 0) return at + 1;
  }
  throw new Unclosed(open, what);
};

interface Taken {
  readonly piece: Piece;
  readonly end: number;
}

const takeUnknown = (text: string, start: number, end: number, what: string): Taken => ({
  piece: { kind: 'unknown', what, source: text.slice(start, end) },
  end,
});

const takeBackquotes = (text: string, at: number): Taken => {
  for (let end = at + 1; end < text.length; end++) {
    if (text[end] === '\\') end++;
    else if (text[end] === '`') return takeUnknown(text, at, end + 1, 'the output of another command');
  }
  throw new Unclosed(at, 'the ` that opens here is never closed');
};

/** What stands at a `$`. */
const takeDollar = (text: string, at: number, quoted: boolean): Taken => {
  const next = text[at + 1] ?? '';
  const plainName = matchAt(name, text, at + 1) ?? (next === '{' ? matchAt(braced, text, at + 1) : null);
  if (plainName) {
    const piece = { kind: 'variable', name: plainName[1] ?? plainName[0], quoted } as const;
    return { piece, end: at + 1 + plainName[0].length };
  }
  if (next === '(' || next === '{') {
    const end = skipBrackets(text, at + 1, `the $${next} that opens here is never closed`);
    return takeUnknown(text, at, end, next === '(' ? 'the output of another command' : 'a substitution');
  }
  if (/[0-9@*#?$!-]/.test(next)) return takeUnknown(text, at, at + 2, `the parameter $${next}`);
  if (!quoted && (next === "'" || next === '"'))
    return takeUnknown(text, at, at + 1, 'a string with escapes or translations');
  return { piece: { kind: 'text', text: '$', quoted }, end: at + 1 };
};

/** What stands between double quotes; `at` is behind the first one. Gives the place behind the last one. */
const takeDoubleQuoted = (text: string, start: number, pieces: Piece[]): number => {
  let value = '';
  const flush = (): void => {
    pieces.push({ kind: 'text', text: value, quoted: true });
    value = '';
  };
  for (let at = start + 1; at < text.length;) {
    const c = text[at] as string;
    const behind = skipContinuation(text, at);
    if (c === '"') {
      flush();
      return at + 1;
    }
    if (behind > at) at = behind;
    else if (c === '\\' && /["\\$`]/.test(text[at + 1] ?? '')) {
      value += text[at + 1];
      at += 2;
    } else if (c === '$' || c === '`') {
      flush();
      const { piece, end } = c === '$' ? takeDollar(text, at, true) : takeBackquotes(text, at);
      pieces.push(piece);
      at = end;
    } else {
      value += c;
      at++;
    }
  }
  throw new Unclosed(start, 'the quote that opens here is never closed');
};

const takeWord = (text: string, start: number): ShellWord => {
  const pieces: Piece[] = [];
  let at = start;
  while (at < text.length) {
    const c = text[at] as string;
    const run = matchAt(plain, text, at);
    if (run) {
      pieces.push({ kind: 'text', text: run[0], quoted: false });
      at += run[0].length;
    } else if (c === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) throw new Unclosed(at, 'the quote that opens here is never closed');
      pieces.push({ kind: 'text', text: text.slice(at + 1, end), quoted: true });
      at = end + 1;
    } else if (c === '"') at = takeDoubleQuoted(text, at, pieces);
    else if (c === '$' || c === '`') {
      const { piece, end } = c === '$' ? takeDollar(text, at, false) : takeBackquotes(text, at);
      pieces.push(piece);
      at = end;
    } else if (c === '\\') {
      const behind = skipContinuation(text, at);
      if (behind === at) pieces.push({ kind: 'text', text: text[at + 1] ?? '\\', quoted: true });
      at = behind === at ? at + 2 : behind;
    } else if ((c === '<' || c === '>') && text[at + 1] === '(') {
      const end = skipBrackets(text, at + 1, 'the ( that opens here is never closed');
      pieces.push(takeUnknown(text, at, end, 'the name of a pipe').piece);
      at = end;
    } else break;
  }
  return { kind: 'word', pieces, start, end: Math.min(at, text.length) };
};

const wholeText = (word: ShellWord): string =>
  word.pieces.map((piece) => (piece.kind === 'text' ? piece.text : '')).join('');

/** The place behind a here-document, whose text begins at `at`. */
const skipHereDocument = (text: string, at: number, delimiter: string, tabs: boolean): number => {
  for (let start = at; start < text.length;) {
    const feed = text.indexOf('\n', start);
    const end = feed < 0 ? text.length : feed;
    const line = text.slice(start, end);
    if ((tabs ? line.replace(/^\t+/, '') : line) === delimiter) return end + 1;
    start = end + 1;
  }
  throw new Unclosed(Math.max(0, at - 1), `the here-document has no line ${delimiter}`);
};

function* scan(text: string): Generator<Token> {
  const waiting: { readonly delimiter: string; readonly tabs: boolean }[] = [];
  let here: Operator | undefined;
  for (let at = 0; at < text.length;) {
    const c = text[at] as string;
    const behind = skipContinuation(text, at);
    if (behind > at) at = behind;
    else if (c === '\n') {
      yield { kind: 'operator', text: '\n', start: at, end: at + 1 };
      at++;
      for (const { delimiter, tabs } of waiting.splice(0)) at = skipHereDocument(text, at, delimiter, tabs);
    } else if (c === ' ' || c === '\t') at++;
    else if (c === '#') at += matchAt(comment, text, at)?.[0].length ?? 1;
    else {
      const operator = matchAt(operators, text, at);
      if (operator && !((c === '<' || c === '>') && text[at + 1] === '(')) {
        const token: Operator = { kind: 'operator', text: operator[0], start: at, end: at + operator[0].length };
        if (token.text === '<<' || token.text === '<<-') here = token;
        yield token;
        at = token.end;
        continue;
      }
      const word = takeWord(text, at);
      if (here) waiting.push({ delimiter: wholeText(word), tabs: here.text === '<<-' });
      here = undefined;
      yield word;
      at = word.end;
    }
  }
}

/** The tokens of a script with line feeds at its line ends, up to the first quote or bracket that is never closed. */
export function* tokensOf(text: string): Generator<Token> {
  try {
    yield* scan(text);
  } catch (error) {
    if (!(error instanceof Unclosed)) throw error;
    yield { kind: 'broken', what: error.what, start: error.start, end: error.start + 1 };
  }
}
