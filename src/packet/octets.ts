/** Strings of bytes, and numbers of any size in them: big-endian, counted in bits from the most significant one. */

/** Bits beyond the end of `bytes` read as zero. */
export const readNumber = (bytes: Uint8Array, offset: number, length: number): bigint => {
  const first = offset >> 3;
  const last = (offset + length - 1) >> 3;
  let value = 0n;
  for (let i = first; i <= last; i++) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return (value >> BigInt((last + 1) * 8 - offset - length)) & ((1n << BigInt(length)) - 1n);
};

/** Changes `bytes`; bits of `value` above `length`, and those that lie beyond the end, are lost. */
export const writeNumber = (bytes: Uint8Array, offset: number, length: number, value: bigint): void => {
  const first = offset >> 3;
  const last = (offset + length - 1) >> 3;
  const shift = BigInt((last + 1) * 8 - offset - length);
  const mask = ((1n << BigInt(length)) - 1n) << shift;
  let rest = (value << shift) & mask;
  let keep = mask;
  for (let i = last; i >= first; i--) {
    const old = bytes[i];
    if (old !== undefined) bytes[i] = (old & ~Number(keep & 0xffn)) | Number(rest & 0xffn);
    rest >>= 8n;
    keep >>= 8n;
  }
};

export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** An even number of hex digits, or undefined. */
export const fromHex = (text: string): Uint8Array | undefined => {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
};

export const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);
