import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  complement,
  flipped,
  holds,
  intersect,
  lower,
  type Ranges,
  rangesOf,
  rotate,
  top,
  within,
} from '../../src/extensions/ranges.ts';
import {
  allOf,
  constrain,
  type Constraint,
  enumerate,
  freeBits,
  impossible,
  loaded,
  type Operation,
  operate,
  preimage,
  type Value,
} from '../../src/extensions/word.ts';
import { constraintTest } from '../../src/extensions/wordtest.ts';
import { matches } from './evaluate.ts';

const interesting = fc.constantFrom(
  0,
  1,
  2,
  0xf,
  0x3c,
  0xff,
  0x100,
  0x1fff,
  0x7fffffff,
  0x80000000,
  0xffffff00,
  top - 1,
  top,
);
const number = fc.oneof(interesting, fc.integer({ min: 0, max: top }), fc.integer({ min: 0, max: 300 }));
const ranges = fc
  .array(fc.tuple(number, number), { maxLength: 5 })
  .map((list) => rangesOf(list.map(([a, b]) => [Math.min(a, b), Math.max(a, b)])));

const operations: readonly Operation[] = ['and', 'or', 'xor', 'shl', 'shr', 'add', 'sub', 'neg', 'mul', 'div', 'mod'];
const step = fc
  .tuple(fc.constantFrom(...operations), number, fc.integer({ min: 0, max: 31 }))
  .map(([operation, operand, small]): readonly [Operation, number] =>
    operation === 'shl' || operation === 'shr'
      ? [operation, small]
      : operation === 'mul' || operation === 'div' || operation === 'mod'
        ? [operation, 2 ** small]
        : [operation, operand],
  );

/** The same on plain numbers, by BigInt so that it shares nothing with the code under test. */
const direct = (value: number, [operation, operand]: readonly [Operation, number]): number => {
  const a = BigInt(value);
  const b = BigInt(operand);
  const results: Record<Operation, () => bigint> = {
    and: () => a & b,
    or: () => a | b,
    xor: () => a ^ b,
    shl: () => a << b,
    shr: () => a >> b,
    add: () => a + b,
    sub: () => a - b,
    neg: () => -a,
    mul: () => a * b,
    div: () => a / b,
    mod: () => a % b,
  };
  return Number(BigInt.asUintN(32, results[operation]()));
};

const check = (property: fc.IProperty<unknown>): void => fc.assert(property, { numRuns: 1500 });

describe('ranges', () => {
  it('holds in an operation on sets what the operation on numbers says', () =>
    check(
      fc.property(ranges, ranges, number, number, (a, b, by, value) => {
        expect(holds(intersect(a, b), value)).toBe(holds(a, value) && holds(b, value));
        expect(holds(complement(a), value)).toBe(!holds(a, value));
        expect(holds(rotate(a, by), (value + by) % (top + 1))).toBe(holds(a, value));
        if (value >= by) expect(holds(lower(a, by), value - by)).toBe(holds(a, value));
        expect(holds(flipped(a, by), (value ^ by) >>> 0)).toBe(holds(a, value));
        expect(holds(within(a, by), (value & by) >>> 0)).toBe(holds(a, (value & by) >>> 0));
      }),
    ));
  it('gives ranges under a mask in their only form', () =>
    check(
      fc.property(ranges, number, (a, mask) => {
        const once = within(a, mask);
        for (const [low, high] of once) expect([(low & ~mask) >>> 0, (high & ~mask) >>> 0]).toEqual([0, 0]);
        expect(within(once, mask)).toEqual(once);
        expect(within(complement(within(complement(once), mask)), mask)).toEqual(once);
      }),
    ));
  it('takes the ends', () => {
    expect(rotate([[0, top]], 5)).toEqual([[0, top]]);
    expect(complement([[0, top]])).toEqual([]);
    expect(within([[1, top]], 0)).toEqual([]);
    expect(within([[0, top]], 0)).toEqual([[0, 0]]);
  });
});

