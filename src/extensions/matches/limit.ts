import type { ValueType } from '../../iptables/grammar.ts';
import type { Given } from '../../iptables/types.ts';
import { limit as limitStatement } from '../../nftables/build.ts';
import { stateful } from '../../nftables/formula.ts';
import { defineMatch, type Difference, type MatchExtension, option, translated } from '../contract.ts';
import { wholeNumber } from '../value.ts';
import { opaque } from '../../packet/condition.ts';

/** Units in ten-thousandths of a second, in which iptables stores the time between two packets (XT_LIMIT_SCALE). */
const units = [
  { word: 'day', saved: 'day', per: 'day', scale: 864_000_000 },
  { word: 'hour', saved: 'hour', per: 'hour', scale: 36_000_000 },
  { word: 'minute', saved: 'min', per: 'minute', scale: 600_000 },
  { word: 'second', saved: 'sec', per: 'second', scale: 10_000 },
] as const;

/**
 * Which rate iptables makes of the stored time again: in the shortest unit in which it is not less than one and the
 * division leaves a remainder not above the quotient. iptables-save prints it, iptables-nft hands it to nftables.
 */
const rateOf = (period: number): { readonly count: number; readonly unit: (typeof units)[number] } => {
  let unit: (typeof units)[number] = units[0];
  for (const next of units.slice(1)) {
    if (period > next.scale || Math.floor(next.scale / period) < next.scale % period) break;
    unit = next;
  }
  return { count: Math.floor(unit.scale / period), unit };
};

const rate: ValueType<number> = {
  syntax: 'number[/second|/minute|/hour|/day]',
  words: 1,
  parse: (text) => {
    const found = /^(\d+)(?:\/([a-z]+))?$/i.exec(text);
    const unit = units.find(({ word }) => word.startsWith((found?.[2] ?? 'second').toLowerCase()));
    if (!found || !unit || !/[1-9]/.test(found[1] ?? ''))
      return { bad: `"${text}" is not a rate`, help: 'write a number above 0 and /second, /minute, /hour or /day' };
    const period = Math.floor(unit.scale / Number(found[1]));
    if (period === 0)
      return { bad: `${text} is too fast`, code: 'value-out-of-range', help: 'at most 10000 packets a second' };
    return period;
  },
  print: (period) => {
    const { count, unit } = rateOf(period);
    return `${count}/${unit.saved}`;
  },
  samples: () => ['1', '5/second', '10000/sec', '9999/s', '60/min', '61/minute', '13/hour', '3/h', '24/day', '100/d'],
};

const defaultRate = 12_000_000;
const defaultBurst = 5;

const otherBucket: Difference = {
  code: 'stateful-bucket',
  from: 'legacy',
  degree: 'approximate',
  why: 'iptables-legacy fills its bucket with each tick of the kernel at a rounded rate; nftables fills one by the clock, as iptables-nft does',
};

export const limit: MatchExtension = defineMatch({
  name: 'limit',
  families: ['ip', 'ip6'],
  about: 'no more than so many packets in a time, over all connections together',
  kernel: 'net/netfilter/xt_limit.c; iptables-nft uses net/netfilter/nft_limit.c',
  support: 'approximate',
  notes: [
    'iptables-nft itself stores this match as an nft limit with the same rate and burst: from there the translation is exact, from iptables-legacy it is approximate.',
    'iptables rounds the rate: it keeps the time between two packets in ten-thousandths of a second, so that 9999/second is 10000/second.',
    'The bucket is full when the ruleset is loaded.',
  ],
  options: {
    rate: option({ name: '--limit', value: rate, about: 'average rate; 3/hour if not given' }),
    burst: option({
      name: '--limit-burst',
      value: wholeNumber(1, 10000),
      about: 'how many packets may come at once; 5 if not given',
    }),
  },
  canonical: ({ rate: given, burst }, _family, column) => ({
    rate: given ?? ({ value: defaultRate, inverted: false, column } satisfies Given<number>),
    ...(burst && burst.value !== defaultBurst ? { burst } : {}),
  }),
  listing: (text) => {
    const found = /^limit: avg (\d+\/[a-z]+) burst (\d+)(?= |$)/.exec(text);
    if (!found) return undefined;
    const [whole, average = '', burst = ''] = found;
    return { words: ['--limit', average, '--limit-burst', burst], length: whole.length };
  },
  translate: ({ rate: given, burst }) => {
    const { count, unit } = rateOf(given?.value ?? defaultRate);
    const statement = limitStatement({ rate: count, per: unit.per, burst: burst?.value ?? defaultBurst });
    return translated(stateful(statement), { differences: [otherBucket] });
  },
  // Both kernels count a packet when they are asked and keep a bucket for the rule alone.
  meaning: ({ rate: given, burst }) => {
    const { count, unit } = rateOf(given?.value ?? defaultRate);
    const id = `limit rate=${count}/${unit.per} burst=${burst?.value ?? defaultBurst} packets`;
    return { condition: opaque({ id, stateful: true, assumption: 'rate-buckets' }) };
  },
});
