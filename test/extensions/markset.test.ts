// MARK and CONNMARK: the expressions that are made from an operation compute what xt_mark.c and xt_connmark.c compute.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asXmark, changedMark } from '../../src/extensions/markset.ts';
import type { Given } from '../../src/iptables/types.ts';
import { meta } from '../../src/nftables/build.ts';
import type { Expression } from '../../src/nftables/types.ts';

const old = meta('mark');

/** What nf_tables computes, for the expressions that a mark can be set to. */
const evaluate = (expression: Expression, mark: number): number => {
  if (typeof expression === 'number') return expression;
  if (typeof expression !== 'object' || Array.isArray(expression)) throw new Error('not a number');
  if ('meta' in expression) return mark;
  const of = ([left, right]: readonly [Expression, Expression]): readonly [number, number] => [
    evaluate(left, mark),
    evaluate(right, mark),
  ];
  const operate = (pair: readonly [Expression, Expression], operator: (a: number, b: number) => number): number => {
    // Before nft 1.1 the second operand has to be constant.
    expect(typeof pair[1]).toBe('number');
    return operator(...of(pair)) >>> 0;
  };
  if ('&' in expression) return operate(expression['&'], (a, b) => a & b);
  if ('|' in expression) return operate(expression['|'], (a, b) => a | b);
  if ('^' in expression) return operate(expression['^'], (a, b) => a ^ b);
  throw new Error(`${JSON.stringify(expression)} is not modelled`);
};

const edge = fc.constantFrom(0, 1, 0xff, 0xff00, 0x7fffffff, 0x80000000, 0xffffffff);
const word = fc.oneof(edge, fc.integer({ min: 0, max: 0xffffffff }));
const given = <T>(value: T): Given<T> => ({ value, inverted: false, column: 1 });

describe('a mark', () => {
  it('is changed as the kernel changes it', () => {
    fc.assert(
      fc.property(word, word, word, (mark, value, mask) => {
        const change = changedMark(old, { value, mask });
        expect(change === undefined ? mark : evaluate(change, mark)).toBe(((mark & ~mask) ^ value) >>> 0);
      }),
      { numRuns: 2000 },
    );
  });

  it('is constant under a full mask and untouched under none', () => {
    expect(changedMark(old, { value: 0xd0c4e3, mask: 0xffffffff })).toBe(0xd0c4e3);
    expect(changedMark(old, { value: 0, mask: 0 })).toBeUndefined();
  });

  it('is kept in one form, whichever of the five it was given in', () => {
    fc.assert(
      fc.property(word, word, word, (mark, value, mask) => {
        const result = (info: Parameters<typeof asXmark>[0]): number => {
          const kept = asXmark(info)?.value;
          if (!kept) throw new Error('no operation');
          return ((mark & ~kept.mask) ^ kept.value) >>> 0;
        };
        expect(result({ xmark: given({ value, mask }) })).toBe(((mark & ~mask) ^ value) >>> 0);
        expect(result({ mark: given({ value, mask }) })).toBe(((mark & ~mask) | value) >>> 0);
        expect(result({ and: given(value) })).toBe((mark & value) >>> 0);
        expect(result({ or: given(value) })).toBe((mark | value) >>> 0);
        expect(result({ xor: given(value) })).toBe((mark ^ value) >>> 0);
      }),
      { numRuns: 2000 },
    );
  });
});
