/** Where answers stand in the text of a document that JSON.parse has taken: its lines are the places of their rules. */
import { endOfString, endOfValue, skipBlank } from '../nftables/json-text.ts';

interface Entry {
  readonly name: string;
  /** Where its value begins. */
  readonly at: number;
}

/** The parts of the object that begins at `from`. */
function* entriesAt(text: string, from: number): Generator<Entry> {
  if (text[from] !== '{') return;
  let at = skipBlank(text, from + 1);
  while (text[at] === '"') {
    const end = endOfString(text, at);
    const value = skipBlank(text, skipBlank(text, end) + 1);
    yield { name: String(JSON.parse(text.slice(at, end))), at: value };
    at = skipBlank(text, endOfValue(text, value));
    if (text[at] === ',') at = skipBlank(text, at + 1);
  }
}

/** Where the items of the list that begins at `from` begin. */
function* itemsAt(text: string, from: number): Generator<number> {
  if (text[from] !== '[') return;
  let at = skipBlank(text, from + 1);
  while (at < text.length && text[at] !== ']') {
    yield at;
    at = skipBlank(text, endOfValue(text, at));
    if (text[at] === ',') at = skipBlank(text, at + 1);
  }
}

/** Lines, 1-based; offsets have to come in ascending order. */
const lineCounter = (text: string): ((offset: number) => number) => {
  let line = 1;
  let next = text.indexOf('\n');
  return (offset) => {
    while (next >= 0 && next < offset) {
      line++;
      next = text.indexOf('\n', next + 1);
    }
    return line;
  };
};

/** The line of the first item, if each of the others stands on the line below the one before. */
const firstOf = (text: string, at: number, lineAt: (offset: number) => number): number | undefined => {
  let first: number | undefined;
  let expected = 0;
  for (const item of itemsAt(text, at)) {
    const line = lineAt(item);
    first ??= line;
    if (line !== first + expected++) return undefined;
  }
  return first;
};

export type Places = ReadonlyMap<string, number>;

const placesIn = (text: string, from: number, lineAt: (offset: number) => number): Places => {
  const places = new Map<string, number>();
  for (const { name, at } of entriesAt(text, from)) {
    const objects = text[at] === '{' ? [...entriesAt(text, at)].find((one) => one.name === 'nftables')?.at : at;
    const line = objects === undefined ? undefined : firstOf(text, objects, lineAt);
    if (line !== undefined) places.set(name, line);
  }
  return places;
};

export interface CapturePlaces {
  /** By command line; without those whose lines do not stand below each other. */
  readonly answers: Places;
  /** The same of each namespace. */
  readonly namespaces: readonly Places[];
}

const namespacePlaces = (text: string, from: number, lineAt: (offset: number) => number): readonly Places[] =>
  [...itemsAt(text, from)].map((item) => {
    const own = [...entriesAt(text, item)].find(({ name }) => name === 'answers');
    return own ? placesIn(text, own.at, lineAt) : new Map<string, number>();
  });

export const placesOf = (text: string): CapturePlaces => {
  const lineAt = lineCounter(text);
  let answers: Places = new Map();
  let namespaces: readonly Places[] = [];
  for (const { name, at } of entriesAt(text, skipBlank(text, 0)))
    if (name === 'answers') answers = placesIn(text, at, lineAt);
    else if (name === 'namespaces') namespaces = namespacePlaces(text, at, lineAt);
  return { answers, namespaces };
};

/** Where the value at a JSON pointer begins; the nearest that there is, if there is none. */
export const offsetAt = (text: string, pointer: string): number => {
  let at = skipBlank(text, 0);
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const next =
      text[at] === '[' ? [...itemsAt(text, at)][Number(name)] : [...entriesAt(text, at)].find((one) => one.name === name)?.at; // prettier-ignore
    if (next === undefined) return at;
    at = next;
  }
  return at;
};
