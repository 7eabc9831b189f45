// Transport headers with what rules ask about: ports, flags, types, options, chunks, SPIs, VXLAN inside of UDP.
import { type Aim, aimed } from './aim.ts';
import { concat, u16, u32, u8 } from './bytes.ts';
import type { Random } from './random.ts';

export const protocols = {
  icmp: 1,
  ipip: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  sctp: 132,
  udplite: 136,
} as const;

const commonPorts = [22, 53, 80, 443, 1024, 4789, 4790, 40000, 0, 65535];

const port = (random: Random, aim: Aim): number => aimed(random, aim.ports, () => random.pick(commonPorts), 0.6);

/** Source and destination port. */
const ports = (random: Random, aim: Aim): Uint8Array =>
  u16(
    aimed(random, aim.sourcePorts, () => port(random, aim), 0.85),
    aimed(random, aim.destinationPorts, () => port(random, aim), 0.85),
  );
const word = (random: Random, aim: Aim): number => aimed(random, aim.words, random.word, 0.6);
const byte = (random: Random, aim: Aim): number => aimed(random, aim.bytes, () => random.below(256), 0.6);

/** One option: no-operation, maximum segment size, window scale, …, a kind that the rule names, or a broken one. */
const tcpOption = (random: Random, aim: Aim): Uint8Array => {
  switch (random.below(9)) {
    case 0:
    case 1:
      return concat(u8(2, 4), u16(aimed(random, aim.ports, () => 1460)));
    case 2:
      return u8(3, 3, random.below(15));
    case 3:
      return u8(4, 2);
    case 4:
      return concat(u8(8, 10), random.bytes(8));
    case 5:
    case 6: {
      const kind = byte(random, aim);
      return kind < 2 ? u8(kind) : concat(u8(kind, 4), random.bytes(2));
    }
    case 7:
      return u8(1);
    default:
      return random.chance(0.3) ? u8(byte(random, aim), random.below(12)) : u8(1, 1);
  }
};

const tcpOptions = (random: Random, aim: Aim): Uint8Array => {
  if (random.chance(0.4)) return new Uint8Array();
  const list = Array.from({ length: random.below(4) }, () => tcpOption(random, aim));
  const bytes = concat(...list).subarray(0, 40);
  return concat(bytes, u8(...Array.from({ length: -bytes.length & 3 }, () => (random.chance(0.9) ? 1 : 0))));
};

const tcpFlags = [2, 2, 0x12, 0x10, 0x18, 0x11, 1, 4, 0x14, 0, 0x29, 0x3f, 0xc2, 0x42, 0x82, 0xff];

const tcp = (random: Random, aim: Aim): Uint8Array => {
  const options = tcpOptions(random, aim);
  const words = random.chance(0.95) ? 5 + options.length / 4 : random.below(16);
  const flags = random.chance(0.7) ? random.pick(tcpFlags) : random.below(256);
  const head = concat(ports(random, aim), u32(word(random, aim), word(random, aim)));
  const reserved = random.chance(0.9) ? 0 : random.below(16);
  return concat(head, u8((words << 4) | reserved, flags), u16(random.below(65536), 0, 0), options, data(random, aim));
};

const data = (random: Random, aim: Aim): Uint8Array => {
  const bytes = random.bytes(random.below(48));
  if (bytes.length >= 4 && random.chance(0.3)) bytes.set(u32(word(random, aim)), random.below(bytes.length - 3));
  return bytes;
};

/** The network identifier stands in the upper 24 bits of a word, as u32 and BPF programs compare it. */
const vxlan = (random: Random, aim: Aim): Uint8Array => {
  const marks = aim.words.filter((one) => one > 255);
  const last = aimed(random, marks, random.word);
  return concat(u8(8, 0, 0, 0), u32(random.chance(0.2) ? (last & 0xffffff00) | random.below(256) : last));
};

