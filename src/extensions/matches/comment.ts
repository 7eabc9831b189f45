import type { ValueType } from '../../iptables/grammar.ts';
import { always } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option, translated } from '../contract.ts';
import { quoted } from '../value.ts';
import { yes } from '../../packet/condition.ts';

/** XT_MAX_COMMENT_LEN counts the final zero byte. */
const longest = 255;

/** iptables cuts a longer comment without a word; here the cut is never inside a character. */
const cut = (text: string): string => {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= longest) return text;
  return new TextDecoder().decode(bytes.slice(0, longest)).replace(/\ufffd+$/, '');
};

const text: ValueType<string> = {
  syntax: 'text',
  words: 1,
  parse: cut,
  print: quoted,
  samples: () => ['', 'a', 'two words', 'quote " and \\ backslash', "it's", 'ünï', 'x'.repeat(255)],
  copied: 'text',
};

export const comment: MatchExtension = defineMatch({
  name: 'comment',
  families: ['ip', 'ip6'],
  about: 'a note that matches every packet',
  kernel: 'net/netfilter/xt_comment.c',
  support: 'exact',
  notes: ['A comment has at most 255 bytes; iptables cuts longer ones, nft keeps 253.'],
  options: {
    comment: option({ name: '--comment', value: text, mandatory: true, about: 'the text' }),
  },
  listing: (listed) => {
    const found = /^\/\* (.*?) \*\/(?= |$)/s.exec(listed);
    if (!found) return undefined;
    const [whole, note = ''] = found;
    const ambiguous = listed.slice(whole.length).includes('*/');
    return {
      words: ['--comment', note],
      length: whole.length,
      ...(ambiguous
        ? {
            lost: [
              'a listing does not quote comments: with a second */ in the line, a comment may hold what reads like another match',
            ],
          }
        : {}),
    };
  },
  translate: ({ comment: given }) => translated(always, given ? { comment: given.value } : {}),
  meaning: () => ({ condition: yes }),
});
