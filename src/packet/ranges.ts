/** Whether a value lies in ranges: with plain numbers up to 48 bits, byte by byte beyond. */
import type { Interval } from './condition.ts';

/** What a mask leaves of a value. */
export const masked = (value: bigint, mask: bigint | undefined): bigint => (mask === undefined ? value : value & mask);

const half = 2 ** 32;

/** The & of numbers of up to 53 bits. */
const maskNumber = (mask: bigint): ((value: number) => number) => {
  const low = Number(mask & 0xffffffffn);
  const high = Number((mask >> 32n) & 0xffffffffn);
  if (high === 0) return (value) => (value & low) >>> 0;
  return (value) => (Math.floor(value / half) & high) * half + ((value & low) >>> 0);
};

/** In which range a value would have to be: the last that does not start behind it. */
const searched = (lows: Float64Array, highs: Float64Array, value: number): boolean => {
  let from = 0;
  let to = lows.length - 1;
  while (from < to) {
    const middle = (from + to + 1) >> 1;
    if ((lows[middle] as number) <= value) from = middle;
    else to = middle - 1;
  }
  return (lows[from] as number) <= value && value <= (highs[from] as number);
};

const plainTest = (ranges: readonly Interval[]): ((value: number) => boolean) => {
  const lows = Float64Array.from(ranges, ({ low }) => Number(low));
  const highs = Float64Array.from(ranges, ({ high }) => Number(high));
  const [low = 1] = lows;
  const [high = 0] = highs;
  if (ranges.length > 1) return (value) => searched(lows, highs, value);
  return low === high ? (value) => value === low : (value) => value >= low && value <= high;
};

/** A test of non-negative numbers of at most `bits` (up to 48) bits; ranges ascending and apart. */
export const numberTest = (
  ranges: readonly Interval[],
  mask: bigint | undefined,
  bits: number,
): ((value: number) => boolean) => {
  const top = (1n << BigInt(bits)) - 1n;
  const reachable = ranges
    .filter(({ low, high }) => low <= top && high >= 0n)
    .map(({ low, high }) => ({ low: low < 0n ? 0n : low, high: high > top ? top : high }));
  const test = plainTest(reachable);
  if (mask === undefined || (mask & top) === top) return test;
  const leave = maskNumber(mask & top);
  return (value) => test(leave(value));
};

/** A number of `size` bytes in network order. */
const toBytes = (value: bigint, size: number): Uint8Array => {
  const out = new Uint8Array(size);
  let rest = value;
  for (let at = size - 1; at >= 0; at--, rest >>= 8n) out[at] = Number(rest & 0xffn);
  return out;
};

/** Compares the masked bytes from `at` with row number `row` of the table: negative, zero or positive. */
const compareRow = (bytes: Uint8Array, at: number, mask: Uint8Array, table: Uint8Array, row: number): number => {
  const size = mask.length;
  const base = row * size;
  for (let i = 0; i < size; i++) {
    const difference = ((bytes[at + i] as number) & (mask[i] as number)) - (table[base + i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
};

/**
 * The same for a field of any width, given as the bytes that it lies in and where its base starts; the caller has
 * seen that they are there. Values are shifted to whole bytes, which keeps their order.
 */
export const wideTest = (
  offset: number,
  length: number,
  ranges: readonly Interval[],
  mask: bigint | undefined,
): ((bytes: Uint8Array, start: number) => boolean) => {
  const first = offset >> 3;
  const end = (offset + length + 7) >> 3;
  const size = end - first;
  const below = BigInt(end * 8 - offset - length);
  const top = (1n << BigInt(length)) - 1n;
  const kept = toBytes(masked(top, mask) << below, size);
  const reachable = ranges.filter(({ low, high }) => low <= top && high >= 0n);
  const table = (pick: (range: Interval) => bigint): Uint8Array => {
    const out = new Uint8Array(reachable.length * size);
    for (const [row, range] of reachable.entries()) out.set(toBytes(pick(range) << below, size), row * size);
    return out;
  };
  const lows = table(({ low }) => (low < 0n ? 0n : low));
  const highs = table(({ high }) => (high > top ? top : high));
  if (reachable.length === 0) return () => false;
  return (bytes, start) => {
    const at = start + first;
    let from = 0;
    let to = reachable.length - 1;
    while (from < to) {
      const middle = (from + to + 1) >> 1;
      if (compareRow(bytes, at, kept, lows, middle) >= 0) from = middle;
      else to = middle - 1;
    }
    return compareRow(bytes, at, kept, lows, from) >= 0 && compareRow(bytes, at, kept, highs, from) <= 0;
  };
};
