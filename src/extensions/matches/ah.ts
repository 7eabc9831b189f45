import type { Given } from '../../iptables/types.ts';
import { ah as ahNumber, protocolName } from '../../netfilter/protocols.ts';
import { equal, field, match } from '../../nftables/build.ts';
import { all, always, type Formula, never, not, test } from '../../nftables/formula.ts';
import {
  defineMatch,
  type Difference,
  type MatchExtension,
  type MatchTranslation,
  option,
  type Refusal,
  refused,
  type RuleContext,
  translated,
} from '../contract.ts';
import { takeParts, type Taken } from '../portlisting.ts';
import { isEverySpi, spiRange, spiTest, takeSpi } from '../spi.ts';
import { hasBytes, isProtocol, shortHeader, translateHeader } from '../transport.ts';
import { flag, wholeNumber } from '../value.ts';
import { ip6AhMeaning } from '../ahmeaning.ts';
import { inRange, transportField, withHeader } from '../meaning.ts';

const headerLength = 12;

/** The header counts its length in words less two (include/net/ipv6.h ipv6_authlen); 0 asks nothing, inverted or not. */
const lengthTest = (given: Given<number> | undefined): Formula => {
  if (!given || given.value === 0) return always;
  const { value, inverted } = given;
  if (value % 4 !== 0 || value < 8 || value > 1028) return inverted ? always : never;
  return test(match(field('ah', 'hdrlength'), inverted ? '!=' : '==', value / 4 - 2));
};

const brokenChain: Difference = {
  code: 'extension-header',
  from: 'both',
  degree: 'guarded',
  why: 'a packet whose IPv6 header chain is broken, or ends inside its authentication header, is dropped on the spot by ip6t_ah; the native form drops nothing',
};

/**
 * ip6t_ah looks for an authentication header anywhere in the chain, and so does nft: its transport header is the
 * authentication header, even where another one follows. That leaves no way to ask for the protocol behind it.
 */
const translateIpv6 = (tests: Formula, context: RuleContext): MatchTranslation | Refusal => {
  const { protocol } = context.selector;
  const asksAh = protocol?.number === ahNumber;
  if (protocol && context.backend === 'legacy' && !(asksAh && !protocol.inverted))
    return refused({
      code: 'not-expressible',
      what: `nft cannot look at both the authentication header and the protocol ${protocolName(protocol.number)} behind it`,
      why: 'ip6tables-legacy takes the header behind an authentication header for the protocol; nftables stops at the authentication header',
      help: 'leave -p out, or keep this rule in ip6tables-legacy',
    });
  // ip6tables-legacy never stops at the header that -p asks for here; in nft the protocol cannot be another one.
  if (protocol && (context.backend === 'legacy' || asksAh === protocol.inverted)) return translated(never);
  const formula = all([protocol && !protocol.inverted ? always : isProtocol(ahNumber), tests]);
  return context.exactLegacy
    ? translated(formula, {
        hotdrop: all([isProtocol(ahNumber), not(hasBytes(headerLength))]),
        differences: [brokenChain],
      })
    : translated(formula, { differences: [shortHeader('both', headerLength), brokenChain] });
};

/** `ah spis:500:600length:!120 reserved`, without a blank before the length. */
const takeMore = (rest: string): Taken | undefined => {
  const part = /^ *(?:length:(!?)(\d+)|reserved)(?= |$)/.exec(rest);
  if (!part) return undefined;
  const [{ length }, inverted, value] = part;
  return { words: value === undefined ? ['--ahres'] : [...(inverted ? ['!'] : []), '--ahlen', value], length };
};

export const ah: MatchExtension = defineMatch({
  name: 'ah',
  families: ['ip', 'ip6'],
  about: 'an IPsec authentication header and its security parameter index',
  kernel: 'net/ipv4/netfilter/ipt_ah.c and net/ipv6/netfilter/ip6t_ah.c',
  support: 'guarded',
  notes: [
    'For IPv4 it needs -p ah. For IPv6 it finds the header anywhere in the chain; a -p for the protocol behind it has no native form.',
    'iptables, with either backend, drops a packet whose authentication header has fewer than 12 bytes at this match.',
  ],
  options: {
    spi: option({
      name: '--ahspi',
      value: spiRange,
      invertible: true,
      asksNothing: isEverySpi,
      about: 'security parameter index',
    }),
    length: option({
      name: '--ahlen',
      value: wholeNumber(0, 0xffffffff),
      invertible: true,
      asksNothing: (value) => value === 0,
      about: 'length of the header in bytes (IPv6 only)',
    }),
    reserved: option({ name: '--ahres', value: flag, about: 'the reserved field is zero (IPv6 only)' }),
  },
  check: ({ length, reserved }, family, { protocol }) => {
    if (family === 'ip6') return undefined;
    if (length || reserved)
      return {
        code: 'wrong-family',
        option: length ? 'length' : 'reserved',
        what: `${length ? '--ahlen' : '--ahres'} exists for IPv6 only`,
      };
    return protocol?.number === ahNumber && !protocol.inverted
      ? undefined
      : { code: 'needs-protocol', what: 'ah works only with -p ah in IPv4', help: 'put -p ah in front of it' };
  },
  transport: () => true,
  listing: (text, { family }) =>
    /^ah(?= |$)/.test(text)
      ? takeParts(text, 2, (rest) => takeSpi('--ahspi', rest) ?? (family === 'ip6' ? takeMore(rest) : undefined))
      : undefined,
  translate: ({ spi, length, reserved }, context) => {
    if (context.family === 'ip') return translateHeader(spiTest('ah', spi), headerLength, context);
    const zero = reserved ? test(equal(field('ah', 'reserved'), 0)) : always;
    return translateIpv6(all([spiTest('ah', spi), lengthTest(length), zero]), context);
  },
  meaning: (info, context) =>
    context.family === 'ip6'
      ? ip6AhMeaning(info)
      : withHeader(context, headerLength, info.spi ? [inRange(transportField(context, 32, 32), info.spi)] : []),
});
