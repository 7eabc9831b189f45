/** Rules that iptables-restore-translate translates to something else. */
import { anyOf, has, isInverted, list, masked, match, target, value } from './ask.ts';
import type { Fault } from './fault.ts';
import type { SaidUse } from './said.ts';
import { both, bytes, flagsOf, namesProtocol, old, shifts, withoutTest } from './shared.ts';

/** Asks how often it was asked: which packets come to it makes a difference. */
const counts = new Set(['limit', 'statistic', 'hashlimit', 'connlimit', 'quota', 'quota2', 'recent']);

const savesMark = (use: SaidUse): boolean => has(use, '--save-mark', '--restore-mark');
const isFull = (use: SaidUse, name: string): boolean =>
  !has(use, name) || masked(value(use, name)).value === 0xffffffff;
const stateTranslated = (use: SaidUse): boolean => list(use, '--ctstate').some((state) => /^[SD]NAT$/.test(state));

/** Options of conntrack that ask the entry: xt_conntrack judges packets without one by their state alone. */
const stateAlone = (use: SaidUse): boolean => {
  if (!has(use, '--ctstate') || use.options.size < 2 || stateTranslated(use)) return false;
  const states = list(use, '--ctstate');
  const entryless = ['INVALID', 'UNTRACKED'];
  return isInverted(use, '--ctstate')
    ? !entryless.every((state) => states.includes(state))
    : entryless.some((state) => states.includes(state));
};

/** Setting, and-mark, or-mark and xor-mark each come out as one operator. */
const isOneOperation = (text: string): boolean => {
  const { value: mark, mask } = masked(text);
  return mask === 0xffffffff || mask === 0 || mark === 0 || mark === mask;
};

