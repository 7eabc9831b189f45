/** What is known of a register on one way through a program: a number, or bits of the packet plus a number. */
import { all, any, type Condition } from '../../packet/condition.ts';
import { payload } from '../../packet/field.ts';
import {
  eachNumber,
  freeBits,
  inNumbers,
  masking,
  mostFreeBits,
  type NumberRanges,
  type Selection,
  shiftLeft,
  shiftRight,
  topNumber,
} from '../selection.ts';
import { type Arithmetic, computeNumber } from './arithmetic.ts';
import type { Comparison } from './instruction.ts';

export type Register =
  | { readonly kind: 'constant'; readonly value: number }
  /** Their sum modulo 2^32. */
  | { readonly kind: 'bits'; readonly selection: Selection; readonly plus: number }
  /** The offset of the IPv6 transport header, which is no number of the packet, plus a number. */
  | { readonly kind: 'transport'; readonly plus: number };

/** One of the cases that an instruction has; apart from each other. Cases that are left out end without a match. */
export interface Way<T> {
  readonly condition: Condition;
  readonly value: T;
}

/** Undefined: there are too many ways. */
export type Ways<T> = readonly Way<T>[] | undefined;

const modulus = 2 ** 32;
const always: Condition = all([]);

export const constant = (value: number): Register => ({ kind: 'constant', value });
export const surely = <T>(value: T): Ways<T> => [{ condition: always, value }];

/** Four times the low nibble of the packet's first byte, as instructions make it. */
export const headerLength: Selection = { field: payload('nh', 0, 8), mask: 0x0f, shift: -2 };

export const isHeaderLength = ({ field, mask, shift }: Selection): boolean =>
  field.kind === 'payload' &&
  field.base === 'nh' &&
  field.offset === 0 &&
  mask === 0x0f * 2 ** (field.length - 8) &&
  shift === field.length - 10;

const few = (register: Register): boolean =>
  register.kind === 'constant' || (register.kind === 'bits' && freeBits(register.selection) <= mostFreeBits);

/** Goes on with each number that the register can hold. */
export const forEachNumber = <T>(register: Register, then: (value: number) => Ways<T>): Ways<T> => {
  if (register.kind === 'constant') return then(register.value);
  if (register.kind === 'transport' || !few(register)) return undefined;
  const out: Way<T>[] = [];
  for (const { value, condition } of eachNumber(register.selection)) {
    const ways = then((value + register.plus) % modulus);
    if (!ways) return undefined;
    for (const way of ways) out.push({ condition: all([condition, way.condition]), value: way.value });
  }
  return out;
};

const exponentOf = (value: number): number | undefined => {
  const exponent = 31 - Math.clz32(value);
  return value !== 0 && value === 2 ** exponent ? exponent : undefined;
};

/** The operations that leave bits of the packet where they are, or move all of them by as much. */
const onBits = (operation: Arithmetic, selection: Selection, by: number): Selection | undefined => {
  const exponent = exponentOf(by);
  switch (operation) {
    case 'and':
      return masking(selection, by);
    case 'shl':
      return shiftLeft(selection, by & 31);
    case 'shr':
      return shiftRight(selection, by & 31);
    case 'mul':
      return exponent === undefined ? undefined : shiftLeft(selection, exponent);
    case 'div':
      return exponent === undefined ? undefined : shiftRight(selection, exponent);
    case 'mod':
      return exponent === undefined ? undefined : masking(selection, by - 1);
    default:
      return undefined;
  }
};

const withNumber = (operation: Arithmetic, a: Register, b: number): Ways<Register> => {
  if (a.kind !== 'constant' && (operation === 'add' || operation === 'sub')) {
    const plus = (a.plus + (operation === 'add' ? b : modulus - b)) % modulus;
    return surely({ ...a, plus });
  }
  if (a.kind === 'bits' && a.plus === 0) {
    const selection = onBits(operation, a.selection, b);
    if (selection) return surely({ kind: 'bits', selection, plus: 0 });
  }
  return forEachNumber(a, (value) => {
    const result = computeNumber(operation, value, b);
    return result === undefined ? [] : surely(constant(result));
  });
};

