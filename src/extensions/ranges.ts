/** Sets of unsigned 32-bit numbers as sorted ranges that neither overlap nor touch. */

/** First and last number, both included. */
export type Range32 = readonly [low: number, high: number];
export type Ranges = readonly Range32[];

export const top = 0xffff_ffff;
export const nothing: Ranges = [];
export const everything: Ranges = [[0, top]];

/** From ranges in any order; those that end before they start hold nothing. */
export const rangesOf = (list: readonly Range32[]): Ranges => {
  const sorted = list.filter(([low, high]) => low <= high).toSorted((a, b) => a[0] - b[0]);
  const out: [number, number][] = [];
  for (const [low, high] of sorted) {
    const last = out.at(-1);
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else out.push([low, high]);
  }
  return out;
};

export const intersect = (a: Ranges, b: Ranges): Ranges =>
  rangesOf(a.flatMap(([low, high]) => b.map(([from, to]): Range32 => [Math.max(low, from), Math.min(high, to)])));

export const complement = (of: Ranges): Ranges => {
  const out: Range32[] = [];
  let next = 0;
  for (const [low, high] of of) {
    if (low > next) out.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= top) out.push([next, top]);
  return out;
};

export const holds = (of: Ranges, value: number): boolean => of.some(([low, high]) => low <= value && value <= high);

/** All `v + by` modulo 2^32, for `by` from 0 to 2^32-1. A range that runs over the end becomes two. */
export const rotate = (of: Ranges, by: number): Ranges => {
  const size = top + 1;
  return rangesOf(
    of.flatMap(([low, high]): Range32[] => {
      const from = (low + by) % size;
      const to = (high + by) % size;
      return from <= to && high - low < size - 1
        ? [[from, to]]
        : [
            [from, top],
            [0, to],
          ];
    }),
  );
};

/** All `v - by`, without those that would be negative. */
export const lower = (of: Ranges, by: number): Ranges =>
  rangesOf(of.map(([low, high]): Range32 => [Math.max(0, low - by), high - by]));

/** The least number from `value` on that has no bit outside `mask`. */
const ceiling = (mask: number, value: number): number | undefined => {
  const strange = (value & ~mask) >>> 0;
  if (strange === 0) return value;
  // Above the highest bit that may not be there, the lowest free bit of the mask is raised and all below cleared.
  for (let bit = 32 - Math.clz32(strange); bit < 32; bit++) {
    const one = (1 << bit) >>> 0;
    if ((mask & one) >>> 0 && !((value & one) >>> 0)) return ((value & ~(one - 1)) | one) >>> 0;
  }
  return undefined;
};

/** The greatest number up to `value` that has no bit outside `mask`. */
const floor = (mask: number, value: number): number => {
  const strange = (value & ~mask) >>> 0;
  if (strange === 0) return value;
  const one = (1 << (31 - Math.clz32(strange))) >>> 0;
  return ((value & ~(one * 2 - 1)) | (mask & (one - 1))) >>> 0;
};

/**
 * The same set as far as numbers without a bit outside `mask` are concerned, with every end such a number and with as
 * few ranges as possible.
 */
export const within = (of: Ranges, mask: number): Ranges => {
  const out: [number, number][] = [];
  for (const [low, high] of of) {
    const from = ceiling(mask, low);
    const to = floor(mask, high);
    if (from === undefined || from > to) continue;
    const last = out.at(-1);
    if (last && last[1] < mask && ceiling(mask, last[1] + 1) === from) last[1] = to;
    else out.push([from, to]);
  }
  return out;
};

/** All `v ^ flip` for `v` in the ranges: each range falls into aligned blocks, and a block stays one. */
export const flipped = (of: Ranges, flip: number): Ranges => {
  if (flip === 0) return of;
  const out: Range32[] = [];
  for (const [low, high] of of)
    for (let from = low; from <= high;) {
      let size = 1;
      while (size <= top && from % (size * 2) === 0 && from + size * 2 - 1 <= high) size *= 2;
      const base = ((from ^ flip) >>> 0) - (((from ^ flip) >>> 0) % size);
      out.push([base, base + size - 1]);
      from += size;
    }
  return rangesOf(out);
};
