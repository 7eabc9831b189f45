/** Packets of encrypted overlays as conditions: what Docker wants dropped, let in and encrypted. */
import type { Peer } from '../../guard/docker-info.ts';
import { esp, udp } from '../../netfilter/protocols.ts';
import { any, type Condition, interval, is, within } from '../../packet/condition.ts';
import { ctStates, key, payload } from '../../packet/field.ts';
import { lazyBy } from '../lazy.ts';
import type { Overlay } from '../overlays.ts';

/** The mark that Docker's XFRM policies select by, all bits. */
export const encryptionMark = 0xd0c4e3;

/** UDP to the port with the VNI in its VXLAN header (RFC 7348), the first of its connection. */
const overUdp = is(key('l4proto'), udp);
/** No hook that is asked about meets a fragment: arriving datagrams are put together, leaving ones not yet taken apart. */
const isWhole = is(key('fragoff'), 0);
const isFirst = is(key('ct.state'), ctStates.new);
const toPort = lazyBy((port: number): Condition => is(payload('th', 16, 16), port));
const isClear = is(key('secpath'), 0);
const isDecrypted = is(key('secpath'), 1);
const isUnmarked = is(key('mark'), 0);
const isUnmarkedConnection = is(key('ct.mark'), 0);

/** Conditions are lists, the same parts in each, so that questions about many networks share what they have in common. */
type Question = readonly Condition[];

const vxlanOf = ({ port, vni }: Pick<Overlay, 'port' | 'vni'>): Question => [
  overUdp,
  isWhole,
  isFirst,
  toPort(port),
  is(payload('th', 96, 32), vni * 256, 0xffffff00),
];

/** As packets come from a wire: what sets a mark stands in prerouting. */
export const unmarked: Question = [isUnmarked, isUnmarkedConnection];

/** VXLAN of one network that did not come through IPsec. */
export const clearVxlan = (overlay: Pick<Overlay, 'port' | 'vni'>): Question => [...vxlanOf(overlay), isClear];

/** VXLAN of one network as it comes out of IPsec. */
export const decryptedVxlan = (overlay: Pick<Overlay, 'port' | 'vni'>): Question => [...vxlanOf(overlay), isDecrypted];

/** ESP as it comes from a peer. `new`: this host has not sent it any for some minutes (nf_conntrack_proto_generic.c). */
export const incomingEsp = (state: 'new' | 'established'): Question => [
  is(key('l4proto'), esp),
  isWhole,
  isClear,
  is(key('ct.state'), ctStates[state]),
];

/** VXLAN of one network as this host sends it: without a mark, and the first of its connection. */
export const outgoingVxlan = (overlay: Pick<Overlay, 'port' | 'vni'>): Question => [...vxlanOf(overlay), ...unmarked];

const addresses = (side: 'source' | 'destination', family: Overlay['family'], peers: readonly Peer[]): Condition => {
  const [start, bits] = family === 'ip' ? [96, 32] : [64, 128];
  const field = payload('nh', side === 'source' ? start : start + bits, bits);
  return any(peers.filter((peer) => peer.family === family).map(({ address }) => within(field, [interval(address)])));
};

export const from = (family: Overlay['family'], peers: readonly Peer[]): Condition =>
  addresses('source', family, peers);
export const to = (family: Overlay['family'], peers: readonly Peer[]): Condition =>
  addresses('destination', family, peers);
