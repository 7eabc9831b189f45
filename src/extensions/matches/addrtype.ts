import type { ValueType } from '../../iptables/grammar.ts';
import type { Given } from '../../iptables/types.ts';
import type { Hook } from '../../netfilter/hooks.ts';
import { anyOf, equal, fib, field, match, prefix, set, unequal } from '../../nftables/build.ts';
import { all, always, type Formula, never, not, test } from '../../nftables/formula.ts';
import type { Match } from '../../nftables/types.ts';
import {
  defineMatch,
  type Difference,
  type MatchExtension,
  option,
  type Refusal,
  refused,
  type RuleContext,
  translated,
} from '../contract.ts';
import { flag } from '../value.ts';
import { parseWords, wordList } from '../wordlist.ts';
import { all as allOf } from '../../packet/condition.ts';
import { typeCondition } from '../addresstype.ts';

/** The route types RTN_UNSPEC to RTN_XRESOLVE by number, in the order in which iptables-save prints them. */
const types = [
  'UNSPEC',
  'UNICAST',
  'LOCAL',
  'BROADCAST',
  'ANYCAST',
  'MULTICAST',
  'BLACKHOLE',
  'UNREACHABLE',
  'PROHIBIT',
  'THROW',
  'NAT',
  'XRESOLVE',
] as const;
type Type = (typeof types)[number];

/** xt_addrtype.c refuses the others for IPv6. */
const types6: readonly Type[] = ['UNSPEC', 'UNICAST', 'LOCAL', 'ANYCAST', 'MULTICAST', 'UNREACHABLE'];

const typeList: ValueType<readonly Type[]> = {
  ...wordList(types, 'type'),
  parse: (text, family) => {
    const found = parseWords(text, types, 'type');
    if ('bad' in found || family === 'ip') return found;
    const wrong = found.find((type) => !types6.includes(type));
    return wrong === undefined
      ? found
      : { bad: `IPv6 has no ${wrong} addresses here`, help: `one of ${types6.join(', ')}` };
  },
  samples: (family) => (family === 'ip' ? [...types, 'UNICAST,LOCAL', types.join(',')] : [...types6, 'LOCAL,ANYCAST']),
};

type Side = 'saddr' | 'daddr';
type Device = 'iif' | 'oif' | undefined;

/**
 * IPv4: `fib type` asks the kernel the same question. The lookup fails on THROW, NAT and XRESOLVE routes (fib_props in
 * net/ipv4/fib_semantics.c), so that no address ever has these types.
 */
const tests4 = (wanted: readonly Type[], side: Side, device: Device): readonly Match[] | 'never' => {
  const possible = wanted
    .filter((type) => !['THROW', 'NAT', 'XRESOLVE'].includes(type))
    .map((type) => type.toLowerCase());
  return possible.length === 0 ? 'never' : [equal(fib('type', device ? [side, device] : [side]), anyOf(possible))];
};

/** What ipv6_addr_type calls neither unicast nor multicast: the unspecified address and IPv4-mapped ones. */
const notUnicast = set(['::', prefix('::ffff:0.0.0.0', 96), prefix('ff00::', 8)]);

/** Types that the address itself shows; each must hold. */
const byAddress: Readonly<Partial<Record<Type, (side: Side) => Match>>> = {
  UNSPEC: (side) => equal(field('ip6', side), '::'),
  UNICAST: (side) => unequal(field('ip6', side), notUnicast),
  MULTICAST: (side) => equal(field('ip6', side), prefix('ff00::', 8)),
};

/** Types that only a route lookup shows; xt_addrtype.c takes every failing lookup for UNREACHABLE. */
const byRoute: Readonly<Partial<Record<Type, readonly string[]>>> = {
  LOCAL: ['local'],
  ANYCAST: ['anycast'],
  UNREACHABLE: ['blackhole', 'unreachable', 'prohibit'],
};

/** IPv6 (match_type6): all types that the address shows, and one of those that the route shows. */
const tests6 = (wanted: readonly Type[], side: Side, device: Device): readonly Match[] | 'never' => {
  const shown = wanted.flatMap((type) => byAddress[type]?.(side) ?? []);
  if (shown.length > 1) return 'never';
  const routes = wanted.flatMap((type) => byRoute[type] ?? []);
  const lookup = fib('type', device ? [side, device] : [side]);
  return routes.length === 0 ? shown : [...shown, equal(lookup, anyOf(routes))];
};

