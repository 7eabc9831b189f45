// Packets near a rule: whole ones mostly, and those on which netfilter's implementations part ways: IPv4 options,
// fragments, short transport headers, IPv6 extension headers. Each carries a number of its own, in the IPv4
// identification or the IPv6 flow label, by which its verdict is found again.
import type { Family } from '../../../src/netfilter/family.ts';
import type { Hook } from '../../../src/netfilter/hooks.ts';
import { type Aim, aimed } from './aim.ts';
import { address, checksum, concat, read16, u16, u32, u8, write16 } from './bytes.ts';
import { type Frame, type InterfaceName, interfaceNames, interfaces } from './lab.ts';
import type { Random } from './random.ts';
import { meetPrograms } from './solve.ts';
import { checksumAt, protocols, transport } from './transports.ts';

export interface Made {
  readonly number: number;
  readonly family: Family;
  readonly through: InterfaceName;
  readonly frames: readonly Frame[];
  /** The packet as the hook sees it, from the network header. */
  readonly bytes: Uint8Array;
  readonly link: Uint8Array;
  /** PACKET_HOST, _BROADCAST or _MULTICAST (include/uapi/linux/if_packet.h). */
  readonly pkttype: number;
}

export interface Place {
  readonly hook: Hook;
  /** Whether conntrack, and with it reassembly, is on. */
  readonly tracked: boolean;
}

/** Transport bytes with their checksum, cut short now and then. */
const transportFor = (protocol: number, pseudo: Uint8Array, random: Random, aim: Aim): Uint8Array => {
  const whole = transport(protocol, random, aim);
  const at = checksumAt(protocol);
  if (at !== undefined && whole.length >= at + 2 && random.chance(0.9)) {
    const sum =
      protocol === protocols.icmp ? checksum(whole) : checksum(pseudo, u32(whole.length), u16(0, protocol), whole);
    write16(whole, at, sum);
  }
  return random.chance(0.15) ? whole.subarray(0, random.below(Math.min(25, whole.length + 1))) : whole;
};

/** Options that the receiving stack lets through unread: no-operation, end, and numbers for experiments. */
const ipOptions = (random: Random): Uint8Array => {
  const words = random.pick([1, 1, 2, 5, 10]);
  const fill = random.pick([1, 1, 0]);
  const bytes = new Uint8Array(4 * words).fill(fill);
  if (fill === 1 && random.chance(0.3)) bytes.set([0x1e, 4, random.below(256), random.below(256)], 0);
  return bytes;
};

interface Fragment {
  readonly more: boolean;
  /** In units of 8 bytes. */
  readonly offset: number;
}

const ipv4 = (
  number: number,
  protocol: number,
  from: Uint8Array,
  to: Uint8Array,
  [tos, ttl]: readonly [number, number],
  options: Uint8Array,
  body: Uint8Array,
  { more, offset }: Fragment = { more: false, offset: 0 },
): Uint8Array => {
  const length = 20 + options.length;
  const flags = (more ? 0x2000 : 0) | offset;
  const head = concat(
    u8(0x40 | (length / 4), tos),
    u16(length + body.length, number, flags),
    u8(ttl, protocol),
    u16(0),
    from,
    to,
    options,
  );
  write16(head, 10, checksum(head));
  return concat(head, body);
};

const some4 = [0x0a000001n, 0xac110002n, 0xc0a80107n, 0x08080808n, 0xc0a84d02n, 0x0a000501n];
const special4 = [0xffffffffn, 0xe0000001n, 0x7f000001n, 0xc0a84d01n, 0xac110001n, 0xc0a84dffn, 0n];
const some6 = [
  0xfd000000000000000000000000000001n,
  0xfd770000000000000000000000000002n,
  0x20010db8000000000000000000000001n,
];
const special6 = [
  0xfd770000000000000000000000000001n,
  0xff020000000000000000000000000001n,
  0xfe800000000000000000000000000001n,
  1n,
];

const addressFor = (wanted: readonly bigint[], family: Family, random: Random, aim: Aim): Uint8Array => {
  const [some, special] = family === 'ip' ? [some4, special4] : [some6, special6];
  const other = (): bigint =>
    aimed(
      random,
      aim.addresses,
      () => (random.chance(aim.matches.has('addrtype') ? 0.5 : 0.1) ? random.pick(special) : random.pick(some)),
      0.7,
    );
  return address(aimed(random, wanted, other), family === 'ip' ? 4 : 16);
};

const commonProtocols = [6, 17, 1, 58, 132, 33, 50, 51, 47, 4, 136, 0, 255, 59];

const protocolFor = (random: Random, aim: Aim): number =>
  aimed(random, aim.protocols, () => random.pick(commonProtocols), 0.92);

