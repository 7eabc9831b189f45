/** Tests of a field under a mask, and what a test says that rests on an assumption. */
import { all, any, type Condition, is, no, opaque, present, yes } from '../packet/condition.ts';
import type { Assumption } from '../packet/assumption.ts';
import { bitsOf, type Field, keyInfo } from '../packet/field.ts';

interface MaskedValue {
  readonly value: bigint | number;
  readonly mask: bigint | number;
}

/**
 * No hook sees a packet without its fixed header (ip_input.c ip_rcv_core, ip6_input.c ip6_rcv_core). Who asks for what
 * only a packet with a conntrack entry has, asks for the entry as well.
 */
const isAlwaysThere = (field: Field): boolean =>
  field.kind === 'payload' ? field.base === 'nh' : keyInfo(field.key)?.presence !== 'sometimes';

/** `(field & mask) == value` as C compares it: a value with bits outside of the mask is never met. */
export const maskedIs = (field: Field, wanted: MaskedValue): Condition => {
  const value = BigInt(wanted.value);
  const mask = BigInt(wanted.mask);
  if ((value & ~mask) !== 0n) return no;
  if (mask === 0n) return isAlwaysThere(field) ? yes : present(field);
  return mask === (1n << BigInt(bitsOf(field))) - 1n ? is(field, value) : is(field, value, mask);
};

/**
 * `condition`, with the assumption on which rests that nft asks the same thing by `field`. Where the field has a value
 * the added part is true, so that nothing is decided by it: it only names the assumption to whoever reads conditions.
 */
export const resting = (condition: Condition, field: Field, assumption: Assumption): Condition =>
  all([condition, any([present(field), opaque({ id: `assumed ${assumption}`, stateful: false, assumption })])]);
