/** Comparisons of a row of bits, most significant first, with numbers: the only arithmetic that diagrams need. */
import type { Interval } from '../packet/condition.ts';
import type { Diagrams, Node } from './diagram.ts';
import { type Bit, one, zero } from './layout.ts';

const digits = (value: bigint, count: number): string => value.toString(2).padStart(count, '0');

/** `then` where the bit is 1, else `otherwise`. */
export const onBit = (d: Diagrams, bit: Bit, then: Node, otherwise: Node): Node => {
  if (bit === zero || then === otherwise) return otherwise;
  if (bit === one) return then;
  // The usual case: both lie below the bit's level.
  return bit < d.level(then) && bit < d.level(otherwise)
    ? d.make(bit, otherwise, then)
    : d.choose(d.variable(bit), then, otherwise);
};

const equals = (d: Diagrams, bits: readonly Bit[], value: string): Node => {
  let node = d.yes;
  for (let i = bits.length - 1; i >= 0; i--)
    node = value[i] === '1' ? onBit(d, bits[i] as Bit, node, d.no) : onBit(d, bits[i] as Bit, d.no, node);
  return node;
};

const atLeast = (d: Diagrams, bits: readonly Bit[], value: string): Node => {
  let node = d.yes;
  for (let i = bits.length - 1; i >= 0; i--)
    node = value[i] === '1' ? onBit(d, bits[i] as Bit, node, d.no) : onBit(d, bits[i] as Bit, d.yes, node);
  return node;
};

const atMost = (d: Diagrams, bits: readonly Bit[], value: string): Node => {
  let node = d.yes;
  for (let i = bits.length - 1; i >= 0; i--)
    node = value[i] === '1' ? onBit(d, bits[i] as Bit, node, d.yes) : onBit(d, bits[i] as Bit, d.no, node);
  return node;
};

/** Or, and and the like over many operands, as a balanced tree. */
export const balanced = (nodes: readonly Node[], empty: Node, join: (a: Node, b: Node) => Node): Node => {
  if (nodes.length === 0) return empty;
  let row = [...nodes];
  while (row.length > 1) {
    const next: Node[] = [];
    for (let i = 0; i < row.length; i += 2)
      next.push(i + 1 < row.length ? join(row[i] as Node, row[i + 1] as Node) : (row[i] as Node));
    row = next;
  }
  return row[0] as Node;
};

const between = (d: Diagrams, bits: readonly Bit[], { low, high }: Interval): Node => {
  const last = (1n << BigInt(bits.length)) - 1n;
  if (low > last || high < low) return d.no;
  const top = high > last ? last : high;
  if (low === top) return equals(d, bits, digits(low, bits.length));
  const from = low <= 0n ? d.yes : atLeast(d, bits, digits(low, bits.length));
  return top === last ? from : d.and(from, atMost(d, bits, digits(top, bits.length)));
};

/** Where the number in `bits`, after the mask, lies in one of the ranges. */
export const inRanges = (d: Diagrams, bits: readonly Bit[], ranges: readonly Interval[], mask?: bigint): Node => {
  const kept = mask === undefined ? undefined : digits(mask & ((1n << BigInt(bits.length)) - 1n), bits.length);
  const seen = kept === undefined ? bits : bits.map((bit, i) => (kept[i] === '1' ? bit : zero));
  return balanced(
    ranges.map((range) => between(d, seen, range)),
    d.no,
    d.or,
  );
};

/** Where the number in `bits` is at least `least`, of which it holds every bit. */
export const reaches = (d: Diagrams, bits: readonly Bit[], least: number): Node => {
  if (least <= 0) return d.yes;
  const value = BigInt(least);
  return value >> BigInt(bits.length) > 0n ? d.no : atLeast(d, bits, digits(value, bits.length));
};

export const isNumber = (d: Diagrams, bits: readonly Bit[], value: number): Node =>
  equals(d, bits, digits(BigInt(value), bits.length));

/** Where two rows of the same length hold the same number. */
export const same = (d: Diagrams, a: readonly Bit[], b: readonly Bit[]): Node => {
  let node = d.yes;
  for (let i = a.length - 1; i >= 0; i--)
    node = onBit(d, a[i] as Bit, onBit(d, b[i] as Bit, node, d.no), onBit(d, b[i] as Bit, d.no, node));
  return node;
};

/** Where `sum` is `a` plus the constant, without overflow. Cheap only where the bits of both alternate in the order. */
export const isSum = (d: Diagrams, sum: readonly Bit[], a: readonly Bit[], constant: number): Node => {
  const added = digits(BigInt(constant), a.length);
  // What remains to be true above, by whether a carry arrives from below.
  const done = new Map<string, Node>();
  const from = (i: number, carry: 0 | 1): Node => {
    if (i < 0) return carry === 0 ? d.yes : d.no;
    const key = `${i} ${carry}`;
    const found = done.get(key);
    if (found !== undefined) return found;
    const plus = (added[i] === '1' ? 1 : 0) + carry;
    const arm = (bit: 0 | 1): Node => {
      const total = bit + plus;
      const rest = from(i - 1, total > 1 ? 1 : 0);
      return d.and(total % 2 === 1 ? onBit(d, sum[i] as Bit, d.yes, d.no) : onBit(d, sum[i] as Bit, d.no, d.yes), rest);
    };
    const node = onBit(d, a[i] as Bit, arm(1), arm(0));
    done.set(key, node);
    return node;
  };
  return from(a.length - 1, 0);
};