/** The whole packet in two frames, cut where the transport header may be cut. */
interface Shape {
  readonly sent: readonly Uint8Array[];
  readonly seen: Uint8Array;
}

const reassembled = (hook: Hook, tracked: boolean, family: Family): boolean =>
  tracked || (hook === 'input' && family === 'ip');

const shape4 = (number: number, random: Random, aim: Aim, place: Place): Shape => {
  const protocol = protocolFor(random, aim);
  const from = addressFor(aim.sources, 'ip', random, aim);
  const to = addressFor(aim.destinations, 'ip', random, aim);
  const fields = [
    aimed(random, aim.bytes, () => random.pick([0, 0, 0x10, 0xb8, 0xff]), 0.4),
    hops(random, aim),
  ] as const;
  const options = random.chance(0.2) ? ipOptions(random) : new Uint8Array();
  const body = transportFor(protocol, concat(from, to), random, aim);
  const make = (part: Uint8Array, fragment?: Fragment): Uint8Array =>
    ipv4(number, protocol, from, to, fields, options, part, fragment);
  const kind = random.below(100);
  if (kind >= 24 || body.length < 8) return once(make(body));
  const whole = body.subarray(0, body.length & ~7);
  if (reassembled(place.hook, place.tracked, 'ip')) {
    if (kind >= 10 || body.length < 9) return once(make(body));
    const cut = 8 * (1 + random.below((body.length - 1) >> 3));
    const first = make(body.subarray(0, cut), { more: true, offset: 0 });
    return { sent: [first, make(body.subarray(cut), { more: false, offset: cut / 8 })], seen: make(body) };
  }
  if (kind < 8) return once(make(whole, { more: true, offset: 0 }));
  const offset = random.pick([1, 1, 2, 3, 77, 0x1000]);
  const later = kind < 14 ? random.bytes(8 * random.below(5)) : body;
  return once(make(later, { more: false, offset }));
};

const once = (bytes: Uint8Array): Shape => ({ sent: [bytes], seen: bytes });

const hops = (random: Random, aim: Aim): number =>
  Math.max(
    2,
    aimed(random, aim.bytes, () => random.pick([64, 255, 2, 128]), 0.4),
  );

/** An extension header of 8 bytes that holds only padding. */
const padding = (next: number): Uint8Array => u8(next, 0, 1, 4, 0, 0, 0, 0);

interface Chain {
  readonly next: number;
  readonly bytes: Uint8Array;
}

/** Puts one more extension header in front. */
const extended = ({ next, bytes }: Chain, random: Random, aim: Aim, first: boolean): Chain => {
  switch (random.below(first ? 6 : 5)) {
    case 0:
    case 1:
      return { next: 60, bytes: concat(padding(next), bytes) };
    case 2:
      return { next: 43, bytes: concat(u8(next, 0, 4, 0, 0, 0, 0, 0), bytes) };
    case 3: {
      const words = aimed(random, aim.words, random.word, 0.5);
      return { next: 51, bytes: concat(u8(next, 4, 0, 0), u32(words, 1), random.bytes(12), bytes) };
    }
    case 4:
      return { next: 60, bytes: concat(u8(next, 1), u8(1, 12), new Uint8Array(12), bytes) };
    default:
      return { next: 0, bytes: concat(padding(next), bytes) };
  }
};

const fragmented = (chain: Chain, random: Random): Chain => {
  const kind = random.below(4);
  const offset = kind < 2 ? 0 : random.pick([1, 1, 2, 50]);
  const more = kind === 0 || (kind > 1 && random.chance(0.3)) ? 1 : 0;
  const body = more ? chain.bytes.subarray(0, chain.bytes.length & ~7) : chain.bytes;
  return { next: 44, bytes: concat(u8(chain.next, 0), u16((offset << 3) | more), u32(random.word()), body) };
};

const shape6 = (number: number, random: Random, aim: Aim, place: Place): Shape => {
  const protocol = protocolFor(random, aim);
  const from = addressFor(aim.sources, 'ip6', random, aim);
  const to = addressFor(aim.destinations, 'ip6', random, aim);
  let chain: Chain = { next: protocol, bytes: transportFor(protocol, concat(from, to), random, aim) };
  const kind = random.below(100);
  if (kind < 14) chain = extended(chain, random, aim, false);
  if (kind >= 8 && kind < 22 && !place.tracked) chain = fragmented(chain, random);
  if (kind < 8 || (kind >= 18 && kind < 30)) chain = extended(chain, random, aim, true);
  const cut = kind >= 28 && kind < 32 ? random.below(Math.min(16, chain.bytes.length + 1)) : chain.bytes.length;
  const traffic = aimed(random, aim.bytes, () => random.pick([0, 0, 0x10, 0xb8, 0xff]), 0.4) & 255;
  const body = chain.bytes.subarray(0, cut);
  return once(
    concat(
      u8(0x60 | (traffic >> 4), (traffic << 4) & 0xf0),
      u16(number, body.length),
      u8(chain.next, hops(random, aim)),
      from,
      to,
      body,
    ),
  );
};