export const changed: readonly Fault[] = [
  {
    id: 'protocol-dropped',
    effect: 'wider',
    versions: old,
    is: withoutTest('tcp', 'udp', 'esp'),
    what: 'a protocol match without an effective option (-p tcp -m tcp)',
    becomes: 'the protocol is left out, and the rule meets packets of every protocol',
  },
  {
    id: 'protocol-dropped-ah',
    effect: 'wider',
    versions: old,
    is: (rule) => rule.family === 'ip' && withoutTest('ah')(rule),
    what: 'the ah match without an effective option',
    becomes: 'the protocol is left out, and the rule meets packets of every protocol',
  },
  {
    id: 'protocol-dropped-dccp',
    effect: 'wider',
    versions: both,
    is: withoutTest('dccp'),
    what: 'the dccp match without an effective option',
    becomes: 'the protocol is left out, and the rule meets packets of every protocol',
  },
  {
    id: 'inverted-port',
    effect: 'inverse',
    versions: old,
    is: match('udp', (use) => isInverted(use, '--dport')),
    what: 'udp ! --dport',
    becomes: 'the ! is left out: the rule meets the packets that it should leave alone, and no others',
  },
  {
    id: 'every-port-inverted',
    effect: 'wider',
    versions: old,
    is: anyOf(
      ...['tcp', 'udp'].map((name) =>
        match(name, (use) =>
          ['--sport', '--dport'].some((port) => isInverted(use, port) && value(use, port) === '0:65535'),
        ),
      ),
    ),
    what: '! --sport 0:65535, which no packet meets',
    becomes: 'the test is left out',
  },
  {
    id: 'state-translated-inverted',
    effect: 'inverse',
    versions: both,
    is: match('conntrack', (use) => stateTranslated(use) && isInverted(use, '--ctstate')),
    what: '! --ctstate with SNAT or DNAT',
    becomes: 'the ! is left out: the rule meets translated connections, and no others',
  },
  {
    id: 'state-translated',
    effect: 'narrower',
    versions: both,
    is: match(
      'conntrack',
      (use) => stateTranslated(use) && !isInverted(use, '--ctstate') && list(use, '--ctstate').length > 1,
    ),
    what: '--ctstate with SNAT or DNAT beside another state',
    becomes: 'only one of SNAT and DNAT is left, and the other states are gone',
  },
  {
    id: 'state-without-entry',
    effect: 'narrower',
    versions: both,
    is: match('conntrack', stateAlone),
    what: '--ctstate of packets without a connection, beside other options of conntrack',
    becomes: 'the rule no longer meets packets that belong to no connection: nft finds nothing to compare',
  },
  {
    id: 'inverted-ports',
    effect: 'inverse',
    versions: both,
    is: match('multiport', (use) => isInverted(use, '--ports')),
    what: 'multiport ! --ports',
    becomes: 'the ! is left out: the rule meets the packets that it should leave alone, and no others',
  },
  {
    id: 'range-of-ports',
    effect: 'narrower',
    versions: both,
    is: match('multiport', (use) => value(use, '--ports').includes(':') && !isInverted(use, '--ports')),
    what: 'multiport --ports with a range',
    becomes: 'only the two ends of the range are left of it',
  },
  {
    id: 'limit-before-protocol',
    effect: 'other',
    versions: both,
    is: (rule) => {
      const at = rule.matches.findIndex(({ name }) => namesProtocol.includes(name));
      return rule.matches.slice(0, Math.max(at, 0)).some(({ name }) => counts.has(name));
    },
    what: 'a limit or counter in front of the match that names the protocol',
    becomes: 'packets of every protocol use the limit up, not only those of the rule',
  },
  {
    id: 'connection-mark-mask',
    effect: 'other',
    versions: both,
    is: target('CONNMARK', (use) => has(use, '--set-xmark') && !isOneOperation(value(use, '--set-xmark'))),
    what: 'CONNMARK --set-xmark with a mask',
    becomes: 'nft reads the operators in another order, and the mark becomes another one or stays as it was',
  },
  {
    id: 'connection-mark-copy',
    effect: 'other',
    versions: both,
    is: target(
      'CONNMARK',
      (use) =>
        savesMark(use) &&
        !shifts(use) &&
        !isFull(use, '--nfmask') &&
        masked(value(use, '--nfmask')).value === masked(value(use, '--ctmask')).value,
    ),
    what: 'CONNMARK --save-mark or --restore-mark with a mask',
    becomes: 'the bits outside of the mask are cleared',
  },
  {
    id: 'ecn-flags',
    effect: 'other',
    versions: both,
    is: match(
      'ecn',
      (use) =>
        has(use, '--ecn-tcp-ece', '--ecn-tcp-cwr') && isInverted(use, '--ecn-tcp-ece', '--ecn-tcp-cwr', '--ecn-ip-ect'),
    ),
    what: 'ecn with TCP flags and a !',
    becomes: 'every test of the match is inverted, and the whole byte of flags is compared',
  },
  {
    id: 'two-address-types',
    effect: 'other',
    versions: both,
    is: match('addrtype', (use) => has(use, '--src-type') && has(use, '--dst-type') && isInverted(use, '--src-type', '--dst-type')), // prettier-ignore
    what: 'addrtype of source and destination with a !',
    becomes: '--dst-type is left out, and its ! goes to --src-type',
  },
  {
    id: 'address-type6',
    effect: 'other',
    versions: both,
    is: (rule) =>
      rule.family === 'ip6' &&
      match('addrtype', (use) =>
        ['--src-type', '--dst-type'].some(
          (name) => has(use, name) && list(use, name).some((type) => !/^(?:LOCAL|ANYCAST)$/.test(type)),
        ),
      )(rule),
    what: 'addrtype with types that ip6tables reads off the address',
    becomes: 'nft looks for a route of that type instead, and of several types one is enough',
  },
  {
    id: 'connection-prefix',
    effect: 'other',
    versions: both,
    is: match('conntrack', ({ options }) =>
      [...options].some(
        ([name, said]) =>
          /^--ct(?:orig|repl)(?:src|dst)$/.test(name) && said.value.includes('/') && !said.value.endsWith('/0'),
      ),
    ),
    what: 'an address of the connection with a prefix (--ctorigsrc 10.0.0.0/8)',
    becomes: 'nft compares its bytes in the wrong order, so that other addresses meet it',
  },
  {
    id: 'expiry-seconds',
    effect: 'other',
    versions: both,
    is: match('conntrack', (use) => has(use, '--ctexpire')),
    what: '--ctexpire',
    becomes: 'nft compares milliseconds: seconds that have begun are no longer met',
  },
  {
    id: 'icmp-any-inverted',
    effect: 'inverse',
    versions: both,
    is: match('icmp', (use) => isInverted(use, '--icmp-type') && value(use, '--icmp-type') === 'any'),
    what: '! --icmp-type any, which no packet meets',
    becomes: 'the rule meets every ICMP packet',
  },
  {
    id: 'chunks-all',
    effect: 'other',
    versions: both,
    is: match('sctp', (use) => isInverted(use, '--chunk-types') && value(use, '--chunk-types').startsWith('all')),
    what: '! --chunk-types all',
    becomes: 'the rule meets packets with none of the chunks, not those that lack one',
  },
  {
    id: 'chunks-none',
    effect: 'wider',
    versions: both,
    is: match('sctp', (use) => value(use, '--chunk-types') === 'all NONE'),
    what: '--chunk-types all NONE',
    becomes: 'the protocol is left out, and the rule meets packets of every protocol',
  },
  {
    id: 'flags-without-mask',
    effect: 'other',
    versions: both,
    is: match('tcp', (use) => has(use, '--tcp-flags') && flagsOf(use)[0] === 'NONE' && flagsOf(use)[1] !== 'NONE'),
    what: '--tcp-flags with an empty mask',
    becomes: 'the test is left out, or is one that no packet meets',
  },
  {
    id: 'ah-length',
    effect: 'other',
    versions: both,
    is: match('ah', (use) => has(use, '--ahlen')),
    what: 'ah --ahlen',
    becomes: 'bytes are compared with the field of the header, which counts words',
  },
  {
    id: 'ah-reserved',
    effect: 'inverse',
    versions: both,
    is: match('ah', (use) => has(use, '--ahres')),
    what: 'ah --ahres',
    becomes: 'the reserved field has to be 1, not 0',
  },
  {
    id: 'owner-without-socket',
    effect: 'narrower',
    versions: both,
    is: match('owner', (use) => use.options.size === 1 && isInverted(use, '--uid-owner', '--gid-owner')),
    what: 'owner ! --uid-owner or ! --gid-owner',
    becomes: 'packets that no socket sent are no longer met',
  },
  {
    id: 'reverse-path',
    effect: 'other',
    versions: both,
    is: match('rpfilter'),
    what: 'the rpfilter match',
    becomes: 'source addresses that are broadcast, anycast or none are judged by their route alone',
  },
  {
    id: 'tcp-option-inverted',
    effect: 'wider',
    versions: both,
    is: match('tcp', (use) => isInverted(use, '--tcp-option') && use.options.size === 1),
    what: 'tcp ! --tcp-option',
    becomes: 'the protocol is left out, and the rule meets packets of every protocol',
  },
  {
    id: 'segment-size-inverted',
    effect: 'narrower',
    versions: both,
    is: match('tcpmss', (use) => isInverted(use, '--mss')),
    what: 'tcpmss ! --mss',
    becomes: 'packets without the option are no longer met',
  },
  {
    id: 'log-prefix-cut',
    effect: 'other',
    versions: both,
    is: target('NFLOG', (use) => bytes(value(use, '--nflog-prefix')) > 63),
    what: 'an NFLOG prefix of more than 63 bytes',
    becomes: 'the prefix is cut',
  },
  {
    id: 'time-zone',
    effect: 'other',
    versions: both,
    is: match('time', (use) => has(use, '--timestart', '--timestop', '--datestart', '--datestop')),
    what: 'the time match',
    becomes: 'nft reads the hours and dates in the local time zone of whoever loads the file; iptables means UTC',
  },
  {
    id: 'fragment-length',
    effect: 'wider',
    versions: both,
    is: match('frag', (use) => has(use, '--fraglen')),
    what: 'frag --fraglen',
    becomes: 'the test is left out',
  },
  {
    id: 'audit-type',
    effect: 'other',
    versions: both,
    is: target('AUDIT'),
    what: 'the AUDIT target',
    becomes: 'its type is left out',
  },
  {
    id: 'congestion-bits',
    effect: 'other',
    versions: both,
    is: (rule) => rule.family === 'ip6' && target('TOS')(rule),
    what: 'the TOS target',
    becomes: 'the two ECN bits are left as they were',
  },
];
