/** What the transport header matches share: guards for later fragments and truncated headers (kernel: xt_tcpudp.c, xt_sctp.c, …). */
import { and, equal, exthdr, field, l4proto, match, raw, unequal } from '../nftables/build.ts';
import type { Formula } from '../nftables/formula.ts';
import { all, always, never, not, test } from '../nftables/formula.ts';
import { type Difference, type MatchTranslation, type RuleContext, translated } from './contract.ts';

const fragmentOffset = and(field('ip', 'frag-off'), 0x1fff);

/** True for whole packets and first fragments. A packet without IPv6 fragment header breaks the load, hence the `not`. */
export const firstFragment = (context: RuleContext): Formula =>
  context.family === 'ip' ? test(equal(fragmentOffset, 0)) : not(test(unequal(exthdr('frag', 'frag-off'), 0)));

/** The guard, or nothing where no later fragment can come. */
export const fragmentGuard = (context: RuleContext): Formula =>
  context.fragmentsVisible ? firstFragment(context) : always;

/** True when byte `length` of the transport header is there: `>= 0` holds whenever its load does not break. */
export const hasBytes = (length: number): Formula => test(match(raw('th', (length - 1) * 8, 8), '>=', 0));

/** True when the packet, a first fragment, ends before byte `length` of its transport header: what makes xt matches set hotdrop. */
export const shorterThan = (length: number, context: RuleContext): Formula =>
  all([fragmentGuard(context), not(hasBytes(length))]);

export const shortHeader = (from: Difference['from'], length: number): Difference => ({
  code: 'short-header',
  from,
  degree: 'guarded',
  why: `a packet with fewer than ${length} bytes of transport header is dropped on the spot by ${from === 'both' ? 'this xt match' : 'iptables-legacy'}; the native form drops nothing and judges by the bytes that are there`,
});

export const fragmentHeader: Difference = {
  code: 'fragment-header',
  from: 'legacy',
  degree: 'guarded',
  why: 'iptables-legacy never matches later fragments; the native form, like iptables-nft, may read their bytes as a header on kernels without the fragment check in the fast path',
};

/**
 * A match that stays an xt module in iptables-nft and looks at `length` bytes of the transport header: false on later
 * fragments, inverted or not, and a drop on the spot where the header is cut short.
 */
export const translateHeader = (
  formula: Formula,
  length: number,
  context: RuleContext,
  differences: readonly Difference[] = [],
): MatchTranslation => {
  const guarded = all([fragmentGuard(context), formula]);
  return context.exactLegacy
    ? translated(guarded, { hotdrop: shorterThan(length, context), differences })
    : translated(guarded, { differences: [shortHeader('both', length), ...differences] });
};

/** An IPv4 fragment that starts 8 bytes into the TCP header: tcp_mt drops it as an attempt to overwrite the flags. */
export const overlappingFragment = (context: RuleContext): Formula =>
  context.family === 'ip' && context.fragmentsVisible ? test(equal(fragmentOffset, 1)) : never;

/** `meta l4proto`, for matches whose nft tests do not imply it. */
export const isProtocol = (number: number): Formula => test(l4proto(number));
