/**
 * Where the headers of a packet are, as the kernel finds them: IPv4 by its length field, IPv6 twice, because nf_tables
 * (nf_tables_ipv6.h nft_set_pktinfo_ipv6) stops at an authentication header and ip6_tables (ip6_packet_match) does not.
 */
import { ah, tcp, udp } from '../netfilter/protocols.ts';
import type { Family } from '../netfilter/family.ts';
import type { Base } from './field.ts';

/** Offsets are in bytes from the network header; -1 where there is no such header. */
export interface Headers {
  /** By `startIndex`. They may lie behind the end of the packet. */
  readonly starts: readonly [nh: number, th: number, xt: number, ih: number];
  /** Null where the chain of IPv6 headers cannot be followed. */
  readonly l4proto: number | null;
  readonly xtproto: number | null;
  /** In units of 8 bytes; nf_tables sees none behind an authentication header, and neither sees one in a broken chain. */
  readonly fragoff: number;
  readonly xtfragoff: number;
}

/** Which of `starts` belongs to a base; the Ethernet header is not part of the packet's bytes. */
export const startIndex: Readonly<Record<Exclude<Base, 'll'>, 0 | 1 | 2 | 3>> = { nh: 0, th: 1, xt: 2, ih: 3 };

const hopByHop = 0;
const routing = 43;
const fragment = 44;
const noNext = 59;
const destination = 60;
const gre = 47;
const ipInIp = 4;

const ip6Length = 40;

/** exthdrs_core.c ipv6_ext_hdr: what the walk goes past. ESP and mobility count as payload. */
const isExtension = (header: number): boolean =>
  header === hopByHop ||
  header === routing ||
  header === fragment ||
  header === ah ||
  header === noNext ||
  header === destination;

interface Found {
  readonly protocol: number;
  /** 0 for a later fragment: the kernel leaves the offset as it was. */
  readonly start: number;
  readonly fragoff: number;
}

const byte = (bytes: Uint8Array, at: number): number => bytes[at] as number;
const word = (bytes: Uint8Array, at: number): number => (byte(bytes, at) << 8) | byte(bytes, at + 1);

/**
 * exthdrs_core.c ipv6_find_hdr with target -1: the last header, or undefined if the chain is broken, that is cut
 * short, or continued by an extension header in a later fragment.
 */
const lastHeader = (bytes: Uint8Array, stopAtAh: boolean): Found | undefined => {
  if (bytes.length < ip6Length) return undefined;
  let next = byte(bytes, 6);
  let start = ip6Length;
  while (isExtension(next) && next !== noNext) {
    if (start + 2 > bytes.length) return undefined;
    let length: number;
    if (next === fragment) {
      if (start + 4 > bytes.length) return undefined;
      const fragoff = word(bytes, start + 2) >> 3;
      if (fragoff !== 0) {
        const protocol = byte(bytes, start);
        return isExtension(protocol) && protocol !== noNext ? undefined : { protocol, start: 0, fragoff };
      }
      length = 8;
    } else if (next === ah) {
      if (stopAtAh) break;
      length = (byte(bytes, start + 1) + 2) * 4;
    } else {
      // The type and the segments left of a routing header are read before it is known what to do with them.
      if (next === routing && start + 4 > bytes.length) return undefined;
      length = (byte(bytes, start + 1) + 1) * 8;
    }
    next = byte(bytes, start);
    start += length;
  }
  return { protocol: next, start, fragoff: 0 };
};

/**
 * exthdrs_core.c ipv6_find_hdr with a target, as `exthdr` asks: where the first header of this number is, or
 * undefined. An extension header has to be there with its first bytes; anything else is only named by the one before.
 */
export const findHeader = (bytes: Uint8Array, target: number): number | undefined => {
  if (bytes.length < ip6Length) return undefined;
  let next = byte(bytes, 6);
  let start = ip6Length;
  for (;;) {
    const found = next === target;
    if (!isExtension(next) || next === noNext) return found ? start : undefined;
    if (start + (next === routing || next === fragment ? 4 : 2) > bytes.length) return undefined;
    if (found) return start;
    if (next === fragment && word(bytes, start + 2) >> 3 !== 0) return undefined;
    const units = byte(bytes, start + 1);
    const length = next === fragment ? 8 : next === ah ? (units + 2) * 4 : (units + 1) * 8;
    next = byte(bytes, start);
    start += length;
  }
};

/** A GRE header of version 0 without a routing field, whose length its flags say; see RFC 2890. */
const greLength = (bytes: Uint8Array, at: number): number => {
  if (at + 4 > bytes.length) return -1;
  const flags = byte(bytes, at);
  if ((byte(bytes, at + 1) & 0x07) !== 0 || (flags & 0x40) !== 0) return -1;
  return 4 + (flags & 0x80 ? 4 : 0) + (flags & 0x20 ? 4 : 0) + (flags & 0x10 ? 4 : 0);
};

/** nf_tables_core.c / nft_payload.c nft_payload_inner_offset. The data offset of TCP is taken as it is, even below 5. */
const innerStart = (bytes: Uint8Array, protocol: number, th: number): number => {
  if (protocol === udp) return th + 8;
  if (protocol === tcp) return th + 20 > bytes.length ? -1 : th + (byte(bytes, th + 12) >> 4) * 4;
  if (protocol === ipInIp) return th;
  if (protocol !== gre) return -1;
  const length = greLength(bytes, th);
  return length < 0 ? -1 : th + length;
};

/** What no kernel lets through to a hook: less than a network header. */
const none: Headers = { starts: [0, -1, -1, -1], l4proto: null, xtproto: null, fragoff: 0, xtfragoff: 0 };

const ip4Headers = (bytes: Uint8Array): Headers => {
  if (bytes.length < 20) return none;
  const th = (byte(bytes, 0) & 15) * 4;
  const protocol = byte(bytes, 9);
  const fragoff = word(bytes, 6) & 0x1fff;
  const ih = fragoff === 0 ? innerStart(bytes, protocol, th) : -1;
  return { starts: [0, th, th, ih], l4proto: protocol, xtproto: protocol, fragoff, xtfragoff: fragoff };
};

const ip6Headers = (bytes: Uint8Array): Headers => {
  const nft = lastHeader(bytes, true);
  // Without an authentication header on the way both walks are one.
  const xt = nft?.protocol === ah ? lastHeader(bytes, false) : nft;
  return {
    starts: [
      0,
      nft?.start ?? -1,
      xt?.start ?? -1,
      nft && nft.fragoff === 0 ? innerStart(bytes, nft.protocol, nft.start) : -1,
    ],
    l4proto: nft?.protocol ?? null,
    xtproto: xt?.protocol ?? null,
    fragoff: nft?.fragoff ?? 0,
    xtfragoff: xt?.fragoff ?? 0,
  };
};

/** Never fails: a packet that is too short has headers that are not there. */
export const headersOf = (family: Family, bytes: Uint8Array): Headers =>
  family === 'ip' ? ip4Headers(bytes) : ip6Headers(bytes);