/** A word of the rule at a place of the rule: what u32 and BPF programs look for. */
const poke = (bytes: Uint8Array, family: Family, random: Random, aim: Aim): void => {
  const headers = family === 'ip' ? ((bytes[0] ?? 0) & 15) * 4 : 40;
  if (bytes.length < headers + 4 || aim.words.length === 0) return;
  const offsets = aim.bytes
    .flatMap((one) => [one, headers + one])
    .filter((at) => at >= headers && at + 4 <= bytes.length);
  if (offsets.length > 0) bytes.set(u32(random.pick(aim.words)), random.pick(offsets));
};

/** What ip_forward and ip6_forward do before the hook (ip_decrease_ttl: the checksum never becomes zero this way). */
export const forwarded = (bytes: Uint8Array, family: Family): Uint8Array => {
  const after = Uint8Array.from(bytes);
  const at = family === 'ip' ? 8 : 7;
  after[at] = (after[at] ?? 0) - 1;
  if (family === 'ip') {
    const sum = read16(after, 10) + 0x100;
    write16(after, 10, sum >= 0xffff ? sum + 1 : sum);
  }
  return after;
};

const hardware = (text: string): Uint8Array => u8(...text.split(':').map((part) => Number.parseInt(part, 16)));

const framed = (
  number: number,
  family: Family,
  through: InterfaceName,
  { sent, seen }: Shape,
  { hook }: Place,
  from: string,
  pkttype: number,
): Made => {
  const own = interfaces[through];
  const to = [own, 'ff:ff:ff:ff:ff:ff', family === 'ip' ? '01:00:5e:00:00:01' : '33:33:00:00:00:01'][pkttype] ?? own;
  const link = concat(hardware(to), hardware(from), u16(family === 'ip' ? 0x0800 : 0x86dd));
  const behind = hook === 'forward' || hook === 'postrouting';
  return {
    number,
    family,
    through,
    frames: sent.map((bytes) => ({ through: interfaceNames.indexOf(through), bytes: concat(link, bytes) })),
    bytes: behind ? forwarded(seen, family) : seen,
    link,
    pkttype,
  };
};

/** The packet with this number near the rule. */
export const packetNear = (number: number, family: Family, random: Random, aim: Aim, place: Place): Made => {
  const through = aimed(random, aim.through, () => random.pick(interfaceNames), 0.85);
  const { sent, seen } = (family === 'ip' ? shape4 : shape6)(number, random, aim, place);
  const programs = aim.matches.has('u32') || aim.matches.has('bpf');
  if (sent.length === 1 && programs && random.chance(0.2)) poke(seen, family, random, aim);
  // After what a rule wants, the packet may be another one than was aimed at: that is as good.
  if (sent.length === 1 && programs && random.chance(0.6)) meetPrograms(seen, aim.rule, random);
  const own = interfaces[through];
  const wide = aim.matches.has('pkttype') && place.hook === 'prerouting' ? random.below(3) : 0;
  const mac = aimed<string | undefined>(random, aim.macs, () => undefined);
  return framed(number, family, through, { sent, seen }, place, mac ?? own.replace(/01$/, '02'), wide);
};

const turned: ReadonlySet<number> = new Set([protocols.tcp, protocols.udp]);

/** The answer to a packet: addresses and ports change sides, whatever else is said. */
export const replyTo = (number: number, to: Made, place: Place, random: Random): Made | undefined => {
  const [frame] = to.frames;
  if (!frame || to.frames.length > 1) return undefined;
  const bytes = Uint8Array.from(frame.bytes.subarray(14));
  const [from, length] = to.family === 'ip' ? [12, 4] : [8, 16];
  const start = to.family === 'ip' ? ((bytes[0] ?? 0) & 15) * 4 : 40;
  if (!turned.has(bytes[to.family === 'ip' ? 9 : 6] ?? 0) || bytes.length < start + 4) return undefined;
  bytes.copyWithin(from, from + length, from + 2 * length);
  bytes.set(frame.bytes.subarray(14 + from, 14 + from + length), from + length);
  bytes.copyWithin(start, start + 2, start + 4);
  bytes.set(frame.bytes.subarray(14 + start, 14 + start + 2), start + 2);
  write16(bytes, to.family === 'ip' ? 4 : 2, number);
  if (to.family === 'ip') {
    write16(bytes, 10, 0);
    write16(bytes, 10, checksum(bytes.subarray(0, start)));
  }
  return framed(
    number,
    to.family,
    random.pick(interfaceNames),
    { sent: [bytes], seen: bytes },
    place,
    '02:00:00:00:09:01',
    0,
  );
};
