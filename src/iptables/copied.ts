/**
 * Values of which a translation says no more than what is written: of two rules that differ in nothing else, one is
 * the other with its values exchanged. Every form here is the one that iptables-save prints, so that what is read from
 * it is printed as the same text, and leaves out what means something by itself: port 0, the loopback device, a
 * wildcard, a word of nft's, a character that JSON escapes. A value in another form takes the ordinary path.
 */
import type { Family } from '../netfilter/family.ts';
import type { Word } from './words.ts';

/** How an option writes such values: `-s` a network of one address, NAT targets an address with a port. */
export type Copied = 'network' | 'interface' | 'port' | 'endpoint' | 'text';

/** An option's word that holds them. */
export interface CopiedWord {
  readonly column: number;
  readonly length: number;
  readonly copied: Copied;
}

/** Takes note of a word with values that are only copied. */
export const noteCopied = (reading: { readonly copied: CopiedWord[] }, word: Word, copied: Copied): void => {
  reading.copied.push({ column: word.column, length: word.length, copied });
};

export type HoleKind = 'address' | 'interface' | 'port' | 'word' | 'text';

/** A value in a line; `at` counts from 0. */
export interface Hole {
  readonly at: number;
  readonly length: number;
  readonly kind: HoleKind;
}

const byte = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const group = '[1-9a-f][0-9a-f]{0,3}';

/** In IPv6 the forms that RFC 5952 writes in one way only: all groups, or a gap of two or more in front of the last. */
const addresses: Readonly<Record<Family, string>> = {
  ip: `(?!0\\.)${byte}(?:\\.${byte}){3}`,
  ip6: `(?:${group}(?::${group}){0,4}::${group}|${group}(?::${group}){7})`,
};

const port = '(?:[1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d\\d|655[0-2]\\d|6553[0-5])';

/** At most 15 bytes, with a digit or a dash: no protocol but icmpv6 is written so. */
const interfaceName = '(?!icmpv6)(?=\\S{1,15}(?:\\s|$))[A-Za-z]+[-0-9][0-9A-Za-z_.-]*';

/** As long as that two of them fit into a comment of nft's. */
const oneWord = '[0-9A-Za-z][0-9A-Za-z_.:/+=@-]{0,119}';
const freeText = '[0-9A-Za-z][0-9A-Za-z_.:/+=@,;()# -]{0,119}';

/** The sources of regular expressions that take exactly the values of a kind. */
export const holePatterns = (family: Family): Readonly<Record<HoleKind, string>> => ({
  address: addresses[family],
  interface: interfaceName,
  port,
  word: oneWord,
  text: freeText,
});

interface Form {
  readonly pattern: RegExp;
  /** What the groups of the pattern hold. */
  readonly kinds: readonly HoleKind[];
}

const formsOf = (family: Family): Readonly<Record<Copied, readonly Form[]>> => {
  const { address, ...others } = holePatterns(family);
  const form = (source: string, ...kinds: readonly HoleKind[]): Form => ({
    pattern: new RegExp(`^(?:${source})$`),
    kinds,
  });
  return {
    network: [form(`(${address})(?:/${family === 'ip' ? 32 : 128})?`, 'address')],
    interface: [form(`(${others.interface})`, 'interface')],
    port: [form(`(${port})`, 'port')],
    endpoint: [
      form(`(${address})`, 'address'),
      form(family === 'ip' ? `(${address}):(${port})` : `\\[(${address})\\]:(${port})`, 'address', 'port'),
    ],
    text: [form(`"(${others.text})"`, 'text'), form(`(${others.word})`, 'word')],
  };
};

const forms: Readonly<Record<Family, Readonly<Record<Copied, readonly Form[]>>>> = {
  ip: formsOf('ip'),
  ip6: formsOf('ip6'),
};

/** The values in one word of a line; none if it is written in another form. */
export const holesIn = (line: string, word: CopiedWord, family: Family): readonly Hole[] => {
  const from = word.column - 1;
  const text = line.slice(from, from + word.length);
  for (const { pattern, kinds } of forms[family][word.copied]) {
    const found = pattern.exec(text);
    if (!found) continue;
    let end = 0;
    return kinds.map((kind, index) => {
      const value = found[index + 1] ?? '';
      const at = text.indexOf(value, end);
      end = at + value.length;
      return { at: from + at, length: value.length, kind };
    });
  }
  return [];
};

type Examples = readonly ((index: number) => string)[];

const hex = (number: number): string => number.toString(16);

/**
 * Values to ask the ordinary path with: all different, rising and falling; all the same; the smallest and the largest.
 * The first ones have the same length, so that none is a part of another.
 */
const examples: Readonly<Record<Family | Exclude<HoleKind, 'address'>, Examples>> = {
  ip: [
    (i) => `203.0.113.${101 + i}`,
    (i) => `198.51.100.${249 - i}`,
    () => '192.0.2.7',
    () => '1.0.0.0',
    () => '255.255.255.255',
  ],
  ip6: [
    (i) => `2001:db8::${hex(0xa001 + i)}`,
    (i) => `2001:db9:1::${hex(0xbfff - i)}`,
    () => '2001:db8:7::7',
    () => '1::1',
    () => 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  ],
  interface: [(i) => `qa-${101 + i}`, (i) => `zq-${999 - i}`, () => 'eth0', () => 'a0', () => 'br-0123456789ab'],
  port: [(i) => `${54_321 + i}`, (i) => `${43_210 - i}`, () => '8080', () => '1', () => '65535'],
  word: [(i) => `Qa:${101 + i}`, (i) => `Zq/${999 - i}`, () => 'same', () => 'a', () => 'w'.repeat(120)],
  text: [(i) => `Qb: ${101 + i}`, (i) => `Zr; ${999 - i}`, () => 'the same', () => 'a', () => 't'.repeat(120)],
};

export const exampleCount: number = examples.port.length;

/** The values of one example for a list of holes. */
export const exampleValues = (number: number, kinds: readonly HoleKind[], family: Family): readonly string[] =>
  kinds.map((kind, index) => examples[kind === 'address' ? family : kind][number]?.(index) ?? '');
