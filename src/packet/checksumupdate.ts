/**
 * Checksums after a change of a packet, as the kernel keeps them: by the difference (RFC 1624), so that a checksum
 * that was wrong stays wrong, and one that nobody computed (UDP's zero) stays so.
 */
import { dccp, icmp, icmpv6, sctp, tcp, udp, udplite } from '../netfilter/protocols.ts';
import { crc32c, sum16 } from './checksum.ts';
import type { Parsed } from './derived.ts';

/** Where a transport protocol keeps its checksum, in bytes from its header. */
const fields: Readonly<Record<number, number>> = {
  [tcp]: 16,
  [udp]: 6,
  [udplite]: 6,
  [dccp]: 6,
  [icmp]: 2,
  [icmpv6]: 2,
};

export interface Checksum {
  /** Of the checksum's first byte, from the network header. */
  readonly at: number;
  /** Which bytes it covers, the addresses of the pseudo header among them; whole words. */
  readonly covers: readonly (readonly [from: number, to: number])[];
  readonly kind: 'inet' | 'udp' | 'crc32c';
}

/** The checksums that the packet has room for. */
export const checksumsOf = ({ family, bytes, headers }: Parsed): readonly Checksum[] => {
  const found: Checksum[] = [];
  const [, th] = headers.starts;
  if (family === 'ip' && bytes.length >= 20) found.push({ at: 10, covers: [[0, Math.max(th, 20)]], kind: 'inet' });
  const protocol = headers.l4proto;
  if (protocol === null || headers.fragoff !== 0) return found;
  const body = [th, bytes.length] as const;
  if (protocol === sctp && th + 12 <= bytes.length) found.push({ at: th + 8, covers: [body], kind: 'crc32c' });
  const offset = fields[protocol];
  if (offset === undefined || th + offset + 2 > bytes.length) return found;
  const addresses = family === 'ip' ? ([12, 20] as const) : ([8, 40] as const);
  const covers = protocol === icmp ? [body] : [addresses, body];
  found.push({ at: th + offset, covers, kind: protocol === udp ? 'udp' : 'inet' });
  return found;
};

const word = (bytes: Uint8Array, at: number): number => ((bytes[at] as number) << 8) | (bytes[at + 1] as number);

const put = (bytes: Uint8Array, at: number, size: 2 | 4, value: number): void => {
  for (let i = 0; i < size; i++) bytes[at + i] = (value >>> ((size - 1 - i) * 8)) & 0xff;
};

/** The sum of what a checksum covers, without itself. */
const sumOf = (bytes: Uint8Array, { at, covers }: Checksum): number =>
  covers.reduce((sum, [from, to]) => sum + sum16(bytes, from, to), -word(bytes, at));

const crcOf = (bytes: Uint8Array, at: number, covers: Checksum['covers']): number => {
  const copy = bytes.slice();
  put(copy, at, 4, 0);
  const [[from, to] = [0, 0]] = covers;
  return crc32c(copy, from, to);
};

/** One's complement arithmetic on 16 bits; the argument may be negative. */
const fold = (sum: number): number => ((sum % 0xffff) + 0xffff) % 0xffff;

const replaced = (old: number, difference: number, kind: Checksum['kind']): number => {
  if (difference === 0) return old;
  if (kind === 'udp' && old === 0) return 0;
  const next = ~(fold((~old & 0xffff) + difference) || 0xffff) & 0xffff;
  // In a datagram zero would say that there is no checksum (RFC 768).
  return kind === 'udp' && next === 0 ? 0xffff : next;
};

/**
 * Changes `bytes` and then the checksums, as they lie before the change; one that the change itself has written stays
 * as it is.
 */
export const withChecksums = (packet: Parsed, change: (bytes: Uint8Array) => void): void => {
  const { bytes } = packet;
  const before = checksumsOf(packet).map((checksum) => {
    const { at, covers, kind } = checksum;
    return {
      checksum,
      old: word(bytes, at),
      sum: kind === 'crc32c' ? crcOf(bytes, at, covers) : sumOf(bytes, checksum),
    };
  });
  change(bytes);
  for (const { checksum, old, sum } of before) {
    const { at, covers, kind } = checksum;
    if (word(bytes, at) !== old) continue;
    if (kind === 'crc32c') {
      const crc = crcOf(bytes, at, covers);
      if (crc !== sum) put(bytes, at, 4, crc);
    } else put(bytes, at, 2, replaced(old, sumOf(bytes, checksum) - sum, kind));
  }
};
