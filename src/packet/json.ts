/** A packet as JSON, for output: its bytes, what they say, and the keys beside them. */
import type { Hook } from '../netfilter/hooks.ts';
import { headersIn } from './dissect.ts';
import { type HeaderName, layouts } from './layout.ts';
import { readNumber, toHex } from './octets.ts';
import type { KeyValue, Packet } from './packet.ts';
import { printKey } from './saying.ts';
import { valueType } from './values.ts';
import { printPacket } from './wordprint.ts';

export interface HeaderJson {
  readonly header: HeaderName;
  /** In bytes from the network header. */
  readonly offset: number;
  /** Fields that lie wholly within the packet, as words. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface PacketJson {
  readonly family: 'ip' | 'ip6';
  readonly hook?: Hook;
  /** What `--packet` reads back as this packet. */
  readonly words: string;
  /** Hex, from the network header. */
  readonly bytes: string;
  readonly link?: string;
  readonly headers: readonly HeaderJson[];
  /** By the names of field.ts; numbers above 2^48 in hex, null where this packet has no such value. */
  readonly keys: Readonly<Record<string, string | number | null>>;
  /** The same in words. */
  readonly keyWords: readonly string[];
}

const keyJson = (value: KeyValue): string | number | null =>
  typeof value === 'bigint' ? `0x${value.toString(16)}` : value;

const fieldsIn = (bytes: Uint8Array, name: HeaderName, at: number): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...layouts[name].fields].flatMap(([field, { offset, length, value, view }]): [string, string][] => {
      const end = at * 8 + offset + length;
      if (view || end > bytes.length * 8) return [];
      return [[field, valueType(value, length).print(readNumber(bytes, at * 8 + offset, length))]];
    }),
  );

export const packetJson = (packet: Packet, hook?: Hook): PacketJson => {
  const { family, bytes, link, keys } = packet;
  const sorted = [...keys].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    family,
    ...(hook ? { hook } : {}),
    words: printPacket(packet, hook),
    bytes: toHex(bytes),
    ...(link ? { link: toHex(link) } : {}),
    headers: headersIn(family, bytes)
      .filter(({ at }) => at < bytes.length)
      .map(({ name, at }) => ({ header: name, offset: at, fields: fieldsIn(bytes, name, at) })),
    keys: Object.fromEntries(sorted.map(([key, value]) => [key, keyJson(value)])),
    keyWords: sorted.map(([key, value]) => {
      const { context, word } = printKey(key, value);
      return context === '' ? word : `${context} ${word}`;
    }),
  };
};
