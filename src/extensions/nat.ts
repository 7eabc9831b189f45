/** What the NAT targets share: when a port can be given, and their addresses, ports and flags in nft. */
import type { CheckProblem } from '../iptables/grammar.ts';
import type { Given, Selector, Use } from '../iptables/types.ts';
import { printAddress } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import { dccp, icmp, sctp, tcp, udp } from '../netfilter/protocols.ts';
import { l4proto, range } from '../nftables/build.ts';
import type { Expression, Match } from '../nftables/types.ts';
import { type Difference, type Refusal, refused, type RuleContext } from './contract.ts';
import type { NatRange } from './natrange.ts';
import { portExpression, type PortRange } from './ports.ts';

/** The protocols with which iptables takes a port; an inverted one passes its check as well. */
const withPorts: ReadonlySet<number> = new Set([tcp, udp, sctp, dccp, icmp]);

export const checkNatPorts = (option: string, ports: unknown, { protocol }: Selector): CheckProblem | undefined =>
  ports === undefined || (protocol !== undefined && withPorts.has(protocol.number))
    ? undefined
    : {
        code: 'needs-protocol',
        option,
        what: 'a port needs a protocol that has ports',
        help: 'put -p tcp, udp, sctp or dccp in front of it',
      };

/** Why ports, or a range written backwards, cannot be said in nft. */
export const refuseNatRange = (
  option: string,
  { addresses, ports }: NatRange,
  { selector }: RuleContext,
): Refusal | undefined => {
  if (addresses && addresses.low > addresses.high)
    return refused({
      code: 'not-expressible',
      option,
      what: 'an address range that ends before it starts',
      why: 'the kernel counts its length modulo 2^32 and maps to addresses outside of it; nft refuses such a range',
      help: 'write the lower address first',
    });
  if (ports && selector.protocol?.inverted)
    return refused({
      code: 'not-expressible',
      option,
      what: 'a port with an inverted protocol',
      why: 'nft takes a port in NAT only behind a test for one protocol',
      help: 'write one rule for each protocol',
    });
  return undefined;
};

export interface NatFlagsInfo {
  readonly random?: Given<true>;
  readonly randomFully?: Given<true>;
  readonly persistent?: Given<true>;
}

/** The flags in nft's words, as a part of a statement. */
export const natFlags = (info: NatFlagsInfo): { readonly flags?: readonly string[] } => {
  const flags = [
    ...(info.random ? ['random'] : []),
    ...(info.randomFully ? ['fully-random'] : []),
    ...(info.persistent ? ['persistent'] : []),
  ];
  return flags.length > 0 ? { flags } : {};
};

export const natAddress = ({ addresses }: NatRange, family: Family): { readonly addr?: Expression } => {
  if (!addresses) return {};
  const low = printAddress(addresses.low, family);
  return { addr: addresses.low === addresses.high ? low : range(low, printAddress(addresses.high, family)) };
};

export const natPort = (ports: PortRange | undefined): { readonly port?: Expression } =>
  ports ? { port: portExpression(ports) } : {};

const portMatches: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp', 'dccp']);

/** The destination ports that the rule's matches let through, where one match says so. */
export const matchedPorts = (matches: readonly Use[]): PortRange | undefined => {
  for (const { name, info } of matches) {
    const given = info['dport'];
    if (portMatches.has(name) && given && !given.inverted) {
      const { value } = given;
      if (typeof value === 'object' && value !== null && 'low' in value && 'high' in value)
        return { low: Number(value.low), high: Number(value.high) };
    }
  }
  return undefined;
};

/** The test for the rule's protocol, which nft wants in the same rule as a port. */
export const natInside = (ports: unknown, { selector }: RuleContext): { readonly inside?: readonly Match[] } =>
  ports === undefined || !selector.protocol ? {} : { inside: [l4proto(selector.protocol.number)] };

export const portTaken: readonly Difference[] = [
  {
    code: 'port-taken',
    from: 'both',
    degree: 'approximate',
    why: 'where the port that the shift leads to is taken by another connection of the same client, iptables tries the next port of the range; the map of nftables has only that one port',
  },
];
