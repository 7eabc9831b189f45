import { ct } from '../../nftables/build.ts';
import { tracked } from '../conntrack.ts';
import { defineMatch, type MatchExtension, option, translated } from '../contract.ts';
import { markListing, markMask, markTest } from '../mark.ts';
import { all, invertIf, yes } from '../../packet/condition.ts';
import { key } from '../../packet/field.ts';
import { hasEntry } from '../ctmeaning.ts';
import { maskedIs } from '../fieldtest.ts';

export const connmark: MatchExtension = defineMatch({
  name: 'connmark',
  families: ['ip', 'ip6'],
  about: 'the mark of the connection',
  kernel: 'net/netfilter/xt_connmark.c connmark_mt',
  support: 'exact',
  notes: ['A packet without a conntrack entry (invalid, untracked) is never matched, inverted or not.'],
  options: {
    mark: option({
      name: '--mark',
      value: markMask,
      invertible: true,
      mandatory: true,
      about: 'the mark of the connection, under the mask, is the value',
    }),
  },
  listing: markListing('connmark'),
  translate: ({ mark }) => {
    if (!mark) return translated(tracked);
    // `ct mark` fails to load without an entry, so `!=` is right; what asks nothing of the mark still asks for an entry.
    const formula = markTest(ct('mark'), mark);
    return translated(formula.kind === 'always' ? tracked : formula);
  },
  meaning: ({ mark: given }) => ({
    condition: all([hasEntry, given ? invertIf(given.inverted, maskedIs(key('ct.mark'), given.value)) : yes]),
  }),
});
