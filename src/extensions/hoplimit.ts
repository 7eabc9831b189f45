/** The ttl match of IPv4 and the hl match of IPv6: equal, below or above a number (net/netfilter/xt_hl.c). */
import type { ListingReader, OptionSpec } from '../iptables/grammar.ts';
import type { Given } from '../iptables/types.ts';
import { match } from '../nftables/build.ts';
import { all, always, type Formula, never, test } from '../nftables/formula.ts';
import type { PayloadField } from '../nftables/types.ts';
import { option } from './contract.ts';
import { wholeNumber } from './value.ts';

const most = 255;

export interface HopInfo {
  readonly eq?: Given<number> | undefined;
  readonly lt?: Given<number> | undefined;
  readonly gt?: Given<number> | undefined;
}

type HopOptions = { readonly [K in keyof Required<HopInfo>]: OptionSpec<number> };

/** `--ttl-eq`, `--ttl-lt` and `--ttl-gt` for the prefix `--ttl`, of which one is taken. */
export const hopOptions = (prefix: string): HopOptions => {
  const value = wholeNumber(0, most);
  return {
    eq: option({
      name: `${prefix}-eq`,
      aliases: [prefix],
      value,
      invertible: true,
      excludes: ['lt', 'gt'],
      about: 'exactly that many hops',
    }),
    lt: option({ name: `${prefix}-lt`, value, excludes: ['eq', 'gt'], about: 'fewer hops' }),
    gt: option({ name: `${prefix}-gt`, value, excludes: ['eq', 'lt'], about: 'more hops' }),
  };
};

export const hopTest = (left: PayloadField, { eq, lt, gt }: HopInfo): Formula =>
  all([
    eq ? test(match(left, eq.inverted ? '!=' : '==', eq.value)) : always,
    lt ? (lt.value === 0 ? never : test(match(left, '<', lt.value))) : always,
    gt ? (gt.value === most ? never : test(match(left, '>', gt.value))) : always,
  ]);

const operators: Readonly<Record<string, readonly string[]>> = {
  '==': ['eq'],
  '!=': ['!', 'eq'],
  '<': ['lt'],
  '>': ['gt'],
};

/** `TTL match TTL == 64` */
export const hopListing = (word: string, prefix: string): ListingReader => {
  const whole = new RegExp(`^${word} match ${word} (==|!=|<|>) (\\d+)(?= |$)`);
  return (text) => {
    const part = whole.exec(text);
    if (!part) return undefined;
    const [{ length }, operator = '', value = ''] = part;
    const words = (operators[operator] ?? []).map((name) => (name === '!' ? name : `${prefix}-${name}`));
    return { words: [...words, value], length };
  };
};
