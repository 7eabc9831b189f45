/** SCTP chunk types (IANA "SCTP Parameters"): how `--chunk-types` is written and what nft can say of a packet's chunks. */
import { type Bad, isBad, type ValueType } from '../iptables/grammar.ts';
import { equal, raw, sctpChunk, unequal } from '../nftables/build.ts';
import { all, any, type Formula, never, not, test } from '../nftables/formula.ts';

interface ChunkName {
  readonly type: number;
  /** The flags from the highest bit down, `-` for one without a name; only in chunks that have any. */
  readonly flags?: string;
  /** As nft calls it, if it does. */
  readonly nft?: string;
}

// prettier-ignore
const names: Readonly<Record<string, ChunkName>> = {
  DATA: { type: 0, flags: '----IUBE', nft: 'data' }, INIT: { type: 1, nft: 'init' },
  INIT_ACK: { type: 2, nft: 'init-ack' }, SACK: { type: 3, nft: 'sack' }, HEARTBEAT: { type: 4, nft: 'heartbeat' },
  HEARTBEAT_ACK: { type: 5, nft: 'heartbeat-ack' }, ABORT: { type: 6, flags: '-------T', nft: 'abort' },
  SHUTDOWN: { type: 7, nft: 'shutdown' }, SHUTDOWN_ACK: { type: 8, nft: 'shutdown-ack' },
  ERROR: { type: 9, nft: 'error' }, COOKIE_ECHO: { type: 10, nft: 'cookie-echo' },
  COOKIE_ACK: { type: 11, nft: 'cookie-ack' }, ECN_ECNE: { type: 12, nft: 'ecne' }, ECN_CWR: { type: 13, nft: 'cwr' },
  SHUTDOWN_COMPLETE: { type: 14, flags: '-------T', nft: 'shutdown-complete' }, I_DATA: { type: 64 },
  ASCONF_ACK: { type: 128, nft: 'asconf-ack' }, RE_CONFIG: { type: 130 }, PAD: { type: 132 },
  FORWARD_TSN: { type: 192, nft: 'forward-tsn' }, ASCONF: { type: 193, nft: 'asconf' }, I_FORWARD_TSN: { type: 194 },
};

/** One type of the list. The flags under the mask have to be as given. */
export interface Chunk {
  readonly name: string;
  readonly mask: number;
  readonly flags: number;
}

export interface ChunkTypes {
  /** `any`: one of them is there. `all`: each of them is. `only`: nothing else is. */
  readonly mode: 'any' | 'all' | 'only';
  /** Ascending by type; none for NONE. */
  readonly chunks: 'ALL' | readonly Chunk[];
}

/** The type's number. */
export const chunkNumber = ({ name }: Chunk): number => names[name]?.type ?? 0;

const unknownFlags = (name: string, flags: string | undefined): Bad => ({
  bad: `${name} has no such flags`,
  help:
    flags === undefined
      ? `write ${name} alone`
      : `flags of ${name} are ${flags.replaceAll('-', '')}, in small letters if they have to be clear`,
});

const parseChunk = (text: string): Chunk | Bad => {
  const [word = '', letters = ''] = text.split(':');
  const name = word.toUpperCase();
  const known = Object.hasOwn(names, name) ? names[name] : undefined;
  if (!known)
    return { bad: `"${word}" is not an SCTP chunk type`, help: `one of ${Object.keys(names).join(', ')}, ALL, NONE` };
  let mask = 0;
  let flags = 0;
  for (const letter of letters) {
    const place = letter === '-' ? -1 : (known.flags?.indexOf(letter.toUpperCase()) ?? -1);
    if (place < 0) return { at: word.length + 1, ...unknownFlags(name, known.flags) };
    mask |= 1 << (7 - place);
    if (letter === letter.toUpperCase()) flags |= 1 << (7 - place);
  }
  return { name, mask, flags };
};

