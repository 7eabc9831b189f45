/** What the transport header matches share: guards for later fragments and truncated headers (kernel: xt_tcpudp.c, xt_sctp.c, …). */
import { and, equal, exthdr, field, match, meta, raw, unequal } from '../nftables/build.ts';
import type { Formula } from '../nftables/formula.ts';
import { all, always, not, test } from '../nftables/formula.ts';
import type { Difference, RuleContext } from './contract.ts';

/** True for whole packets and first fragments. A packet without IPv6 fragment header breaks the load, hence the `not`. */
export const firstFragment = (context: RuleContext): Formula =>
  context.family === 'ip'
    ? test(equal(and(field('ip', 'frag-off'), 0x1fff), 0))
    : not(test(unequal(exthdr('frag', 'frag-off'), 0)));

/** The guard, or nothing where no later fragment can come. */
export const fragmentGuard = (context: RuleContext): Formula =>
  context.fragmentsVisible ? firstFragment(context) : always;

/**
 * True when the packet, a first fragment, ends before byte `length` of its transport header: what makes xt matches set
 * hotdrop. The load of the last byte breaks then; `>= 0` is true whenever it does not.
 */
export const shorterThan = (length: number, context: RuleContext): Formula =>
  all([fragmentGuard(context), not(test(match(raw('th', (length - 1) * 8, 8), '>=', 0)))]);

export const shortHeader = (from: Difference['from'], length: number): Difference => ({
  code: 'short-header',
  from,
  degree: 'guarded',
  why: `a packet with fewer than ${length} bytes of transport header is dropped on the spot by ${from === 'both' ? 'this xt match' : 'iptables-legacy'}; the native form does not match it and goes on to the next rule`,
});

export const fragmentHeader: Difference = {
  code: 'fragment-header',
  from: 'legacy',
  degree: 'guarded',
  why: 'iptables-legacy never matches later fragments; the native form, like iptables-nft, may read their bytes as a header on kernels without the fragment check in the fast path',
};

/** `meta l4proto`, for matches whose nft tests do not imply it. */
export const isProtocol = (number: number): Formula => test(equal(meta('l4proto'), number));
