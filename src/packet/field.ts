/**
 * What a rule can ask about a packet: bits of the packet itself, at an offset from one of its headers, or a key of
 * what the kernel knows beside them. Both semantics, iptables' and nft's, speak of packets in these fields only.
 */

/**
 * Where an offset counts from. `nh` is the network header; `th` the transport header as nft finds it (IPv4: behind
 * the header's length; IPv6: nf_tables_ipv6.h, which stops at an authentication header); `xt` as ip6_tables finds it,
 * behind authentication headers too, and the same as `th` for IPv4; `ih` the payload behind the transport header
 * (nf_tables_core.c nft_payload_inner_offset); `ll` the Ethernet header.
 */
export type Base = 'll' | 'nh' | 'th' | 'xt' | 'ih';

/** Bits of the packet: `offset` and `length` in bits, from the most significant bit of the byte. */
export interface PayloadField {
  readonly kind: 'payload';
  readonly base: Base;
  readonly offset: number;
  readonly length: number;
}

/** A key of the table below, such as `mark` or `ct.original.saddr`. */
export interface KeyField {
  readonly kind: 'key';
  readonly key: string;
}

export type Field = PayloadField | KeyField;

/**
 * How a key's value is read, and when there is one.
 * `always`: every packet has it. `tracked`: a packet with a conntrack entry has it, that is one whose ct.state is new,
 * established or related. `sometimes`: some packets have it, which the packet itself says (no socket, no route).
 */
export interface KeyInfo {
  /** `word`: an unsigned number of `bits` bits. `choice`: one of `values`. `name`: a string such as an interface's. */
  readonly kind: 'word' | 'choice' | 'name';
  readonly bits: number;
  readonly values?: readonly number[];
  readonly presence: 'always' | 'tracked' | 'sometimes';
  /** For traces and witnesses: how libnftables or iptables calls it. */
  readonly words: string;
}

const word = (bits: number, words: string, presence: KeyInfo['presence'] = 'always'): KeyInfo => ({
  kind: 'word',
  bits,
  presence,
  words,
});
const text = (words: string, presence: KeyInfo['presence'] = 'always'): KeyInfo => ({
  kind: 'name',
  bits: 0,
  presence,
  words,
});
const choice = (values: readonly number[], words: string, presence: KeyInfo['presence'] = 'always'): KeyInfo => ({
  kind: 'choice',
  bits: 32,
  values,
  presence,
  words,
});

/** Bits of `ct state` as nf_conntrack_common.h numbers them (NF_CT_STATE_BIT and its invalid and untracked bits). */
export const ctStates = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const;
export type CtState = keyof typeof ctStates;

/** Route types of include/uapi/linux/rtnetlink.h, RTN_UNSPEC (no route) to RTN_XRESOLVE. */
const routeTypes: readonly number[] = Array.from({ length: 12 }, (_, type) => type);

const fixed: Readonly<Record<string, KeyInfo>> = {
  // The packet, as the stack has parsed it. `length` is skb->len from the network header.
  length: word(20, 'meta length'),
  l4proto: word(8, 'meta l4proto', 'sometimes'),
  /** The protocol as ip6_tables finds it, behind authentication headers; the same as l4proto for IPv4. */
  xtproto: word(8, 'protocol', 'sometimes'),
  /** In units of 8 bytes; of the IPv6 fragment header for IPv6, and 0 without one. */
  fragoff: word(13, 'fragment offset'),
  /** As ip6_tables finds it: also behind an authentication header. The same as fragoff for IPv4. */
  xtfragoff: word(13, 'fragment offset'),
  // What the stack knows about it.
  iifname: text('iifname'),
  oifname: text('oifname'),
  iif: word(32, 'iif'),
  oif: word(32, 'oif'),
  iiftype: word(16, 'iiftype', 'sometimes'),
  oiftype: word(16, 'oiftype', 'sometimes'),
  iifgroup: word(32, 'iifgroup', 'sometimes'),
  oifgroup: word(32, 'oifgroup', 'sometimes'),
  iifkind: text('iifkind', 'sometimes'),
  oifkind: text('oifkind', 'sometimes'),
  mark: word(32, 'meta mark'),
  priority: word(32, 'meta priority'),
  pkttype: word(3, 'meta pkttype'),
  skuid: word(32, 'meta skuid', 'sometimes'),
  skgid: word(32, 'meta skgid', 'sometimes'),
  cgroup: word(32, 'meta cgroup', 'sometimes'),
  cpu: word(32, 'meta cpu'),
  nftrace: word(1, 'meta nftrace'),
  rtclassid: word(32, 'meta rtclassid', 'sometimes'),
  secmark: word(32, 'meta secmark'),
  /** 1 if the packet came through IPsec: it has a secpath. */
  secpath: word(1, 'meta secpath'),
  /** 1 if the packet will leave through IPsec: dst->xfrm is set. Absent without a route. */
  rtipsec: word(1, 'rt ipsec', 'sometimes'),
  /** Seconds since 1970 and within the day, and the weekday with Sunday as 0, all UTC. */
  time: word(40, 'meta time'),
  hour: word(17, 'meta hour'),
  day: choice([0, 1, 2, 3, 4, 5, 6], 'meta day'),
  // Conntrack. `ct.state` has a value for every packet; everything else only with an entry.
  'ct.state': choice(Object.values(ctStates), 'ct state'),
  'ct.status': word(32, 'ct status', 'tracked'),
  'ct.mark': word(32, 'ct mark', 'tracked'),
  'ct.direction': word(1, 'ct direction', 'tracked'),
  'ct.expiration': word(32, 'ct expiration (ms)', 'tracked'),
  'ct.l3proto': word(8, 'ct l3proto', 'tracked'),
  'ct.protocol': word(8, 'ct protocol', 'tracked'),
  'ct.zone': word(16, 'ct zone', 'tracked'),
  'ct.helper': text('ct helper', 'sometimes'),
  'ct.label': word(128, 'ct label', 'sometimes'),
  'ct.id': word(32, 'ct id', 'tracked'),
  /**
   * Kernels up to at least 6.18 load 1, 2 and 4 aligned bytes of the transport header of later fragments too
   * (nf_tables_core.c nft_payload_fast_eval); 1 on those. A key like the others, so that a proof holds for both kinds.
   */
  fragquirk: word(1, 'kernel loads from later fragments'),
};

