/** What the extensions of a rule print in a listing, taken apart by their own readers. */
import type { Family } from '../netfilter/family.ts';
import type { ExtensionGrammar, Grammar, ListingContext, ListingPart } from './grammar.ts';

/** One extension's part of the text. */
export interface TextPart {
  readonly kind: 'match' | 'target';
  readonly name: string;
  readonly part: ListingPart;
  /** Where it begins in the text, counted from 0. */
  readonly at: number;
}

export type TextReading =
  | { readonly kind: 'read'; readonly parts: readonly TextPart[] }
  /** Nothing takes the text from `at` on. */
  | { readonly kind: 'unreadable'; readonly at: number }
  /** Two ways to read it that are different rules. */
  | { readonly kind: 'ambiguous'; readonly at: number };

/** More than any real rule has; a line that is all short words would else nest without end. */
const mostParts = 64;

interface Search {
  readonly text: string;
  readonly matches: readonly ExtensionGrammar[];
  readonly target: ExtensionGrammar | undefined;
  readonly context: ListingContext;
  readonly found: (readonly TextPart[])[];
  /** Places from which no way leads to the end. */
  readonly dead: Set<number>;
  furthest: number;
}

/** The bpf match ends its last instruction with a NUL, which some terminals copy. */
const isBlank = (c: string | undefined): boolean => c === ' ' || c === '\t' || c === '\0';

const skipBlanks = (text: string, from: number): number => {
  let at = from;
  while (isBlank(text[at])) at++;
  return at;
};

const trimEnd = (text: string): string => {
  let end = text.length;
  while (isBlank(text[end - 1])) end--;
  return text.slice(0, end);
};

/** The bpf match prints its part without the blank in front that all others have: `udp dpt:4789match bpf 48 0 0 0,…`. */
const glued = 'match bpf ';

/** Where the text in front of a part that is glued to it ends, if there is one. */
const cutOf = (text: string): number | undefined => {
  const at = text.indexOf(glued, 1);
  return at < 0 || isBlank(text[at - 1]) ? undefined : at;
};

const readings = (
  extension: ExtensionGrammar,
  text: string,
  cut: number | undefined,
  context: ListingContext,
): readonly ListingPart[] => {
  const whole = extension.listing?.(text, context);
  const part = cut === undefined ? undefined : extension.listing?.(text.slice(0, cut), context);
  return [whole, part === undefined || part.length === whole?.length ? undefined : part].flatMap((one) =>
    one && one.length > 0 ? [one] : [],
  );
};

const targetPart = ({ text, target, context }: Search, at: number): ListingPart | undefined => {
  if (!target?.listing) return at === text.length ? { words: [], length: 0 } : undefined;
  const part = target.listing(text.slice(at), context);
  return part && skipBlanks(text, at + part.length) === text.length ? part : undefined;
};

const wordsOf = (parts: readonly TextPart[]): string =>
  JSON.stringify(parts.map(({ kind, name, part }) => [kind, name, part.words]));

const search = (state: Search, from: number, before: readonly TextPart[]): boolean => {
  const { text, matches, target, context, found, dead } = state;
  const at = skipBlanks(text, from);
  if (dead.has(at) || before.length > mostParts) return false;
  state.furthest = Math.max(state.furthest, at);
  let leads = false;
  const last = targetPart(state, at);
  if (last) {
    const parts = target ? [...before, { kind: 'target' as const, name: target.name, part: last, at }] : before;
    const earlier = found[0];
    if (!earlier || wordsOf(earlier) !== wordsOf(parts)) found.push(parts);
    leads = true;
  }
  const rest = text.slice(at);
  const cut = cutOf(rest);
  if (rest !== '')
    for (const match of matches)
      for (const part of readings(match, rest, cut, context)) {
        if (found.length > 1) return true;
        const parts = [...before, { kind: 'match' as const, name: match.name, part, at }];
        if (search(state, at + part.length, parts)) leads = true;
      }
  if (!leads) dead.add(at);
  return leads;
};

/** The matches that have something to read. */
export const listedMatches = (grammar: Grammar, family: Family): readonly ExtensionGrammar[] =>
  [...grammar.matches.values()].filter(({ listing, families }) => listing && families.includes(family));

/**
 * Tries the reader of every match at the front of the text, then of every match behind it, and so on; the target's
 * own reader must take what is left. The text is refused if that can be done in two different ways.
 */
export const readText = (
  text: string,
  matches: readonly ExtensionGrammar[],
  target: ExtensionGrammar | undefined,
  context: ListingContext,
): TextReading => {
  const state: Search = {
    text: trimEnd(text),
    matches,
    target,
    context,
    found: [],
    dead: new Set(),
    furthest: 0,
  };
  search(state, 0, []);
  const [first, second] = state.found;
  if (first && !second) return { kind: 'read', parts: first };
  if (!first || !second) return { kind: 'unreadable', at: state.furthest };
  const differ = first.findIndex((part, i) => wordsOf([part]) !== wordsOf(second.slice(i, i + 1)));
  return { kind: 'ambiguous', at: first[Math.max(0, differ)]?.at ?? 0 };
};
