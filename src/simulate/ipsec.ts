/**
 * Which IPsec policy a packet that this host sends could get. The kernel looks for one when it routes the packet: a
 * tunnel's packet has no policy when it comes to the output hook (net/ipv4/udp_tunnel_core.c routes without one), and
 * gets one only where a chain of type route or NAT has it routed anew (netfilter.c ip_route_me_harder,
 * nf_nat_proto.c nf_xfrm_me_harder). What happens to the mark after the last look-up changes nothing any more.
 */
import type { Packet } from '../packet/packet.ts';
import { type Oracle, slotOf, valueAt, viewOf } from '../packet/view.ts';
import { explore } from './explore.ts';
import type { Host, Way } from './host.ts';
import { type Decide, newRun } from './run.ts';
import { goWay } from './way.ts';

export interface Departure {
  /** `accept` if it leaves. */
  readonly ending: string;
  /** The mark at the last look-up; undefined if there was none, or nobody knows the mark. */
  readonly policyMark: number | undefined;
  /** The mark that it leaves with. */
  readonly mark: number | undefined;
}

const markSlot = slotOf('mark');

const mostWays = 64;

/** All ways of a packet from the output hook on, and whether these are all. */
export const departures = (
  host: Host,
  packet: Packet,
  oracle?: Oracle,
): { readonly ways: readonly Departure[]; readonly complete: boolean } => {
  const sensitive = new Set<string>();
  const walk = (decide: Decide): Departure => {
    let policyMark: number | undefined;
    const run = newRun(viewOf(packet, oracle), decide);
    const markOf = (): number | undefined => {
      const mark = valueAt(run.view, markSlot);
      return typeof mark === 'number' ? mark : undefined;
    };
    const routed = (): void => {
      policyMark = markOf();
    };
    const way: Way = { run, host, trace: undefined, sensitive, routed };
    const ending = goWay('output', way);
    return { ending: ending.kind, policyMark, mark: markOf() };
  };
  let exploration = explore(walk, mostWays);
  for (let known = 0; known < sensitive.size;) {
    known = sensitive.size;
    exploration = explore(walk, mostWays);
  }
  const { ways, complete } = exploration;
  return { ways: ways.map(({ result }) => result), complete };
};
