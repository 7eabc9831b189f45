/** Packets for tests, put together byte by byte. */

export const bytesOf = (hex: string): Uint8Array => {
  const digits = hex.replaceAll(/\s/g, '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
};

export const joined = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

export const word = (value: number): Uint8Array => Uint8Array.from([(value >> 8) & 0xff, value & 0xff]);

/** The 16-bit one's complement sum, written independently of the code under test. */
const sum = (bytes: Uint8Array): number => {
  let total = 0;
  for (const [i, byte] of bytes.entries()) total += i % 2 === 0 ? byte * 256 : byte;
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return total;
};

/** Whether bytes with their checksum in them add up. */
export const addsUp = (...parts: readonly Uint8Array[]): boolean => sum(joined(...parts)) === 0xffff;

const complement = (...parts: readonly Uint8Array[]): number => ~sum(joined(...parts)) & 0xffff;

const set = (bytes: Uint8Array, at: number, value: number): void => bytes.set(word(value), at);

export interface Ip4 {
  readonly protocol: number;
  readonly body: Uint8Array;
  /** Of the header, in words of 4 bytes. */
  readonly words?: number;
  readonly fragoff?: number;
  readonly source?: string;
  readonly destination?: string;
}

/** An IPv4 packet with a right header checksum; options are NOPs. */
export const ip4 = ({ protocol, body, words = 5, fragoff = 0, source = '0a000002', destination = '0a000001' }: Ip4) => {
  const header = joined(
    Uint8Array.from([0x40 | words, 0]),
    word(words * 4 + body.length),
    word(1),
    word(fragoff),
    Uint8Array.from([64, protocol, 0, 0]),
    bytesOf(source + destination),
    new Uint8Array(words * 4 - 20).fill(1),
  );
  set(header, 10, complement(header));
  return joined(header, body);
};

const source6 = '20010db8000000000000000000000002';
const destination6 = '20010db8000000000000000000000001';

/** An IPv6 packet; `next` is the number of the first header of the body. */
export const ip6 = (next: number, ...body: readonly Uint8Array[]): Uint8Array => {
  const rest = joined(...body);
  return joined(
    bytesOf('60000000'),
    word(rest.length),
    Uint8Array.from([next, 64]),
    bytesOf(source6 + destination6),
    rest,
  );
};

/** Extension headers of 8 bytes. */
export const options = (next: number): Uint8Array => Uint8Array.from([next, 0, 1, 4, 0, 0, 0, 0]);
export const routing = (next: number): Uint8Array => Uint8Array.from([next, 0, 4, 0, 0, 0, 0, 0]);
export const fragment = (next: number, offset: number): Uint8Array =>
  joined(Uint8Array.from([next, 0]), word(offset << 3), bytesOf('00000007'));
/** 16 bytes: the length counts words of 4 bytes beyond the second. */
export const authentication = (next: number): Uint8Array => joined(Uint8Array.from([next, 2]), new Uint8Array(14));

/** Without a checksum, which is zero. */
export const udp = (sport: number, dport: number, data: Uint8Array = new Uint8Array(0)): Uint8Array =>
  joined(word(sport), word(dport), word(8 + data.length), word(0), data);

/** `rest` holds options, padded to words of 4 bytes; `words` is the data offset, the right one unless it is given. */
export const tcp = (sport: number, dport: number, rest = '', words = 5 + rest.length / 8): Uint8Array =>
  joined(word(sport), word(dport), new Uint8Array(8), bytesOf(`${words.toString(16)}002ffff00000000`), bytesOf(rest));

/** What the transport's checksum is taken over beside its own bytes, without its length. */
const pseudo = (packet: Uint8Array, protocol: number): Uint8Array =>
  packet[0] === 0x60
    ? joined(packet.slice(8, 40), word(packet.length - 40), word(protocol))
    : joined(packet.slice(12, 20), word(packet.length - 20), word(protocol));

/** Puts the transport checksum of a packet without options into its place, `at` bytes from the transport header. */
export const summed = (packet: Uint8Array, protocol: number, at: number): Uint8Array => {
  const start = packet[0] === 0x60 ? 40 : 20;
  const out = packet.slice();
  set(out, start + at, complement(pseudo(out, protocol), out.slice(start)));
  return out;
};

export const transportAddsUp = (packet: Uint8Array, protocol: number): boolean =>
  addsUp(pseudo(packet, protocol), packet.slice(packet[0] === 0x60 ? 40 : 20));