/** None of these loads can fail, so one test is inverted by its operator. */
const sideTest = (
  given: Given<readonly Type[]> | undefined,
  side: Side,
  device: Device,
  { family }: RuleContext,
): Formula => {
  if (!given) return always;
  const tests = (family === 'ip' ? tests4 : tests6)(given.value, side, device);
  if (tests === 'never') return given.inverted ? always : never;
  const [only, ...more] = tests;
  if (!given.inverted) return all(tests.map(test));
  if (!only || more.length > 0) return not(all(tests.map(test)));
  const { left, op, right } = only.match;
  return test(match(left, op === '==' ? '!=' : '==', right));
};

const lookup6: Difference = {
  code: 'routing-lookup',
  from: 'both',
  degree: 'approximate',
  why: 'addrtype looks up an IPv6 route to the address alone and takes a local anycast address for both types; nft looks up with both addresses and the flow label, and knows one type for an address',
};

const asksRoute = (given: Given<readonly Type[]> | undefined): boolean =>
  given?.value.some((type) => type in byRoute) ?? false;

const wrongHook = (
  key: string,
  name: string,
  { hooks }: RuleContext,
  forbidden: readonly Hook[],
): Refusal | undefined => {
  const hook = forbidden.find((wrong) => hooks.has(wrong));
  return hook === undefined
    ? undefined
    : refused({
        code: 'wrong-hook',
        option: key,
        what: `${name} in a chain reached from ${hook}`,
        why: `there is no such device at ${hook}; the kernel refuses the rule`,
      });
};

export const addrtype: MatchExtension = defineMatch({
  name: 'addrtype',
  families: ['ip', 'ip6'],
  about: 'what the routing tables say an address is',
  kernel: 'net/netfilter/xt_addrtype.c addrtype_mt_v1',
  support: 'partial',
  notes: [
    'IPv4 is exact; a host with VRFs is the exception: newer kernels let nft look into the table of the VRF, addrtype looks into the main one.',
    'IPv6 types LOCAL, ANYCAST and UNREACHABLE are approximate: the route is looked up in another way. UNSPEC, UNICAST and MULTICAST are read off the address and are exact.',
    'For IPv6 several of UNSPEC, UNICAST and MULTICAST together match nothing: that is how xt_addrtype.c reads them.',
    'No IPv4 address has type THROW, NAT or XRESOLVE.',
  ],
  options: {
    source: option({
      name: '--src-type',
      value: typeList,
      invertible: true,
      about: 'the source is of one of the types',
    }),
    destination: option({
      name: '--dst-type',
      value: typeList,
      invertible: true,
      about: 'the destination is of one of the types',
    }),
    limitIn: option({
      name: '--limit-iface-in',
      value: flag,
      excludes: ['limitOut'],
      about: 'as seen from the device it came in by',
    }),
    limitOut: option({
      name: '--limit-iface-out',
      value: flag,
      excludes: ['limitIn'],
      about: 'as seen from the device it leaves by',
    }),
  },
  atLeastOne: ['source', 'destination'],
  listing: (text) => {
    const found =
      /^ADDRTYPE match(?: src-type (!?)([A-Z,]+))?(?: dst-type (!?)([A-Z,]+))?(?: limit-(in|out))?(?= |$)/.exec(text);
    if (!found) return undefined;
    const [whole, notSource, source, notDestination, destination, limit] = found;
    const words: string[] = [];
    if (source) words.push(...(notSource ? ['!'] : []), '--src-type', source);
    if (destination) words.push(...(notDestination ? ['!'] : []), '--dst-type', destination);
    if (limit) words.push(`--limit-iface-${limit}`);
    return { words, length: whole.length };
  },
  translate: ({ source, destination, limitIn, limitOut }, context) => {
    const refusal =
      (limitIn && wrongHook('limitIn', '--limit-iface-in', context, ['output', 'postrouting'])) ??
      (limitOut && wrongHook('limitOut', '--limit-iface-out', context, ['prerouting', 'input']));
    if (refusal) return refusal;
    const device: Device = limitIn ? 'iif' : limitOut ? 'oif' : undefined;
    const formula = all([sideTest(source, 'saddr', device, context), sideTest(destination, 'daddr', device, context)]);
    const approximate = context.family === 'ip6' && (asksRoute(source) || asksRoute(destination));
    return translated(formula, approximate ? { differences: [lookup6] } : {});
  },
  meaning: ({ source, destination, limitIn, limitOut }, { family }) => {
    const device = limitIn ? 'iif' : limitOut ? 'oif' : undefined;
    return {
      condition: allOf([
        typeCondition('saddr', source, device, family),
        typeCondition('daddr', destination, device, family),
      ]),
    };
  },
});
