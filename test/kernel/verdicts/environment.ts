// What the namespace gives a packet beside its bytes. What the routes and conntrack say was recorded by the kernel; the
// rest follows from how the laboratory is built. Whatever else a rule may ask stays unknown.
import { ctStates, type CtState, keyInfo } from '../../../src/packet/field.ts';
import type { KeyValue, Packet } from '../../../src/packet/packet.ts';
import { read16 } from './bytes.ts';
import type { Made, Place } from './packets.ts';
import { protocols } from './transports.ts';

/** No packet belongs to a socket, comes through IPsec or leaves through it. */
const nothing: readonly (readonly [string, KeyValue])[] = [
  ...['skuid', 'skgid', 'cgroup', 'ct.helper'].map((key) => [key, null] as const),
  ...['in', 'out'].flatMap((direction) =>
    Array.from({ length: 6 }, (_, index) => index).flatMap((index) =>
      ['reqid', 'spi', 'saddr4', 'daddr4', 'saddr6', 'daddr6', 'proto', 'mode'].map(
        (field) => [`ipsec.${direction}.${index}.${field}`, null] as const,
      ),
    ),
  ),
].filter(([key]) => keyInfo(key));

/** Answers to predicates: no packet has a socket. */
export const oracle: ReadonlyMap<string, boolean> = new Map([['owner socket', false]]);

/** ARPHRD_ETHER (include/uapi/linux/if_arp.h). */
const ethernet = 1;

/** Protocols whose ports conntrack knows, in every version of the kernel. */
const portsOf = new Set<number>([protocols.tcp, protocols.udp]);

const numberAt = (bytes: Uint8Array, from: number, length: number): bigint =>
  bytes.subarray(from, from + length).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);

/** A number as packets carry it: a bigint only where it needs to be one. */
const keyNumber = (value: bigint): number | bigint => (value < 1n << 48n ? Number(value) : value);

/** The tuples of a packet's connection, without translation of addresses: `there` is how this packet goes. */
const tuple = (
  { family, bytes }: Made,
  there: 'original' | 'reply',
  back: 'original' | 'reply',
): readonly (readonly [string, KeyValue])[] => {
  const [from, to, length] = family === 'ip' ? [12, 16, 4] : [8, 24, 16];
  const four = family === 'ip' ? 4 : 6;
  const [source, destination] = [keyNumber(numberAt(bytes, from, length)), keyNumber(numberAt(bytes, to, length))];
  const protocol = bytes[family === 'ip' ? 9 : 6] ?? 0;
  const start = family === 'ip' ? ((bytes[0] ?? 0) & 15) * 4 : 40;
  const ports = portsOf.has(protocol);
  return [
    ['ct.l3proto', family === 'ip' ? 2 : 10],
    // Behind extension headers the transport is somewhere else.
    ...(family === 'ip' || ports || protocol === protocols.icmpv6 ? [['ct.protocol', protocol] as const] : []),
    [`ct.${there}.saddr${four}`, source],
    [`ct.${there}.daddr${four}`, destination],
    [`ct.${back}.saddr${four}`, destination],
    [`ct.${back}.daddr${four}`, source],
    ...(ports
      ? ([
          [`ct.${there}.sport`, read16(bytes, start)],
          [`ct.${there}.dport`, read16(bytes, start + 2)],
          [`ct.${back}.sport`, read16(bytes, start + 2)],
          [`ct.${back}.dport`, read16(bytes, start)],
        ] as const)
      : []),
  ];
};

const tracked = (made: Made, recorded: ReadonlyMap<string, KeyValue>): readonly (readonly [string, KeyValue])[] => {
  const state = recorded.get('ct.state');
  const straight: readonly KeyValue[] = [ctStates.new, ctStates.established];
  // A related packet belongs to another connection than its own addresses say.
  if (!straight.includes(state ?? null)) return [['ct.zone', 0]];
  const reply = recorded.get('ct.direction') === 1;
  return [['ct.zone', 0], ...(reply ? tuple(made, 'reply', 'original') : tuple(made, 'original', 'reply'))];
};

export interface Machine {
  /** Whether this kernel loads bytes of later fragments; see field.ts. */
  readonly fragquirk: boolean;
  readonly cpu: number;
}

/** The packet as a simulator gets it. */
export const packetOf = (
  made: Made,
  place: Place,
  recorded: ReadonlyMap<string, KeyValue>,
  machine: Machine,
): Packet => {
  const leaving = place.hook === 'forward' || place.hook === 'postrouting';
  const routed = place.hook !== 'prerouting';
  const untracked: CtState = 'invalid';
  const keys = new Map<string, KeyValue>([
    ...nothing,
    ['iifname', made.through],
    ['iiftype', ethernet],
    ['iifgroup', 0],
    ['oifname', ''],
    ['oiftype', leaving ? ethernet : null],
    ['oifgroup', leaving ? 0 : null],
    ['mark', 0],
    ['pkttype', made.pkttype],
    ['cpu', machine.cpu],
    ['nftrace', 0],
    ['secmark', 0],
    ['secpath', 0],
    ['rtipsec', routed ? 0 : null],
    ['rtclassid', routed ? 0 : null],
    ['fragquirk', machine.fragquirk ? 1 : 0],
    ['ct.state', ctStates[untracked]],
    ...(place.tracked ? tracked(made, recorded) : []),
    ...recorded,
    // No routing rule of the laboratory asks for a mark.
    ...[...recorded].flatMap(([key, value]) => {
      const parts = /^fib\.saddr(\.iif)?\.exists$/.exec(key);
      return parts ? [[`fib.saddr.mark${parts[1] ?? ''}.exists`, value] as const] : [];
    }),
  ]);
  return { family: made.family, bytes: made.bytes, link: made.link, keys };
};
