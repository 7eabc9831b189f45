/**
 * Finds the elements of the one array that a libnftables document is, and where each of them begins. JSON.parse reads
 * each element; what is wrong in one is then looked for character by character, because its own errors differ between
 * engines.
 */
import type { Json } from './json.ts';

export interface Element {
  readonly value: Json;
  /** In UTF-16 units from the start of the text. */
  readonly offset: number;
  /** 1-based. */
  readonly line: number;
}

export interface Failure {
  readonly kind: 'syntax' | 'shape';
  readonly offset: number;
  readonly length: number;
  readonly what: string;
}

/** Deeper than any ruleset; a document that goes on nesting is no ruleset. */
const deepest = 256;

const isBlank = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

export const skipBlank = (text: string, from: number): number => {
  let at = from;
  while (isBlank(text.charCodeAt(at))) at++;
  return at;
};

/** Behind the closing quote of the string that begins at `from`, or -1. */
export const endOfString = (text: string, from: number): number => {
  for (let at = from + 1; ;) {
    const end = text.indexOf('"', at);
    if (end < 0) return -1;
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return end + 1;
    at = end + 1;
  }
};

/** Behind the value that begins at `from`, going by brackets and quotes only; -1 if it does not end. */
export const endOfValue = (text: string, from: number): number => {
  let depth = 0;
  for (let at = from; at < text.length;) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = endOfString(text, at);
      if (at < 0) return -1;
    } else if (code === 0x7b || code === 0x5b) {
      if (++depth > deepest) return -1;
      at++;
    } else if (code === 0x7d || code === 0x5d) {
      if (depth === 0) return at;
      at++;
      if (--depth === 0) return at;
      continue;
    } else if (depth === 0 && (code === 0x2c || isBlank(code))) return at;
    else at++;
    if (depth === 0 && code === 0x22) return at;
  }
  return depth === 0 ? text.length : -1;
};

