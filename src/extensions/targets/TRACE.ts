import { mangle, meta } from '../../nftables/build.ts';
import { defineTarget, statements, type TargetExtension } from '../contract.ts';

export const TRACE: TargetExtension = defineTarget({
  name: 'TRACE',
  families: ['ip', 'ip6'],
  about: 'reports every rule that the packet meets from here on',
  kernel: 'net/netfilter/xt_TRACE.c trace_tg',
  support: 'exact',
  notes: [
    'iptables-legacy writes the reports to the kernel log and takes the target in table raw only; nftables gives them to `nft monitor trace`.',
  ],
  options: {},
  listing: (text) => (text === '' ? { words: [], length: 0 } : undefined),
  translate: () => statements([mangle(meta('nftrace'), 1)]),
});
