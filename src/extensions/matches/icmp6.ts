import { icmpv6 as icmpv6Number } from '../../netfilter/protocols.ts';
import { always } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option } from '../contract.ts';
import { icmpListing, icmpTest, icmpType } from '../icmptype.ts';
import { translateHeader } from '../transport.ts';
import { icmpCondition, transportField, withHeader } from '../meaning.ts';

export const icmp6: MatchExtension = defineMatch({
  name: 'icmp6',
  families: ['ip6'],
  about: 'the type of an ICMPv6 message, with or without its code',
  kernel: 'net/netfilter/xt_tcpudp.c icmp6_match, before Linux 6.4 net/ipv6/netfilter/ip6_tables.c',
  support: 'guarded',
  notes: [
    'iptables, with either backend, drops an ICMPv6 packet with fewer than 8 bytes at this match and never matches later fragments, inverted or not.',
  ],
  protocols: [icmpv6Number],
  implicit: true,
  options: {
    type: option({
      name: '--icmpv6-type',
      value: icmpType,
      invertible: true,
      mandatory: true,
      about: 'type by number or name, with or without a code',
    }),
  },
  transport: () => true,
  listing: icmpListing('ipv6-icmp', '--icmpv6-type'),
  translate: ({ type }, context) => translateHeader(type ? icmpTest(type, 'ip6') : always, 8, context),
  meaning: ({ type }, context) =>
    withHeader(context, 8, type ? [icmpCondition(transportField(context, 0, 16), type)] : []),
});
