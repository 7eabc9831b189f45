/**
 * Where the flow dissector finds the payload of a UDP packet (net/core/flow_dissector.c skb_get_poff), from the bytes.
 * It walks other extension headers than netfilter does: not past an authentication header, and not past the fragment
 * header of any fragment.
 */
import { udp } from '../../netfilter/protocols.ts';
import type { Family } from '../../netfilter/family.ts';

const udpHeader = 8;
const ip6Header = 40;
/** MAX_FLOW_DISSECT_HDRS */
const mostHeaders = 15;

const hopByHop = 0;
const routing = 43;
const fragment = 44;
const destination = 60;

const byte = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0;
const word = (bytes: Uint8Array, at: number): number => (byte(bytes, at) << 8) | byte(bytes, at + 1);

const ip4Payload = (bytes: Uint8Array): number => {
  const words = byte(bytes, 0) & 15;
  if (words < 5) return 0;
  const header = Math.min(words * 4, bytes.length);
  return (word(bytes, 6) & 0x1fff) === 0 ? header + udpHeader : header;
};

const ip6Payload = (bytes: Uint8Array): number => {
  let next = byte(bytes, 6);
  let start = ip6Header;
  for (let walked = 0; walked <= mostHeaders; walked++) {
    if (next === fragment) {
      if (start + 8 > bytes.length) return 0;
      const later = word(bytes, start + 2) >> 3 !== 0;
      next = byte(bytes, start);
      start += 8;
      return !later && next === udp ? start + udpHeader : start;
    }
    if (next !== hopByHop && next !== routing && next !== destination) break;
    if (start + 2 > bytes.length) return 0;
    next = byte(bytes, start);
    start += (byte(bytes, start + 1) + 1) * 8;
  }
  const header = Math.min(start, bytes.length);
  return next === udp ? header + udpHeader : header;
};

/** In bytes from the network header; 0 where the dissector gives up. Only for packets whose protocol is UDP. */
export const udpPayloadOffset = (bytes: Uint8Array, family: Family): number =>
  family === 'ip' ? ip4Payload(bytes) : ip6Payload(bytes);
