/** How xt_sctp.c match_packet goes through the chunks of a packet, on its bytes and as a condition. */
import { all, any, type Condition, invertIf, is, no, not, yes } from '../packet/condition.ts';
import { key } from '../packet/field.ts';
import { hasHeader, programCondition, type Reading, transportField, transportStart } from './meaning.ts';
import { type Chunk, type ChunkTypes, chunkNumber } from './sctpchunks.ts';

const headerLength = 12;

/** `broken`: it meets a chunk that is cut short or has length 0, before it knows better; the packet is dropped. */
type Result = boolean | 'broken';

const flagsFit = (chunk: Chunk | undefined, flags: number): boolean =>
  chunk === undefined || (flags & chunk.mask) === chunk.flags;

/** Chunks by type; ALL holds every type, with any flags. */
type Wanted = Pick<ReadonlyMap<number, Chunk>, 'get' | 'has' | 'size'>;

const everyType: Wanted = { get: () => undefined, has: () => true, size: 256 };

const wantedOf = (chunks: ChunkTypes['chunks']): Wanted =>
  chunks === 'ALL' ? everyType : new Map(chunks.map((chunk) => [chunkNumber(chunk), chunk]));

const walk = ({ mode, chunks }: ChunkTypes, bytes: Uint8Array, start: number): Result => {
  const wanted = wantedOf(chunks);
  const found = new Set<number>();
  let at = start + headerLength;
  do {
    const length = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    if (at + 4 > bytes.length || length === 0) return 'broken';
    const type = bytes[at] ?? 0;
    const fits = wanted.has(type) && flagsFit(wanted.get(type), bytes[at + 1] ?? 0);
    if (mode === 'any' && fits) return true;
    if (mode === 'only' && !fits) return false;
    if (fits) found.add(type);
    at += (length + 3) & ~3;
  } while (at < bytes.length);
  return mode === 'any' ? false : mode === 'only' ? true : found.size === wanted.size;
};

const hasChunk = (type: number): Condition => is(key(`sctp.chunk.${type}.exists`), 1);

/** The first chunk is there and has a length: without it no walk begins. */
const someChunk = (context: Reading): Condition =>
  all([hasHeader(context, headerLength + 4), not(is(transportField(context, 112, 16), 0))]);

/** By the types that are there. The flags of a second chunk of a type cannot be said. */
const sameAsWalk = ({ mode, chunks }: ChunkTypes): Condition | undefined => {
  const types = Array.from({ length: 256 }, (_, type) => type);
  if (chunks === 'ALL') return mode === 'all' ? all(types.map(hasChunk)) : yes;
  // Nothing fits: the first chunk is one too many.
  if (mode === 'only' && chunks.length === 0) return no;
  if (chunks.some(({ mask }) => mask !== 0)) return undefined;
  const wanted = wantedOf(chunks);
  const listed = types.filter((type) => wanted.has(type)).map(hasChunk);
  if (mode === 'any') return any(listed);
  if (mode === 'all') return all(listed);
  return all(types.filter((type) => !wanted.has(type)).map((type) => not(hasChunk(type))));
};

const describe = ({ mode, chunks }: ChunkTypes): string =>
  `${mode} ${chunks === 'ALL' ? 'ALL' : chunks.map(({ name, mask, flags }) => `${name}:${mask}:${flags}`).join(',')}`;

/** Whether the walk ends well and with the wanted answer. */
export const chunksCondition = (types: ChunkTypes, inverted: boolean, context: Reading): Condition => {
  const same = sameAsWalk(types);
  // A chunk of a type is a chunk: only where none has to be there is it asked whether there is one at all.
  const implied = !inverted && types.chunks !== 'ALL' && types.chunks.length > 0 && types.mode !== 'only';
  return programCondition(
    `sctp chunks ${inverted ? 'not ' : ''}${describe(types)}`,
    (bytes) => walk(types, bytes, transportStart(context, bytes)) === !inverted,
    same && all([...(implied ? [] : [someChunk(context)]), invertIf(inverted, same)]),
    ['well-formed-options'],
  );
};

/** Whether the packet is dropped for a broken chunk. */
export const chunksBroken = (types: ChunkTypes, context: Reading): Condition =>
  programCondition(
    `sctp chunks broken before ${describe(types)}`,
    (bytes) => walk(types, bytes, transportStart(context, bytes)) === 'broken',
    no,
    ['well-formed-options'],
  );
