/**
 * A constraint on a word of the packet as nft tests that outlive nft's own listing. When nft lists raw loads it names
 * header fields where it believes to see some: it cuts a mask down to the bits around its lowest run, and from version
 * 1.1 on does so with any mask that is compared with one number (nftables src/payload.c payload_expr_trim,
 * payload_expr_expand). Where the result would not mean the same when it is read again, another form stands here.
 */
import { printAddress } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import { and, anyOf, equal, field, match, meta, prefix, range, raw, unequal } from '../nftables/build.ts';
import { all, always, any, type Formula, never, test } from '../nftables/formula.ts';
import type { Expression } from '../nftables/types.ts';
import { complement, type Range32, type Ranges, rangesOf, top as all32, within } from './ranges.ts';
import { allOf, type Constraint, type Load } from './word.ts';

/** The fields of the fixed headers by their first bit. */
const fields: Readonly<Record<Family, ReadonlyMap<number, string>>> = {
  ip: new Map([
    [0, 'version'],
    [4, 'hdrlength'],
    [8, 'dscp'],
    [14, 'ecn'],
    [16, 'length'],
    [32, 'id'],
    [48, 'frag-off'],
    [64, 'ttl'],
    [72, 'protocol'],
    [80, 'checksum'],
    [96, 'saddr'],
    [128, 'daddr'],
  ]),
  ip6: new Map([
    [0, 'version'],
    [4, 'dscp'],
    [10, 'ecn'],
    [12, 'flowlabel'],
    [32, 'length'],
    [48, 'nexthdr'],
    [56, 'hoplimit'],
    [64, 'saddr'],
    [192, 'daddr'],
  ]),
};

/** No hook sees a packet without the whole fixed header: ip_rcv, ip6_rcv_core and raw sockets see to it. */
const fixedHeader: Readonly<Record<Family, number>> = { ip: 20, ip6: 40 };

/** Where the fields start and end, in bits. */
const borders: Readonly<Record<Family, readonly number[]>> = {
  ip: [...fields.ip.keys(), 8 * fixedHeader.ip],
  ip6: [...fields.ip6.keys(), 8 * fixedHeader.ip6],
};

/** That `from & mask` is one of the values; `from` has no bit above `top`. */
interface Comparison {
  readonly from: Expression;
  readonly top: number;
  readonly mask: number;
  readonly values: Ranges;
  /** For an IPv4 address, which nft shows and takes as such. */
  readonly isAddress?: true;
  /** For bits of several bytes that do not fill them: nft 1.1 shifts them for a set without minding the byte order. */
  readonly isUneven?: true;
}

const expressionOf = ({ base, offset, size }: Load): Expression =>
  base === 'nh' || base === 'th' ? raw(base, offset * 8, size * 8) : meta(base);

const onLoad = ({ load, mask, values }: Constraint): Comparison => ({
  from: expressionOf(load),
  top: allOf(load.size),
  mask,
  values,
});

/** That the bytes are there; nft keeps a `>= 0`, and the load breaks the rule if they are not. */
export const present = (load: Load): Formula => test(match(expressionOf(load), '>=', 0));

const written = (value: number, { isAddress }: Comparison): Expression =>
  isAddress ? printAddress(BigInt(value), 'ip') : value;

const side = ([low, high]: Range32, on: Comparison): Expression =>
  low === high ? written(low, on) : range(written(low, on), written(high, on));

const sides = (values: Ranges, on: Comparison): Expression => anyOf(values.map((one) => side(one, on)));

const isPoint = (values: Ranges): boolean => values.length === 1 && values[0]?.[0] === values[0]?.[1];

const othersOf = ({ mask, values }: { readonly mask: number; readonly values: Ranges }): Ranges =>
  within(complement(values), mask);

const leftOf = (comparison: Comparison): Expression => {
  const { from, top, mask } = comparison;
  return mask === top ? from : and(from, written(mask, comparison));
};

/** The comparison as it stands. The load comes first in all forms, so that `!=` too fails where the bytes are not there. */
const plain = (comparison: Comparison): Formula => {
  const { top, mask, values } = comparison;
  const left = leftOf(comparison);
  const others = othersOf(comparison);
  const [first, second] = values;
  const [other] = others;
  if (!first) return never;
  if (!other) return test(match(comparison.from, '>=', 0));
  if (isPoint(values)) return test(equal(left, written(first[0], comparison)));
  if (isPoint(others)) return test(unequal(left, written(other[0], comparison)));
  if (!second && first[0] === 0) return test(match(left, '<=', written(first[1], comparison)));
  if (!second && first[1] === mask) return test(match(left, '>=', written(first[0], comparison)));
  // A last range up to the end of a field that is not whole bytes is listed to the end of the bytes, and then refused.
  const open = top !== 0xff && top !== 0xffff && top !== all32 && values.at(-1)?.[1] === top;
  const inverted = second !== undefined && (others.length === 1 || open);
  return test(inverted ? unequal(left, sides(others, comparison)) : equal(left, sides(values, comparison)));
};

