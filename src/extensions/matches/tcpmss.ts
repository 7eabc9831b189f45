import { type Bad, isBad, type ValueType } from '../../iptables/grammar.ts';
import type { Given } from '../../iptables/types.ts';
import { tcp } from '../../netfilter/protocols.ts';
import { match, range, tcpOption } from '../../nftables/build.ts';
import { all, always, type Formula, not, test } from '../../nftables/formula.ts';
import { defineMatch, type Difference, type MatchExtension, option, translated } from '../contract.ts';
import { numberRange, type NumberRange } from '../numberrange.ts';
import { malformedOptions, wholeTcpHeader } from '../tcpoptions.ts';
import { hasBytes, shortHeader } from '../transport.ts';
import { tcpmssMeaning } from '../tcpmeaning.ts';

const anySize = numberRange(0, 65535, 'size[:size]');

const sizes: ValueType<NumberRange> = {
  ...anySize,
  parse: (text, family): NumberRange | Bad => {
    const value = anySize.parse(text, family);
    return !isBad(value) && value.low > value.high
      ? { bad: `the range ${text} ends before it starts`, help: `did you mean ${value.high}:${value.low}?` }
      : value;
  },
};

/** A header without the option fails the test, and so meets its inversion (xt_tcpmss.c tcpmss_mt). */
const sizeTest = ({ value: { low, high }, inverted }: Given<NumberRange>): Formula => {
  const size = test(match(tcpOption('maxseg', 'size'), '==', low === high ? low : range(low, high)));
  return inverted ? all([hasBytes(20), not(size)]) : size;
};

const fragments: Difference = {
  code: 'fragment-header',
  from: 'both',
  degree: 'guarded',
  why: 'xt_tcpmss reads the bytes of later fragments as a TCP header, and drops the packet where they make none; for nftables a later fragment has no TCP options',
};

export const tcpmss: MatchExtension = defineMatch({
  name: 'tcpmss',
  families: ['ip', 'ip6'],
  about: 'the maximum segment size that a TCP header announces',
  kernel: 'net/netfilter/xt_tcpmss.c',
  support: 'guarded',
  notes: [
    'A packet without the option does not match; inverted, it does.',
    'iptables, with either backend, drops a TCP packet whose header or options are cut short at this match.',
  ],
  protocols: [tcp],
  options: {
    mss: option({ name: '--mss', value: sizes, invertible: true, mandatory: true, about: 'maximum segment size' }),
  },
  listing: (text) => {
    const part = /^tcpmss match (!?)(\d+(?::\d+)?)(?= |$)/.exec(text);
    if (!part) return undefined;
    return { words: [...(part[1] ? ['!'] : []), '--mss', part[2] ?? ''], length: part[0].length };
  },
  translate: ({ mss }, context) => {
    const formula = mss ? sizeTest(mss) : always;
    const differences = [malformedOptions('xt_tcpmss'), ...(context.fragmentsVisible ? [fragments] : [])];
    return context.exactLegacy
      ? translated(formula, { hotdrop: not(wholeTcpHeader), differences })
      : translated(formula, { differences: [shortHeader('both', 20), ...differences] });
  },
  meaning: ({ mss }, context) => tcpmssMeaning(mss, context),
});
