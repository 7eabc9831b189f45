import type { Family } from './family.ts';

/** An address as an unsigned number: 32 bits for `ip`, 128 for `ip6`. */
export type Address = bigint;

/** `192.0.2.1` as a number, or undefined. Octal, hex and shortened forms are refused: they mean different things to different tools. */
export const parseIpv4 = (text: string): Address | undefined => {
  let value = 0;
  let byte = -1;
  let dots = 0;
  // By character codes: a ruleset of 100,000 rules has as many addresses.
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit >= 0 && digit <= 9) {
      if (byte === 0) return undefined;
      byte = byte < 0 ? digit : byte * 10 + digit;
      if (byte > 255) return undefined;
    } else if (digit === -2 && byte >= 0 && dots < 3) {
      value = value * 256 + byte;
      byte = -1;
      dots++;
    } else return undefined;
  }
  return dots === 3 && byte >= 0 ? BigInt(value * 256 + byte) : undefined;
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
  for (let i = 0; i < 8;) {
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

const masksOf = (bits: number): readonly Address[] =>
  Array.from({ length: bits + 1 }, (_, ones) => ((1n << BigInt(ones)) - 1n) << BigInt(bits - ones));

const masks: Readonly<Record<Family, readonly Address[]>> = { ip: masksOf(32), ip6: masksOf(128) };
const lengths: Readonly<Record<Family, ReadonlyMap<Address, number>>> = {
  ip: new Map(masks.ip.map((mask, length) => [mask, length])),
  ip6: new Map(masks.ip6.map((mask, length) => [mask, length])),
};

/** The mask with `length` leading ones; 0 to 32 or 128. */
export const maskOf = (length: number, family: Family): Address => masks[family][length] as Address;

/** How many leading ones a contiguous mask has, or undefined for a mask with holes. */
export const prefixLength = (mask: Address, family: Family): number | undefined => lengths[family].get(mask);

/** An address under a mask, as `-s` and `-d` take it. `address` has no bit outside `mask`. */
export interface Masked {
  readonly address: Address;
  readonly mask: Address;
}

/** A prefix length of at most three digits, or undefined. */
const parseLength = (text: string, from: number): number | undefined => {
  if (from >= text.length || text.length - from > 3) return undefined;
  let length = 0;
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return undefined;
    length = length * 10 + digit;
  }
  return length;
};

/** `10.0.0.0/8`, `10.0.0.0/255.0.0.0` or `10.0.0.1`; undefined if it is none of these. */
export const parseMasked = (text: string, family: Family): Masked | undefined => {
  const bits = addressBits(family);
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash), family);
  if (address === undefined) return undefined;
  const length = slash < 0 ? bits : parseLength(text, slash + 1);
  if (length === bits) return { address, mask: maskOf(bits, family) };
  const mask =
    length !== undefined && length < bits ? maskOf(length, family) : parseAddress(text.slice(slash + 1), family);
  return mask === undefined ? undefined : { address: address & mask, mask };
};

/** As iptables-save prints it: always with a prefix length, or with a mask where the mask has holes. */
export const printMasked = ({ address, mask }: Masked, family: Family): string => {
  const length = prefixLength(mask, family);
  return `${printAddress(address, family)}/${length ?? printAddress(mask, family)}`;
};
