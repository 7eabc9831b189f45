/** Rules of which iptables-restore-translate makes what nft does not load, or more than the rule. */
import { parseAddress } from '../../netfilter/address.ts';
import type { Family } from '../../netfilter/family.ts';
import { type Ask, anyOf, has, isInverted, list, masked, match, matchesOf, protocol, target, value } from './ask.ts';
import type { Fault } from './fault.ts';
import type { SaidRule, SaidUse } from './said.ts';
import { both, bytes, flagsOf, namesProtocol, old, shifts, withoutTest } from './shared.ts';

const wordsOfFlags = (text: string): readonly string[] => text.split(',').filter((word) => word !== 'NONE');

const isTuplePort = /^--ct(?:orig|repl)(?:src|dst)port$/;

/** By number: protocols that nft has a header for. */
const withHeader = new Set(['1', '6', '17', '33', '50', '51', '58', '108', '132', '136']);

const knowsProtocol = (rule: SaidRule): boolean => {
  if (matchesOf(rule, 'conntrack').some((use) => !isInverted(use, '--ctproto') && withHeader.has(value(use, '--ctproto')))) return true; // prettier-ignore
  const said = protocol(rule);
  return said !== undefined && !said.inverted && !rule.matches.some(({ name }) => namesProtocol.includes(name));
};

const mapsPort = (use: SaidUse): boolean =>
  has(use, '--to-ports') ||
  /^(?:\d+\.\d+\.\d+\.\d+(?:-[\d.]+)?)?:\d|\]:\d/.test(value(use, '--to-destination') + value(use, '--to-source'));

const natTarget = (ask: (use: SaidUse, rule: SaidRule) => boolean): Ask =>
  anyOf(...['DNAT', 'SNAT', 'REDIRECT', 'MASQUERADE'].map((name) => target(name, ask)));

/** Text that the translators put between double quotes as it is. */
const quotedTexts = ({ matches, target: action }: SaidRule): readonly string[] => [
  ...matches.map((use) => value(use, '--comment')),
  ...(action ? ['--log-prefix', '--nflog-prefix'].map((name) => value(action, name)) : []),
];

const descends = (range: string, separator: string): boolean => {
  const [low, high] = range.split(separator).map((end) => Number(end));
  return low !== undefined && high !== undefined && low > high;
};

const isDescendingAddress = (range: string, family: Family): boolean => {
  const ends = /^\[?([^\]-]+)-([^\]-]+)/.exec(range);
  const [low, high] = [ends?.[1], ends?.[2]].map((end) => parseAddress((end ?? '').replace(/(\d):[-\d]+$/, family === 'ip' ? '$1' : '$&'), family)); // prettier-ignore
  return low !== undefined && high !== undefined && low > high;
};

