/**
 * What a packet's keys are when nobody says: only what follows from the hook and the bytes, and what a packet without
 * history has. Everything else (secpath, fib, sockets, clocks) stays unknown.
 */
import type { Family } from '../netfilter/family.ts';
import type { Hook } from '../netfilter/hooks.ts';
import * as protocols from '../netfilter/protocols.ts';
import { ctStates, keyInfo } from './field.ts';
import { headersOf } from './headers.ts';
import { layouts, transports } from './layout.ts';
import { readNumber } from './octets.ts';
import type { KeyValue } from './packet.ts';
import { ctStatusBits } from './values.ts';

/** A value, or undefined for a key that is said to be unknown. */
export type Keys = ReadonlyMap<string, KeyValue | undefined>;

/** As KeyValue wants it: a number for up to 48 bits. */
export const keyValue = (key: string, value: bigint): KeyValue =>
  (keyInfo(key)?.bits ?? 0) <= 48 ? Number(value) : value;

/**
 * What nft_meta.c stores without a device: an empty name and index 0; type, group and kind are not there. In
 * postrouting the device that a packet came in by is there for forwarded packets on newer kernels only.
 */
const withoutDevice = (way: 'i' | 'o'): readonly (readonly [string, KeyValue])[] => [
  [`${way}ifname`, ''],
  [`${way}if`, 0],
  [`${way}iftype`, null],
  [`${way}ifgroup`, null],
  [`${way}ifkind`, null],
];

const devices = (hook: Hook | undefined): readonly (readonly [string, KeyValue])[] => {
  if (hook === 'output') return withoutDevice('i');
  return hook === undefined || hook === 'prerouting' || hook === 'input' ? withoutDevice('o') : [];
};

/** What the reply to an ICMP message of this type is (nf_conntrack_proto_icmp.c and icmpv6.c); others have none. */
const replies: Readonly<Record<Family, Readonly<Record<number, number>>>> = {
  ip: { 8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17 },
  ip6: { 128: 129, 129: 128, 139: 140, 140: 139 },
};

interface Ports {
  readonly original: readonly [sport: number, dport: number];
  readonly reply: readonly [sport: number, dport: number];
}

const withPorts = new Set([protocols.tcp, protocols.udp, protocols.udplite, protocols.sctp, protocols.dccp]);

/** The ports of a tuple; ICMP has its identifier and its type and code there. Undefined if they are cut off. */
const portsOf = (family: Family, bytes: Uint8Array, protocol: number, th: number): Ports | undefined => {
  const word = (at: number): number => Number(readNumber(bytes, (th + at) * 8, 16));
  if (withPorts.has(protocol)) {
    if (th + 4 > bytes.length) return undefined;
    return { original: [word(0), word(2)], reply: [word(2), word(0)] };
  }
  if (protocol !== (family === 'ip' ? protocols.icmp : protocols.icmpv6)) return { original: [0, 0], reply: [0, 0] };
  if (th + 6 > bytes.length) return undefined;
  const reply = replies[family][word(0) >> 8];
  return reply === undefined
    ? undefined
    : { original: [word(4), word(0)], reply: [word(4), (reply << 8) | (word(0) & 0xff)] };
};

/** Whether the packet is a part of a datagram: conntrack sees none of them. */
const isFragment = (family: Family, bytes: Uint8Array): boolean => {
  const headers = headersOf(family, bytes);
  if (headers.fragoff !== 0 || headers.xtfragoff !== 0) return true;
  if (family === 'ip') return ((bytes[6] ?? 0) & 0x20) !== 0;
  for (let next = bytes[6] ?? 59, at = 40, n = 0; n < 16 && at + 8 <= bytes.length; n++) {
    if (next === 44) return ((bytes[at + 3] ?? 0) & 1) !== 0;
    if (next !== 0 && next !== 43 && next !== 60) return false;
    next = bytes[at] ?? 59;
    at += ((bytes[at + 1] ?? 0) + 1) * 8;
  }
  return false;
};

/** Conntrack looks behind authentication headers of IPv6 (ipv6_skip_exthdr), as ip6_tables does. */
const transportOf = (
  family: Family,
  bytes: Uint8Array,
): { readonly protocol: number | null; readonly start: number } => {
  const { xtproto, starts } = headersOf(family, bytes);
  return { protocol: xtproto, start: starts[2] };
};

