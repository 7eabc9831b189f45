/** What the matches on connection tracking share (net/netfilter/nf_conntrack_common.h, xt_conntrack.c, nft_ct.c). */
import { ct, match } from '../nftables/build.ts';
import { type Formula, test } from '../nftables/formula.ts';

/** The states as iptables-save prints them and as nft calls them; every packet is in exactly one. */
export const states = {
  INVALID: 'invalid',
  NEW: 'new',
  RELATED: 'related',
  ESTABLISHED: 'established',
  UNTRACKED: 'untracked',
} as const;

export type State = keyof typeof states;

/** The order of the bits in nft, in which it lists them: NF_CT_STATE_BIT. */
const bitOrder: readonly State[] = ['INVALID', 'ESTABLISHED', 'RELATED', 'NEW', 'UNTRACKED'];

/** States of packets without a conntrack entry; all other `ct` keys fail to load for them. */
export const withoutEntry: readonly State[] = ['INVALID', 'UNTRACKED'];
export const withEntry: readonly State[] = ['NEW', 'RELATED', 'ESTABLISHED'];

/** Whether the packet is in one of the states. `ct state` never fails to load. At least one state. */
export const stateIn = (wanted: readonly State[]): Formula => {
  const names = bitOrder.filter((state) => wanted.includes(state)).map((state) => states[state]);
  return test(match(ct('state'), 'in', names.length === 1 ? (names[0] as string) : names));
};

/** The packet has a conntrack entry. */
export const tracked: Formula = stateIn(withEntry);
