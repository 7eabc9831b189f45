import { defineTarget, option, refused, type TargetExtension } from '../contract.ts';
import { flag } from '../value.ts';

export const CHECKSUM: TargetExtension = defineTarget({
  name: 'CHECKSUM',
  families: ['ip', 'ip6'],
  about: 'fills in a checksum that was left to the network card',
  kernel: 'net/netfilter/xt_CHECKSUM.c checksum_tg',
  support: 'refused',
  notes: [
    'Programs that read such packets from a raw socket, old DHCP clients above all, needed it; Docker made these rules for published SCTP ports up to release 27.',
  ],
  tables: ['mangle'],
  options: {
    fill: option({ name: '--checksum-fill', value: flag, mandatory: true, about: 'compute the checksum now' }),
  },
  listing: (text) =>
    /^CHECKSUM fill(?= |$)/.test(text) ? { words: ['--checksum-fill'], length: 'CHECKSUM fill'.length } : undefined,
  translate: () =>
    refused({
      code: 'no-native-form',
      what: 'filling in checksums',
      why: 'nftables has no statement that calls skb_checksum_help; it only corrects a checksum for bytes that it changes itself',
      help: 'switch checksum offload of the interface off (ethtool -K … tx off), or leave the rule out: few programs still need it',
    }),
  meaning: () => [{ kind: 'effect', effect: { kind: 'other', text: 'checksum fill' } }],
});
