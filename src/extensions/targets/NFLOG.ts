import type { ListingReader } from '../../iptables/grammar.ts';
import { log } from '../../nftables/build.ts';
import { defineTarget, option, statements, type TargetExtension } from '../contract.ts';
import { cutTo, logPrefix, orNothing } from '../log.ts';
import { wholeNumber } from '../value.ts';

const options = {
  prefix: option({
    name: '--nflog-prefix',
    value: logPrefix(127),
    about: 'text that goes to the listener with the packet',
  }),
  group: option({
    name: '--nflog-group',
    value: wholeNumber(0, 0xffff),
    about: 'netlink group of the listener; 0 if none is given',
  }),
  range: option({
    name: '--nflog-range',
    // iptables-nft saves no range but that; iptables-legacy saves all.
    value: { ...wholeNumber(0, 0xffffffff), samples: () => ['0'] },
    excludes: ['size'],
    about: 'does nothing: the kernel ignores it',
  }),
  size: option({
    name: '--nflog-size',
    value: wholeNumber(0, 0xffffffff),
    about: 'how many bytes of the packet the listener gets',
  }),
  threshold: option({
    name: '--nflog-threshold',
    value: wholeNumber(0, 0xffff),
    about: 'how many packets the kernel collects before it sends them',
  }),
};

/** Longest prefix of struct xt_nflog_info, without the NUL. */
const legacyPrefix = 63;

/** The options as they are saved, without their dashes; a prefix is quoted as it is there. */
const listing: ListingReader = orNothing((text) => {
  const words: string[] = [];
  const part = / ?nflog-(prefix|group|range|size|threshold) (?:"((?:\\.|[^"\\])*)"|(\S+))/sy;
  let length = 0;
  for (let found = part.exec(text); found; found = part.exec(text)) {
    words.push(`--nflog-${found[1]}`, found[2]?.replace(/\\(.)/gs, '$1') ?? found[3] ?? '');
    length = part.lastIndex;
  }
  return length > 0 ? { words, length } : undefined;
});

export const NFLOG: TargetExtension = defineTarget({
  name: 'NFLOG',
  families: ['ip', 'ip6'],
  about: 'hands a copy of the packet to a program that listens on a netlink group',
  kernel: 'net/netfilter/xt_NFLOG.c nflog_tg',
  support: 'exact',
  notes: [
    '--nflog-range sets a length that the kernel uses only together with a flag that --nflog-size alone sets, so it has never had an effect; iptables-nft throws it away and so does the translation.',
    'A prefix longer than 127 bytes is cut; iptables-legacy cuts at 63.',
  ],
  options,
  canonical: (info) => {
    const { group, range, threshold, ...rest } = info;
    return {
      ...rest,
      ...(group?.value ? { group } : {}),
      ...(range?.value ? { range } : {}),
      ...(threshold?.value ? { threshold } : {}),
    };
  },
  listing,
  translate: ({ prefix, group, size, threshold }, { backend }) =>
    statements([
      log({
        ...(prefix ? { prefix: backend === 'legacy' ? cutTo(prefix.value, legacyPrefix) : prefix.value } : {}),
        // Without a group nft would write to the kernel log.
        group: group?.value ?? 0,
        ...(size ? { snaplen: size.value } : {}),
        ...(threshold ? { 'queue-threshold': threshold.value } : {}),
      }),
    ]),
  // XT_NFLOG_F_COPY_LEN makes also a size of 0 count; a threshold of 0 leaves that of the listener.
  meaning: ({ prefix, group, size, threshold }, { backend }) => [
    {
      kind: 'effect',
      effect: {
        kind: 'log',
        group: group?.value ?? 0,
        prefix: backend === 'legacy' ? cutTo(prefix?.value ?? '', legacyPrefix) : (prefix?.value ?? ''),
        flags: [],
        ...(size ? { snaplen: size.value } : {}),
        ...(threshold?.value ? { threshold: threshold.value } : {}),
      },
    },
  ],
});
