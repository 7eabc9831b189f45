/** How long a conntrack entry has still to live: `--ctexpire` in whole seconds, `ct expiration` in milliseconds. */
import { type Bad, isBad, type ValueType } from '../iptables/grammar.ts';
import type { Given } from '../iptables/types.ts';
import { ct, match } from '../nftables/build.ts';
import { all, always, any, type Formula, never, test } from '../nftables/formula.ts';
import type { Difference } from './contract.ts';
import { parseNumber } from './value.ts';

export interface Seconds {
  readonly low: number;
  readonly high: number;
}

const longest = 0xffffffff;

/** The last second that 32 bits of milliseconds hold. */
const longestNft = 4294967;

const parseSecond = (text: string): number | Bad => {
  const number = parseNumber(text);
  if (number === undefined) return { bad: `"${text}" is not a number of seconds`, help: 'write seconds or low:high' };
  return number > BigInt(longest)
    ? { bad: `${text} seconds are too many`, code: 'value-out-of-range', help: `at most ${longest}` }
    : Number(number);
};

/** `10`, `10:20`, `:20`, `10:`. */
export const secondsRange: ValueType<Seconds> = {
  syntax: 'seconds[:seconds]',
  words: 1,
  parse: (text) => {
    const colon = text.indexOf(':');
    const low = colon === 0 ? 0 : parseSecond(colon < 0 ? text : text.slice(0, colon));
    if (isBad(low)) return colon < 0 ? low : { ...low, length: colon };
    if (colon < 0) return { low, high: low };
    const high = colon === text.length - 1 ? longest : parseSecond(text.slice(colon + 1));
    return isBad(high) ? { ...high, at: colon + 1 } : { low, high };
  },
  print: ({ low, high }) => (low === high ? String(low) : `${low}:${high}`),
  samples: () => ['0', '1', '30', '10:20', ':20', '10:', '0:4294967295', '20:10', '4294967'],
};

const bound = (op: '<' | '>=', seconds: number): Formula => test(match(ct('expiration'), op, seconds));

/** `always` means: true of every entry. Undefined if a bound is beyond what nft can compare with. */
export const expiryTest = ({ value: { low, high }, inverted }: Given<Seconds>): Formula | undefined => {
  if (low > high) return inverted ? always : never;
  if (low > longestNft) return undefined;
  // Whole seconds: not below `low` and below `high + 1`. nft 1.0.6 cannot list fractions, so no range to 20.999 s.
  const open = high >= longestNft;
  if (inverted) return any([low === 0 ? never : bound('<', low), open ? never : bound('>=', high + 1)]);
  return all([low === 0 ? always : bound('>=', low), open ? always : bound('<', high + 1)]);
};

export const expiryWraps: Difference = {
  code: 'clock-base',
  from: 'both',
  degree: 'guarded',
  why: 'nftables counts the remaining time in milliseconds of 32 bits: an entry with more than 49 days to live looks like one with fewer',
};
