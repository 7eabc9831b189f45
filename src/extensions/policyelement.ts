/** One element of a policy: what one IPsec transform of the packet has to be (net/netfilter/xt_policy.c match_xfrm_state). */
import type { Given } from '../iptables/types.ts';
import { ah, esp, protocolName, protocolNumber } from '../netfilter/protocols.ts';
import { equal, ipsec, match, unequal } from '../nftables/build.ts';
import { all, any, type Formula, not, test } from '../nftables/formula.ts';
import type { HostMask } from './hostmask.ts';
import type { ValueType } from './value.ts';

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

/** What transform number `spnum` has to be; the loads fail where there is no such transform. */
const transformTest = ({ reqid, spi }: PolicyElement, dir: Direction, spnum: number): Formula => {
  const of = (key: 'reqid' | 'spi', given: Given<number> | undefined): Formula[] =>
    given ? [test((given.inverted ? unequal : equal)(ipsec({ key, dir, spnum }), given.value))] : [];
  return all([...of('reqid', reqid), ...of('spi', spi)]);
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