/** The range with the numbers behind it that have a bit outside the mask: nothing under the mask is one of them. */
const widened = ([low, high]: Range32, { top, mask }: Comparison): Range32 => {
  const [next] = high < mask ? within([[high + 1, top]], mask) : [];
  return [low, next ? next[0] - 1 : top];
};

/** The same by a range or a set, where nft leaves the mask alone. */
const sheltered = (comparison: Comparison): Formula => {
  const { top, mask, values } = comparison;
  const left = leftOf(comparison);
  const others = othersOf(comparison);
  const inverted = others.length === 1 && (values.length > 1 || isPoint(others));
  const wanted = (inverted ? others : values).map((one) => widened(one, comparison));
  const [first, second] = wanted;
  if (!first) return never;
  // A set of one would be a plain comparison again; the second number has a bit outside the mask.
  const outside = (~mask & top) >>> 0;
  const stranger = (first[0] | (outside & -outside)) >>> 0;
  const right = sides(!second && first[0] === first[1] ? [first, [stranger, stranger]] : wanted, comparison);
  return test(inverted ? unequal(left, right) : equal(left, right));
};

/** The lowest bits of the mask that have no hole between them. */
const lowestRun = (mask: number): number => {
  const above = mask + ((mask & -mask) >>> 0);
  return (mask & ~above) >>> 0;
};

const isPrefix = (mask: number, top: number): boolean => lowestRun(mask) === mask && mask >= (top + 1) / 2;

/** The bits below a prefix may be anything: what is asked of the prefix is a range of the whole. */
const unmasked = (comparison: Comparison): Comparison => ({
  ...comparison,
  mask: comparison.top,
  values: comparison.values.map((one) => widened(one, comparison)),
});

/** A header field compared. Of a masked address nft makes a prefix, and 1.0.6 does so in ranges too, where none can be. */
const onNamed = (comparison: Comparison): Formula => {
  const { from, top, mask, values, isAddress, isUneven } = comparison;
  const others = othersOf(comparison);
  if (isUneven && others.length > 1) return any(values.map((one) => plain({ ...comparison, values: [one] })));
  if (mask === top) return plain(comparison);
  const point = isPoint(values) ? values[0] : isPoint(others) ? others[0] : undefined;
  if (!isPrefix(mask, top)) return point && lowestRun(mask) === mask ? plain(comparison) : sheltered(comparison);
  if (!point) return plain(unmasked(comparison));
  if (!isAddress) return plain(comparison);
  const bits = prefix(printAddress(BigInt(point[0]), 'ip'), Math.clz32(~mask >>> 0));
  return test(point === values[0] ? equal(from, bits) : unequal(from, bits));
};

/** Whether nft, cutting the load down to the bytes that the mask touches, arrives at the same load. */
const keepsLoad = ({ load, mask }: Constraint): boolean => {
  const touchesBoth = (mask & 0xff) !== 0 && mask >= 2 ** (8 * (load.size - 1));
  return isPrefix(mask, allOf(load.size)) || (lowestRun(mask) === mask && touchesBoth);
};

/** Where the highest and the lowest bit of a mask stand, counted from the start of the header; the second is the one behind. */
const extent = ({ offset, size }: Load, mask: number): readonly [number, number] => {
  const end = 8 * (offset + size);
  return [end - (32 - Math.clz32(mask)), end - (31 - Math.clz32(mask & -mask))];
};

/** The constraint on the least number of bytes that hold its bits. */
const shrunk = (constraint: Constraint): Constraint => {
  const { load, mask, values } = constraint;
  const [from, to] = extent(load, mask);
  const offset = Math.floor(from / 8);
  const size = Math.ceil(to / 8) - offset;
  if ((size !== 1 && size !== 2) || size === load.size) return constraint;
  const scale = 2 ** (8 * (load.offset + load.size - offset - size));
  return {
    load: { base: 'nh', offset, size },
    mask: mask / scale,
    values: values.map(([low, high]): Range32 => [low / scale, high / scale]),
  };
};

/** The comparison on the header field that has all bits of the load, or of whose bits the mask has all. */
const onField = ({ load, mask, values }: Constraint, family: Family): Comparison | undefined => {
  const ends = (bit: number): boolean => borders[family].includes(bit);
  const named = (bits: number): Comparison | undefined => {
    const [from, to] = extent(load, bits);
    const name = fields[family].get(from);
    if (name === undefined || !ends(to) || borders[family].some((bit) => from < bit && bit < to)) return undefined;
    const scale = 2 ** (8 * (load.offset + load.size) - to);
    return {
      from: field(family, name),
      top: bits / scale,
      mask: mask / scale,
      values: values.map(([low, high]): Range32 => [low / scale, high / scale]),
      ...(to % 8 !== from % 8 && Math.floor(from / 8) !== Math.floor((to - 1) / 8) ? { isUneven: true } : {}),
      ...(name === 'saddr' || name === 'daddr' ? { isAddress: true } : {}),
    };
  };
  return named(allOf(load.size)) ?? (lowestRun(mask) === mask ? named(mask) : undefined);
};

