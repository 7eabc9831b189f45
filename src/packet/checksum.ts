/** The checksums of IP and its transports. */

/** Sum of 16-bit words with an odd last byte padded by zero (RFC 1071), not yet folded. */
export const sum16 = (bytes: Uint8Array, from: number, to: number): number => {
  let sum = 0;
  for (let i = from; i < to; i += 2) sum += ((bytes[i] ?? 0) << 8) | (i + 1 < to ? (bytes[i + 1] ?? 0) : 0);
  return sum;
};

/** The complement of a folded sum: what stands in the header. */
export const folded = (sum: number): number => {
  let rest = sum;
  while (rest > 0xffff) rest = (rest % 0x10000) + Math.floor(rest / 0x10000);
  return ~rest & 0xffff;
};

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC32c as SCTP carries it (RFC 4960 appendix B): the number to store big-endian. */
export const crc32c = (bytes: Uint8Array, from: number, to: number): number => {
  let crc = 0xffffffff;
  for (let i = from; i < to; i++) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0);
  const value = ~crc >>> 0;
  // The CRC is sent with its least significant byte first.
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
};