/** A place in the transport header stays one when a number is added to it. */
const isPlace = (register: Register): boolean =>
  register.kind === 'transport' || (register.kind === 'bits' && isHeaderLength(register.selection));

const commutative: ReadonlySet<Arithmetic> = new Set(['add', 'mul', 'or', 'and', 'xor']);

export const compute = (operation: Arithmetic, a: Register, b: Register): Ways<Register> => {
  if (b.kind === 'constant') return withNumber(operation, a, b.value);
  const turn = commutative.has(operation) && (a.kind === 'constant' || (isPlace(b) && few(a) && !isPlace(a)));
  if (turn) return forEachNumber(a, (value) => withNumber(operation, b, value));
  if (few(b)) return forEachNumber(b, (value) => withNumber(operation, a, value));
  return a.kind === 'constant' ? undefined : forEachNumber(a, (value) => compute(operation, constant(value), b));
};

/** Everything that is in none of the ranges, which are ascending and apart. */
const outside = (ranges: NumberRanges): NumberRanges => {
  const out: [number, number][] = [];
  let from = 0;
  for (const [low, high] of ranges) {
    if (low > from) out.push([from, low - 1]);
    from = high + 1;
  }
  if (from <= topNumber) out.push([from, topNumber]);
  return out;
};

/** The numbers that are in a range once `plus` is added, modulo 2^32. */
const before = (ranges: NumberRanges, plus: number): NumberRanges =>
  ranges.flatMap(([low, high]): [number, number][] => {
    const from = (low + modulus - plus) % modulus;
    const to = (high + modulus - plus) % modulus;
    if (high - low === topNumber) return [[0, topNumber]];
    return from <= to
      ? [[from, to]]
      : [
          [0, to],
          [from, topNumber],
        ];
  });

export const isAmong = (register: Register, ranges: NumberRanges): Condition | undefined => {
  switch (register.kind) {
    case 'constant':
      return ranges.some(([low, high]) => register.value >= low && register.value <= high) ? always : any([]);
    case 'bits':
      return inNumbers(register.selection, before(ranges, register.plus));
    case 'transport':
      return undefined;
  }
};

const below = (value: number): NumberRanges => (value === 0 ? [] : [[0, value - 1]]);
const above = (value: number): NumberRanges => (value === topNumber ? [] : [[value + 1, topNumber]]);

const bothWays = (register: Register, ranges: NumberRanges): Ways<boolean> => {
  const taken = isAmong(register, ranges);
  const not = isAmong(register, outside(ranges));
  if (!taken || !not) return undefined;
  return [
    { condition: taken, value: true },
    { condition: not, value: false },
  ];
};

const withOperand = (comparison: Comparison, a: Register, b: number): Ways<boolean> => {
  switch (comparison) {
    case 'eq':
      return bothWays(a, [[b, b]]);
    case 'gt':
      return bothWays(a, above(b));
    case 'ge':
      return bothWays(a, outside(below(b)));
    case 'set': {
      const masked = withNumber('and', a, b);
      const out: Way<boolean>[] = [];
      for (const { condition, value } of masked ?? []) {
        const ways = bothWays(value, [[1, topNumber]]);
        if (!ways) return undefined;
        for (const way of ways) out.push({ ...way, condition: all([condition, way.condition]) });
      }
      return masked && out;
    }
  }
};

export const compare = (comparison: Comparison, a: Register, b: Register): Ways<boolean> => {
  if (b.kind === 'constant') return withOperand(comparison, a, b.value);
  if (a.kind === 'constant') {
    if (comparison === 'eq' || comparison === 'set') return withOperand(comparison, b, a.value);
    return bothWays(b, comparison === 'gt' ? below(a.value) : outside(above(a.value)));
  }
  return few(b)
    ? forEachNumber(b, (value) => withOperand(comparison, a, value))
    : forEachNumber(a, (value) => compare(comparison, constant(value), b));
};
