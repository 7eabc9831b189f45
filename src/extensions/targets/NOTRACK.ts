import { notrack } from '../../nftables/build.ts';
import { defineTarget, statements, type TargetExtension } from '../contract.ts';

export const NOTRACK: TargetExtension = defineTarget({
  name: 'NOTRACK',
  families: ['ip', 'ip6'],
  about: 'excepts the packet from connection tracking',
  kernel: 'net/netfilter/xt_CT.c notrack_tg',
  support: 'exact',
  notes: ['Defragmentation runs before it, in iptables and in nftables.'],
  tables: ['raw'],
  options: {},
  listing: (text) => (/^NOTRACK(?= |$)/.test(text) ? { words: [], length: 'NOTRACK'.length } : undefined),
  translate: () => statements([notrack]),
  meaning: () => [{ kind: 'effect', effect: { kind: 'notrack' } }],
});
