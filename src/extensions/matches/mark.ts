import { meta } from '../../nftables/build.ts';
import { always } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option, translated } from '../contract.ts';
import { markListing, markMask, markTest } from '../mark.ts';

export const mark: MatchExtension = defineMatch({
  name: 'mark',
  families: ['ip', 'ip6'],
  about: 'the mark of the packet',
  kernel: 'net/netfilter/xt_mark.c mark_mt',
  support: 'exact',
  options: {
    mark: option({
      name: '--mark',
      value: markMask,
      invertible: true,
      mandatory: true,
      about: 'the mark, under the mask, is the value',
    }),
  },
  listing: markListing('mark'),
  translate: ({ mark: given }) => translated(given ? markTest(meta('mark'), given) : always),
});