const parseChunks = (text: string): ChunkTypes['chunks'] | Bad => {
  if (text.toUpperCase() === 'ALL') return 'ALL';
  if (text.toUpperCase() === 'NONE') return [];
  const found = new Map<string, Chunk>();
  let at = 0;
  for (const word of text.split(',')) {
    const chunk = word === '' ? undefined : parseChunk(word);
    if (isBad(chunk)) return { length: word.length - (chunk.at ?? 0), ...chunk, at: at + (chunk.at ?? 0) };
    if (chunk) {
      const before = found.get(chunk.name);
      const mask = chunk.mask | (before?.mask ?? 0);
      found.set(chunk.name, { name: chunk.name, mask, flags: chunk.flags | (before?.flags ?? 0) });
    }
    at += word.length + 1;
  }
  return [...found.values()].toSorted((a, b) => chunkNumber(a) - chunkNumber(b));
};

const isMode = (text: string): text is ChunkTypes['mode'] => ['any', 'all', 'only'].includes(text);

const printChunk = ({ name, mask, flags }: Chunk): string => {
  const letters = [...(names[name]?.flags ?? '')].map((letter, place) => {
    const bit = 1 << (7 - place);
    return (mask & bit) === 0 ? '' : (flags & bit) === 0 ? letter.toLowerCase() : letter;
  });
  return mask === 0 ? name : `${name}:${letters.join('')}`;
};

export const chunkTypes: ValueType<ChunkTypes> = {
  syntax: '{any|all|only} chunk[:flags][,chunk[:flags]]…',
  words: 2,
  parse: (text) => {
    const blank = text.indexOf(' ');
    const mode = text.slice(0, blank).toLowerCase();
    if (!isMode(mode)) return { bad: `"${mode}" is not known here`, at: 0, length: blank, help: 'any, all or only' };
    const chunks = parseChunks(text.slice(blank + 1));
    return isBad(chunks) ? { ...chunks, at: blank + 1 + (chunks.at ?? 0) } : { mode, chunks };
  },
  print: ({ mode, chunks }) => `${mode} ${chunks === 'ALL' ? 'ALL' : chunks.map(printChunk).join(',') || 'NONE'}`,
  samples: () => [
    'any DATA',
    'all DATA,SACK',
    'any ALL',
    'only ALL',
    'any NONE',
    'all NONE',
    'only DATA',
    'any DATA:Be',
  ],
};

/** The name that a number of a listing stands for. */
export const chunkName = (type: number): string | undefined =>
  Object.keys(names).find((name) => names[name]?.type === type);

/** Why nft cannot say it, by the fact about nft_exthdr.c. */
export interface Inexpressible {
  readonly what: string;
  readonly why: string;
}

export const inexpressibleChunks = ({ mode, chunks }: ChunkTypes): Inexpressible | undefined => {
  if (chunks === 'ALL')
    return mode === 'all'
      ? { what: 'nft cannot ask for all 256 chunk types', why: 'nft knows 18 chunk types by name and takes no numbers' }
      : undefined;
  if (chunks.length === 0) return undefined;
  if (mode === 'only')
    return {
      what: 'nft cannot ask that a packet holds no other chunk',
      why: 'nft_exthdr looks for one chunk type at a time, and nft has names for 18 of the 256 types',
    };
  const strange = chunks.find(({ name }) => names[name]?.nft === undefined);
  if (strange)
    return {
      what: `nft has no name for the chunk ${strange.name}`,
      why: 'nft takes chunk types by name, never by number',
    };
  const flagged = chunks.find(({ mask }) => mask !== 0);
  return flagged
    ? {
        what: `nft cannot ask for the flags of any ${flagged.name} chunk`,
        why: 'nft_exthdr reads the flags of the first chunk of a type; xt_sctp looks at every chunk of that type',
      }
    : undefined;
};

/** Some chunk is there: the first one is whole and has a length. */
const someChunk = test(unequal(raw('th', 112, 16), 0));

/**
 * The test of a value that `inexpressibleChunks` lets pass, on packets whose chunks are all whole. Never `missing`: it
 * is true of packets that are not SCTP.
 */
export const chunksTest = ({ mode, chunks }: ChunkTypes, inverted: boolean): Formula => {
  if (chunks === 'ALL' || chunks.length === 0) {
    const holds = chunks === 'ALL' || mode === 'all';
    return holds === inverted ? never : someChunk;
  }
  const present = chunks.map(({ name }) => test(equal(sctpChunk(names[name]?.nft ?? ''), true)));
  const formula = mode === 'any' ? any(present) : all(present);
  return inverted ? all([someChunk, not(formula)]) : formula;
};
