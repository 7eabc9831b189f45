/** What the NAT targets do: a mapping for the connection, and NF_ACCEPT (net/netfilter/nf_nat_core.c nf_nat_setup_info). */
import type { Effect } from '../packet/effect.ts';
import type { Step } from '../packet/program.ts';
import type { Given } from '../iptables/types.ts';
import type { NatRange } from './natrange.ts';

interface Flags {
  readonly random?: Given<true>;
  readonly randomFully?: Given<true>;
  readonly persistent?: Given<true>;
}

/** NF_NAT_RANGE_PROTO_RANDOM_FULLY, NF_NAT_RANGE_PERSISTENT, NF_NAT_RANGE_PROTO_RANDOM, sorted by name. */
const flagNames = ({ random, randomFully, persistent }: Flags): readonly string[] => [
  ...(randomFully ? ['fully-random'] : []),
  ...(persistent ? ['persistent'] : []),
  ...(random ? ['random'] : []),
];

export const natSteps = (
  type: Extract<Effect, { kind: 'nat' }>['type'],
  { addresses, ports }: NatRange,
  flags: Flags = {},
): readonly Step[] => [
  {
    kind: 'effect',
    effect: {
      kind: 'nat',
      type,
      to: {
        ...(addresses ? { address: [addresses.low, addresses.high] as const } : {}),
        ...(ports ? { port: [ports.low, ports.high] as const } : {}),
      },
      flags: flagNames(flags),
      ...(ports?.base === undefined ? {} : { basePort: ports.base }),
    },
  },
  { kind: 'verdict', verdict: { kind: 'accept' } },
];
