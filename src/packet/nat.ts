/** What NAT does to the first packet of a connection: its addresses, its ports and the connection's reply tuple. */
import { dccp, icmp, icmpv6, sctp, tcp, udp, udplite } from '../netfilter/protocols.ts';
import { addressBits } from '../netfilter/address.ts';
import { readBits, writeBits } from './bits.ts';
import { checksumsOf, withChecksums } from './checksumupdate.ts';
import type { Effect } from './effect.ts';
import { changeBytes, isBlurred, markBytes, setKey, slotOf, valueAt } from './view.ts';
import type { View } from './view.ts';

export type Nat = Extract<Effect, { readonly kind: 'nat' }>;

/** What only the host knows. */
export interface NatContext {
  /** The address that masquerade takes, of the device through which the packet leaves. */
  readonly masqueradeAs?: bigint;
  /** The address that redirect takes: of the device through which the packet came, or the loopback address. */
  readonly redirectTo?: bigint;
}

/** Bits of ct status (nf_conntrack_common.h enum ip_conntrack_status): the mapping changes it, and it has been chosen. */
const status = { source: { changed: 16, done: 128 }, destination: { changed: 32, done: 256 } } as const;

type Side = keyof typeof status;

const sideOf = (type: Nat['type']): Side =>
  type === 'dnat' || type === 'redirect' || type === 'netmap-dnat' ? 'destination' : 'source';

const withPorts: ReadonlySet<number> = new Set([tcp, udp, udplite, sctp, dccp]);
const withIdentifier: ReadonlySet<number> = new Set([icmp, icmpv6]);

/** A place in the packet that NAT may change, in bytes from the network header. */
interface Place {
  readonly at: number;
  readonly size: number;
}

const addressPlace = (view: View, side: Side): Place => {
  const size = addressBits(view.family) / 8;
  return { at: (view.family === 'ip' ? 12 : 8) + (side === 'source' ? 0 : size), size };
};

/** The port, or the identifier of an ICMP query; undefined where the packet has none. */
const portPlace = (view: View, side: Side): Place | undefined => {
  const { l4proto, fragoff, starts } = view.headers;
  if (l4proto === null || fragoff !== 0) return undefined;
  const offset = withPorts.has(l4proto) ? (side === 'source' ? 0 : 2) : withIdentifier.has(l4proto) ? 4 : undefined;
  if (offset === undefined || starts[1] + offset + 2 > view.bytes.length) return undefined;
  return { at: starts[1] + offset, size: 2 };
};

/** Undefined: nobody knows which of several it is. */
type Chosen = bigint | undefined;

const read = (view: View, { at, size }: Place): Chosen =>
  isBlurred(view, at, at + size) ? undefined : BigInt(readBits(view.bytes, at * 8, size * 8));

const chosenAddress = (nat: Nat, old: Chosen, context: NatContext): Chosen => {
  const { type, to, flags } = nat;
  if (type === 'masquerade') return context.masqueradeAs;
  if (type === 'redirect') return context.redirectTo;
  if (!to.address) return old;
  const [low, high] = to.address;
  if (type === 'netmap-snat' || type === 'netmap-dnat')
    return old === undefined ? undefined : (old & (low ^ high)) | low;
  if (low === high) return low;
  // nf_nat_core.c get_unique_tuple: a source that is in the range already stays, unless ports are drawn at random.
  const stays = type === 'snat' && !isRandom(flags) && old !== undefined && old >= low && old <= high;
  return stays ? old : undefined;
};

const isRandom = (flags: readonly string[]): boolean => flags.includes('random') || flags.includes('fully-random');

/**
 * nf_nat_core.c get_unique_tuple and nf_nat_l4proto_unique_tuple, taking every port to be free: one that is in the
 * range already stays, one range is shifted as a whole, and otherwise only a range of one port is certain.
 */
const chosenPort = ({ to, flags, basePort }: Nat, old: Chosen): Chosen => {
  if (!to.port) return isRandom(flags) ? undefined : old;
  const [low, high] = to.port;
  if (low === high) return BigInt(low);
  if (old === undefined) return undefined;
  if (basePort !== undefined) return BigInt(low + (((Number(old) - basePort) & 0xffff) % (high - low + 1)));
  return !isRandom(flags) && old >= low && old <= high ? old : undefined;
};

/** Puts the chosen value in its place, or marks the place and the checksums over it as unknown. */
const put = (view: View, { at, size }: Place, value: Chosen): void => {
  if (value !== undefined) {
    changeBytes(view, () => withChecksums(view, (bytes) => writeBits(bytes, at * 8, size * 8, value)));
    markBytes(view, at, at + size, true);
    return;
  }
  markBytes(view, at, at + size, false);
  for (const { at: sum, covers, kind } of checksumsOf(view))
    if (covers.some(([from, to]) => from <= at && at < to))
      markBytes(view, sum, sum + (kind === 'crc32c' ? 4 : 2), false);
};

/** A key of the connection; there is none for a packet without one. */
const setTracked = (view: View, key: string, value: number | bigint | undefined): void => {
  if (valueAt(view, slotOf(key)) !== null) setKey(view, key, value);
};

/** The answer to the packet will come from, or go to, what it was mapped to. */
const setReply = (view: View, side: Side, address: Chosen, port: Chosen): void => {
  const end = side === 'destination' ? 's' : 'd';
  const bits = addressBits(view.family);
  const word = bits === 32 ? 'addr4' : 'addr6';
  setTracked(
    view,
    `ct.reply.${end}${word}`,
    address === undefined ? undefined : bits === 32 ? Number(address) : address,
  );
  setTracked(view, `ct.reply.${end}port`, port === undefined ? undefined : Number(port));
};

const setStatus = (view: View, side: Side, changed: boolean | undefined): void => {
  const old = valueAt(view, slotOf('ct.status'));
  if (typeof old !== 'number') return;
  const bits = status[side];
  setKey(view, 'ct.status', changed === undefined ? undefined : old | bits.done | (changed ? bits.changed : 0));
};

/**
 * Rewrites the packet as the first of its connection. Where the kernel chooses (several addresses or ports, or an
 * address that `context` does not tell), the new value is unknown.
 */
export const translateAddresses = (view: View, nat: Nat, context: NatContext = {}): void => {
  const side = sideOf(nat.type);
  const addressAt = addressPlace(view, side);
  if (addressAt.at + addressAt.size > view.bytes.length) return;
  const oldAddress = read(view, addressAt);
  const address = chosenAddress(nat, oldAddress, context);
  const portAt = portPlace(view, side);
  const identifies = view.headers.l4proto !== null && withIdentifier.has(view.headers.l4proto);
  const oldPort = portAt ? read(view, portAt) : undefined;
  const port = portAt ? chosenPort(identifies ? { ...nat, to: {} } : nat, oldPort) : undefined;

  if (address === undefined || address !== oldAddress) put(view, addressAt, address);
  if (portAt && (port === undefined || port !== oldPort)) put(view, portAt, port);

  const parts: readonly (readonly [Chosen, Chosen])[] = portAt
    ? [
        [oldAddress, address],
        [oldPort, port],
      ]
    : [[oldAddress, address]];
  const known = parts.filter(([old, next]) => old !== undefined && next !== undefined);
  const changed = known.some(([old, next]) => old !== next) || (known.length === parts.length ? false : undefined);
  setReply(view, side, address, identifies ? undefined : port);
  setStatus(view, side, changed);
};
