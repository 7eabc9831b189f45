/** Packets of encrypted overlays as conditions: what Docker wants dropped, let in and encrypted. */
import type { Peer } from '../../guard/docker-info.ts';
import { esp, udp } from '../../netfilter/protocols.ts';
import { all, any, type Condition, interval, is, within } from '../../packet/condition.ts';
import { ctStates, key, payload } from '../../packet/field.ts';
import type { Overlay } from '../overlays.ts';

/** The mark that Docker's XFRM policies select by, all bits. */
export const encryptionMark = 0xd0c4e3;

/** UDP to the port with the VNI in its VXLAN header (RFC 7348), the first of its connection. */
export const vxlanOf = ({ port, vni }: Pick<Overlay, 'port' | 'vni'>): readonly Condition[] => [
  is(key('l4proto'), udp),
  is(payload('th', 16, 16), port),
  is(payload('th', 96, 32), vni * 256, 0xffffff00),
  is(key('ct.state'), ctStates.new),
];

const cameThroughIpsec = (value: 0 | 1): Condition => is(key('secpath'), value);

/** VXLAN of one network that did not come through IPsec. */
export const clearVxlan = (overlay: Pick<Overlay, 'port' | 'vni'>): Condition =>
  all([...vxlanOf(overlay), cameThroughIpsec(0)]);

/** VXLAN of one network as it comes out of IPsec. */
export const decryptedVxlan = (overlay: Pick<Overlay, 'port' | 'vni'>): Condition =>
  all([...vxlanOf(overlay), cameThroughIpsec(1)]);

/** ESP as it comes from a peer. `new`: this host has not sent it any for some minutes (nf_conntrack_proto_generic.c). */
export const incomingEsp = (state: 'new' | 'established'): Condition =>
  all([is(key('l4proto'), esp), cameThroughIpsec(0), is(key('ct.state'), ctStates[state])]);

/** VXLAN of one network as this host sends it: without a mark, and the first of its connection. */
export const outgoingVxlan = (overlay: Pick<Overlay, 'port' | 'vni'>): Condition =>
  all([...vxlanOf(overlay), is(key('mark'), 0), is(key('ct.mark'), 0)]);

const addresses = (side: 'source' | 'destination', family: Overlay['family'], peers: readonly Peer[]): Condition => {
  const [start, bits] = family === 'ip' ? [96, 32] : [64, 128];
  const field = payload('nh', side === 'source' ? start : start + bits, bits);
  return any(peers.filter((peer) => peer.family === family).map(({ address }) => within(field, [interval(address)])));
};

export const from = (family: Overlay['family'], peers: readonly Peer[]): Condition =>
  addresses('source', family, peers);
export const to = (family: Overlay['family'], peers: readonly Peer[]): Condition =>
  addresses('destination', family, peers);
