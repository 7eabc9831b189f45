import type { ListingReader } from '../../iptables/grammar.ts';
import type { Family } from '../../netfilter/family.ts';
import { tcp } from '../../netfilter/protocols.ts';
import { equal } from '../../nftables/build.ts';
import { all, always, type Formula, test } from '../../nftables/formula.ts';
import { defineMatch, type Difference, type MatchExtension, option, translated } from '../contract.ts';
import { flagNames, maskedFlags } from '../tcpflags.ts';
import { ecnTest } from '../trafficclass.ts';
import { hasBytes } from '../transport.ts';
import { flag, wholeNumber } from '../value.ts';
import { all as allOf, invertIf, is } from '../../packet/condition.ts';
import { payload, type PayloadField as HeaderBits } from '../../packet/field.ts';
import { hasHeader, readsFragment, transportField } from '../meaning.ts';

const ece = 0x40;
const cwr = 0x80;

/** The two low bits of the TOS byte and of the traffic class. */
const ecnField: Readonly<Record<Family, HeaderBits>> = { ip: payload('nh', 14, 2), ip6: payload('nh', 10, 2) };

const fragments: Difference = {
  code: 'fragment-header',
  from: 'both',
  degree: 'guarded',
  why: 'xt_ecn reads the bytes of later fragments as a TCP header; the native form does so too, but not on kernels with the fragment check in the fast path',
};

/** `ECN match ECE !CWR ECT=1` */
const listing: ListingReader = (text) => {
  const start = 'ECN match';
  if (!text.startsWith(start)) return undefined;
  const words: string[] = [];
  let length = start.length;
  for (;;) {
    const part = /^ (!?)(?:(ECE|CWR)|ECT=(\d))(?= |$)/.exec(text.slice(length));
    if (!part) return { words, length };
    const [whole, inverted, bit, value = ''] = part;
    if (inverted) words.push('!');
    if (bit === undefined) words.push('--ecn-ip-ect', value);
    else words.push(bit === 'ECE' ? '--ecn-tcp-ece' : '--ecn-tcp-cwr');
    length += whole.length;
  }
};

export const ecn: MatchExtension = defineMatch({
  name: 'ecn',
  families: ['ip', 'ip6'],
  about: 'the bits of explicit congestion notification in the IP and the TCP header',
  kernel: 'net/netfilter/xt_ecn.c',
  support: 'guarded',
  notes: [
    'A TCP header cut short has neither bit set nor clear.',
    'iptables, with either backend, reads later fragments as if they began with a TCP header; so does the native form, except on kernels that check for fragments in the fast path.',
  ],
  options: {
    ece: option({ name: '--ecn-tcp-ece', value: flag, invertible: true, about: 'the TCP flag ECE is set' }),
    cwr: option({ name: '--ecn-tcp-cwr', value: flag, invertible: true, about: 'the TCP flag CWR is set' }),
    ect: option({
      name: '--ecn-ip-ect',
      value: wholeNumber(0, 3),
      invertible: true,
      about: 'the ECN field of the IP header',
    }),
  },
  atLeastOne: ['ece', 'cwr', 'ect'],
  check: (info, _family, { protocol }) =>
    (info.ece || info.cwr) && (protocol?.number !== tcp || protocol.inverted)
      ? {
          code: 'needs-protocol',
          option: info.ece ? 'ece' : 'cwr',
          what: 'the TCP flags can be looked at only with -p tcp',
          help: 'put -p tcp in front of it',
        }
      : undefined,
  listing,
  translate: (info, context) => {
    const { ece: wantsEce, cwr: wantsCwr, ect } = info;
    const mask = (wantsEce ? ece : 0) | (wantsCwr ? cwr : 0);
    const set = (wantsEce && !wantsEce.inverted ? ece : 0) | (wantsCwr && !wantsCwr.inverted ? cwr : 0);
    const inIp: Formula = ect ? test(ecnTest(ect.value, ect.inverted ? '!=' : '==', context.family)) : always;
    if (mask === 0) return translated(inIp);
    // xt_ecn wants all 20 bytes, the test of the flags only 14.
    const inTcp = all([test(equal(maskedFlags(mask), flagNames(set))), hasBytes(20)]);
    return translated(all([inIp, inTcp]), context.fragmentsVisible ? { differences: [fragments] } : {});
  },
  meaning: ({ ece: wantsEce, cwr: wantsCwr, ect }, context) => {
    const inIp = ect ? [invertIf(ect.inverted, is(ecnField[context.family], ect.value))] : [];
    const inTcp = [
      ...(wantsEce ? [invertIf(wantsEce.inverted, is(transportField(context, 105, 1), 1))] : []),
      ...(wantsCwr ? [invertIf(wantsCwr.inverted, is(transportField(context, 104, 1), 1))] : []),
    ];
    // A header cut short is no reason to drop; a later fragment is read like a header.
    const header = inTcp.length === 0 ? [] : [readsFragment(context), hasHeader(context, 20)];
    return { condition: allOf([...inIp, ...header, ...inTcp]) };
  },
});
