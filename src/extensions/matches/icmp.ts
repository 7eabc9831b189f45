import { icmp as icmpNumber } from '../../netfilter/protocols.ts';
import { always } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option } from '../contract.ts';
import { icmpListing, icmpTest, icmpType } from '../icmptype.ts';
import { translateHeader } from '../transport.ts';
import { anyIcmpType } from '../../netfilter/icmp.ts';
import { icmpCondition, transportField, withHeader } from '../meaning.ts';

export const icmp: MatchExtension = defineMatch({
  name: 'icmp',
  families: ['ip'],
  about: 'the type of an ICMP message, with or without its code',
  kernel: 'net/netfilter/xt_tcpudp.c icmp_match, before Linux 6.4 net/ipv4/netfilter/ip_tables.c',
  support: 'guarded',
  notes: [
    'Type 255 is every type, whatever code is given with it.',
    'iptables, with either backend, drops an ICMP packet with fewer than 8 bytes at this match and never matches later fragments, inverted or not.',
  ],
  protocols: [icmpNumber],
  implicit: true,
  options: {
    type: option({
      name: '--icmp-type',
      value: icmpType,
      invertible: true,
      mandatory: true,
      about: 'type by number or name, with or without a code',
    }),
  },
  transport: () => true,
  listing: icmpListing('icmp', '--icmp-type'),
  translate: ({ type }, context) => translateHeader(type ? icmpTest(type, 'ip') : always, 8, context),
  meaning: ({ type }, context) =>
    withHeader(context, 8, type ? [icmpCondition(transportField(context, 0, 16), type, anyIcmpType)] : []),
});
