/**
 * What an expression of a rule loads, and the conditions under which the load succeeds: an expression whose load fails
 * breaks its rule whatever is asked of it (NFT_BREAK, nf_tables_core.c).
 */
import {
  all,
  type Condition,
  type Interval,
  interval,
  is,
  isNamed,
  no,
  normalised,
  not,
  present,
  within,
  yes,
} from '../packet/condition.ts';
import { bitsOf, type Field, key, keyInfo } from '../packet/field.ts';
import { type Datatype, time } from './nft-datatype.ts';

/** A field shifted left (right, if negative) and then masked. */
export interface Term {
  readonly field: Field;
  readonly shift: number;
  readonly and: bigint;
}

export interface Bits {
  readonly kind: 'bits';
  /** What has to hold for the load beside the presence of the fields: protocols, family, fragments. */
  readonly guard: Condition;
  /** The value is all of them and `xor`, joined by exclusive or. Without terms it is a constant. */
  readonly terms: readonly Term[];
  readonly xor: bigint;
  readonly bits: number;
  readonly type: Datatype;
  /** How nft calls it. */
  readonly label: string;
  /** The same with its first bits only: what nft loads where it is compared with a prefix. */
  readonly narrow?: (bits: number) => Bits;
}

export type Register =
  | Bits
  | { readonly kind: 'name'; readonly guard: Condition; readonly key: string; readonly label: string }
  /** A device by number, which nft writes as a name. */
  | {
      readonly kind: 'device';
      readonly index: 'iif' | 'oif';
      readonly name: 'iifname' | 'oifname';
      readonly label: string;
    }
  /** A number from `offset` on that chance or a counter draws, one of `space`. */
  | {
      readonly kind: 'draw';
      readonly mode: 'random' | 'inc';
      readonly space: bigint;
      readonly offset: bigint;
      readonly label: string;
    }
  | { readonly kind: 'concat'; readonly parts: readonly Register[] }
  | { readonly kind: 'unmodelled'; readonly what: string };

export const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

export const bitsRegister = (
  field: Field,
  type: Datatype,
  label: string,
  guard: Condition = yes,
  bits: number = bitsOf(field),
): Bits => ({ kind: 'bits', guard, terms: [{ field, shift: 0, and: ones(bits) }], xor: 0n, bits, type, label });

export const constantRegister = (value: number, bits: number, type: Datatype, label: string): Bits => ({
  kind: 'bits',
  guard: yes,
  terms: [],
  xor: BigInt(value),
  bits,
  type,
  label,
});

const presence = (field: Field): Condition =>
  field.kind === 'key' && keyInfo(field.key)?.presence === 'always' ? yes : present(field);

/** The load succeeds. */
export const loaded = (register: Register): Condition => {
  switch (register.kind) {
    case 'bits':
      return all([register.guard, ...register.terms.map(({ field }) => presence(field))]);
    case 'name':
      return all([register.guard, presence(key(register.key))]);
    case 'concat':
      return all(register.parts.map(loaded));
    case 'device':
    case 'draw':
      return yes;
    case 'unmodelled':
      return { kind: 'unmodelled', what: register.what };
  }
};

/** What has to be asked before a test, which is false by itself where a field is absent. */
export const guardOf = (register: Register): Condition => {
  if (register.kind === 'bits' || register.kind === 'name') return register.guard;
  return register.kind === 'concat' ? all(register.parts.map(guardOf)) : loaded(register);
};

/** Joins a constant bit by bit. */
export const withConstant = (register: Bits, operator: '&' | '|' | '^', value: bigint): Bits => {
  const { terms, xor } = register;
  if (operator === '^') return { ...register, xor: xor ^ value };
  const keep = operator === '&' ? value : ~value;
  // A term of which nothing is left is still loaded.
  const kept = terms.map((term) => ({ ...term, and: term.and & keep }));
  return { ...register, terms: kept, xor: operator === '&' ? xor & value : (xor & ~value) | value };
};

/**
 * Shifts by a constant. `limit` is the width of the register, beyond which bits are lost; in a match nft shifts the
 * other side the opposite way, so that there none are.
 */
