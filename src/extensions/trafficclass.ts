/** The byte after version and header length: type of service in IPv4, traffic class in IPv6, DSCP and ECN in both. */
import type { Family } from '../netfilter/family.ts';
import { and, field, match, raw } from '../nftables/build.ts';
import { all, any, type Formula, test } from '../nftables/formula.ts';
import type { Match } from '../nftables/types.ts';

type Operator = '==' | '!=';

const dscpMask = 0xfc;
const ecnMask = 0x03;
const ecnNames = ['not-ect', 'ect1', 'ect0', 'ce'] as const;

export const ecnTest = (value: number, op: Operator, family: Family): Match =>
  match(field(family, 'ecn'), op, ecnNames[value as 0 | 1 | 2 | 3] ?? value);

/** The bits under the mask. In IPv6 the byte straddles the first two, and nft wants loads at byte bounds. */
const masked = (value: number, mask: number, op: Operator, family: Family): Match => {
  if (family === 'ip') return match(and(raw('nh', 8, 8), mask), op, value);
  if ((mask & 0xf0) === 0) return match(and(raw('nh', 8, 8), mask << 4), op, value << 4);
  return match(and(raw('nh', 0, 16), mask << 4), op, value << 4);
};

const partTest = (value: number, mask: number, op: Operator, family: Family): Match => {
  if (mask === dscpMask) return match(field(family, 'dscp'), op, value >> 2);
  return mask === ecnMask ? ecnTest(value, op, family) : masked(value, mask, op, family);
};

/** The mask as runs of neighbouring bits, DSCP and ECN apart where all of DSCP is in it. */
const partsOf = (mask: number): readonly number[] => {
  const parts: number[] = [];
  for (let rest = mask; rest !== 0;) {
    const lowest = rest & -rest;
    const run = rest & ~(rest + lowest);
    if ((run & dscpMask) === dscpMask && run !== dscpMask) parts.push(dscpMask, run & ecnMask);
    else parts.push(run);
    rest &= ~run;
  }
  return parts;
};

/**
 * `byte & mask == value`, inverted `!=`. The value has no bit outside of the mask, and the mask has a bit. One
 * comparison would do for the kernel. But nft lists a mask with holes as bits that it does not mean, and one of DSCP
 * and ECN together as two, which for `!=` is something else.
 */
export const trafficClassTest = (value: number, mask: number, inverted: boolean, family: Family): Formula => {
  const op = inverted ? '!=' : '==';
  const tests = partsOf(mask).map((part) => test(partTest(value & part, part, op, family)));
  return inverted ? any(tests) : all(tests);
};
