// The fields that two programs ask, each cut into few values that stand for all: without diagrams and without bytes.
import { type Condition, type Interval, is } from '../../src/packet/condition.ts';
import { bitsOf, type Field, keyInfo, payload } from '../../src/packet/field.ts';
import type { Family } from '../../src/netfilter/family.ts';
import type { Program, Step } from '../../src/packet/program.ts';

/** Bits of the region that a test asks: the value moved right by `shift` (left, if it is negative), then masked, lies in a range. */
interface Cut {
  readonly shift: number;
  readonly mask: bigint;
  readonly ranges: readonly Interval[];
}

/** A variable of the packet; tests ask nothing else about it. */
export interface Variable {
  readonly name: string;
  /** One value for each answer that all tests together can give. */
  readonly atoms: readonly (bigint | string)[];
  /** Where the atoms are only a selection, with which nothing is shown for all packets. */
  readonly exact: boolean;
}

/** Where a field lies: in which variable, and how far from its right end. */
export interface Location {
  readonly variable: number;
  readonly shift: number;
  readonly bits: number;
}

export interface Atoms {
  readonly variables: readonly Variable[];
  /** Where the bits of a field lie that the mask leaves. */
  readonly locate: (field: Field, mask?: bigint) => Location | undefined;
  readonly named: (key: string) => number;
  /** Bytes from the transport header on, or from the payload behind it. */
  readonly lengths: Readonly<Record<'th' | 'ih', number>>;
}

export const fragmentOffset = 'exthdr.44.16.13';

/** The same bits have the same name: of IPv4, keys that are header fields are read as such. */
export const canonical = (field: Field, family: Family): Field => {
  if (field.kind === 'payload') return field.base === 'xt' ? { ...field, base: 'th' } : field;
  const of = (offset: number, length: number): Field => ({ kind: 'payload', base: 'nh', offset, length });
  // The offset that the fragment header says is that of the packet.
  const key =
    field.key === fragmentOffset
      ? 'fragoff'
      : field.key === 'xtproto'
        ? 'l4proto'
        : field.key === 'xtfragoff'
          ? 'fragoff'
          : field.key;
  if (family === 'ip') {
    if (key === 'l4proto') return of(72, 8);
    if (key === 'fragoff') return of(51, 13);
    if (key === 'length') return of(16, 16);
  }
  return { kind: 'key', key };
};

export function* conditionsOf(program: Program): Generator<Condition> {
  function* inSteps(steps: readonly Step[]): Generator<Condition> {
    for (const step of steps)
      if (step.kind === 'test' || step.kind === 'hotdrop') yield step.condition;
      else if (step.kind === 'choose')
        for (const arm of step.arms) {
          yield arm.condition;
          yield* inSteps(arm.steps);
        }
  }
  for (const { chains } of program.tables)
    for (const { rules } of chains.values()) for (const { steps } of rules) yield* inSteps(steps);
}

export function* primitives(condition: Condition): Generator<Condition> {
  if (condition.kind === 'not') yield* primitives(condition.of);
  else if (condition.kind === 'all' || condition.kind === 'any')
    for (const part of condition.of) yield* primitives(part);
  else yield condition;
}

const passes = (value: bigint, { shift, mask, ranges }: Cut): boolean => {
  const seen = (value >> BigInt(shift)) & mask;
  return ranges.some(({ low, high }) => low <= seen && seen <= high);
};

/** More values than this are not tried. */
const most = 40_000;

const full = (length: number): bigint => (1n << BigInt(length)) - 1n;

/** Runs of bits that each mask takes as a whole or leaves out. */
const blocksOf = (cuts: readonly Cut[], bits: number): readonly { readonly at: number; readonly length: number }[] => {
  const masks = [...new Set(cuts.map(({ mask, shift }) => mask << BigInt(shift)))];
  const ownersOf = (bit: number): string => masks.map((mask) => ((mask >> BigInt(bit)) & 1n).toString()).join('');
  const blocks: { at: number; length: number }[] = [];
  let last = '';
  for (let bit = 0; bit < bits; bit++) {
    const owners = ownersOf(bit);
    const block = blocks.at(-1);
    if (block && owners === last) block.length++;
    else blocks.push({ at: bit, length: 1 });
    last = owners;
  }
  return blocks.filter(({ at }) => ownersOf(at).includes('1'));
};