const udp = (random: Random, aim: Aim): Uint8Array => {
  const inside = concat(random.chance(0.5) ? vxlan(random, aim) : new Uint8Array(), data(random, aim));
  return concat(ports(random, aim), u16(8 + inside.length, 0), inside);
};

const sctpChunk = (random: Random, aim: Aim): Uint8Array => {
  const type = aimed(random, [...aim.bytes, 0, 1, 3, 6, 14], () => random.below(256), 0.9);
  const body = random.bytes(4 * random.below(4));
  const length = random.chance(0.95) ? 4 + body.length : random.below(20);
  return concat(
    u8(
      type,
      aimed(random, aim.bytes, () => random.below(16), 0.4),
    ),
    u16(length),
    body,
  );
};

const sctp = (random: Random, aim: Aim): Uint8Array =>
  concat(ports(random, aim), random.bytes(8), ...Array.from({ length: random.below(4) }, () => sctpChunk(random, aim)));

const dccp = (random: Random, aim: Aim): Uint8Array => {
  const options = concat(
    ...Array.from({ length: random.below(3) }, () => {
      const kind = byte(random, aim);
      return kind < 32 ? u8(kind) : concat(u8(kind, 4), random.bytes(2));
    }),
  );
  const padded = concat(options, new Uint8Array(-options.length & 3));
  const type = aimed(random, aim.bytes, () => random.below(12)) & 15;
  const words = random.chance(0.9) ? 4 + padded.length / 4 : random.below(12);
  return concat(ports(random, aim), u8(words, 0, 0, 0, (type << 1) | 1, 0, 0, 0), random.bytes(4), padded);
};

const icmp = (random: Random, aim: Aim): Uint8Array => {
  const type = aimed(random, [...aim.bytes, 8, 0, 3, 11], () => random.below(256), 0.85);
  const code = aimed(random, aim.bytes, () => random.below(16), 0.5);
  return concat(u8(type, code, 0, 0), random.bytes(4), data(random, aim));
};

const icmpv6 = (random: Random, aim: Aim): Uint8Array => {
  const type = aimed(random, [...aim.bytes, 128, 129, 135, 1, 3], () => random.below(256), 0.85);
  return concat(
    u8(
      type,
      aimed(random, aim.bytes, () => random.below(8), 0.5),
      0,
      0,
    ),
    random.bytes(4),
    data(random, aim),
  );
};

const esp = (random: Random, aim: Aim): Uint8Array =>
  concat(u32(word(random, aim)), random.bytes(4), data(random, aim));

const ah = (random: Random, aim: Aim): Uint8Array =>
  concat(
    u8(
      17,
      aimed(random, aim.bytes, () => 4),
      0,
      aimed(random, aim.bytes, () => 0, 0.3),
    ),
    u32(word(random, aim), 1),
    random.bytes(12),
    udp(random, aim),
  );

/** The bytes behind the network header for a protocol, whole. */
export const transport = (protocol: number, random: Random, aim: Aim): Uint8Array => {
  switch (protocol) {
    case protocols.tcp:
      return tcp(random, aim);
    case protocols.udp:
    case protocols.udplite:
      return udp(random, aim);
    case protocols.icmp:
      return icmp(random, aim);
    case protocols.icmpv6:
      return icmpv6(random, aim);
    case protocols.sctp:
      return sctp(random, aim);
    case protocols.dccp:
      return dccp(random, aim);
    case protocols.esp:
      return esp(random, aim);
    case protocols.ah:
      return ah(random, aim);
    default:
      return concat(ports(random, aim), data(random, aim));
  }
};

/** Where the transport's checksum stands, for those that the connection tracker checks. */
export const checksumAt = (protocol: number): number | undefined =>
  ({ [protocols.tcp]: 16, [protocols.udp]: 6, [protocols.udplite]: 6, [protocols.icmp]: 2, [protocols.icmpv6]: 2 })[
    protocol
  ];
