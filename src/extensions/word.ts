/**
 * The normal form that u32 locations and BPF registers share: bits of one load, shifted, with some of them flipped,
 * plus a constant. A comparison of such a value is a comparison of `load & mask`, which nft can make.
 */
import { flipped, intersect, lower, nothing, type Ranges, rotate, top, within } from './ranges.ts';

/** Where a number comes from: bytes of the packet from a header's start, or a figure that the kernel keeps beside it. */
export interface Load {
  readonly base: 'nh' | 'th' | 'mark' | 'length';
  /** In bytes; 0 for what is not payload. */
  readonly offset: number;
  readonly size: 1 | 2 | 4;
}

/** `(((load & mask) >> shift) ^ flip) + plus` modulo 2^32. A negative shift goes left; it loses no bit of the mask. */
export interface Word {
  readonly kind: 'word';
  readonly load: Load;
  readonly mask: number;
  readonly shift: number;
  readonly flip: number;
  readonly plus: number;
}
export interface Constant {
  readonly kind: 'constant';
  readonly value: number;
}
export type Value = Word | Constant;

export const isPayload = (load: Load): boolean => load.base === 'nh' || load.base === 'th';
export const sameLoad = (a: Load, b: Load): boolean => a.base === b.base && a.offset === b.offset && a.size === b.size;

/** All bits of a load. */
export const allOf = (size: 1 | 2 | 4): number => (size === 4 ? top : size === 2 ? 0xffff : 0xff);

export const constant = (value: number): Constant => ({ kind: 'constant', value: value >>> 0 });
export const loaded = (load: Load): Word => ({
  kind: 'word',
  load,
  mask: allOf(load.size),
  shift: 0,
  flip: 0,
  plus: 0,
});

const shifted = (value: number, by: number): number =>
  by >= 32 || by <= -32 ? 0 : by >= 0 ? value >>> by : (value << -by) >>> 0;

/** Which bits of the shifted load may be set. */
const bitsOf = (word: Word): number => shifted(word.mask, word.shift);

export const freeBits = (value: Value): number => {
  let count = 0;
  if (value.kind === 'word') for (let rest = value.mask; rest !== 0; rest &= rest - 1) count++;
  return count;
};

/** The value for what the masked load may hold. */
const evaluate = (word: Word, masked: number): number =>
  (((shifted(masked, word.shift) ^ word.flip) + word.plus) % (top + 1)) >>> 0;

const settled = (word: Word): Value => {
  if (word.mask === 0) return constant((word.flip + word.plus) % (top + 1));
  // Bits that cannot carry are as good flipped as added, and other operations can follow on flipped ones.
  const possible = (bitsOf(word) | word.flip) >>> 0;
  return word.plus !== 0 && (possible & word.plus) === 0
    ? { ...word, flip: (word.flip ^ word.plus) >>> 0, plus: 0 }
    : word;
};

export type Operation = 'and' | 'or' | 'xor' | 'shl' | 'shr' | 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'neg';

const powerOf2 = (value: number): number | undefined =>
  value !== 0 && (value & (value - 1)) === 0 ? 31 - Math.clz32(value) : undefined;

const onConstants = (operation: Operation, a: number, b: number): number => {
  switch (operation) {
    case 'and':
      return a & b;
    case 'or':
      return a | b;
    case 'xor':
      return a ^ b;
    case 'shl':
      return b >= 32 ? 0 : a << b;
    case 'shr':
      return b >= 32 ? 0 : a >>> b;
    case 'add':
      return a + b;
    case 'sub':
      return a - b;
    case 'mul':
      return Math.imul(a, b);
    case 'div':
      return Math.floor(a / b);
    case 'mod':
      return a % b;
    case 'neg':
      return -a;
  }
};

/**
 * `value OPERATION operand` modulo 2^32, or undefined where the result is no such value any more. A divisor is not 0
 * and a shift below 32: both languages see to that.
 */
