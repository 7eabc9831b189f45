/** Masked tests as tests of the header field that the mask leaves: for words only, since the shorter load needs fewer bytes. */
import type { Condition } from './condition.ts';
import { fieldWords, type WordContext } from './fieldwords.ts';

type Test = Extract<Condition, { readonly kind: 'test' }>;

/** The place of a run of ones, counted from the first of `length` bits; undefined if there are several runs or none. */
const runOf = (mask: bigint, length: number): { readonly from: number; readonly bits: number } | undefined => {
  const ones = /^0*(1+)0*$/.exec(mask.toString(2).padStart(length, '0'));
  const run = ones?.[1];
  return run === undefined ? undefined : { from: ones?.[0].indexOf('1') ?? 0, bits: run.length };
};

/** The same test of a field with a name, if the mask leaves one of the packet; otherwise the test as it is. */
export const narrowed = (test: Test, context: WordContext): Test => {
  const { field, mask, ranges } = test;
  if (field.kind !== 'payload' || mask === undefined) return test;
  const run = runOf(mask, field.length);
  if (!run) return test;
  const part = { ...field, offset: field.offset + run.from, length: run.bits };
  if (fieldWords(part, context).startsWith('@')) return test;
  const shift = BigInt(field.length - run.from - run.bits);
  return {
    kind: 'test',
    field: part,
    ranges: ranges.map(({ low, high }) => ({ low: low >> shift, high: high >> shift })),
  };
};