/** Ranges by their high bits and their low bits: a range falls into its two ends and what is between. */
const boxesOf = (values: Ranges, high: number, low: number): readonly (readonly [Ranges, Ranges])[] => {
  const byHigh = new Map<string, { readonly high: Range32; readonly lows: Ranges }>();
  const put = (from: number, to: number, lows: Range32): void => {
    const key = `${from}-${to}`;
    byHigh.set(key, { high: [from, to], lows: rangesOf([...(byHigh.get(key)?.lows ?? []), lows]) });
  };
  const part = (value: number, mask: number): number => (value & mask) >>> 0;
  for (const [from, to] of values) {
    const [first, last, start, end] = [part(from, high), part(to, high), part(from, low), part(to, low)];
    if (first === last) {
      put(first, first, [start, end]);
      continue;
    }
    if (start !== 0) put(first, first, [start, low]);
    const [between] = within([[start === 0 ? first : first + 1, end === low ? last : last - 1]], high);
    if (between) put(between[0], between[1], [0, low]);
    if (end !== low) put(last, last, [0, end]);
  }
  const byLow = new Map<string, readonly [Ranges, Ranges]>();
  for (const box of byHigh.values()) {
    const lows = within(box.lows, low);
    const key = JSON.stringify(lows);
    byLow.set(key, [rangesOf([...(byLow.get(key)?.[0] ?? []), box.high]), lows]);
  }
  return [...byLow.values()].map(([highs, lows]) => [within(highs, high), lows]);
};

/** The bits `low` of the constraint tested apart from those above them. */
const cut = (constraint: Constraint, low: number, family: Family): Formula => {
  const { mask, values } = constraint;
  const high = (mask & ~low) >>> 0;
  const both = (highs: Ranges, lows: Ranges, join: typeof all): Formula =>
    join([
      inHeader({ ...constraint, mask: high, values: highs }, family),
      inHeader({ ...constraint, mask: low, values: lows }, family),
    ]);
  const [other, ...further] = othersOf(constraint);
  if (other && further.length === 0 && other[0] === other[1]) {
    const except = (bits: number): Ranges => {
      const value = (other[0] & bits) >>> 0;
      return within(complement([[value, value]]), bits);
    };
    return both(except(high), except(low), any);
  }
  return any(boxesOf(values, high, low).map(([highs, lows]) => both(highs, lows, all)));
};

/** On a header in which nft has names for the bits, and of which every packet has all bytes. */
function inHeader(given: Constraint, family: Family): Formula {
  if (othersOf(given).length === 0) return always;
  const constraint = shrunk(given);
  const named = onField(constraint, family);
  const { load, mask, values } = constraint;
  const single = isPoint(values) || isPoint(othersOf(constraint));
  if (named) return onNamed(named);
  const run = lowestRun(mask);
  const [from, to] = extent(load, run);
  const starts = borders[family].includes(from);
  const ends = borders[family].includes(to);
  const inside = borders[family].filter((bit) => from < bit && bit < to);
  const comparison = onLoad(constraint);
  if (mask === allOf(load.size)) {
    // Compared with one number, a load that starts with a field and goes on behind it is listed as several fields.
    if (!single || !starts || inside.length === 0) return plain(comparison);
    // nft would join the part of a field at the end with the field before it when it reads the rule.
    if (!ends) return cut(constraint, 0x0f, family);
  } else if (!starts || !ends) {
    if (single && keepsLoad(constraint)) return plain(comparison);
    return isPrefix(mask, comparison.top) ? plain(unmasked(comparison)) : sheltered(comparison);
  }
  const border = Math.max(from, ...inside);
  return cut(constraint, (run & (2 ** (8 * (load.offset + load.size) - border) - 1)) >>> 0, family);
}

export const constraintTest = (constraint: Constraint, family: Family): Formula => {
  const { load, mask, values } = constraint;
  if (values.length === 0) return never;
  if (othersOf(constraint).length === 0) return present(load);
  const comparison = onLoad(constraint);
  if (load.base === 'nh' && load.offset < fixedHeader[family]) {
    const formula = inHeader(constraint, family);
    const end = load.offset + load.size;
    return end > fixedHeader[family] ? all([formula, present({ base: 'nh', offset: end - 1, size: 1 })]) : formula;
  }
  if (load.base !== 'nh' && load.base !== 'th') return plain(comparison);
  return mask === comparison.top || keepsLoad(constraint) ? plain(comparison) : sheltered(comparison);
};
