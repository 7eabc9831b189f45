import { equal, fib, unequal } from '../../nftables/build.ts';
import { all, any, test } from '../../nftables/formula.ts';
import { defineMatch, type Difference, type MatchExtension, option, translated } from '../contract.ts';
import { flag } from '../value.ts';
import { any as anyOf, invertIf, is } from '../../packet/condition.ts';
import { key } from '../../packet/field.ts';
import { resting } from '../fieldtest.ts';

const otherLookup: Difference = {
  code: 'routing-lookup',
  from: 'both',
  degree: 'approximate',
  why: 'rpfilter knows only unicast routes, so that a broadcast address is no source for it, and has its own rules for packets without a source address; fib oif takes any route',
};

/** RTN_LOCAL of include/uapi/linux/rtnetlink.h. */
const rtnLocal = 2;

export const rpfilter: MatchExtension = defineMatch({
  name: 'rpfilter',
  families: ['ip', 'ip6'],
  about: 'whether an answer would leave by the device that the packet came in by',
  kernel: 'net/ipv4/netfilter/ipt_rpfilter.c, net/ipv6/netfilter/ip6t_rpfilter.c rpfilter_mt',
  support: 'approximate',
  notes: [
    'The reverse route is looked up by `fib saddr`, which agrees on ordinary unicast packets and differs in corner cases.',
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
    const route = test((invert ? equal : unequal)(fib('oif', ['saddr', ...(validmark ? ['mark'] : []), ...from]), 0));
    const differences = [otherLookup];
    if (!acceptLocal) return translated(route, { differences });
    // fib oif finds nothing for an address of this host; its type tells. IPv6 does not ask on which device it is.
    const where = family === 'ip' ? from : [];
    const local = test((invert ? unequal : equal)(fib('type', ['saddr', ...where]), 'local'));
    return translated(invert ? all([route, local]) : any([route, local]), { differences });
  },
  /**
   * The module's lookup is one of its own and knows cases of its own: packets over loopback and from no address pass,
   * broadcast, multicast and anycast addresses are no sources. That nft's lookup answers the same is assumed.
   */
  meaning: ({ loose, validmark, acceptLocal, invert }, { family }) => {
    const device = loose ? '' : '.iif';
    const route = key(`fib.saddr${validmark ? '.mark' : ''}${device}.exists`);
    const back = resting(is(route, 1), route, 'same-lookup');
    // An IPv4 address of this host has to be one of the device (fib_info_nh_uses_dev), an IPv6 address need not.
    const type = key(`fib.saddr${family === 'ip' ? device : ''}.type`);
    const passes = acceptLocal ? anyOf([back, resting(is(type, rtnLocal), type, 'same-lookup')]) : back;
    return { condition: invertIf(invert !== undefined, passes) };
  },
});