export const operate = (value: Value, operation: Operation, operand: number): Value | undefined => {
  if (value.kind === 'constant') return constant(onConstants(operation, value.value, operand));
  const { mask, shift, flip, plus } = value;
  const exponent = powerOf2(operand);
  switch (operation) {
    case 'and': {
      if (operand === top) return value;
      if (operand === 0) return constant(0);
      if (plus !== 0) return undefined;
      return settled({ ...value, mask: (mask & shifted(operand, -shift)) >>> 0, flip: (flip & operand) >>> 0 });
    }
    case 'or':
      if (operand === 0) return value;
      if (plus !== 0) return undefined;
      return settled({
        ...value,
        mask: (mask & shifted(~operand >>> 0, -shift)) >>> 0,
        flip: (flip | operand) >>> 0,
      });
    case 'xor':
      if (operand === 0) return value;
      return plus === 0 ? { ...value, flip: (flip ^ operand) >>> 0 } : undefined;
    case 'shl': {
      const kept = shifted(top, operand);
      return settled({
        ...value,
        mask: (mask & shifted(kept, -shift)) >>> 0,
        shift: shift - operand,
        flip: shifted(flip, -operand),
        plus: shifted(plus, -operand),
      });
    }
    case 'shr': {
      if (operand === 0) return value;
      if (plus !== 0) return undefined;
      const kept = shifted(top, -operand);
      return settled({
        ...value,
        mask: (mask & shifted(kept, -shift)) >>> 0,
        shift: shift + operand,
        flip: shifted(flip, operand),
      });
    }
    case 'add':
      return settled({ ...value, plus: (plus + operand) % (top + 1) });
    case 'sub':
      return settled({ ...value, plus: (plus - operand) >>> 0 });
    case 'neg':
      // -(b + p) is ~b + 1 - p.
      return settled({ ...value, flip: ~flip >>> 0, plus: (1 - plus) >>> 0 });
    case 'mul':
      if (operand === 0) return constant(0);
      return exponent === undefined ? undefined : operate(value, 'shl', exponent);
    case 'div':
      return exponent === undefined ? undefined : operate(value, 'shr', exponent);
    case 'mod':
      return exponent === undefined ? undefined : operate(value, 'and', operand - 1);
  }
};

/** Which values of `load & mask` make the word one of `values`. */
export const preimage = (word: Word, values: Ranges): Ranges => {
  const bits = bitsOf(word);
  const outside = (word.flip & ~bits) >>> 0;
  const turned = within(lower(rotate(values, (0 - word.plus) >>> 0), outside), bits);
  const plain = within(flipped(turned, (word.flip & bits) >>> 0), bits);
  const { shift } = word;
  const scale = 2 ** Math.abs(shift);
  const unshifted = plain.map(([low, high]): readonly [number, number] =>
    shift >= 0
      ? [low * scale, Math.min(top, high * scale + scale - 1)]
      : [Math.ceil(low / scale), Math.floor(high / scale)],
  );
  return within(unshifted, word.mask);
};

/** Everything that the masked load may hold, with the value that each makes; only for few free bits. */
export const enumerate = (word: Word): readonly { readonly masked: number; readonly value: number }[] => {
  const out: { masked: number; value: number }[] = [];
  let masked = 0;
  do {
    out.push({ masked, value: evaluate(word, masked) });
    masked = (((masked | (~word.mask >>> 0)) + 1) % (top + 1)) & word.mask;
    masked >>>= 0;
  } while (masked !== 0);
  return out;
};

/** That `load & mask` is one of `values`, which hold no number with a bit outside the mask. */
export interface Constraint {
  readonly load: Load;
  readonly mask: number;
  readonly values: Ranges;
}

/** Whether it only says that the bytes are there. */
export const isOpen = ({ mask, values }: Constraint): boolean =>
  values.length === 1 && values[0]?.[0] === 0 && values[0][1] === mask;

/** Both of two constraints on the same bits. */
export const meet = (a: Constraint, b: Constraint): Constraint => ({
  ...a,
  values: within(intersect(a.values, b.values), a.mask),
});

export const constrain = (word: Word, values: Ranges): Constraint => ({
  load: word.load,
  mask: word.mask,
  values: preimage(word, values),
});

export const impossible = ({ values }: Constraint): boolean => values.length === nothing.length;
