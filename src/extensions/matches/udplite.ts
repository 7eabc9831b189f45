import { udplite as udpliteNumber } from '../../netfilter/protocols.ts';
import { defineMatch, type MatchExtension } from '../contract.ts';
import { portListing } from '../portlisting.ts';
import { portOptions, portTests } from '../portmatch.ts';
import { portRange } from '../ports.ts';
import { translateHeader } from '../transport.ts';
import { portConditions, withHeader } from '../meaning.ts';

export const udplite: MatchExtension = defineMatch({
  name: 'udplite',
  families: ['ip', 'ip6'],
  about: 'ports of a UDP-Lite header',
  kernel: 'net/netfilter/xt_tcpudp.c udp_mt',
  support: 'guarded',
  notes: ['The kernel has this match, but no iptables release brings the user-space part: -m multiport does the same.'],
  protocols: [udpliteNumber],
  options: portOptions(portRange),
  transport: () => true,
  listing: portListing('udplite'),
  translate: (info, context) => translateHeader(portTests('udplite', info), 8, context),
  meaning: (info, context) => withHeader(context, 8, portConditions(context, info)),
});
