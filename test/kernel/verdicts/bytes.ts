// Bytes on the wire, big-endian.
export const u8 = (...values: readonly number[]): Uint8Array => Uint8Array.from(values, (value) => value & 255);

export const u16 = (...values: readonly number[]): Uint8Array => u8(...values.flatMap((value) => [value >>> 8, value]));

export const u32 = (...values: readonly number[]): Uint8Array =>
  u16(...values.flatMap((value) => [value >>> 16, value & 0xffff]));

export const address = (value: bigint, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => Number((value >> BigInt(8 * (length - 1 - index))) & 255n));

export const concat = (...parts: readonly Uint8Array[]): Uint8Array => {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

export const read16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

export const write16 = (bytes: Uint8Array, at: number, value: number): void => bytes.set(u16(value), at);

/** The Internet checksum (RFC 1071). */
export const checksum = (...parts: readonly Uint8Array[]): number => {
  const bytes = concat(...parts);
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += read16(bytes, at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
};

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
