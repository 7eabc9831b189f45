import type { Family } from './family.ts';

/** An address as an unsigned number: 32 bits for `ip`, 128 for `ip6`. */
export type Address = bigint;

const decimal = /^(?:0|[1-9]\d{0,2})$/;

/** `192.0.2.1` as a number, or undefined. Octal, hex and shortened forms are refused: they mean different things to different tools. */
export const parseIpv4 = (text: string): Address | undefined => {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!decimal.test(part)) return undefined;
    const byte = Number(part);
    if (byte > 255) return undefined;
    value = value * 256 + byte;
  }
  return BigInt(value);
};

const hexGroup = /^[0-9a-fA-F]{1,4}$/;

const groups = (text: string): number[] | undefined => {
  if (text === '') return [];
  const out: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (part.includes('.')) {
      if (i !== parts.length - 1) return undefined;
      const v4 = parseIpv4(part);
      if (v4 === undefined) return undefined;
      out.push(Number(v4 >> 16n), Number(v4 & 0xffffn));
    } else {
      if (!hexGroup.test(part)) return undefined;
      out.push(Number.parseInt(part, 16));
    }
  }
  return out;
};

/** `2001:db8::1` (RFC 4291 section 2.2) as a number, or undefined. Scope identifiers are refused. */
export const parseIpv6 = (text: string): Address | undefined => {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? '');
  const tail = halves.length === 2 ? groups(halves[1] ?? '') : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const all = [...head, ...Array.from({ length: halves.length === 2 ? missing : 0 }, () => 0), ...tail];
  return all.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
};

export const parseAddress = (text: string, family: Family): Address | undefined =>
  family === 'ip' ? parseIpv4(text) : parseIpv6(text);

const printIpv4 = (address: Address): string => {
  const n = Number(address);
  return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
};

/** RFC 5952, with the two embedded IPv4 forms that inet_ntop prints (and so iptables-save and nft do). */
const printIpv6 = (address: Address): string => {
  const parts: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) parts.push(Number((address >> shift) & 0xffffn));
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; ) {
    let j = i;
    while (j < 8 && parts[j] === 0) j++;
    if (j - i > best.length) best = { start: i, length: j - i };
    i = j === i ? i + 1 : j;
  }
  const high = address >> 32n;
  const embedded = (high === 0n && address > 0xffffn) || high === 0xffffn;
  const hex = (from: number, to: number): string =>
    parts
      .slice(from, to)
      .map((p) => p.toString(16))
      .join(':');
  if (embedded) return `${high === 0n ? '::' : '::ffff:'}${printIpv4(address & 0xffffffffn)}`;
  if (best.start < 0) return hex(0, 8);
  return `${hex(0, best.start)}::${hex(best.start + best.length, 8)}`;
};

export const printAddress = (address: Address, family: Family): string =>
  family === 'ip' ? printIpv4(address) : printIpv6(address);

export const addressBits = (family: Family): 32 | 128 => (family === 'ip' ? 32 : 128);

/** The mask with `length` leading ones. */
export const maskOf = (length: number, family: Family): Address => {
  const bits = BigInt(addressBits(family));
  return ((1n << BigInt(length)) - 1n) << (bits - BigInt(length));
};

/** How many leading ones a contiguous mask has, or undefined for a mask with holes. */
export const prefixLength = (mask: Address, family: Family): number | undefined => {
  const bits = addressBits(family);
  let ones = 0;
  while (ones < bits && (mask >> BigInt(bits - 1 - ones)) & 1n) ones++;
  return mask === maskOf(ones, family) ? ones : undefined;
};

/** An address under a mask, as `-s` and `-d` take it. `address` has no bit outside `mask`. */
export interface Masked {
  readonly address: Address;
  readonly mask: Address;
}

/** `10.0.0.0/8`, `10.0.0.0/255.0.0.0` or `10.0.0.1`; undefined if it is none of these. */
export const parseMasked = (text: string, family: Family): Masked | undefined => {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash), family);
  if (address === undefined) return undefined;
  if (slash < 0) return { address, mask: maskOf(addressBits(family), family) };
  const right = text.slice(slash + 1);
  const mask =
    /^\d{1,3}$/.test(right) && Number(right) <= addressBits(family)
      ? maskOf(Number(right), family)
      : parseAddress(right, family);
  return mask === undefined ? undefined : { address: address & mask, mask };
};

/** As iptables-save prints it: always with a prefix length, or with a mask where the mask has holes. */
export const printMasked = ({ address, mask }: Masked, family: Family): string => {
  const length = prefixLength(mask, family);
  return `${printAddress(address, family)}/${length ?? printAddress(mask, family)}`;
};
