import { type Bad, isBad, type ValueType } from '../../iptables/grammar.ts';
import type { Given } from '../../iptables/types.ts';
import { type Address, addressBits, parseAddress, printAddress } from '../../netfilter/address.ts';
import type { Family } from '../../netfilter/family.ts';
import { field, match, range } from '../../nftables/build.ts';
import { all, always, type Formula, never, test } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option, translated } from '../contract.ts';
import { all as allOf, type Condition, interval, invertIf, within, yes } from '../../packet/condition.ts';
import { payload } from '../../packet/field.ts';

interface AddressRange {
  readonly low: Address;
  readonly high: Address;
}

const parseOne = (text: string, family: Family): Address | Bad => {
  const address = parseAddress(text, family);
  if (address !== undefined) return address;
  if (parseAddress(text, family === 'ip' ? 'ip6' : 'ip') !== undefined)
    return { bad: `${text} is an address of the other IP version`, code: 'wrong-family' };
  return {
    bad: `"${text}" is not an address`,
    code: 'bad-address',
    help: 'write from-to, two addresses without masks',
  };
};

const addressRange: ValueType<AddressRange> = {
  syntax: 'address[-address]',
  words: 1,
  parse: (text, family) => {
    const dash = text.indexOf('-');
    const low = parseOne(dash < 0 ? text : text.slice(0, dash), family);
    if (isBad(low)) return { ...low, ...(dash < 0 ? {} : { length: Math.max(1, dash) }) };
    if (dash < 0) return { low, high: low };
    const high = parseOne(text.slice(dash + 1), family);
    if (isBad(high)) return dash === text.length - 1 ? { ...high, at: dash } : { ...high, at: dash + 1 };
    return { low, high };
  },
  print: ({ low, high }, family) => `${printAddress(low, family)}-${printAddress(high, family)}`,
  samples: (family) =>
    family === 'ip'
      ? ['10.0.0.1-10.0.0.9', '10.0.0.1', '10.0.0.9-10.0.0.1', '0.0.0.0-255.255.255.255', '0.0.0.0-9.255.255.255']
      : ['2001:db8::1-2001:db8::9', '2001:db8::1', '::9-::1', '::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
};

/** A range that ends before it starts holds no address. */
const rangeTest = (side: 'saddr' | 'daddr', given: Given<AddressRange> | undefined, family: Family): Formula => {
  if (!given) return always;
  const { value, inverted } = given;
  const { low, high } = value;
  if (low > high) return inverted ? always : never;
  if (low === 0n && high === (1n << BigInt(addressBits(family))) - 1n) return inverted ? never : always;
  const first = printAddress(low, family);
  const right = low === high ? first : range(first, printAddress(high, family));
  return test(match(field(family, side), inverted ? '!=' : '==', right));
};

/** First bit of the address in the fixed header. */
const places = { ip: { source: 96, destination: 128 }, ip6: { source: 64, destination: 192 } } as const;

const rangeCondition = (
  end: 'source' | 'destination',
  given: Given<AddressRange> | undefined,
  family: Family,
): Condition =>
  given
    ? invertIf(
        given.inverted,
        within(payload('nh', places[family][end], addressBits(family)), [interval(given.value.low, given.value.high)]),
      )
    : yes;

const side = (name: string, about: string) => option({ name, value: addressRange, invertible: true, about });

export const iprange: MatchExtension = defineMatch({
  name: 'iprange',
  families: ['ip', 'ip6'],
  about: 'ranges of addresses that need not be networks',
  kernel: 'net/netfilter/xt_iprange.c iprange_mt4, iprange_mt6',
  support: 'exact',
  options: {
    source: side('--src-range', 'source address from the first to the last'),
    destination: side('--dst-range', 'destination address from the first to the last'),
  },
  atLeastOne: ['source', 'destination'],
  listing: (text) => {
    const words: string[] = [];
    let length = 0;
    for (;;) {
      const blank = length > 0 ? ' ' : '';
      const found = new RegExp(`^${blank}(source|destination) IP range (! )?(\\S+)(?= |$)`).exec(text.slice(length));
      if (!found) return length > 0 ? { words, length } : undefined;
      const [whole, name, inverted, value = ''] = found;
      words.push(...(inverted ? ['!'] : []), name === 'source' ? '--src-range' : '--dst-range', value);
      length += whole.length;
    }
  },
  translate: ({ source, destination }, { family }) =>
    translated(all([rangeTest('saddr', source, family), rangeTest('daddr', destination, family)])),
  meaning: ({ source, destination }, { family }) => ({
    condition: allOf([rangeCondition('source', source, family), rangeCondition('destination', destination, family)]),
  }),
});
