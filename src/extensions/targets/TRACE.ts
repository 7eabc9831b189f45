import { mangle, meta } from '../../nftables/build.ts';
import { defineTarget, refused, statements, type TargetExtension } from '../contract.ts';

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
  translate: (_info, { backend, table }) =>
    backend === 'legacy' && table !== 'raw'
      ? refused({
          code: 'wrong-table',
          what: `TRACE in table ${table}`,
          why: 'ip_tables.ko takes it in table raw only',
          help: 'move it to raw; the trace goes through the other tables',
        })
      : statements([mangle(meta('nftrace'), 1)]),
  meaning: () => [{ kind: 'effect', effect: { kind: 'set', key: 'nftrace', keep: 0n, flip: 1n } }],
});
