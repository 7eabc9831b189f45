/** First packets of connections, in words and, faster than words can be read, as what those words say. */
import { type Address, printAddress } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import type { Hook } from '../netfilter/hooks.ts';
import { folded, sum16 } from '../packet/checksum.ts';
import { keyValue } from '../packet/defaults.ts';
import { writeNumber } from '../packet/octets.ts';
import type { KeyValue, Packet } from '../packet/packet.ts';
import { readPacket } from '../packet/words.ts';

/** From whom, to whom, and where it starts. */
export interface First {
  readonly family: Family;
  /** `in=eth0`, `hook=output out=lo`. */
  readonly start: string;
  readonly source: Address;
  readonly address: Address;
  readonly protocol: string;
  readonly port: number;
  /** More words, behind the others. */
  readonly more?: readonly string[];
}

const ported: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp']);

/** Nothing is left open that rules usually ask. */
export const packetWords = ({ family, start, source, address, protocol, port, more = [] }: First): string =>
  [
    start,
    `${family} saddr=${printAddress(source, family)}`,
    `daddr=${printAddress(address, family)}`,
    ported.has(protocol) ? `${protocol} sport=40000 dport=${port}` : protocol,
    ...(protocol === 'tcp' ? ['flags=syn'] : []),
    'pkttype=host secpath=no ct state=new',
    ...more,
  ].join(' ');

export interface Started {
  readonly packet: Packet;
  readonly hook: Hook | undefined;
}

export const startedBy = (words: string): Started => {
  const { value } = readPacket(words);
  if (!value) throw new Error(`the packet "${words}" cannot be read`);
  return value;
};

/** Of each kind of packet one is read from words; the others differ from it in addresses and ports. */
const templates = new Map<string, Started>();
const mostTemplates = 500;

const templateOf = (first: First): Started => {
  const key = `${first.family} ${first.start} ${first.protocol} ${first.more?.join(' ') ?? ''}`;
  const known = templates.get(key);
  if (known) return known;
  if (templates.size >= mostTemplates) templates.clear();
  const made = startedBy(packetWords(first));
  templates.set(key, made);
  return made;
};

/** The same as `startedBy(packetWords(first))`, but for the checksum of the transport, which no rule asks for. */
export const startedAs = (first: First): Started => {
  const { family, source, address, protocol, port } = first;
  const { packet, hook } = templateOf(first);
  if (!ported.has(protocol)) return startedBy(packetWords(first));
  const [bits, at, header, kind] = family === 'ip' ? ([32, 96, 20, 4] as const) : ([128, 64, 40, 6] as const);
  const bytes = packet.bytes.slice();
  writeNumber(bytes, at, bits, source);
  writeNumber(bytes, at + bits, bits, address);
  writeNumber(bytes, header * 8 + 16, 16, BigInt(port));
  if (family === 'ip') {
    writeNumber(bytes, 80, 16, 0n);
    writeNumber(bytes, 80, 16, BigInt(folded(sum16(bytes, 0, 20))));
  }
  const keys = new Map<string, KeyValue>(packet.keys);
  const set = (key: string, value: bigint | number): void => {
    if (keys.has(key)) keys.set(key, typeof value === 'number' ? value : keyValue(key, value));
  };
  set(`ct.original.saddr${kind}`, source);
  set(`ct.original.daddr${kind}`, address);
  set(`ct.reply.saddr${kind}`, address);
  set(`ct.reply.daddr${kind}`, source);
  set('ct.original.dport', port);
  set('ct.reply.sport', port);
  return { packet: { ...packet, bytes, keys }, hook };
};
