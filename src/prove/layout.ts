/**
 * Where each variable stands in the order. The order decides whether a ruleset of thousands of rules fits into memory:
 * what rules share (state, protocol, ports) comes first, addresses next to last, and what only time or chance decides
 * last, where thousands of such predicates grow linearly instead of exponentially.
 */

/** The level of a variable, or a constant bit. */
export type Bit = number;
export const zero: Bit = -1;
export const one: Bit = -2;

const packetBits = 600_000;

type LevelName =
  | 'state'
  | 'chainParsed'
  | 'extended'
  | 'authenticated'
  | 'chainParsedXt'
  | 'protocol'
  | 'nextHeader'
  | 'protocolXt'
  | 'fragmentOffset'
  | 'fragmentFlags'
  | 'fragquirk'
  | 'headerLength'
  | 'transportLength'
  | 'totalLength'
  | 'transportLengthXt'
  | 'dport'
  | 'sport'
  | 'transport'
  | 'transportXt'
  | 'innerPresent'
  | 'inner'
  | 'beyond'
  | 'options'
  | 'linkPresent'
  | 'link'
  | 'header'
  | 'keys'
  | 'iifname'
  | 'oifname'
  | 'daddr'
  | 'saddr'
  | 'opaque';

export const levels: Readonly<Record<LevelName, number>> = {
  state: 0,
  /** IPv6: can the header chain be parsed, are there extension headers, is one of them an AH. */
  chainParsed: 16,
  extended: 17,
  authenticated: 18,
  chainParsedXt: 19,
  /** Eight bits each, alternating, because without extension headers the two are equal. */
  protocol: 32,
  nextHeader: 33,
  protocolXt: 48,
  fragmentOffset: 64,
  fragmentFlags: 80,
  fragquirk: 90,
  headerLength: 96,
  /** Length of the transport part and of the packet, alternating: one is the other plus a small number. */
  transportLength: 128,
  totalLength: 129,
  transportLengthXt: 161,
  dport: 192,
  sport: 224,
  transport: 1_000,
  transportXt: 1_000 + packetBits,
  innerPresent: 1_300_000,
  inner: 1_300_001,
  beyond: 2_000_000,
  options: 2_700_000,
  linkPresent: 2_800_000,
  link: 2_800_001,
  /** Header bits without a place of their own: type of service, identification, time to live, checksum, flow label. */
  header: 3_500_000,
  keys: 4_000_000,
  iifname: 8_000_000,
  oifname: 8_000_100,
  daddr: 9_000_000,
  saddr: 9_000_200,
  opaque: 10_000_000,
};

/** Levels that one key may take: its presence, then its bits. */
export const keyStride = 256;

export const run = (from: number, count: number, step = 1): readonly Bit[] =>
  Array.from({ length: count }, (_, i) => from + i * step);

export const zeros = (count: number): readonly Bit[] => Array.from<Bit>({ length: count }).fill(zero);

/** A number as constant bits, most significant first. */
export const constantBits = (value: number, count: number): readonly Bit[] =>
  Array.from({ length: count }, (_, i) => ((value >> (count - 1 - i)) & 1 ? one : zero));

export const protocolBits: readonly Bit[] = run(levels.protocol, 8, 2);
export const nextHeaderBits: readonly Bit[] = run(levels.nextHeader, 8, 2);
export const transportLengthBits: readonly Bit[] = run(levels.transportLength, 16, 2);
export const totalLengthBits: readonly Bit[] = run(levels.totalLength, 16, 2);
export const headerLengthBits: readonly Bit[] = run(levels.headerLength, 4);

/** A bit of the transport header, by its number from the header's start. */
export const transportBit = (bit: number): Bit =>
  bit < 16 ? levels.sport + bit : bit < 32 ? levels.dport + bit - 16 : levels.transport + bit;

/** A bit of the fixed IPv4 header. */
export const ipv4Bit = (bit: number): Bit => {
  if (bit < 4) return constantBits(4, 4)[bit] as Bit;
  if (bit < 8) return levels.headerLength + bit - 4;
  if (bit >= 16 && bit < 32) return totalLengthBits[bit - 16] as Bit;
  if (bit >= 48 && bit < 51) return levels.fragmentFlags + bit - 48;
  if (bit >= 51 && bit < 64) return levels.fragmentOffset + bit - 51;
  if (bit >= 72 && bit < 80) return protocolBits[bit - 72] as Bit;
  if (bit >= 96 && bit < 128) return levels.saddr + bit - 96;
  if (bit >= 128 && bit < 160) return levels.daddr + bit - 128;
  return levels.header + bit;
};

/** A bit of the fixed IPv6 header. The payload length stands where IPv4 has the total length. */
export const ipv6Bit = (bit: number): Bit => {
  if (bit < 4) return constantBits(6, 4)[bit] as Bit;
  if (bit >= 32 && bit < 48) return totalLengthBits[bit - 32] as Bit;
  if (bit >= 48 && bit < 56) return nextHeaderBits[bit - 48] as Bit;
  if (bit >= 64 && bit < 192) return levels.saddr + bit - 64;
  if (bit >= 192 && bit < 320) return levels.daddr + bit - 192;
  return levels.header + bit;
};
