/** The flags byte of a TCP header: how iptables writes masks of it and how nft compares it. */
import { type Bad, isBad, type ValueType } from '../iptables/grammar.ts';
import { and, field } from '../nftables/build.ts';
import type { Expression, PayloadField } from '../nftables/types.ts';

/** nft's names of the bits, lowest first. iptables knows the first six, in capitals. */
const names = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ecn', 'cwr'] as const;
const known = names.slice(0, 6);
const allKnown = 0x3f;

export interface FlagsMask {
  readonly mask: number;
  /** What is left of the flags under the mask. Bits outside of the mask make it impossible. */
  readonly flags: number;
}

/** A new connection: SYN without FIN, RST and ACK. */
export const syn: FlagsMask = { mask: 0x17, flags: 0x02 };

const namesOf = (bits: number): readonly string[] => names.filter((_, bit) => (bits & (1 << bit)) !== 0);

const parseFlags = (text: string): number | Bad => {
  let bits = 0;
  let at = 0;
  for (const word of text.split(',')) {
    const name = word.toLowerCase();
    const bit = known.findIndex((flag) => flag === name);
    if (bit >= 0) bits |= 1 << bit;
    else if (name === 'all') bits |= allKnown;
    else if (name !== 'none' && name !== '')
      return {
        bad: `"${word}" is not a TCP flag`,
        at,
        length: word.length,
        help: `a list of ${known.join(',').toUpperCase()}, or ALL, or NONE`,
      };
    at += word.length + 1;
  }
  return bits;
};

export const printFlags = (bits: number): string => namesOf(bits).join(',').toUpperCase() || 'NONE';

const printFlagsMask = ({ mask, flags }: FlagsMask): string => `${printFlags(mask)} ${printFlags(flags)}`;

export const flagsMask: ValueType<FlagsMask> = {
  syntax: 'mask flags',
  words: 2,
  parse: (text) => {
    const blank = text.indexOf(' ');
    const mask = parseFlags(text.slice(0, blank));
    if (isBad(mask)) return mask;
    const flags = parseFlags(text.slice(blank + 1));
    return isBad(flags) ? { ...flags, at: blank + 1 + (flags.at ?? 0) } : { mask, flags };
  },
  print: printFlagsMask,
  samples: () => ['FIN,SYN,RST,ACK SYN', 'SYN SYN', 'ALL NONE', 'ALL ALL', 'NONE NONE', 'SYN,RST NONE', 'SYN ACK'],
};

/** `--syn`, which iptables-save prints as flags. */
export const synFlag: ValueType<FlagsMask> = {
  syntax: '',
  words: 0,
  parse: () => syn,
  print: printFlagsMask,
  samples: () => [''],
};

export const tcpFlags: PayloadField = field('tcp', 'flags');

/** Bits as the flag names that nft lists; none is the number 0. */
export const flagNames = (bits: number): Expression => {
  const list = namesOf(bits);
  return list.length === 0 ? 0 : list.length === 1 ? (list[0] as string) : list;
};

/** `tcp flags & mask`; nft refuses the shorter `tcp flags syn / syn` for a single flag, and takes this. */
export const maskedFlags = (mask: number): Expression => and(tcpFlags, flagNames(mask));
