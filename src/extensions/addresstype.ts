/** When an address is of one of the types that addrtype asks for (net/netfilter/xt_addrtype.c). */
import type { Given } from '../iptables/types.ts';
import type { Family } from '../netfilter/family.ts';
import { all, any, type Condition, interval, invertIf, is, not, within, yes } from '../packet/condition.ts';
import { key, payload, type PayloadField } from '../packet/field.ts';
import { resting } from './fieldtest.ts';

/** RTN_UNSPEC to RTN_XRESOLVE of include/uapi/linux/rtnetlink.h, which are the bits of the module's mask. */
const numbers = {
  UNSPEC: 0,
  UNICAST: 1,
  LOCAL: 2,
  BROADCAST: 3,
  ANYCAST: 4,
  MULTICAST: 5,
  BLACKHOLE: 6,
  UNREACHABLE: 7,
  PROHIBIT: 8,
  THROW: 9,
  NAT: 10,
  XRESOLVE: 11,
} as const;

export type AddressType = keyof typeof numbers;
type Side = 'saddr' | 'daddr';
type Device = 'iif' | 'oif' | undefined;

const fibType = (side: Side, device: Device) => key(`fib.${side}${device ? `.${device}` : ''}.type`);

/**
 * inet_dev_addr_type: one type for each address, of which any of the list will do. A lookup that ends in a THROW, NAT
 * or XRESOLVE route is an error (fib_props), and the address is unicast then.
 */
const anyOfTypes = (types: readonly AddressType[], side: Side, device: Device): Condition =>
  within(
    fibType(side, device),
    types.map((type) => numbers[type]).flatMap((number) => (number > numbers.PROHIBIT ? [] : [interval(number)])),
  );

const allOnes = (1n << 128n) - 1n;
const highBits = (count: number): bigint => allOnes ^ ((1n << BigInt(128 - count)) - 1n);

const inPrefix = (address: PayloadField, prefix: bigint, length: number): Condition =>
  is(address, prefix, highBits(length));

/** What __ipv6_addr_type (net/ipv6/addrconf_core.c) reads off the address itself. */
const shownBy = (address: PayloadField) => {
  const unspecified = is(address, 0n);
  const multicast = inPrefix(address, 0xffn << 120n, 8);
  const mapped = inPrefix(address, 0xffffn << 32n, 96);
  return { UNSPEC: unspecified, MULTICAST: multicast, UNICAST: not(any([unspecified, multicast, mapped])) };
};

/** Answers of a lookup that the module takes for its types: every error is UNREACHABLE to it. */
const lookups = {
  LOCAL: [numbers.LOCAL],
  ANYCAST: [numbers.ANYCAST],
  UNREACHABLE: [numbers.BLACKHOLE, numbers.UNREACHABLE, numbers.PROHIBIT],
} as const;

/**
 * match_type6: all types of the list that the address itself shows, and one of those that a lookup shows. The lookup
 * is another one than that of nft: for the address alone, and an address may be LOCAL and ANYCAST at once.
 */
const sixthFamily = (types: readonly AddressType[], side: Side, device: Device): Condition => {
  const shown = shownBy(payload('nh', side === 'saddr' ? 64 : 192, 128));
  const direct = (['MULTICAST', 'UNICAST', 'UNSPEC'] as const).filter((type) => types.includes(type));
  const asked = (['LOCAL', 'ANYCAST', 'UNREACHABLE'] as const).filter((type) => types.includes(type));
  const field = fibType(side, device);
  const answers = asked.flatMap((type) => lookups[type]).map((number) => interval(number));
  return all([
    ...direct.map((type) => shown[type]),
    answers.length === 0 ? yes : resting(within(field, answers), field, 'same-lookup'),
  ]);
};

/** One side's part of the match; an empty list is not asked by the module at all. */
export const typeCondition = (
  side: Side,
  given: Given<readonly AddressType[]> | undefined,
  device: Device,
  family: Family,
): Condition => {
  if (!given || given.value.length === 0) return yes;
  const met = (family === 'ip' ? anyOfTypes : sixthFamily)(given.value, side, device);
  return invertIf(given.inverted, met);
};
