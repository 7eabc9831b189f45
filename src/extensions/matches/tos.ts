import { type Bad, isBad, type ListingReader, type ValueType } from '../../iptables/grammar.ts';
import { tosNames } from '../../netfilter/dscp.ts';
import { always, never } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option, translated } from '../contract.ts';
import { trafficClassTest } from '../trafficclass.ts';
import { wholeNumber } from '../value.ts';
import { invertIf, yes } from '../../packet/condition.ts';
import { payload } from '../../packet/field.ts';
import { maskedIs } from '../fieldtest.ts';

/** `value` may have bits outside of `mask`: no packet meets it then. */
interface MaskedByte {
  readonly value: number;
  readonly mask: number;
}

const byte = wholeNumber(0, 255);

/** Names leave the two highest bits, the precedence, open. */
const nameMask = 0x3f;

const parseName = (text: string): MaskedByte | Bad => {
  const lower = text.toLowerCase();
  const found = Object.entries(tosNames).filter(([name]) => name.toLowerCase().startsWith(lower));
  const [first] = found;
  return first !== undefined && found.length === 1
    ? { value: first[1], mask: nameMask }
    : { bad: `"${text}" is not a type of service`, help: `a number, or one of ${Object.keys(tosNames).join(', ')}` };
};

const parseMaskedByte = (text: string): MaskedByte | Bad => {
  if (!/^\d/.test(text)) return parseName(text);
  const slash = text.indexOf('/');
  const value = byte.parse(slash < 0 ? text : text.slice(0, slash), 'ip');
  if (isBad(value)) return slash < 0 ? value : { ...value, at: 0, length: slash };
  const mask = slash < 0 ? 0xff : byte.parse(text.slice(slash + 1), 'ip');
  return isBad(mask) ? { ...mask, at: Math.min(slash + 1, text.length - 1) } : { value, mask };
};

const hex = (number: number): string => `0x${number.toString(16).padStart(2, '0')}`;

const maskedByte: ValueType<MaskedByte> = {
  syntax: 'value[/mask]',
  words: 1,
  parse: parseMaskedByte,
  print: ({ value, mask }) => `${hex(value)}/${hex(mask)}`,
  samples: () => [
    '0x10',
    '0',
    '255',
    '0x10/0x3f',
    '0x12/0xff',
    '0x10/0xfc',
    '1/3',
    '0/0',
    '0x11/0x10',
    ...Object.keys(tosNames),
  ],
};

/** `tos match0x10/0xff` without a blank, or by name with one: `tos match! Minimize-Delay`. */
const listing: ListingReader = (text) => {
  const part = /^tos match(!?) ?(0x[0-9a-fA-F]+\/0x[0-9a-fA-F]+|[A-Z][-A-Za-z]+)(?= |$)/.exec(text);
  if (!part) return undefined;
  return { words: [...(part[1] ? ['!'] : []), '--tos', part[2] ?? ''], length: part[0].length };
};

export const tos: MatchExtension = defineMatch({
  name: 'tos',
  families: ['ip', 'ip6'],
  about: 'the type of service byte of the IP header (the traffic class in IPv6)',
  kernel: 'net/netfilter/xt_dscp.c tos_mt',
  support: 'exact',
  notes: ['A number without a mask is compared with all 8 bits, a name with the lowest 6.'],
  options: {
    tos: option({
      name: '--tos',
      value: maskedByte,
      invertible: true,
      mandatory: true,
      about: 'value under a mask, or a name such as Minimize-Delay',
    }),
  },
  listing,
  translate: (info, { family }) => {
    if (!info.tos) return translated(always);
    const {
      value: { value, mask },
      inverted,
    } = info.tos;
    if ((value & ~mask) !== 0) return translated(inverted ? always : never);
    if (mask === 0) return translated(inverted ? never : always);
    return translated(trafficClassTest(value, mask, inverted, family));
  },
  meaning: ({ tos: given }, { family }) => ({
    condition: given ? invertIf(given.inverted, maskedIs(payload('nh', family === 'ip' ? 8 : 4, 8), given.value)) : yes,
  }),
});
