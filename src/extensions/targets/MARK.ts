import { mangle, meta } from '../../nftables/build.ts';
import { defineTarget, statements, type TargetExtension } from '../contract.ts';
import { asXmark, changedMark, markOptions, readMarkListing } from '../markset.ts';
import { markSteps } from '../markmeaning.ts';

const mark = meta('mark');

export const MARK: TargetExtension = defineTarget({
  name: 'MARK',
  families: ['ip', 'ip6'],
  about: 'changes the mark of the packet',
  kernel: 'net/netfilter/xt_mark.c mark_tg',
  support: 'exact',
  notes: [
    'In mangle OUTPUT a changed mark makes the kernel look up route and IPsec policy again; nftables does so in chains of type route only.',
  ],
  options: markOptions,
  atLeastOne: ['xmark', 'mark', 'and', 'or', 'xor'],
  canonical: (info) => {
    const xmark = asXmark(info);
    return xmark ? { xmark } : info;
  },
  listing: (text) => readMarkListing('MARK', text),
  translate: ({ xmark }) => {
    const value = xmark && changedMark(mark, xmark.value);
    return statements(value === undefined ? [] : [mangle(mark, value)]);
  },
  meaning: (info) => {
    const xmark = asXmark(info);
    return xmark ? markSteps('mark', xmark.value) : [];
  },
});
