/** What the matches on connection tracking share (net/netfilter/nf_conntrack_common.h, xt_conntrack.c, nft_ct.c). */
import { ct, match } from '../nftables/build.ts';
import { type Formula, never, test } from '../nftables/formula.ts';
import type { Expression } from '../nftables/types.ts';

/** The states as iptables-save prints them and as nft calls them; every packet is in exactly one. */
export const states = {
  INVALID: 'invalid',
  NEW: 'new',
  RELATED: 'related',
  ESTABLISHED: 'established',
  UNTRACKED: 'untracked',
} as const;

export type State = keyof typeof states;

/** In the order in which iptables-save prints them. */
export const stateNames: readonly State[] = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED'];

/** The order of the bits in nft, in which it lists them: NF_CT_STATE_BIT. */
const bitOrder: readonly State[] = ['INVALID', 'ESTABLISHED', 'RELATED', 'NEW', 'UNTRACKED'];

/** States of packets without a conntrack entry; all other `ct` keys fail to load for them. */
export const withoutEntry: readonly State[] = ['INVALID', 'UNTRACKED'];
export const withEntry: readonly State[] = ['NEW', 'RELATED', 'ESTABLISHED'];

/** One word by itself, several as a list. */
export const bits = (names: readonly string[]): Expression => {
  const [only, ...more] = names;
  return only !== undefined && more.length === 0 ? only : names;
};

/** Whether the packet is in one of the states, or in none of them. `ct state` never fails to load. */
export const stateTest = (wanted: readonly State[], inverted: boolean): Formula => {
  if (wanted.length === 0) return never;
  // All five at once are true of every packet; the test stays, for it is what makes the kernel track connections.
  if (inverted && wanted.length === bitOrder.length) return never;
  const names = bitOrder.filter((state) => wanted.includes(state)).map((state) => states[state]);
  return test(match(ct('state'), inverted ? '!' : 'in', bits(names)));
};

export const stateIn = (wanted: readonly State[]): Formula => stateTest(wanted, false);

/** The packet has a conntrack entry. */
export const tracked: Formula = stateIn(withEntry);