export const refusedByNft: readonly Fault[] = [
  {
    id: 'quote',
    effect: 'injection',
    versions: both,
    is: (rule) => quotedTexts(rule).some((text) => /["\n]/.test(text)),
    what: 'a double quote in a comment or log prefix',
    becomes: 'what stands behind the quote is nft to nft: most such files are refused, and text made for it adds rules',
  },
  {
    id: 'long-comment',
    effect: 'refused',
    versions: both,
    is: match('comment', (use) => bytes(value(use, '--comment')) > 128),
    what: 'a comment of more than 128 bytes',
    becomes: 'nft takes 128 bytes',
  },
  {
    id: 'one-flag',
    effect: 'refused',
    versions: both,
    is: match('tcp', (use) => {
      const [mask = '', flags = ''] = flagsOf(use);
      return has(use, '--tcp-flags') && wordsOfFlags(mask).length === 1 && wordsOfFlags(flags).length <= 1;
    }),
    what: '--tcp-flags with a mask of one flag',
    becomes: 'nft does not read "flag / flag"',
  },
  {
    id: 'tos-target',
    effect: 'refused',
    versions: both,
    is: (rule) => rule.family === 'ip' && target('TOS')(rule),
    what: 'the TOS target',
    becomes: 'it comes out as "ip6 dscp", which has no place in an IPv4 table',
  },
  {
    id: 'ecn-field',
    effect: 'refused',
    versions: both,
    is: (rule) => rule.family === 'ip6' && match('ecn', (use) => has(use, '--ecn-ip-ect'))(rule),
    what: 'ecn --ecn-ip-ect',
    becomes: 'it comes out as "ip ecn", which has no place in an IPv6 table',
  },
  {
    id: 'connlimit',
    effect: 'refused',
    versions: both,
    is: (rule) => rule.family === 'ip6' && match('connlimit')(rule),
    what: 'connlimit',
    becomes: 'its set is one of IPv4 addresses',
  },
  {
    id: 'connection-port',
    effect: 'refused',
    versions: old,
    is: (rule) =>
      match('conntrack', ({ options }) => [...options.keys()].some((name) => isTuplePort.test(name)))(rule) &&
      !knowsProtocol(rule),
    what: 'a port of the connection (--ctorigdstport)',
    becomes: 'nft 1.0.6 reads it only behind a test of the protocol',
  },
  {
    id: 'no-status',
    effect: 'refused',
    versions: both,
    is: match('conntrack', (use) => value(use, '--ctstatus') === 'NONE'),
    what: '--ctstatus NONE',
    becomes: 'its value is left out, and what remains is no nft',
  },
  {
    id: 'expiry',
    effect: 'refused',
    versions: both,
    is: match('conntrack', (use) =>
      list(use, '--ctexpire').some((text) => text.split(':').some((end) => Number(end) > 4_294_967)),
    ),
    what: '--ctexpire of more than 4294967 seconds',
    becomes: 'nft counts in milliseconds, and the number is too large',
  },
  {
    id: 'descending-range',
    effect: 'refused',
    versions: both,
    is: ({ family, matches, target: action }) =>
      [...matches, ...(action ? [action] : [])].some((use) =>
        [...use.options].some(
          ([name, { value: range }]) =>
            (/^--(?:[sd]port|espspi|ahspi|length)$|port$/.test(name) && descends(range, ':')) ||
            (/^--(?:src|dst)-range$|^--to-(?:source|destination)$/.test(name) && isDescendingAddress(range, family)),
        ),
      ),
    what: 'a range that ends before it starts',
    becomes: 'nft has no empty ranges',
  },
  {
    id: 'nat-port-range6',
    effect: 'refused',
    versions: both,
    is: natTarget(
      (use, { family }) =>
        family === 'ip6' && /^\[[^\]]*-[^\]]*\]:/.test(value(use, '--to-destination') + value(use, '--to-source')),
    ),
    what: 'a range of IPv6 addresses with a port',
    becomes: 'nft does not read "[a-b]:port"',
  },
  {
    id: 'nat-port-protocol',
    effect: 'refused',
    versions: both,
    is: natTarget((use, rule) => mapsPort(use) && (protocol(rule)?.inverted ?? false)),
    what: 'a port in NAT behind ! -p',
    becomes: 'nft maps ports only behind a test of the protocol',
  },
  {
    id: 'nat-port-no-test',
    effect: 'refused',
    versions: old,
    is: (rule) => natTarget(mapsPort)(rule) && withoutTest('tcp', 'udp')(rule),
    what: 'a port in NAT behind a protocol match without an effective option',
    becomes: 'the protocol is left out, and nft maps ports only behind a test of the protocol',
  },
  {
    id: 'ah-protocol',
    effect: 'refused',
    versions: both,
    is: (rule) => rule.family === 'ip6' && match('ah', (use) => use.options.size > 0)(rule) && !/^(?:ah|51)?$/.test(protocol(rule)?.value ?? '') && !protocol(rule)?.inverted, // prettier-ignore
    what: 'the ah match behind the protocol of another header',
    becomes: 'nft takes a packet for one protocol only',
  },
  {
    id: 'ah-long',
    effect: 'refused',
    versions: both,
    is: match('ah', (use) => Number(value(use, '--ahlen')) > 255),
    what: 'ah --ahlen of more than 255',
    becomes: 'the field of the header has one byte',
  },
  {
    id: 'ah-exists',
    effect: 'refused',
    versions: ['1.8.13'],
    is: (rule) => rule.family === 'ip6' && match('ah', (use) => use.options.size === 0 || (value(use, '--ahlen') === '0' && !isInverted(use, '--ahlen')))(rule), // prettier-ignore
    what: 'the ah match without an effective option',
    becomes: 'it comes out as "exthdr ah exists", which nft does not read',
  },
  {
    id: 'cluster',
    effect: 'refused',
    versions: both,
    is: match('cluster'),
    what: 'the cluster match',
    becomes: 'nft 1.0.6 and 1.1 refuse it, or load it and then cannot list the ruleset any more',
  },
  {
    id: 'connection-mark-shift',
    effect: 'refused',
    versions: old,
    is: target(
      'CONNMARK',
      (use) => shifts(use) && has(use, '--set-xmark') && masked(value(use, '--set-xmark')).mask === 0xffffffff,
    ),
    what: 'CONNMARK --set-xmark with a shift',
    becomes: 'nft 1.0.6 ends with an assertion while it reads it',
  },
  {
    id: 'chunks-only',
    effect: 'refused',
    versions: both,
    is: match('sctp', (use) => {
      const [mode, chunks] = value(use, '--chunk-types').split(' ');
      return mode === 'only' || (mode === 'all' && chunks === 'ALL');
    }),
    what: '--chunk-types with chunks that nft has no name for',
    becomes: 'nft does not know "i-data" and others',
  },
  {
    id: 'no-such-address-type',
    effect: 'refused',
    versions: both,
    is: match('addrtype', (use) =>
      ['--src-type', '--dst-type'].some(
        (name) => has(use, name) && list(use, name).every((type) => /^(?:THROW|NAT|XRESOLVE)$/.test(type)),
      ),
    ),
    what: 'the address types THROW, NAT and XRESOLVE',
    becomes: 'they are left out, and what remains is no nft',
  },
];
