/** One element of a policy: what one IPsec transform of the packet has to be (net/netfilter/xt_policy.c match_xfrm_state). */
import type { ValueType } from '../iptables/grammar.ts';
import type { Given } from '../iptables/types.ts';
import { ah, esp, protocolName, protocolNumber } from '../netfilter/protocols.ts';
import { equal, ipsec, match, unequal } from '../nftables/build.ts';
import { all, any, type Formula, not, test } from '../nftables/formula.ts';
import type { Difference } from './contract.ts';
import type { HostMask } from './hostmask.ts';

export type Direction = 'in' | 'out';

export interface PolicyElement {
  readonly reqid?: Given<number>;
  readonly spi?: Given<number>;
  readonly proto?: Given<number>;
  readonly mode?: Given<'transport' | 'tunnel'>;
  readonly tunnelDestination?: Given<HostMask>;
  readonly tunnelSource?: Given<HostMask>;
}

const ipcomp = 108;

/** ESP, AH or IPComp, by name or number. */
export const transformProtocol: ValueType<number> = {
  syntax: '{esp|ah|ipcomp}',
  words: 1,
  parse: (text) => {
    const number = protocolNumber(text);
    return number === esp || number === ah || number === ipcomp
      ? number
      : { bad: `"${text}" is no IPsec protocol`, help: 'one of esp, ah, ipcomp' };
  },
  print: protocolName,
  samples: () => ['esp', 'ah', 'ipcomp', '50'],
};

export const isEmpty = (element: PolicyElement): boolean =>
  !element.reqid &&
  !element.spi &&
  !element.proto &&
  !element.mode &&
  !element.tunnelDestination &&
  !element.tunnelSource;

/** XFRM_MAX_DEPTH of include/net/xfrm.h: nft counts transforms from 0 to 5. */
const depth = 6;

const swapped = (value: number): number =>
  ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;

/**
 * iptables hands the number of --spi to the kernel as the machine stores it, and the kernel compares it with the SPI
 * as it stands in the packet: on little-endian machines the bytes are the wrong way round.
 */
export const spiDifference = (value: number): Difference => ({
  code: 'spi-byte-order',
  from: 'both',
  degree: 'approximate',
  why: `iptables compares the bytes of --spi as the machine stores them: on little-endian machines (x86, ARM) 0x${value.toString(16)} means the transform with SPI 0x${swapped(value).toString(16)}, and so does the native form; on big-endian machines it means the number itself`,
});

/** What transform number `spnum` has to be; the loads fail where there is no such transform. */
const transformTest = ({ reqid, spi }: PolicyElement, dir: Direction, spnum: number): Formula => {
  const of = (key: 'reqid' | 'spi', given: Given<number> | undefined, value: number): Formula[] =>
    given ? [test((given.inverted ? unequal : equal)(ipsec({ key, dir, spnum }), value))] : [];
  return all([...of('reqid', reqid, reqid?.value ?? 0), ...of('spi', spi, swapped(spi?.value ?? 0))]);
};

/** Without --strict: any transform of the packet is as the element says. */
export const someTransform = (element: PolicyElement, dir: Direction): Formula =>
  any(Array.from({ length: depth }, (_, spnum) => transformTest(element, dir, spnum)));

/**
 * With --strict: as many transforms as elements, each as its element says. nft counts from the transform that was
 * outermost on the wire; the elements of an incoming policy begin with the innermost.
 */
export const allTransforms = (elements: readonly PolicyElement[], dir: Direction): Formula => {
  const count = elements.length;
  const next = ipsec({ key: 'reqid', dir, spnum: count });
  return all([
    ...elements.map((element, index) => transformTest(element, dir, dir === 'in' ? count - 1 - index : index)),
    not(test(match(next, '>=', 0))),
  ]);
};