export const shifted = (register: Bits, by: number, limit: number | undefined): Bits => {
  const move = (value: bigint): bigint => {
    const moved = by > 0 ? value << BigInt(by) : value >> BigInt(-by);
    return limit === undefined ? moved : moved & ones(limit);
  };
  return {
    ...register,
    terms: register.terms.map((term) => ({ ...term, shift: term.shift + by, and: move(term.and) })),
    xor: move(register.xor),
    bits: limit ?? Math.max(register.bits + by, 1),
  };
};

/** The blocks of values that share their upper bits and make up a range: what an exclusive or keeps together. */
const blocksOf = ({ low, high }: Interval): readonly Interval[] => {
  const blocks: Interval[] = [];
  for (let from = low; from <= high;) {
    let size = from === 0n ? high + 1n : from & -from;
    while (from + size - 1n > high) size >>= 1n;
    // From zero on the size need not be a power of two yet.
    while ((size & (size - 1n)) !== 0n) size &= size - 1n;
    blocks.push({ low: from, high: from + size - 1n });
    from += size;
  }
  return blocks;
};

const exclusive = (ranges: readonly Interval[], xor: bigint): readonly Interval[] =>
  xor === 0n
    ? ranges
    : normalised(
        ranges.flatMap(blocksOf).map(({ low, high }) => {
          const size = high - low;
          const start = (low ^ xor) & ~size;
          return { low: start, high: start + size };
        }),
      );

const second = time.scale ?? 1n;

/** Ranges of nanoseconds as the whole seconds that lie in them for the most part. */
const inSeconds = (ranges: readonly Interval[]): readonly Interval[] =>
  ranges.map(({ low, high }) => ({ low: (low + second / 2n - 1n) / second, high: (high + second / 2n) / second - 1n }));

/** The value that a key of few values gives. */
const valueOf = (register: Bits, term: Term, raw: bigint): bigint => {
  const moved = term.shift >= 0 ? raw << BigInt(term.shift) : raw >> BigInt(-term.shift);
  return (moved & term.and) ^ register.xor;
};

const contains = (ranges: readonly Interval[], value: bigint): boolean =>
  ranges.some(({ low, high }) => low <= value && value <= high);

/**
 * The value lies in one of the ranges. False where a field is absent; whether the load succeeds otherwise is not asked
 * here. Undefined for a value of several fields.
 */
export const inRanges = (register: Bits, given: readonly Interval[]): Condition | undefined => {
  const ranges = normalised(given);
  const [term, another] = register.terms;
  if (!term) return contains(ranges, register.xor) ? yes : no;
  if (another) return undefined;
  const { field, shift } = term;
  if (register.type === time) return within(field, inSeconds(ranges));
  const values = field.kind === 'key' ? keyInfo(field.key)?.values : undefined;
  if (values)
    return within(
      field,
      values
        .filter((value) => contains(ranges, valueOf(register, term, BigInt(value))))
        .map((value) => interval(value)),
    );
  const full = ones(bitsOf(field));
  const places = BigInt(Math.abs(shift));
  const mask = (shift > 0 ? term.and >> places : term.and << places) & full;
  const moved = exclusive(ranges, register.xor).map(({ low, high }) =>
    shift > 0
      ? { low: (low + ones(Number(places))) >> places, high: high >> places }
      : { low: low << places, high: (high << places) | ones(Number(places)) },
  );
  const clipped = moved.map(({ low, high }) => ({ low, high: high > mask ? mask : high }));
  return within(field, clipped, mask === full ? undefined : mask);
};

/** The device or name is the one of that text; a trailing `*` stands for any end, `\*` for itself. */
export const isText = (keyName: string, text: string): Condition => {
  if (text.endsWith('\\*')) return isNamed(keyName, `${text.slice(0, -2)}*`);
  return text.endsWith('*') ? isNamed(keyName, text.slice(0, -1), true) : isNamed(keyName, text);
};

/** A device by number, or by the name that a listing has in its place. */
export const isDevice = (register: Extract<Register, { kind: 'device' }>, value: bigint | string): Condition =>
  typeof value === 'string' ? isNamed(register.name, value) : is(key(register.index), value);

/** Turned round where the load succeeds: `!=`. */
export const otherwise = (register: Register, condition: Condition): Condition =>
  all([loaded(register), not(condition)]);
