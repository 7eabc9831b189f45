import { equal, fib, field, prefix, set, unequal } from '../../nftables/build.ts';
import { all, always, any, never, test } from '../../nftables/formula.ts';
import { defineMatch, type Difference, type MatchExtension, option, translated } from '../contract.ts';
import { flag } from '../value.ts';
import { all as allOf, any as anyOf, interval, invertIf, is, no, not, within } from '../../packet/condition.ts';
import { key, payload } from '../../packet/field.ts';
import { resting } from '../fieldtest.ts';

const otherLookup: Difference = {
  code: 'routing-lookup',
  from: 'both',
  degree: 'approximate',
  why: 'rpfilter and fib have each a lookup of their own, which may differ in routing with rules or VRFs; over loopback rpfilter lets every address pass, and the native form no broadcast address',
};

/** RTN_LOCAL, RTN_BROADCAST and RTN_ANYCAST of include/uapi/linux/rtnetlink.h. */
const [rtnLocal, rtnBroadcast, rtnAnycast] = [2, 3, 4];

/** Addresses that inet_dev_addr_type calls broadcast without looking for a route, as a DHCP client's 0.0.0.0. */
const withoutRoute = set([prefix('0.0.0.0', 8), '255.255.255.255']);
const noSource = set(['broadcast', 'anycast']);

/** fib oif finds the route of a broadcast address as well, which is no source to rpfilter (rpfilter_lookup_reverse). */
const sources = [test(unequal(fib('type', ['saddr']), noSource)), test(equal(field('ip', 'saddr'), withoutRoute))];
const isNoSource = all([
  test(equal(fib('type', ['saddr']), noSource)),
  test(unequal(field('ip', 'saddr'), withoutRoute)),
]);

export const rpfilter: MatchExtension = defineMatch({
  name: 'rpfilter',
  families: ['ip', 'ip6'],
  about: 'whether an answer would leave by the device that the packet came in by',
  kernel: 'net/ipv4/netfilter/ipt_rpfilter.c, net/ipv6/netfilter/ip6t_rpfilter.c rpfilter_mt',
  support: 'approximate',
  notes: [
    'The reverse route is looked up by `fib saddr oif`, and the type of the source address by `fib saddr type`: rpfilter takes no broadcast address for a source. The lookups agree on ordinary packets and may differ in routing with rules or VRFs.',
    'An IPv6 packet without a source address always has a way back.',
  ],
  tables: ['raw', 'mangle'],
  hooks: ['prerouting'],
  options: {
    loose: option({ name: '--loose', value: flag, about: 'a way back by any device will do' }),
    validmark: option({ name: '--validmark', value: flag, about: 'look up with the mark of the packet' }),
    acceptLocal: option({ name: '--accept-local', value: flag, about: 'also addresses of this host' }),
    invert: option({ name: '--invert', value: flag, about: 'match what has no way back' }),
  },
  listing: (text) => {
    const found = /^rpfilter( loose)?( validmark)?( accept-local)?( invert)?(?= |$)/.exec(text);
    if (!found) return undefined;
    const [whole, ...given] = found;
    return { words: given.flatMap((word) => (word ? [`--${word.trim()}`] : [])), length: whole.length };
  },
  // Neither lookup can fail to load, so inversion is by operator.
  translate: ({ loose, validmark, acceptLocal, invert }, { family }) => {
    const from = loose ? [] : ['iif'];
    const found = fib('oif', ['saddr', ...(validmark ? ['mark'] : []), ...from]);
    const differences = [otherLookup];
    // fib oif finds nothing for an address of this host; its type tells. IPv6 does not ask on which device it is.
    const where = fib('type', ['saddr', ...(family === 'ip' ? from : [])]);
    if (invert) {
      const notLocal = acceptLocal ? test(unequal(where, 'local')) : always;
      const none = test(equal(found, 0));
      const formula =
        family === 'ip' ? any([none, isNoSource]) : all([none, test(unequal(field('ip6', 'saddr'), '::'))]);
      return translated(all([formula, notLocal]), { differences });
    }
    const local = acceptLocal ? test(equal(where, 'local')) : never;
    const some = test(unequal(found, 0));
    const ways =
      family === 'ip' ? sources.map((source) => all([some, source])) : [some, test(equal(field('ip6', 'saddr'), '::'))];
    return translated(any([...ways, local]), { differences });
  },
  /**
   * The module's lookup is one of its own; that nft's finds the same is assumed. Packets over loopback pass both, and
   * so does IPv4 without an address on its way to everybody. The type of the route has to be unicast, or local with
   * --accept-local: nft says it of the address, for which no route is looked up where the address itself shows it.
   */
  meaning: ({ loose, validmark, acceptLocal, invert }, { family }) => {
    const device = loose ? '' : '.iif';
    const route = key(`fib.saddr${validmark ? '.mark' : ''}${device}.exists`);
    const back = resting(is(route, 1), route, 'same-lookup');
    // An IPv4 address of this host has to be one of the device (fib_info_nh_uses_dev), an IPv6 address need not.
    const where = key(`fib.saddr${family === 'ip' ? device : ''}.type`);
    const local = acceptLocal ? resting(is(where, rtnLocal), where, 'same-lookup') : no;
    if (family === 'ip6') {
      const nowhere = is(payload('nh', 64, 128), 0n);
      return { condition: invertIf(invert !== undefined, anyOf([nowhere, back, local])) };
    }
    const type = key('fib.saddr.type');
    const address = payload('nh', 96, 32);
    const hidden = not(anyOf([is(address, 0, 0xff000000), is(address, 0xffffffff)]));
    const isTaken = not(allOf([hidden, within(type, [interval(rtnBroadcast, rtnAnycast)])]));
    const passes = anyOf([allOf([back, resting(isTaken, type, 'same-lookup')]), local]);
    return { condition: invertIf(invert !== undefined, passes) };
  },
});
