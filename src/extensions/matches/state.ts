import { always } from '../../nftables/formula.ts';
import { stateNames, stateTest } from '../conntrack.ts';
import { defineMatch, type MatchExtension, option, translated } from '../contract.ts';
import { wordList } from '../wordlist.ts';
import { yes } from '../../packet/condition.ts';
import { stateCondition } from '../ctmeaning.ts';

export const state: MatchExtension = defineMatch({
  name: 'state',
  families: ['ip', 'ip6'],
  about: 'the state of the connection',
  kernel: 'net/netfilter/xt_conntrack.c conntrack_mt (revision 3, states only)',
  support: 'exact',
  options: {
    state: option({
      name: '--state',
      value: wordList(stateNames, 'state'),
      invertible: true,
      mandatory: true,
      about: 'the packet is in one of the states',
    }),
  },
  listing: (text) => {
    const found = /^(! )?state ([A-Z]+(?:,[A-Z]+)*)(?= |$)/.exec(text);
    if (!found) return undefined;
    const [whole, inverted, list = ''] = found;
    return { words: [...(inverted ? ['!'] : []), '--state', list], length: whole.length };
  },
  translate: ({ state: given }) => translated(given ? stateTest(given.value, given.inverted) : always),
  meaning: ({ state: given }) => ({ condition: given ? stateCondition(given) : yes }),
});
