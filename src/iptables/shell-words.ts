/** Words of a script as a shell would hand them to a program, as far as that can be known without running it. */
import type { Piece, ShellWord } from './shell-tokens.ts';

/** What a variable holds: a literal value, or undefined if only a running shell knows. */
export type Variables = Map<string, string | undefined>;

export interface Field {
  readonly text: string;
  readonly quoted: boolean;
}

/** Why a word's value cannot be known. */
export interface Unknown {
  readonly unknown: string;
}

const unknown = (what: string): Unknown => ({ unknown: what });

/** The kernel takes no longer argument (MAX_ARG_STRLEN, include/uapi/linux/binfmts.h); variables can double without end. */
const longest = 131_071;
const tooLong = unknown('a word longer than any program can be given');

/** The word with everything but its unquoted literal text blanked out: what a shell looks for patterns in. */
const skeleton = (pieces: readonly Piece[]): string =>
  pieces.map((piece) => (piece.kind === 'text' && !piece.quoted ? piece.text : '\0')).join('');

/** Patterns, brace lists and home directories are replaced by what the running host has. */
const patternProblem = (bare: string): string | undefined => {
  if (/[*?[]/.test(bare)) return 'a pattern that a shell replaces by the names of files; quote it';
  if (/\{.*(?:,|\.\.).*\}/s.test(bare)) return 'a list in braces, which some shells make several words of';
  return bare.startsWith('~') ? 'a home directory' : undefined;
};

const valueOf = (name: string, variables: Variables): string | Unknown => {
  const value = variables.get(name);
  if (value !== undefined) return value;
  return unknown(
    variables.has(name)
      ? `$${name}, whose value only a running shell knows`
      : `$${name}, which the script does not set`,
  );
};

/** The value that an assignment gives: not split, and without patterns. `from` characters of the first piece are its name. */
export const assignedValue = ({ pieces }: ShellWord, from: number, variables: Variables): string | Unknown => {
  let text = '';
  for (const [i, piece] of pieces.entries()) {
    if (piece.kind === 'unknown') return unknown(piece.what);
    const part = piece.kind === 'variable' ? valueOf(piece.name, variables) : piece.text.slice(i === 0 ? from : 0);
    if (typeof part !== 'string') return part;
    if (text === '' && piece.kind === 'text' && !piece.quoted && part.startsWith('~'))
      return unknown('a home directory');
    text += part;
    if (text.length > longest) return tooLong;
  }
  return text;
};

/** The fields that one word becomes: none for an empty variable, several for one with blanks in it. */
export const expandWord = ({ pieces }: ShellWord, variables: Variables): readonly Field[] | Unknown => {
  const [only] = pieces;
  if (pieces.length === 1 && only?.kind === 'text' && (only.quoted || /^[\w./:,=+@%-]+$/.test(only.text)))
    return [{ text: only.text, quoted: only.quoted }];
  const problem = patternProblem(skeleton(pieces));
  if (problem !== undefined) return unknown(problem);
  const fields: Field[] = [];
  let text: string | undefined;
  let quoted = false;
  const flush = (): void => {
    if (text !== undefined) fields.push({ text, quoted });
    [text, quoted] = [undefined, false];
  };
  for (const piece of pieces) {
    if (piece.kind === 'unknown') return unknown(piece.what);
    if (piece.kind === 'text') {
      text = (text ?? '') + piece.text;
      quoted ||= piece.quoted;
      continue;
    }
    const value = valueOf(piece.name, variables);
    if (typeof value !== 'string') return value;
    if ((text?.length ?? 0) + value.length > longest) return tooLong;
    if (piece.quoted) {
      text = (text ?? '') + value;
      quoted = true;
      continue;
    }
    if (/[*?[]/.test(value)) return unknown(`$${piece.name}, which holds a pattern; quote it`);
    for (const [i, part] of value.split(/[ \t\n]+/).entries()) {
      if (i > 0) flush();
      if (part !== '') text = (text ?? '') + part;
    }
  }
  flush();
  return fields;
};

/** The word as it stands there, if it is nothing but unquoted text: only such words are keywords. */
export const bareText = ({ pieces }: ShellWord): string | undefined => {
  let text = '';
  for (const piece of pieces) {
    if (piece.kind !== 'text' || piece.quoted) return undefined;
    text += piece.text;
  }
  return text;
};