/** Keys that are a family of keys; the first pattern that fits describes the key. */
const patterns: readonly (readonly [RegExp, KeyInfo])[] = [
  [/^ct\.(original|reply)\.[sd]addr4$/, word(32, 'ct address', 'tracked')],
  [/^ct\.(original|reply)\.[sd]addr6$/, word(128, 'ct address', 'tracked')],
  [/^ct\.(original|reply)\.(sport|dport)$/, word(16, 'ct port', 'tracked')],
  [/^ct\.(original|reply|both)\.(bytes|packets|avgpkt)$/, word(64, 'ct counter', 'tracked')],
  // fib ADDRESS[.iif|.oif][.mark] type: over all routes, or over those through the packet's device.
  [/^fib\.[sd]addr(\.[a-z]+)*\.type$/, choice(routeTypes, 'fib type')],
  // 1 if the reverse route exists (rpfilter): fib saddr . iif oif exists.
  [/^fib\.[sd]addr(\.[a-z]+)*\.exists$/, word(1, 'fib exists')],
  // Transforms in the order in which nft counts them: 0 is the first that was, or will be, applied to the wire packet.
  [/^ipsec\.(in|out)\.\d\.(reqid|spi)$/, word(32, 'ipsec', 'sometimes')],
  [/^ipsec\.(in|out)\.\d\.[sd]addr4$/, word(32, 'ipsec address', 'sometimes')],
  [/^ipsec\.(in|out)\.\d\.[sd]addr6$/, word(128, 'ipsec address', 'sometimes')],
  [/^ipsec\.(in|out)\.\d\.(proto|mode)$/, word(8, 'ipsec', 'sometimes')],
  // A TCP option by kind, and fields within it; derived from the bytes.
  [/^tcpopt\.\d+\.exists$/, word(1, 'tcp option')],
  [/^tcpopt\.\d+\.\d+\.\d+$/, word(64, 'tcp option field', 'sometimes')],
  // An SCTP chunk by type, and fields within its first occurrence; derived from the bytes.
  [/^sctp\.chunk\.\d+\.exists$/, word(1, 'sctp chunk')],
  [/^sctp\.chunk\.\d+\.\d+\.\d+$/, word(64, 'sctp chunk field', 'sometimes')],
  // An IPv6 extension header by its number, and fields within it by offset and length in bits.
  [/^exthdr\.\d+\.exists$/, word(1, 'extension header')],
  [/^exthdr\.\d+\.\d+\.\d+$/, word(64, 'extension header field', 'sometimes')],
  [/^socket\.[a-z0-9]+$/, word(32, 'socket', 'sometimes')],
];

const known = new Map<string, KeyInfo | undefined>(Object.entries(fixed));

/** What a key is, or undefined if there is no such key. */
export const keyInfo = (key: string): KeyInfo | undefined => {
  if (known.has(key)) return known.get(key);
  const pattern = patterns.find(([one]) => one.test(key))?.[1];
  // A field within an option, chunk or header says in its name how many bits it has.
  const [, bits] = /^(?:tcpopt|sctp\.chunk|exthdr)\.\d+\.\d+\.(\d+)$/.exec(key) ?? [];
  const found = pattern && bits !== undefined ? { ...pattern, bits: Number(bits) } : pattern;
  known.set(key, found);
  return found;
};

export const payload = (base: Base, offset: number, length: number): PayloadField => ({
  kind: 'payload',
  base,
  offset,
  length,
});

export const key = (name: string): KeyField => {
  if (!keyInfo(name)) throw new Error(`there is no key ${name}`);
  return { kind: 'key', key: name };
};

/** How many bits a field's value has. */
export const bitsOf = (field: Field): number =>
  field.kind === 'payload' ? field.length : (keyInfo(field.key)?.bits ?? 0);
