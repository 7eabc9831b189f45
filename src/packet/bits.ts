/** Numbers in big-endian bytes, counted in bits from the most significant bit of a byte. */

/** Whether all bytes are there that a field touches: `offset` and `length` in bits from the byte `start`. */
export const hasBits = (bytes: Uint8Array, start: number, offset: number, length: number): boolean =>
  start + ((offset + length + 7) >> 3) <= bytes.length;

/** A number of at most 48 bits, else a bigint. Bits beyond the end read as zero. */
export const readBits = (bytes: Uint8Array, offset: number, length: number): number | bigint => {
  const first = offset >> 3;
  const last = (offset + length - 1) >> 3;
  const after = (last + 1) * 8 - offset - length;
  if ((last - first + 1) * 8 <= 48) {
    let value = 0;
    for (let i = first; i <= last; i++) value = value * 256 + (bytes[i] ?? 0);
    return Math.floor(value / 2 ** after) % 2 ** length;
  }
  let value = 0n;
  for (let i = first; i <= last; i++) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  value = (value >> BigInt(after)) & ((1n << BigInt(length)) - 1n);
  return length <= 48 ? Number(value) : value;
};

/** Changes `bytes`; bits of `value` above `length`, and those that lie beyond the end, are lost. */
export const writeBits = (bytes: Uint8Array, offset: number, length: number, value: number | bigint): void => {
  const first = offset >> 3;
  const last = (offset + length - 1) >> 3;
  const shift = BigInt((last + 1) * 8 - offset - length);
  let keep = ((1n << BigInt(length)) - 1n) << shift;
  let rest = (BigInt(value) << shift) & keep;
  for (let i = last; i >= first; i--) {
    const old = bytes[i];
    if (old !== undefined) bytes[i] = (old & ~Number(keep & 0xffn)) | Number(rest & 0xffn);
    rest >>= 8n;
    keep >>= 8n;
  }
};
