import type { ListingReader } from '../../iptables/grammar.ts';
import { always, not } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option, refused, translated } from '../contract.ts';
import { printProgram, u32Program } from '../u32/program.ts';
import { translateProgram } from '../u32/translate.ts';
import { explainProgram } from '../u32/explain.ts';
import { invertIf, yes } from '../../packet/condition.ts';
import { programCondition } from '../meaning.ts';
import { runProgram } from '../u32/run.ts';
import { sameAsProgram } from '../u32/same.ts';

/** `u32 "0x0=0x1"`, inverted `u32 ! "0x0=0x1"`. */
const listing: ListingReader = (text) => {
  const found = /^u32 (! )?"([^"]*)"/.exec(text);
  if (!found) return undefined;
  const [whole, inverted, program = ''] = found;
  return { words: [...(inverted ? ['!'] : []), '--u32', program], length: whole.length };
};

export const u32: MatchExtension = defineMatch({
  name: 'u32',
  families: ['ip', 'ip6'],
  about: 'numbers computed from 32-bit words of the packet',
  kernel: 'net/netfilter/xt_u32.c u32_match_it',
  support: 'partial',
  notes: [
    'Masks and shifts become one masked 32-bit load, or header fields where the bits are such; where the program reads past the end of the packet it does not match, and an inverted one does.',
    'A jump by the IPv4 header length becomes the transport header of nft where no later fragment can meet the rule, or where another match of the rule or a test of the program itself takes care of them; otherwise each header length becomes a test of its own.',
    'Other jumps are written out if the number has at most 6 variable bits.',
    'Offsets beyond 255 bytes are refused: nft_payload takes them only since Linux 6.18.',
  ],
  listing,
  options: {
    u32: option({
      name: '--u32',
      value: u32Program,
      invertible: true,
      mandatory: true,
      about: 'a program of tests joined by &&',
    }),
  },
  translate: (info, context) => {
    if (!info.u32) return translated(always);
    const formula = translateProgram(info.u32.value, context);
    if ('code' in formula) return refused({ ...formula, option: 'u32' });
    return translated(info.u32.inverted ? not(formula) : formula);
  },
  meaning: ({ u32: given }, { family }) => {
    if (!given) return { condition: yes };
    const { value, inverted } = given;
    const program = programCondition(
      `u32 ${printProgram(value)}`,
      (bytes) => runProgram(value, bytes),
      sameAsProgram(value, family),
    );
    return { condition: invertIf(inverted, program) };
  },
  program: ({ u32: given }, context) => (given ? explainProgram(given.value, context) : []),
});
