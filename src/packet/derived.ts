/** Keys that the packet's own bytes answer, found by the rules of the kernel's scanners (nft_exthdr.c). */
import { sctp, tcp } from '../netfilter/protocols.ts';
import type { Family } from '../netfilter/family.ts';
import { hasBits, readBits } from './bits.ts';
import { findHeader } from './headers.ts';
import type { Headers } from './headers.ts';

/** What a derived key is read from. */
export interface Parsed {
  readonly family: Family;
  readonly bytes: Uint8Array;
  readonly headers: Headers;
}

/** The key's value, or null where this packet has none. */
export type Derivation = (packet: Parsed) => number | bigint | null;

/** A field of the thing that starts at `start`, of which the packet has to hold all bytes. */
const fieldAt = (bytes: Uint8Array, start: number, offset: number, length: number): number | bigint | null =>
  hasBits(bytes, start, offset, length) ? readBits(bytes, start * 8 + offset, length) : null;

/** How many bytes an option takes in the scan; one of length zero takes one, so that the scan comes to an end. */
const optionStep = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) <= 1 ? 1 : (bytes[at + 1] as number) || 1;

/**
 * nft_exthdr.c nft_exthdr_tcp_eval: where the first option of this kind is, if `needed` bytes of it lie within the
 * option and the option within the header. The whole header has to be there; an end-of-options byte does not stop
 * the scan, and the header's last byte is never the start of an option.
 */
const tcpOption = ({ bytes, headers }: Parsed, kind: number, needed: number): number | undefined => {
  const start = headers.starts[1];
  if (headers.l4proto !== tcp || headers.fragoff !== 0 || start < 0 || start + 20 > bytes.length) return undefined;
  const end = start + ((bytes[start + 12] as number) >> 4) * 4;
  if (end < start + 20 || end > bytes.length) return undefined;
  for (let at = start + 20; at < end - 1;) {
    const step = optionStep(bytes, at);
    if (bytes[at] === kind) return at + step > end || needed > step ? undefined : at;
    at += step;
  }
  return undefined;
};

const word = (bytes: Uint8Array, at: number): number => ((bytes[at] as number) << 8) | (bytes[at + 1] as number);

const sctpHeader = 12;

/**
 * nft_exthdr.c nft_exthdr_sctp_eval: where the first chunk of this type is. A chunk of length zero ends the scan. Later
 * fragments are scanned like whole packets.
 */
const sctpChunk = ({ bytes, headers }: Parsed, type: number): number | undefined => {
  const start = headers.starts[1];
  if (headers.l4proto !== sctp || start < 0) return undefined;
  for (let at = start + sctpHeader; at + 4 <= bytes.length;) {
    const length = word(bytes, at + 2);
    if (length === 0) return undefined;
    if (bytes[at] === type) return at;
    at += (length + 3) & ~3;
  }
  return undefined;
};

/** A chunk's field has to lie within the length that the chunk gives, and the chunk within the packet. */
const chunkField = (packet: Parsed, type: number, offset: number, length: number): number | bigint | null => {
  const at = sctpChunk(packet, type);
  if (at === undefined) return null;
  const size = word(packet.bytes, at + 2);
  if ((offset + length + 7) >> 3 > size || at + size > packet.bytes.length) return null;
  return fieldAt(packet.bytes, at, offset, length);
};

/** Only IPv6 has extension headers; of IPv4 the kernel knows that it has none. */
const extension = ({ family, bytes }: Parsed, number: number): number | undefined =>
  family === 'ip6' ? findHeader(bytes, number) : undefined;

const truth = (found: number | undefined): number => (found === undefined ? 0 : 1);

const fixed: Readonly<Record<string, Derivation>> = {
  length: ({ bytes }) => bytes.length,
  l4proto: ({ headers }) => headers.l4proto,
  xtproto: ({ headers }) => headers.xtproto,
  fragoff: ({ headers }) => headers.fragoff,
  xtfragoff: ({ headers }) => headers.xtfragoff,
};

const scanned = /^(tcpopt|sctp\.chunk|exthdr)\.(\d+)\.(?:exists|(\d+)\.(\d+))$/;

const scan = (what: string, number: number): Derivation => {
  if (what === 'tcpopt') return (packet) => truth(tcpOption(packet, number, 1));
  if (what === 'exthdr') return (packet) => truth(extension(packet, number));
  return (packet) => truth(sctpChunk(packet, number));
};

const scanField = (what: string, number: number, offset: number, length: number): Derivation => {
  if (what === 'tcpopt') {
    const needed = (offset + length + 7) >> 3;
    return (packet) => {
      const at = tcpOption(packet, number, needed);
      return at === undefined ? null : fieldAt(packet.bytes, at, offset, length);
    };
  }
  if (what === 'exthdr')
    return (packet) => {
      const at = extension(packet, number);
      return at === undefined ? null : fieldAt(packet.bytes, at, offset, length);
    };
  return (packet) => chunkField(packet, number, offset, length);
};

/**
 * How the packet's bytes answer a key of field.ts, or undefined for a key that they do not answer. Offsets and lengths
 * of fields are in bits from the start of the option, chunk or header.
 */
export const derivation = (key: string): Derivation | undefined => {
  if (Object.hasOwn(fixed, key)) return fixed[key];
  const parts = scanned.exec(key);
  if (!parts) return undefined;
  const [, what = '', number, offset, length] = parts;
  return offset === undefined
    ? scan(what, Number(number))
    : scanField(what, Number(number), Number(offset), Number(length));
};
