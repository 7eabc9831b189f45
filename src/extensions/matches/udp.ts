import { udp as udpNumber } from '../../netfilter/protocols.ts';
import { defineMatch, type MatchExtension } from '../contract.ts';
import { portListing } from '../portlisting.ts';
import { portOptions, translatePorts } from '../portmatch.ts';
import { portRange } from '../ports.ts';
import { portConditions, withHeader } from '../meaning.ts';
import { loadedOtherwise } from '../nativeload.ts';
import { asksPorts, nativePorts } from '../nativemeaning.ts';
import { all } from '../../packet/condition.ts';

export const udp: MatchExtension = defineMatch({
  name: 'udp',
  families: ['ip', 'ip6'],
  about: 'ports of a UDP header',
  kernel: 'net/netfilter/xt_tcpudp.c udp_mt',
  support: 'guarded',
  notes: [
    'iptables-legacy drops a UDP packet with fewer than 8 bytes at this match and never matches later fragments, inverted or not; the native form equals iptables-nft.',
    'iptables-nft up to 1.8.10 loads two inverted ports as a test that holds as soon as one of them differs, and an inverted range of all ports as no test. The native form does what the rule says; such a rule is approximate.',
    'A port range that ends before it starts holds no port.',
  ],
  protocols: [udpNumber],
  implicit: true,
  options: portOptions(portRange),
  transport: () => true,
  listing: portListing('udp'),
  translate: (info, context) => translatePorts('udp', info, context, 8, { differences: loadedOtherwise(info) }),
  meaning: (info, context) =>
    context.backend === 'nft' && asksPorts(info)
      ? { condition: all(nativePorts(info)) }
      : withHeader(context, 8, portConditions(context, info)),
});