const scalar =
  // eslint-disable-next-line no-control-regex -- control characters are exactly what a JSON string may not hold
  /(?:"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null)(?![\w.])/uy;

type Awaited =
  'a value' | 'a value or "]"' | 'a name or "}"' | 'a name' | 'a colon' | 'a comma or "]"' | 'a comma or "}"';

/** The first place from which the text of a value that begins at `from` is no JSON; undefined if it is all right. */
export const findFault = (text: string, from: number): Failure | undefined => {
  const open: string[] = [];
  let awaited: Awaited = 'a value';
  const fault = (at: number, what: string): Failure => ({ kind: 'syntax', offset: at, length: 1, what });
  for (let at = from; ;) {
    at = skipBlank(text, at);
    const character = text[at];
    if (character === undefined) return fault(text.length, `the text ends where ${awaited} should follow`);
    const wrong = fault(at, `${awaited} should stand here`);
    const isClose = character === '}' || character === ']';
    if (isClose) {
      if (!awaited.endsWith(`"${character}"`)) return wrong;
      open.pop();
      at++;
    } else if (awaited === 'a colon') {
      if (character !== ':') return wrong;
      awaited = 'a value';
      at++;
      continue;
    } else if (awaited.startsWith('a comma')) {
      if (character !== ',') return wrong;
      awaited = open.at(-1) === '{' ? 'a name' : 'a value';
      at++;
      continue;
    } else if ((character === '{' || character === '[') && awaited.startsWith('a value')) {
      if (open.push(character) > deepest) return fault(at, 'brackets are nested deeper than in any ruleset');
      awaited = character === '{' ? 'a name or "}"' : 'a value or "]"';
      at++;
      continue;
    } else {
      scalar.lastIndex = at;
      if (awaited.startsWith('a name') && character !== '"') return wrong;
      const found = scalar.exec(text);
      if (!found)
        return character === '"'
          ? fault(at, 'this string is not closed, or has a character that JSON does not allow')
          : wrong;
      at += found[0].length;
      if (awaited.startsWith('a name')) {
        awaited = 'a colon';
        continue;
      }
    }
    if (open.length === 0) return undefined;
    awaited = open.at(-1) === '{' ? 'a comma or "}"' : 'a comma or "]"';
  }
};

const longNumbers = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;

/** Numbers with more digits than a double holds become hexadecimal strings, which is how nft itself writes very long ones. */
export const keepDigits = (slice: string): string =>
  slice.replace(longNumbers, (found) =>
    found.startsWith('"') || found.startsWith('-') ? found : `"0x${BigInt(found).toString(16)}"`,
  );

/**
 * The elements of the array under `name` of the object that the text is. Other properties are skipped. Gives the
 * first thing that is wrong instead, if anything is: half a document is no document.
 */
export const readArray = (text: string, name: string): readonly Element[] | Failure => {
  const elements: Element[] = [];
  const hasLongNumbers = /\d{16}/.test(text);
  const shape = (offset: number, what: string): Failure => ({ kind: 'shape', offset, length: 1, what });
  const broken = (): Failure => findFault(text, 0) ?? shape(0, 'this is no document of nftables');
  let line = 1;
  // nft writes everything on one line: the end of a line is looked for once.
  let lineEnd = text.indexOf('\n');
  const lineAt = (offset: number): number => {
    while (lineEnd >= 0 && lineEnd < offset) {
      line++;
      lineEnd = text.indexOf('\n', lineEnd + 1);
    }
    return line;
  };
  /** The element at `from`, and where it ends. */
  const readElement = (from: number): number | Failure => {
    const end = endOfValue(text, from);
    if (end <= from) return broken();
    const slice = text.slice(from, end);
    try {
      const value = JSON.parse(hasLongNumbers ? keepDigits(slice) : slice) as Json;
      elements.push({ value, offset: from, line: lineAt(from) });
    } catch {
      return findFault(text, from) ?? broken();
    }
    return end;
  };
  /** The elements behind the `[` before `from`; gives where the array ends. */
  const readElements = (from: number): number | Failure => {
    let at = skipBlank(text, from);
    if (text[at] === ']') return at + 1;
    for (;;) {
      const end = readElement(at);
      if (typeof end !== 'number') return end;
      at = skipBlank(text, end);
      if (text[at] === ']') return at + 1;
      if (text[at] !== ',') return broken();
      at = skipBlank(text, at + 1);
    }
  };

  let at = skipBlank(text, 0);
  if (text[at] !== '{') return findFault(text, 0) ?? shape(at, `a document of nftables is an object with "${name}"`);
  let found = false;
  at = skipBlank(text, at + 1);
  while (text[at] === '"') {
    const keyStart = at;
    const keyEnd = endOfString(text, at);
    if (keyEnd < 0) return broken();
    const key = text.slice(at, keyEnd);
    at = skipBlank(text, keyEnd);
    if (text[at] !== ':') return broken();
    at = skipBlank(text, at + 1);
    let end: number | Failure;
    if (key !== `"${name}"`) {
      // Skipped, but not unread.
      end = findFault(text, at) ?? endOfValue(text, at);
      if (typeof end === 'number' && end <= at) return broken();
    } else if (found) return shape(keyStart, `"${name}" is there twice`);
    else {
      found = true;
      if (text[at] !== '[') return findFault(text, 0) ?? shape(at, `"${name}" should be an array`);
      end = readElements(at + 1);
    }
    if (typeof end !== 'number') return end;
    at = skipBlank(text, end);
    if (text[at] !== ',') break;
    at = skipBlank(text, at + 1);
    if (text[at] !== '"') return broken();
  }
  if (text[at] !== '}') return broken();
  if (!found) return findFault(text, 0) ?? shape(0, `a document of nftables has "${name}"`);
  const rest = skipBlank(text, at + 1);
  return rest < text.length
    ? { kind: 'syntax', offset: rest, length: 1, what: 'the document has ended before this' }
    : elements;
};
