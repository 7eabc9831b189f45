import { meta } from '../../nftables/build.ts';
import { always } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option, translated } from '../contract.ts';
import { markListing, markMask, markTest } from '../mark.ts';
import { invertIf, yes } from '../../packet/condition.ts';
import { key } from '../../packet/field.ts';
import { maskedIs } from '../fieldtest.ts';

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
  meaning: ({ mark: given }) => ({
    condition: given ? invertIf(given.inverted, maskedIs(key('mark'), given.value)) : yes,
  }),
});
