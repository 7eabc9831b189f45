/**
 * Numbers that a program (u32, classic BPF) makes of one load by masks and shifts: every bit of such a number is a bit
 * of the load or 0, so that comparing it with ranges is comparing the masked load with other ranges.
 */
import { type Condition, is, no, present, within } from '../packet/condition.ts';
import { bitsOf, type Field } from '../packet/field.ts';

/** (load & mask) >> shift, or << -shift; the mask holds only bits that the shift leaves in 32 bits. */
export interface Selection {
  readonly field: Field;
  readonly mask: number;
  readonly shift: number;
}

/** Unsigned 32-bit numbers, both ends included. */
export type NumberRanges = readonly (readonly [low: number, high: number])[];

export const topNumber = 0xffff_ffff;

/** The lowest `count` of 32 bits. */
const lowest = (count: number): number => (count >= 32 ? topNumber : count <= 0 ? 0 : 2 ** count - 1);

const selected = (field: Field, mask: number, shift: number): Selection =>
  mask === 0 ? { field, mask, shift: 0 } : { field, mask, shift };

/** The whole of what is loaded. */
export const selectAll = (field: Field): Selection => selected(field, lowest(bitsOf(field)), 0);

export const masking = ({ field, mask, shift }: Selection, by: number): Selection => {
  const bits = shift >= 32 || shift <= -32 ? 0 : shift >= 0 ? by << shift : by >>> -shift;
  return selected(field, (mask & bits) >>> 0, shift);
};

export const shiftLeft = ({ field, mask, shift }: Selection, by: number): Selection =>
  selected(field, (mask & lowest(32 + shift - by)) >>> 0, shift - by);

export const shiftRight = ({ field, mask, shift }: Selection, by: number): Selection =>
  selected(field, (mask & ~lowest(shift + by)) >>> 0, shift + by);

const wholeMask = (field: Field): number => lowest(bitsOf(field));

/** The number lies in one of the ranges, and its load succeeds. */
export const inNumbers = ({ field, mask, shift }: Selection, ranges: NumberRanges): Condition => {
  const scale = 2 ** Math.abs(shift);
  const loads = ranges.flatMap(([low, high]) => {
    const from = shift >= 0 ? low * scale : Math.ceil(low / scale);
    const to = shift >= 0 ? high * scale + scale - 1 : Math.floor(high / scale);
    const last = Math.min(to, mask);
    return low > high || from > last ? [] : [{ low: BigInt(from), high: BigInt(last) }];
  });
  if (loads.some(({ low, high }) => low === 0n && high === BigInt(mask))) return present(field);
  if (loads.length === 0) return no;
  return within(field, loads, mask === wholeMask(field) ? undefined : BigInt(mask));
};

/** At most so many bits of a number are tried one by one. */
export const mostFreeBits = 8;

export const freeBits = ({ mask }: Selection): number => {
  let bits = 0;
  for (let left = mask; left !== 0; left = (left & (left - 1)) >>> 0) bits++;
  return bits;
};

/** Every value that the number can have, with the condition that it has it. */
export const eachNumber = (
  selection: Selection,
): readonly { readonly value: number; readonly condition: Condition }[] => {
  const { field, mask, shift } = selection;
  if (mask === 0) return [{ value: 0, condition: present(field) }];
  const out: { readonly value: number; readonly condition: Condition }[] = [];
  for (let masked = 0; ;) {
    const value = shift >= 0 ? masked >>> shift : (masked << -shift) >>> 0;
    const whole = mask === wholeMask(field);
    out.push({ value, condition: whole ? is(field, masked) : is(field, masked, mask) });
    if (masked === mask) return out;
    // The next number that has bits of the mask only.
    masked = ((masked - mask) & mask) >>> 0;
  }
};
