/** Ports of a connection's tuples: `ct original proto-dst` and its three siblings. */
import type { Given } from '../iptables/types.ts';
import type { Family } from '../netfilter/family.ts';
import { ah, dccp, icmp, icmpv6, sctp, tcp, udp, udplite } from '../netfilter/protocols.ts';
import { ct, equal, l4proto, match, protocol } from '../nftables/build.ts';
import { all, always, any, type Formula, never, not, test } from '../nftables/formula.ts';
import { tracked } from './conntrack.ts';
import { portExpression, type PortRange } from './ports.ts';

/**
 * The protocols for which conntrack fills the port fields (ICMP: id, type and code); all others but GRE leave them
 * zero, see nf_conntrack_core.c nf_ct_get_tuple.
 */
const withPorts: readonly number[] = [tcp, udp, udplite, sctp, dccp, icmp, icmpv6];

/** Its ports are the keys of GRE version 1. */
const gre = 47;

export interface TuplePort {
  readonly key: 'proto-src' | 'proto-dst';
  readonly direction: 'original' | 'reply';
}

/** What the rule says about the protocol elsewhere: of the packet (`-p`) or of the connection (`--ctproto`), not inverted. */
export interface KnownProtocol {
  readonly packet?: number;
  readonly connection?: number;
}

/**
 * nft 1.0.6 compiles `ct … proto-…` only behind a test for one protocol in the same rule. It takes `ct protocol` for that
 * if it has a header description of the protocol; for GRE it has none, and the packet's own protocol serves: GRE, or that
 * of an ICMP error that belongs to the connection.
 */
const behindConnection = (port: Formula, number: number, family: Family): Formula => {
  if (number !== gre) return port;
  // Conntrack looks behind an IPv6 authentication header, `meta l4proto` does not.
  const carriers = family === 'ip' ? [gre, icmp] : [gre, icmpv6, ah];
  return any(carriers.map((carrier) => all([test(l4proto(carrier)), port])));
};

/** One alternative for each protocol that has ports. */
const anyProtocol = (port: Formula, family: Family): Formula =>
  any(
    [...withPorts, gre].flatMap((number) => {
      const behind = behindConnection(port, number, family);
      const connection = test(equal(ct('protocol'), protocol(number)));
      return (behind.kind === 'any' ? behind.of : [behind]).map((alternative) => all([connection, alternative]));
    }),
  );

/** `always` means: true of every packet that has a conntrack entry. A test of `--ctproto` has to stand in front. */
export const tuplePortTest = (
  { key, direction }: TuplePort,
  { value, inverted }: Given<PortRange>,
  known: KnownProtocol,
  family: Family,
): Formula => {
  const { low, high } = value;
  if (low > high) return inverted ? always : never;
  if (low === 0 && high === 65535) return inverted ? never : always;
  const port = (op: '==' | '!='): Formula => test(match(ct(key, direction), op, portExpression(value)));
  const wanted = port(inverted ? '!=' : '==');
  if (known.packet !== undefined) return all([test(l4proto(known.packet)), wanted]);
  const zeroWanted = (low === 0) !== inverted;
  const { connection } = known;
  if (connection !== undefined) {
    if (connection === gre || withPorts.includes(connection)) return behindConnection(wanted, connection, family);
    return zeroWanted ? always : never;
  }
  // Connections of protocols without ports have zero there and meet the wish too: everything but the unwanted ports.
  if (zeroWanted) return all([tracked, not(anyProtocol(port(inverted ? '==' : '!='), family))]);
  return anyProtocol(wanted, family);
};
