/** What LOG and NFLOG share: a prefix that iptables cuts at the length of the kernel's field. */
import type { ListingReader, ValueType } from '../iptables/grammar.ts';
import { quoted } from './value.ts';

const encoder = new TextEncoder();

/** The front of a text that fits in `max` bytes of UTF-8; no character is cut in two. */
export const cutTo = (text: string, max: number): string => {
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += encoder.encode(character).length;
    if (bytes > max) break;
    kept += character;
  }
  return kept;
};

/** A prefix of at most `max` bytes; a longer one is cut without a word, as iptables does. */
export const logPrefix = (max: number): ValueType<string> => ({
  syntax: 'text',
  words: 1,
  parse: (text) => {
    if (text === '') return { bad: 'an empty prefix', help: 'leave the option out' };
    if (text.includes('\n')) return { bad: 'a line break in the prefix', help: 'a log line has one line' };
    return cutTo(text, max);
  },
  print: quoted,
  samples: () => ['a', 'two words: ', 'quote " and \\ backslash', "it's", 'x'.repeat(Math.min(max, 63))],
});

/** A listing that may be empty, for a target that prints nothing when it has no options. */
export const orNothing =
  (reader: ListingReader): ListingReader =>
  (text, context) =>
    text === '' ? { words: [], length: 0 } : reader(text, context);
