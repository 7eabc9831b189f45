import type { ValueType } from '../../iptables/grammar.ts';
import { and, match, meta, numgen } from '../../nftables/build.ts';
import { always, never, stateful } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option, translated } from '../contract.ts';
import { oneOf, wholeNumber } from '../value.ts';
import { invertIf, no, opaque, type Predicate, yes } from '../../packet/condition.ts';

/** Probabilities are stored as parts of 2^31; a random number of 31 bits below it matches. */
const certain = 0x80000000;

/** Eleven decimals of `parts / 2^31`, exact halves to the even neighbour as printf(3) does. */
const printParts = (parts: number): string => {
  const scaled = BigInt(parts) * 10n ** 11n;
  const unit = BigInt(certain);
  let digits = scaled / unit;
  const rest = (scaled % unit) * 2n;
  if (rest > unit || (rest === unit && digits % 2n === 1n)) digits++;
  const text = digits.toString().padStart(12, '0');
  return `${text.slice(0, -11)}.${text.slice(-11)}`;
};

const probability: ValueType<number> = {
  syntax: '0.0…1.0',
  words: 1,
  parse: (text) => {
    const value = /^(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(value)) return { bad: `"${text}" is not a probability`, help: 'write a number from 0 to 1' };
    if (value > 1) return { bad: `${text} is more than certain`, code: 'value-out-of-range', help: 'at most 1' };
    return Math.round(value * certain);
  },
  print: printParts,
  samples: () => ['0', '1', '0.5', '0.333333', '.25', '0.1', '0.00024414062', '0.99999999953', '0.00000000047'],
};

type Mode = 'random' | 'nth';

export const statistic: MatchExtension = defineMatch({
  name: 'statistic',
  families: ['ip', 'ip6'],
  about: 'a part of the packets, at random or by count',
  kernel: 'net/netfilter/xt_statistic.c statistic_mt',
  support: 'exact',
  notes: [
    'random: the same probability, from another random generator.',
    'nth: counting starts when the ruleset is loaded; --packet says which packet of each --every is the first to match.',
  ],
  options: {
    mode: option({
      name: '--mode',
      value: oneOf<Mode>({ random: 'random', nth: 'nth' }),
      mandatory: true,
      about: 'how to choose',
    }),
    probability: option({
      name: '--probability',
      value: probability,
      invertible: true,
      excludes: ['every', 'packet'],
      about: 'mode random: how likely a packet matches',
    }),
    every: option({
      name: '--every',
      value: wholeNumber(1, 0xffffffff),
      invertible: true,
      excludes: ['probability'],
      about: 'mode nth: one packet of so many',
    }),
    packet: option({
      name: '--packet',
      value: wholeNumber(0, 0xfffffffe),
      excludes: ['probability'],
      about: 'mode nth: which one, counted from 0',
    }),
  },
  check: ({ mode, probability: chance, every, packet }) => {
    if (mode?.value === 'random' && !chance)
      return { code: 'option-required', option: 'mode', what: '--mode random needs --probability' };
    if (mode?.value === 'nth' && !every)
      return { code: 'option-required', option: 'mode', what: '--mode nth needs --every and --packet' };
    if (every && !packet)
      return {
        code: 'option-required',
        option: 'every',
        what: '--every needs --packet',
        help: 'add --packet 0 for the first one',
      };
    if (every && packet && packet.value >= every.value)
      return {
        code: 'value-out-of-range',
        option: 'packet',
        what: `there is no packet ${packet.value} in ${every.value}`,
        help: `--packet counts from 0 to ${every.value - 1}`,
      };
    return undefined;
  },
  listing: (text) => {
    const found =
      /^statistic mode (?:random (! )?probability ([\d.]+)|nth (! )?every (\d+)(?: packet (\d+))?)(?= |$)/.exec(text);
    if (!found) return undefined;
    const [whole, unlikely, chance, others, every, packet] = found;
    const words =
      chance === undefined
        ? ['--mode', 'nth', ...(others ? ['!'] : []), '--every', every ?? '', '--packet', packet ?? '0']
        : ['--mode', 'random', ...(unlikely ? ['!'] : []), '--probability', chance];
    return { words, length: whole.length };
  },
  translate: ({ probability: chance, every, packet }) => {
    if (chance) {
      const { value, inverted } = chance;
      if (value === 0) return translated(inverted ? always : never);
      if (value === certain) return translated(inverted ? never : always);
      return translated(stateful(match(and(meta('random'), certain - 1), inverted ? '>=' : '<', value)));
    }
    if (!every || !packet) return translated(never);
    if (every.value === 1) return translated(every.inverted ? never : always);
    // The first packet finds 0 in both counters, so that packet p of every N is where the generator says p.
    return translated(stateful(match(numgen('inc', every.value), every.inverted ? '!=' : '==', packet.value)));
  },
  meaning: ({ probability: chance, every, packet }) => {
    if (chance) {
      const { value, inverted } = chance;
      // 31 random bits are below 2^31 and not below 0, whatever is drawn.
      if (value === 0 || value === certain) return { condition: invertIf(inverted, value === 0 ? no : yes) };
      const draw: Predicate = { id: `random p=${value}/${certain}`, stateful: true, assumption: 'random-draws' };
      return { condition: invertIf(inverted, opaque(draw)) };
    }
    if (!every || !packet) return { condition: no };
    if (every.value === 1) return { condition: invertIf(every.inverted, yes) };
    const id = `nth every=${every.value} packet=${packet.value}`;
    return { condition: invertIf(every.inverted, opaque({ id, stateful: true, assumption: 'counters-agree' })) };
  },
});
