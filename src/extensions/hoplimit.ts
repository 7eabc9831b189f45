/** The ttl match of IPv4 and the hl match of IPv6: equal, below or above a number (net/netfilter/xt_hl.c). */
import type { ListingReader, OptionSpec } from '../iptables/grammar.ts';
import type { Given } from '../iptables/types.ts';
import { match } from '../nftables/build.ts';
import { all, always, type Formula, never, test } from '../nftables/formula.ts';
import type { PayloadField } from '../nftables/types.ts';
import { all as allOf, type Condition, interval, invertIf, is, within, yes } from '../packet/condition.ts';
import type { PayloadField as Bits } from '../packet/field.ts';
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

/** ttl_mt and hl_mt6: one of three comparisons with the byte at `field`. */
export const hopCondition = (field: Bits, { eq, lt, gt }: HopInfo): Condition =>
  allOf([
    eq ? invertIf(eq.inverted, is(field, eq.value)) : yes,
    lt ? within(field, [interval(0, lt.value - 1)]) : yes,
    gt ? within(field, [interval(gt.value + 1, most)]) : yes,
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