describe('word', () => {
  const folded = (steps: readonly (readonly [Operation, number])[]): Value | undefined => {
    let value: Value | undefined = loaded({ base: 'nh', offset: 0, size: 4 });
    for (const [operation, operand] of steps) value &&= operate(value, operation, operand);
    return value;
  };
  const bytesOf = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
  const asTest = (value: Value, wanted: Ranges, packet: Uint8Array): boolean => {
    if (value.kind === 'constant') return holds(wanted, value.value);
    const constraint = constrain(value, wanted);
    return !impossible(constraint) && matches(constraintTest(constraint, 'ip'), { bytes: packet, transport: 20 });
  };

  it('folds masks and shifts, whatever their number and order', () =>
    check(
      fc.property(
        fc.array(
          step.filter(([operation]) => ['and', 'shl', 'shr'].includes(operation)),
          { maxLength: 9 },
        ),
        fc.array(number, { minLength: 1, maxLength: 8 }),
        ranges,
        (steps, words, wanted) => {
          const value = folded(steps);
          if (!value) throw new Error('masks and shifts always fold');
          for (const word of words) {
            const result = steps.reduce(direct, word);
            expect(asTest(value, wanted, bytesOf(word))).toBe(holds(wanted, result));
            expect(asTest(value, [[result, result]], bytesOf(word))).toBe(true);
          }
        },
      ),
    ));
  it('folds other arithmetic or says that it cannot', () => {
    let done = 0;
    check(
      fc.property(fc.array(step, { maxLength: 5 }), number, ranges, (steps, word, wanted) => {
        const value = folded(steps);
        if (!value) return;
        done++;
        const result = steps.reduce(direct, word);
        expect(asTest(value, wanted, bytesOf(word))).toBe(holds(wanted, result));
        expect(asTest(value, [[result, result]], bytesOf(word))).toBe(true);
      }),
    );
    expect(done).toBeGreaterThan(500);
  });
  it('enumerates what few bits may be', () =>
    check(
      fc.property(fc.array(step, { maxLength: 5 }), number, (steps, word) => {
        const value = folded(steps);
        if (value?.kind !== 'word' || freeBits(value) > 6) return;
        const all = enumerate(value);
        expect(all).toHaveLength(2 ** freeBits(value));
        const mine = all.find(({ masked }) => masked === (word & value.mask) >>> 0);
        expect(mine?.value).toBe(steps.reduce(direct, word));
        expect(preimage(value, [[mine?.value ?? 0, mine?.value ?? 0]])).toEqual(
          within(
            rangesOf(all.filter((one) => one.value === mine?.value).map(({ masked }) => [masked, masked])),
            value.mask,
          ),
        );
      }),
    ));
  it('says of any bytes what the constraint says, wherever they are and however nft wants it said', () =>
    check(
      fc.property(
        fc.constantFrom('ip', 'ip6'),
        fc.constantFrom('nh', 'th'),
        fc.integer({ min: 0, max: 48 }),
        fc.constantFrom(1, 2, 4),
        fc.oneof(
          number,
          fc.tuple(number, number).map(([a, b]) => (a & b) >>> 0),
        ),
        ranges,
        fc.array(fc.tuple(number, fc.integer({ min: 0, max: 6 })), { minLength: 4, maxLength: 8 }),
        fc.uint8Array({ minLength: 110, maxLength: 110 }),
        (family, base, offset, size, wide, wanted, words, bytes) => {
          const mask = (wide & allOf(size)) >>> 0;
          const constraint: Constraint = { load: { base, offset, size }, mask, values: within(wanted, mask) };
          const formula = constraintTest(constraint, family);
          const header = family === 'ip' ? 20 : 40;
          const at = offset + (base === 'th' ? header : 0);
          // Numbers at and beside the ends of the ranges, and any.
          const ends = constraint.values.flat().flatMap((end) => [end, end - 1, end + 1]);
          for (const value of [...words.map(([word]) => word), ...ends]) {
            const free = bytes[0] ?? 0;
            const word = ((value & mask) | ((free * 0x1010101) & ~mask & allOf(size))) >>> 0;
            const packet = Uint8Array.from(bytes);
            for (let i = 0; i < size; i++) packet[at + i] = word >>> (8 * (size - 1 - i));
            const expected = holds(constraint.values, (word & mask) >>> 0);
            expect(matches(formula, { bytes: packet, transport: header })).toBe(expected);
            for (const length of [at + size, at + size - 1, at])
              if (length >= header)
                expect(matches(formula, { bytes: packet.slice(0, length), transport: header })).toBe(
                  expected && length >= at + size,
                );
          }
        },
      ),
    ));
  it('needs the bytes for every form of a test', () => {
    const value = loaded({ base: 'nh', offset: 0, size: 4 });
    for (const wanted of [
      [[5, 5]],
      [[5, 9]],
      [[0, 9]],
      [[9, top]],
      [
        [0, 4],
        [6, top],
      ],
      [[0, top]],
      [
        [1, 1],
        [3, 4],
        [9, 9],
      ],
    ] as Ranges[])
      expect(asTest(value, wanted, Uint8Array.of(0, 0, 0))).toBe(false);
  });
});
