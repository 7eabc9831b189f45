/** Conditions under a supposition about the packet: how much of it is there, and whether it is a later fragment. */
import type { Family } from '../netfilter/family.ts';
import { all, any, type Condition, no, not, present, yes } from '../packet/condition.ts';
import type { PayloadField } from '../packet/field.ts';

export interface Supposition {
  readonly family: Family;
  readonly fragment: 'none' | 'later';
  /** Whether the kernel loads transport bytes from later fragments; see `fragquirk` of field.ts. */
  readonly quirk: boolean;
  /** Whether bits of the packet are there; undefined where that is left open. */
  readonly has: (field: PayloadField) => boolean | undefined;
  /** Keys that have no value, such as the protocol of a packet whose headers cannot be followed. */
  readonly absent: ReadonlySet<string>;
}

/** A packet that is neither cut nor a fragment. */
export const wholePacket = (family: Family): Supposition => ({
  family,
  fragment: 'none',
  quirk: false,
  has: () => true,
  absent: new Set(),
});

const fragmentKeys: ReadonlySet<string> = new Set(['fragoff', 'xtfragoff']);
/** Every packet has a protocol, but where its headers cannot be followed. */
export const protocolKeys: ReadonlySet<string> = new Set(['l4proto', 'xtproto']);
const largestOffset = 0x1fffn;

type Test = Extract<Condition, { readonly kind: 'test' }>;

/** All of the interval lies in one range, none of it in any, or some. */
const among = ({ ranges }: Test, low: bigint, high: bigint, test: Test): Condition => {
  if (ranges.some((range) => range.low <= low && high <= range.high)) return yes;
  return ranges.some((range) => range.high >= low && range.low <= high) ? test : no;
};

/** Of a later fragment: a test that holds only where the fragment offset of the IPv4 header is 0 (RFC 791, bits 51 to 63). */
const wantsFirst = ({ field, mask, ranges }: Test): boolean => {
  if (field.kind !== 'payload' || field.base !== 'nh') return false;
  const { offset, length } = field;
  const last = BigInt(offset + length - 64);
  if (offset > 51 || last < 0n) return false;
  const bits = largestOffset << last;
  if (((mask ?? bits) & bits) !== bits) return false;
  return ranges.every(({ low, high }) => (low & bits) === 0n && low >> last === high >> last);
};

const supposeTest = (test: Test, { family, fragment, quirk, has, absent }: Supposition): Condition => {
  const { field } = test;
  if (field.kind === 'payload')
    return has(field) === false || (fragment === 'later' && family === 'ip' && wantsFirst(test)) ? no : test;
  if (absent.has(field.key)) return no;
  if (test.mask !== undefined) return test;
  if (fragmentKeys.has(field.key))
    return fragment === 'none' ? among(test, 0n, 0n, test) : among(test, 1n, largestOffset, test);
  return field.key === 'fragquirk' ? among(test, quirk ? 1n : 0n, quirk ? 1n : 0n, test) : test;
};

/** What is left of a condition: `yes` or `no` where the supposition decides it. */
export const suppose = (condition: Condition, supposed: Supposition): Condition => {
  switch (condition.kind) {
    case 'test':
      return supposeTest(condition, supposed);
    case 'present': {
      const { field } = condition;
      if (field.kind === 'key') {
        if (supposed.absent.has(field.key)) return no;
        return protocolKeys.has(field.key) ? yes : present(field);
      }
      const there = supposed.has(field);
      return there === undefined ? condition : there ? yes : no;
    }
    case 'name':
      return supposed.absent.has(condition.key) ? no : condition;
    case 'not':
      return not(suppose(condition.of, supposed));
    case 'all':
      return all(condition.of.map((part) => suppose(part, supposed)));
    case 'any':
      return distinct(any(condition.of.map((part) => suppose(part, supposed))));
    case 'program':
      return condition.same ? suppose(condition.same, supposed) : condition;
    case 'constant':
    case 'opaque':
    case 'unmodelled':
      return condition;
  }
};

const spelt = (condition: Condition): string =>
  JSON.stringify(condition, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));

/** Alternatives that have become the same are said once. */
const distinct = (condition: Condition): Condition =>
  condition.kind === 'any' && condition.of.length <= 64
    ? any([...new Map(condition.of.map((part) => [spelt(part), part])).values()])
    : condition;

/** Every field of the packet that a condition asks for, also as a part of programs. */
export const payloadsIn = (condition: Condition): readonly PayloadField[] => {
  switch (condition.kind) {
    case 'test':
    case 'present':
      return condition.field.kind === 'payload' ? [condition.field] : [];
    case 'not':
      return payloadsIn(condition.of);
    case 'all':
    case 'any':
      return condition.of.flatMap(payloadsIn);
    case 'program':
      return condition.same ? payloadsIn(condition.same) : [];
    case 'constant':
    case 'name':
    case 'opaque':
    case 'unmodelled':
      return [];
  }
};
