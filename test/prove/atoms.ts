// The fields that two programs ask, each cut into few values that stand for all: without diagrams and without bytes.
import type { Condition, Interval } from '../../src/packet/condition.ts';
import { bitsOf, type Field, keyInfo } from '../../src/packet/field.ts';
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
  /** Bytes from the transport header on. */
  readonly transportLength: number;
}

/** The same bits have the same name: of IPv4, keys that are header fields are read as such. */
export const canonical = (field: Field, family: Family): Field => {
  if (field.kind === 'payload') return field.base === 'xt' ? { ...field, base: 'th' } : field;
  const of = (offset: number, length: number): Field => ({ kind: 'payload', base: 'nh', offset, length });
  const key = field.key === 'xtproto' ? 'l4proto' : field.key === 'xtfragoff' ? 'fragoff' : field.key;
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

const widest = 12;

const passes = (value: bigint, { shift, mask, ranges }: Cut): boolean => {
  const seen = (value >> BigInt(shift)) & mask;
  return ranges.some(({ low, high }) => low <= seen && seen <= high);
};

/** A cut that is one interval per range of the whole region, with its ends; undefined for any other mask. */
const endsOf = ({ shift, mask, ranges }: Cut, bits: number): readonly bigint[] | undefined => {
  const all = (1n << BigInt(bits)) - 1n;
  const low = mask & -mask;
  const whole = mask << BigInt(shift);
  if (mask === 0n || (whole | ((whole & -whole) - 1n)) !== all) return undefined;
  return ranges.flatMap((range) => {
    // Only multiples of the mask's last bit can be seen.
    const first = ((range.low + low - 1n) / low) * low;
    const last = (range.high / low) * low;
    return [first << BigInt(shift), (last + low) << BigInt(shift)];
  });
};

const valuesOf = (
  cuts: readonly Cut[],
  bits: number,
): { readonly values: readonly bigint[]; readonly exact: boolean } => {
  const top = 1n << BigInt(bits);
  const inside = (values: readonly bigint[]): readonly bigint[] => values.filter((value) => value >= 0n && value < top);
  const ends = cuts.map((cut) => endsOf(cut, bits));
  if (ends.every((one) => one !== undefined)) return { values: inside([0n, ...ends.flat()]), exact: true };
  const asked = cuts.reduce((sum, { mask, shift }) => sum | (mask << BigInt(shift)), 0n);
  const places = Array.from({ length: bits }, (_, i) => BigInt(i)).filter((i) => ((asked >> i) & 1n) === 1n);
  if (places.length <= widest) {
    const values = Array.from({ length: 1 << places.length }, (_, number) =>
      places.reduce((sum, place, i) => ((number >> i) & 1 ? sum | (1n << place) : sum), 0n),
    );
    return { values, exact: true };
  }
  // The ends of each cut, laid over the ends of each other.
  const placed = cuts.flatMap(({ shift, mask, ranges }) => {
    const own = mask << BigInt(shift);
    const found = ranges.flatMap(({ low, high }) => [low - 1n, low, high, high + 1n]);
    return [0n, ...found].map((value) => ({ own, value: (value << BigInt(shift)) & own }));
  });
  const once = placed.map(({ value }) => value);
  const twice = once.flatMap((under) => placed.map(({ own, value }) => (under & ~own) | value));
  return { values: inside([...once, ...twice]), exact: false };
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

const full = (length: number): bigint => (1n << BigInt(length)) - 1n;

/** The bits from the first to the last that the mask leaves. */
const asked = (offset: number, length: number, mask: bigint): { readonly start: number; readonly end: number } => {
  if (mask === 0n) return { start: offset, end: offset + 1 };
  const text = mask.toString(2).padStart(length, '0');
  return { start: offset + text.indexOf('1'), end: offset + text.lastIndexOf('1') + 1 };
};

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
  family === 'ip'
    ? [
        {
          kind: 'test',
          field: { kind: 'payload', base: 'nh', offset: 50, length: 1 },
          ranges: [{ low: 0n, high: 0n }],
        },
        {
          kind: 'test',
          field: { kind: 'payload', base: 'nh', offset: 51, length: 13 },
          ranges: [{ low: 0n, high: 0n }],
        },
      ]
    : [];

export const atomsOf = (programs: readonly Program[], family: Family): Atoms => {
  const tests = [
    ...ownTests(family),
    ...programs.flatMap((program) => [...conditionsOf(program)].flatMap((one) => [...primitives(one)])),
  ];
  const byBase = new Map<string, Region[]>();
  const byKey = new Map<string, Cut[]>();
  const names = new Map<string, Set<string>>();
  const lengths = new Set<bigint>([0n]);
  const seen = new Set<string>();
  for (const test of tests) {
    if (test.kind === 'name') {
      const known = names.get(test.key) ?? new Set(['', '\u0001']);
      names.set(test.key, known.add(test.text).add(test.prefix ? `${test.text}\u0001` : test.text));
    }
    if (test.kind !== 'test' && test.kind !== 'present') continue;
    const field = canonical(test.field, family);
    if (field.kind === 'payload' && field.base === 'th')
      lengths.add(BigInt(Math.ceil((field.offset + field.length) / 8)));
    if (test.kind === 'present') continue;
    const key = JSON.stringify(test, (_name, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
    if (seen.has(key)) continue;
    seen.add(key);
    const { ranges } = test;
    const mask = test.mask ?? full(bitsOf(field));
    if (field.kind === 'key') byKey.set(field.key, [...(byKey.get(field.key) ?? []), { shift: 0, mask, ranges }]);
    else {
      const { base, offset, length } = field;
      const region = { name: base, ...asked(offset, length, mask), cuts: [{ field, mask, ranges }] };
      byBase.set(base, [...(byBase.get(base) ?? []), region]);
    }
  }
  const variables: Variable[] = [{ name: 'transport length', atoms: [...lengths], exact: true }];
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
    transportLength: 0,
    named: (key) => keys.get(key) ?? -1,
    locate: (given, mask) => {
      const field = canonical(given, family);
      if (field.kind === 'key') {
        const variable = keys.get(field.key);
        return variable === undefined ? undefined : { variable, shift: 0, bits: bitsOf(field) };
      }
      const { base, offset, length } = field;
      const { start, end } = asked(offset, length, mask ?? full(length));
      const place = places.find((one) => one.base === base && one.start <= start && end <= one.end);
      return place && { variable: place.variable, shift: place.end - offset - length, bits: length };
    },
  };
};