/**
 * Values that give every answer that all cuts together can give: a cut compares whole blocks with pieces of its ends,
 * so that of a block only what is less, equal or greater counts.
 */
const valuesOf = (
  cuts: readonly Cut[],
  bits: number,
): { readonly values: readonly bigint[]; readonly exact: boolean } => {
  let values: readonly bigint[] = [0n];
  for (const { at, length } of blocksOf(cuts, bits)) {
    const pieces = new Set<bigint>([0n]);
    for (const { shift, mask, ranges } of cuts) {
      if ((((mask << BigInt(shift)) >> BigInt(at)) & 1n) === 0n) continue;
      for (const { low, high } of ranges)
        for (const end of [low, high]) {
          const piece = ((end << BigInt(shift)) >> BigInt(at)) & full(length);
          for (const one of [piece, piece + 1n]) if (one <= full(length)) pieces.add(one);
        }
    }
    if (values.length * pieces.size > most) return { values, exact: false };
    values = values.flatMap((value) => [...pieces].map((piece) => value | (piece << BigInt(at))));
  }
  return { values, exact: true };
};

/** The first value of each answer. */
const distinct = <T>(values: readonly T[], answers: (value: T) => readonly boolean[]): readonly T[] => {
  const found = new Map<string, T>();
  for (const value of values) {
    const key = answers(value)
      .map((answer) => (answer ? '1' : '0'))
      .join('');
    if (!found.has(key)) found.set(key, value);
  }
  return [...found.values()];
};

interface Region {
  readonly name: string;
  /** In bits of the base. */
  start: number;
  end: number;
  readonly cuts: {
    readonly field: { readonly offset: number; readonly length: number };
    readonly mask: bigint;
    readonly ranges: readonly Interval[];
  }[];
}

/** The bits from the first to the last that the mask leaves. */
const askedBits = (offset: number, length: number, mask: bigint): { readonly start: number; readonly end: number } => {
  if (mask === 0n) return { start: offset, end: offset + 1 };
  const text = mask.toString(2).padStart(length, '0');
  return { start: offset + text.indexOf('1'), end: offset + text.lastIndexOf('1') + 1 };
};

/** Letters of an interface's name (IFNAMSIZ, with its end). */
const longestName = 15;

/** Fields that share bits are one region. */
const joined = (regions: readonly Region[]): Region[] => {
  const out: Region[] = [];
  for (const region of regions.toSorted((a, b) => a.start - b.start)) {
    const last = out.at(-1);
    if (last && region.start < last.end) {
      last.end = Math.max(last.end, region.end);
      last.cuts.push(...region.cuts);
    } else out.push({ ...region, cuts: [...region.cuts] });
  }
  return out;
};

/** What the walk asks by itself: the protocol is always told apart, and so are later fragments. */
const ownTests = (family: Family): readonly Condition[] =>
  family === 'ip' ? [is(payload('nh', 50, 1), 0), is(payload('nh', 51, 13), 0)] : [is(payload('nh', 0, 4), 6)];

