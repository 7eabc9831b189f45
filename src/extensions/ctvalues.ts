/** The vocabulary of the conntrack match: states, statuses, directions. */
import { isBad, type ValueType } from '../iptables/grammar.ts';
import { parseProtocol } from '../iptables/selector.ts';
import { type State, stateNames } from './conntrack.ts';
import { parseWords } from './wordlist.ts';

/** Not states of their own: status bits of the entry that xt_conntrack.c adds to its state. */
export const translations = { SNAT: 'snat', DNAT: 'dnat' } as const;
export type Translation = keyof typeof translations;
export type StateWord = State | Translation;

export const isTranslation = (word: StateWord): word is Translation => word in translations;

export const statuses = {
  EXPECTED: 'expected',
  SEEN_REPLY: 'seen-reply',
  ASSURED: 'assured',
  CONFIRMED: 'confirmed',
} as const;
export type Status = keyof typeof statuses;

export const stateWords: readonly StateWord[] = [...stateNames, 'SNAT', 'DNAT'];
const statusWords: readonly ('NONE' | Status)[] = ['NONE', 'EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED'];

/** `NONE` adds nothing to a list and is the empty one. */
export const statusList: ValueType<readonly Status[]> = {
  syntax: 'status[,status]…',
  words: 1,
  parse: (text) => {
    const found = parseWords(text, statusWords, 'status');
    return isBad(found) ? found : found.filter((word) => word !== 'NONE');
  },
  print: (list) => (list.length === 0 ? 'NONE' : list.join(',')),
  samples: () => [...statusWords, 'EXPECTED,SEEN_REPLY', 'SEEN_REPLY,ASSURED,CONFIRMED'],
};

export const protocolValue: ValueType<number> = {
  syntax: 'protocol',
  words: 1,
  parse: parseProtocol,
  print: String,
  samples: () => ['tcp', 'udp', '1', '0', '255', '47'],
};

export const directionValue: ValueType<'original' | 'reply'> = {
  syntax: '{ORIGINAL|REPLY}',
  words: 1,
  parse: (text) => {
    const word = text.toLowerCase();
    if (word === 'original' || word === 'reply') return word;
    return { bad: `"${text}" is not a direction`, help: 'ORIGINAL or REPLY' };
  },
  print: (value) => value.toUpperCase(),
  samples: () => ['ORIGINAL', 'REPLY'],
};
