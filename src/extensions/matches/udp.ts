import { udp as udpNumber } from '../../netfilter/protocols.ts';
import { defineMatch, type MatchExtension, option } from '../contract.ts';
import { portRange } from '../ports.ts';
import { portListing, translatePorts } from '../portmatch.ts';

export const udp: MatchExtension = defineMatch({
  name: 'udp',
  families: ['ip', 'ip6'],
  about: 'ports of a UDP header',
  kernel: 'net/netfilter/xt_tcpudp.c udp_mt',
  support: 'guarded',
  notes: [
    'iptables-legacy drops a UDP packet with fewer than 8 bytes at this match and never matches later fragments, inverted or not; the native form equals iptables-nft.',
  ],
  protocols: [udpNumber],
  implicit: true,
  options: {
    sport: option({ name: '--sport', aliases: ['--source-port'], value: portRange, invertible: true, about: 'source port' }),
    dport: option({ name: '--dport', aliases: ['--destination-port'], value: portRange, invertible: true, about: 'destination port' }),
  },
  transport: () => true,
  listing: portListing('udp'),
  translate: (info, context) => translatePorts('udp', info, context, 8),
});