export const atomsOf = (programs: readonly Program[], family: Family): Atoms => {
  const tests = [
    ...ownTests(family),
    ...programs.flatMap((program) => [...conditionsOf(program)].flatMap((one) => [...primitives(one)])),
  ];
  const byBase = new Map<string, Region[]>();
  const byKey = new Map<string, Cut[]>();
  const names = new Map<string, Set<string>>();
  const lengths = { th: new Set([0n]), ih: new Set([0n]) };
  const seen = new Set<string>();
  for (const test of tests) {
    if (test.kind === 'name') {
      const known = names.get(test.key) ?? new Set(['', '\u0001']);
      const longer = test.prefix && test.text.length < longestName ? `${test.text}\u0001` : test.text;
      names.set(test.key, known.add(test.text).add(longer));
    }
    if (test.kind !== 'test' && test.kind !== 'present') continue;
    const field = canonical(test.field, family);
    if (field.kind === 'payload' && (field.base === 'th' || field.base === 'ih'))
      lengths[field.base].add(BigInt(Math.ceil((field.offset + field.length) / 8)));
    if (test.kind === 'present') continue;
    const key = JSON.stringify(test, (_name, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
    if (seen.has(key)) continue;
    seen.add(key);
    const { ranges } = test;
    const mask = test.mask ?? full(bitsOf(field));
    if (field.kind === 'key') byKey.set(field.key, [...(byKey.get(field.key) ?? []), { shift: 0, mask, ranges }]);
    else {
      const { base, offset, length } = field;
      const region = { name: base, ...askedBits(offset, length, mask), cuts: [{ field, mask, ranges }] };
      byBase.set(base, [...(byBase.get(base) ?? []), region]);
      // Of a later IPv6 fragment the kernel takes the beginning of the packet for the transport header.
      if (base === 'th' && family === 'ip6')
        byBase.set('nh', [...(byBase.get('nh') ?? []), { ...region, name: 'nh', cuts: [...region.cuts] }]);
    }
  }
  const variables: Variable[] = [
    { name: 'transport length', atoms: [...lengths.th], exact: true },
    { name: 'inner length', atoms: [...lengths.ih], exact: true },
  ];
  const places: { readonly base: string; readonly start: number; readonly end: number; readonly variable: number }[] =
    [];
  const keys = new Map<string, number>();
  for (const [base, list] of byBase)
    for (const { start, end, cuts } of joined(list)) {
      const moved = cuts.map(({ field, mask, ranges }) => ({ shift: end - field.offset - field.length, mask, ranges }));
      const { values, exact } = valuesOf(moved, end - start);
      const atoms = distinct(values, (value) => moved.map((cut) => passes(value, cut)));
      places.push({ base, start, end, variable: variables.push({ name: `${base} ${start}`, atoms, exact }) - 1 });
    }
  for (const [key, cuts] of byKey) {
    const info = keyInfo(key);
    const { values, exact } =
      info?.kind === 'choice'
        ? { values: (info.values ?? []).map(BigInt), exact: true }
        : valuesOf(cuts, info?.bits ?? 1);
    const atoms = info?.kind === 'choice' ? values : distinct(values, (value) => cuts.map((cut) => passes(value, cut)));
    keys.set(key, variables.push({ name: key, atoms, exact }) - 1);
  }
  if (!keys.has('ct.state'))
    keys.set('ct.state', variables.push({ name: 'ct.state', atoms: [1n, 2n, 4n, 8n, 64n], exact: true }) - 1);
  const nameTests = tests.flatMap((test) => (test.kind === 'name' ? [test] : []));
  for (const [key, texts] of names) {
    const asked = nameTests.filter((test) => test.key === key);
    const atoms = distinct([...texts], (name) => [
      name === '',
      ...asked.map(({ text, prefix }) => (prefix ? name.startsWith(text) : name === text)),
    ]);
    keys.set(key, variables.push({ name: key, atoms, exact: true }) - 1);
  }
  return {
    variables,
    lengths: { th: 0, ih: 1 },
    named: (key) => keys.get(key) ?? -1,
    locate: (given, mask) => {
      const field = canonical(given, family);
      if (field.kind === 'key') {
        const variable = keys.get(field.key);
        return variable === undefined ? undefined : { variable, shift: 0, bits: bitsOf(field) };
      }
      const { base, offset, length } = field;
      const { start, end } = askedBits(offset, length, mask ?? full(length));
      const place = places.find((one) => one.base === base && one.start <= start && end <= one.end);
      return place && { variable: place.variable, shift: place.end - offset - length, bits: length };
    },
  };
};
