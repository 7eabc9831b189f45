/**
 * nft joins tests of neighbouring header bits into one load of up to 4 bytes before it hands a rule to the kernel
 * (nftables src/rule.c payload_try_merge), so that which way the load takes depends on its neighbours. Versions up to
 * 1.0.6 also join across other statements; those since join what stands side by side, as is done here.
 */
import { isList, type Json, property, textOf } from '../nftables/json.ts';
import type { NftContext } from './nft-context.ts';
import { payloadSpan, type Span } from './nft-payload.ts';

interface Test {
  readonly span: Span;
  /** Whether flags are asked for with a mask, the value is to be another one, or it is to be this one. */
  readonly kind: 'flags' | 'other' | 'this';
}

/** A test for one value of whole bytes of a header; of any bits, where the value is to be another one. */
const testOf = (statement: Json, context: NftContext): Test | undefined => {
  const match = property(statement, 'match');
  const payload = property(property(match, 'left'), 'payload');
  const right = property(match, 'right');
  const operator = textOf(match, 'op');
  if (payload === undefined || (operator !== '==' && operator !== 'in' && operator !== '!=')) return undefined;
  const isFlags = operator === 'in' && textOf(payload, 'field') === 'flags';
  const isOther = operator === '!=';
  const isPrefix = isOther && property(right, 'prefix') !== undefined;
  if (typeof right !== 'number' && typeof right !== 'string' && !isList(right) && !isPrefix) return undefined;
  if (typeof right === 'string' && right.startsWith('@')) return undefined;
  const span = payloadSpan(payload, context);
  if (!span) return undefined;
  if (isOther) return { span, kind: 'other' };
  if (span.offset % 8 !== 0 || span.length % 8 !== 0) return undefined;
  return { span, kind: isFlags ? 'flags' : 'this' };
};

/** NFT_REG32_SIZE, in bits. */
const longest = 32;

/** Joins a run of tests that stand side by side, from the lowest offset of each base on. */
const joinRun = (run: readonly (readonly [index: number, span: Span])[], joins: Map<number, Span>): void => {
  const sorted = run.toSorted(([, a], [, b]) => (a.base === b.base ? a.offset - b.offset : a.base < b.base ? -1 : 1));
  let members: number[] = [];
  let whole: Span | undefined;
  const close = (): void => {
    if (whole && members.length > 1) for (const index of members) joins.set(index, whole);
  };
  for (const [index, span] of sorted) {
    const isNext =
      whole?.base === span.base && whole.offset + whole.length === span.offset && whole.length + span.length <= longest;
    if (whole && isNext) {
      whole = { base: span.base, offset: whole.offset, length: whole.length + span.length };
      members.push(index);
    } else {
      close();
      whole = span;
      members = [index];
    }
  }
  close();
};

/** By index of the statement: the load of which its own becomes a part. */
export const joinedLoads = (statements: readonly Json[], context: NftContext): ReadonlyMap<number, Span> => {
  const joins = new Map<number, Span>();
  let run: (readonly [number, Span])[] = [];
  for (const [index, statement] of statements.entries()) {
    const test = testOf(statement, context);
    if (test?.kind === 'this') run.push([index, test.span]);
    else if (run.length > 0) {
      if (run.length > 1) joinRun(run, joins);
      run = [];
    }
  }
  if (run.length > 1) joinRun(run, joins);
  return joins;
};

const isBeside = (a: Span, b: Span): boolean =>
  a.base === b.base &&
  a.length + b.length <= longest &&
  (a.offset + a.length === b.offset || b.offset + b.length === a.offset);

/**
 * The statement, by index, of which nobody can say what the kernel was told. Every version of nft lists one `!=` over
 * several fields as one `!=` for each, and versions up to 1.0.6 also load the latter as the former: all of the values
 * together are not these. (Of more than 4 bytes, such as two addresses, such a `!=` can only have been written raw, and
 * is not suspected.) The same versions join a test for some flags with its neighbours, and forget the mask.
 */
export const contestedTest = (statements: readonly Json[], context: NftContext): number | undefined => {
  const tests = statements.map((statement) => testOf(statement, context));
  for (const [index, test] of tests.entries()) {
    if (!test) continue;
    for (const before of tests.slice(0, index)) {
      if (!before || !isBeside(before.span, test.span)) continue;
      const kinds = [before.kind, test.kind];
      if (kinds.every((kind) => kind === 'other')) return index;
      if (kinds.includes('flags') && !kinds.includes('other')) return index;
    }
  }
  return undefined;
};
