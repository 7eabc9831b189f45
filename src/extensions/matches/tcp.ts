import type { Given } from '../../iptables/types.ts';
import { tcp as tcpNumber } from '../../netfilter/protocols.ts';
import { match } from '../../nftables/build.ts';
import { all, always, any, type Formula, never, not, test } from '../../nftables/formula.ts';
import {
  defineMatch,
  type Difference,
  type MatchExtension,
  type MatchTranslation,
  option,
  type RuleContext,
  translated,
} from '../contract.ts';
import { loadedOtherwise } from '../nativeload.ts';
import { portListing, type Taken } from '../portlisting.ts';
import { portOptions, portTests, translatePorts } from '../portmatch.ts';
import { ascendingPortRange } from '../ports.ts';
import { type FlagsMask, flagNames, flagsMask, maskedFlags, printFlags, synFlag } from '../tcpflags.ts';
import { hasOption, lastPadding, malformedOptions, wholeTcpHeader } from '../tcpoptions.ts';
import { fragmentGuard, hasBytes, overlappingFragment, shorterThan, translateHeader } from '../transport.ts';
import { wholeNumber } from '../value.ts';
import { tcpMeaning } from '../tcpmeaning.ts';

const headerLength = 20;

const flagsTest = (given: Given<FlagsMask> | undefined): Formula => {
  if (!given) return always;
  const { mask, flags } = given.value;
  // No header meets flags outside of the mask; the inverted test still wants the flags byte to be there.
  if ((flags & ~mask) !== 0) return given.inverted ? hasBytes(14) : never;
  if (mask === 0) return given.inverted ? never : always;
  return test(match(maskedFlags(mask), given.inverted ? '!=' : '==', flagNames(flags)));
};

const overlap = (context: RuleContext): readonly Difference[] =>
  context.exactLegacy || overlappingFragment(context).kind === 'never'
    ? []
    : [
        {
          code: 'fragment-header',
          from: 'both',
          degree: 'guarded',
          why: 'a fragment that starts 8 bytes into the TCP header is dropped on the spot by xt_tcpudp; the native form does not match it',
        },
      ];

/** With `--tcp-option` iptables-nft keeps the whole match as the xt module. The options are looked at last. */
const translateOption = (before: Formula, wanted: Given<number>, context: RuleContext): MatchTranslation => {
  const formula = all([before, hasOption(wanted.value, wanted.inverted)]);
  const differences = [
    malformedOptions('xt_tcpudp'),
    ...(wanted.value === 1 ? [lastPadding] : []),
    ...overlap(context),
  ];
  if (!context.exactLegacy) return translateHeader(formula, headerLength, context, differences);
  const guard = fragmentGuard(context);
  const cutShort = all([guard, before, not(wholeTcpHeader)]);
  return translated(all([guard, formula]), {
    hotdrop: any([overlappingFragment(context), shorterThan(headerLength, context), cutShort]),
    differences,
  });
};

const named = (flags: string): string => (flags.startsWith('0x') ? printFlags(Number(flags)) : flags);

/** ` option=!5 flags:!0x17/0x02`; the flags by name without -n. */
const takeMore = (rest: string): Taken | undefined => {
  const part = /^ (?:option=(!?)(\d+)|flags:(!?)([^\s/]+)\/(\S+))(?= |$)/.exec(rest);
  if (!part) return undefined;
  const [{ length }, optionBang, kind, flagsBang, mask = '', flags = ''] = part;
  const bang = optionBang || flagsBang ? ['!'] : [];
  const words = kind === undefined ? ['--tcp-flags', named(mask), named(flags)] : ['--tcp-option', kind];
  return { words: [...bang, ...words], length };
};

export const tcp: MatchExtension = defineMatch({
  name: 'tcp',
  families: ['ip', 'ip6'],
  about: 'ports, flags and options of a TCP header',
  kernel: 'net/netfilter/xt_tcpudp.c tcp_mt',
  support: 'guarded',
  notes: [
    'iptables-legacy drops a TCP packet with fewer than 20 bytes, and a fragment that starts at byte 8, at this match; it never matches later fragments, inverted or not.',
    'Without any test, and with --tcp-option, iptables-nft keeps the xt module, so that the same holds there.',
    'iptables-nft up to 1.8.10 loads two inverted ports as a test that holds as soon as one of them differs, and an inverted range of all ports as no test; it never loads a test of flags under an empty mask. The native form does what the rule says; such a rule is approximate.',
    'nftables sees an option only where it lies within the header, and a NOP not in its last byte.',
  ],
  protocols: [tcpNumber],
  implicit: true,
  options: {
    ...portOptions(ascendingPortRange),
    option: option({
      name: '--tcp-option',
      value: wholeNumber(1, 255),
      invertible: true,
      about: 'a TCP option of that kind is there',
    }),
    syn: option({
      name: '--syn',
      printsAs: '--tcp-flags',
      value: synFlag,
      invertible: true,
      excludes: ['flags'],
      about: 'SYN set, and FIN, RST and ACK clear',
    }),
    flags: option({
      name: '--tcp-flags',
      value: flagsMask,
      invertible: true,
      excludes: ['syn'],
      asksNothing: ({ mask, flags }) => mask === 0 && flags === 0,
      about: 'of the flags in the mask, those and no others are set',
    }),
  },
  transport: () => true,
  listing: portListing('tcp', takeMore),
  translate: (info, context) => {
    const flags = info.syn ?? info.flags;
    const rest = flagsTest(flags);
    const before = all([portTests('tcp', info), rest]);
    if (info.option) return translateOption(before, info.option, context);
    return translatePorts('tcp', info, context, headerLength, {
      rest,
      hotdrop: overlappingFragment(context),
      differences: before.kind === 'always' ? overlap(context) : loadedOtherwise(info, flags),
    });
  },
  meaning: tcpMeaning,
});
