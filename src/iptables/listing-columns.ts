/** The columns of a rule in `iptables -nvL`; what the extensions print comes behind them. */
import { parseMasked } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import { protocolNumber } from '../netfilter/protocols.ts';
import { parseRounded } from './counters.ts';
import type { Counters } from './types.ts';
import type { Line, Word } from './words.ts';

/** Which columns the line of column names announces. */
export interface Columns {
  readonly numbers: boolean;
  readonly counters: boolean;
  readonly interfaces: boolean;
}

const names = /^(num\s+)?(pkts\s+bytes\s+)?target\s+prot\s+opt\s+(in\s+out\s+)?source\s+destination$/;

export const parseColumns = (text: string): Columns | undefined => {
  const found = names.exec(text.trim());
  return found
    ? { numbers: found[1] !== undefined, counters: found[2] !== undefined, interfaces: found[3] !== undefined }
    : undefined;
};

/** A cell whose value may be inverted by a `!` in front of it. */
export interface Cell {
  readonly word: Word;
  readonly inverted: boolean;
}

export interface Row {
  /** The rule's number, counted from 1, in a listing that has them. */
  readonly number?: number;
  readonly counters?: Counters;
  readonly rounded: boolean;
  /** Absent for a rule without -j and -g. */
  readonly target?: Word;
  readonly protocol: Cell;
  /** `-f`, `! -f` or neither. */
  readonly fragment?: Cell;
  readonly inInterface: Cell;
  readonly outInterface: Cell;
  readonly source: Cell;
  readonly destination: Cell;
  /** Where the text of the extensions begins, counted from 0. */
  readonly rest: number;
}

const cell = (word: Word): Cell =>
  word.text.startsWith('!') && word.text.length > 1
    ? { word: { ...word, text: word.text.slice(1), column: word.column + 1, length: word.length - 1 }, inverted: true }
    : { word, inverted: false };

const isProtocol = (word: Word | undefined): boolean =>
  word !== undefined && protocolNumber(cell(word).word.text) !== undefined;

const flags: ReadonlySet<string> = new Set(['--', '-f', '!f']);

const isAddress = (word: Word | undefined): boolean => {
  if (!word) return false;
  const { text } = cell(word).word;
  return text === 'anywhere' || parseMasked(text, 'ip') !== undefined || parseMasked(text, 'ip6') !== undefined;
};

/** Numbers, counters, target, prot, opt, in, out, source, destination. */
const mostCells = 11;

const firstWords = (line: Line, from: number): readonly Word[] => {
  const pattern = /\S+/g;
  pattern.lastIndex = from;
  const words: Word[] = [];
  for (let found = pattern.exec(line.text); found && words.length < mostCells; found = pattern.exec(line.text))
    words.push({ text: found[0], column: found.index + 1, length: found[0].length, quoted: false });
  return words;
};

/** How many words the target and the option column take: the target is blank for a rule without -j, the options in old ip6tables. */
const layoutOf = (words: readonly Word[]): { readonly target: 0 | 1; readonly opt: 0 | 1 } | undefined => {
  for (const target of [1, 0] as const)
    if (isProtocol(words[target]) && flags.has(words[target + 1]?.text ?? '')) return { target, opt: 1 };
  const blank = ([1, 0] as const).filter(
    (target) => isProtocol(words[target]) && isAddress(words[target + 3]) && isAddress(words[target + 4]),
  );
  return blank.length === 1 && blank[0] !== undefined ? { target: blank[0], opt: 0 } : undefined;
};

/** The cells of one line of a listing with interfaces, or undefined if it is none. */
export const parseRow = (line: Line, from: number, columns: Columns): Row | undefined => {
  const words = firstWords(line, from);
  const lead = (columns.numbers ? 1 : 0) + (columns.counters ? 2 : 0);
  const leading = words.slice(0, lead);
  const cells = words.slice(lead);
  const layout = layoutOf(cells);
  if (!layout || (columns.numbers && !/^\d+$/.test(leading[0]?.text ?? ''))) return undefined;
  const [packets, bytes] = leading.slice(-2).map(({ text }) => parseRounded(text));
  if (columns.counters && (packets === undefined || bytes === undefined)) return undefined;
  const { target, opt } = layout;
  const [inInterface, outInterface, source, destination] = cells.slice(target + 1 + opt);
  const [protocol, flag] = [cells[target], opt ? cells[target + 1] : undefined];
  if (!protocol || !inInterface || !outInterface || !source || !destination) return undefined;
  return {
    ...(columns.numbers ? { number: Number(leading[0]?.text) } : {}),
    ...(columns.counters && packets !== undefined && bytes !== undefined ? { counters: { packets, bytes } } : {}),
    rounded: columns.counters && leading.slice(-2).some(({ text }) => /\D$/.test(text)),
    ...(target && cells[0] ? { target: cells[0] } : {}),
    protocol: cell(protocol),
    ...(flag && flag.text !== '--' ? { fragment: { word: flag, inverted: flag.text === '!f' } } : {}),
    inInterface: cell(inInterface),
    outInterface: cell(outInterface),
    source: cell(source),
    destination: cell(destination),
    rest: destination.column - 1 + destination.length,
  };
};

/** Source and destination are padded to 19 characters, and a blank follows. */
const addressWidth = 20;

/**
 * Whether a line was cut in the blanks behind its destination, as at the edge of a terminal: what the extensions print
 * would be gone. Without any blanks there an editor may have taken them away.
 */
export const isCut = (line: Line, { source, destination, rest }: Row): boolean => {
  const blanks = line.text.length - rest;
  const aligned = destination.word.column - source.word.column >= addressWidth;
  return (
    aligned && line.text.trimEnd().length === rest && blanks > 0 && blanks < addressWidth - destination.word.length
  );
};

/** The same for the line of column names. */
export const isCutTitle = (text: string): boolean => {
  const blanks = text.length - text.trimEnd().length;
  return blanks > 0 && blanks < addressWidth - 'destination'.length && / {10}destination/.test(text);
};

/** The family that the addresses of a row give away. */
export const familyOfRow = ({ source, destination }: Row): Family | undefined => {
  for (const { word } of [source, destination])
    for (const family of ['ip', 'ip6'] as const) if (parseMasked(word.text, family)) return family;
  return undefined;
};

/** Whether a row is of a listing made with -n, if it shows. */
export const isNumericRow = ({ inInterface, outInterface, source, destination }: Row): boolean | undefined => {
  const [input, output, from, to] = [inInterface, outInterface, source, destination].map(({ word }) => word.text);
  if (input === '*' || output === '*') return true;
  if ([from, to].some((text) => text === '0.0.0.0/0' || text === '::/0')) return true;
  return input === 'any' || output === 'any' || from === 'anywhere' || to === 'anywhere' ? false : undefined;
};