/** Without a transport, or with less than its header: nf_conntrack_in and the protocols' parts call it invalid. */
const isCut = (family: Family, bytes: Uint8Array): boolean => {
  const { protocol, start } = transportOf(family, bytes);
  if (protocol === null) return true;
  const name = transports.get(protocol);
  return name !== undefined && withPorts.has(protocol) && start + layouts[name].bytes > bytes.length;
};

/** The tuples of an entry that this packet would make, by the kernel's nf_ct_get_tuple. */
const tuples = (family: Family, bytes: Uint8Array): readonly (readonly [string, KeyValue])[] => {
  const { protocol, start } = transportOf(family, bytes);
  const bits = family === 'ip' ? 32 : 128;
  const first = family === 'ip' ? 96 : 64;
  const kind = family === 'ip' ? 4 : 6;
  const value = (at: number): KeyValue => keyValue(`ct.original.saddr${kind}`, readNumber(bytes, at, bits));
  const [saddr, daddr] = [value(first), value(first + bits)];
  const out: (readonly [string, KeyValue])[] = [
    [`ct.original.saddr${kind}`, saddr],
    [`ct.original.daddr${kind}`, daddr],
    [`ct.reply.saddr${kind}`, daddr],
    [`ct.reply.daddr${kind}`, saddr],
  ];
  if (protocol === null) return out;
  const ports = portsOf(family, bytes, protocol, start);
  if (!ports) return out;
  for (const way of ['original', 'reply'] as const)
    out.push([`ct.${way}.sport`, ports[way][0]], [`ct.${way}.dport`, ports[way][1]]);
  return out;
};

/** What an entry says of the packet itself, whatever its history. */
const anyEntry = (family: Family, bytes: Uint8Array): readonly (readonly [string, KeyValue])[] => {
  const { protocol } = transportOf(family, bytes);
  const base: readonly (readonly [string, KeyValue])[] = [['ct.l3proto', family === 'ip' ? 2 : 10]];
  return protocol === null ? base : [...base, ['ct.protocol', protocol]];
};

const numberOf = (value: KeyValue | undefined): number | undefined => (typeof value === 'number' ? value : undefined);

/** The keys of conntrack, by state. Of an entry that is not new nobody knows what it has gone through. */
const conntrack = (
  state: number | undefined,
  given: Keys,
  family: Family,
  bytes: Uint8Array,
): readonly (readonly [string, KeyValue])[] => {
  if (state !== ctStates.new) return state === undefined ? [] : anyEntry(family, bytes);
  const status = given.has('ct.status') ? numberOf(given.get('ct.status')) : 0;
  const translated = status === undefined || (status & (ctStatusBits.snat | ctStatusBits.dnat)) !== 0;
  return [
    ...anyEntry(family, bytes),
    ['ct.status', 0],
    ['ct.mark', 0],
    ['ct.direction', 0],
    ['ct.zone', 0],
    // Behind a translation the packet's addresses are no longer those of both tuples.
    ...(translated ? [] : tuples(family, bytes)),
  ];
};

const isWithoutEntry = (state: number | undefined): boolean =>
  state === ctStates.invalid || state === ctStates.untracked;

/**
 * The keys that nobody has given. A fragment has no conntrack entry: where there is conntrack, nf_defrag has put it
 * together before any rule sees it, or holds it. Neither has a packet whose transport header is not whole.
 */
export const defaultKeys = (
  family: Family,
  bytes: Uint8Array,
  hook: Hook | undefined,
  given: Keys,
): ReadonlyMap<string, KeyValue> => {
  const out = new Map<string, KeyValue>([['mark', 0], ['fragquirk', 1], ...devices(hook)]);
  const usual = isFragment(family, bytes) || isCut(family, bytes) ? ctStates.invalid : ctStates.new;
  out.set('ct.state', usual);
  const state = given.has('ct.state') ? numberOf(given.get('ct.state')) : usual;
  // Without an entry field.ts has no value for what is `tracked`; a helper and labels are a part of the entry too.
  if (isWithoutEntry(state)) out.set('ct.helper', null).set('ct.label', null);
  else for (const [key, value] of conntrack(state, given, family, bytes)) out.set(key, value);
  for (const key of given.keys()) out.delete(key);
  return out;
};
