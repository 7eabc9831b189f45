/** What the host around the rules is: its addresses and routes, as far as somebody has said them. */
import type { Masked } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import { payload, type PayloadField } from '../packet/field.ts';
import type { Packet } from '../packet/packet.ts';
import { setKey, slotOf, valueAt, valueOf, type View } from '../packet/view.ts';

export interface Route {
  readonly network: Masked;
  readonly device: string;
}

export interface LocalAddress {
  readonly address: bigint;
  /** The device that has it; the first one of a device is the one that NAT takes. */
  readonly device?: string;
}

/** Of one family. */
export interface Facts {
  readonly routes: readonly Route[];
  readonly locals: readonly LocalAddress[];
}

export const noFacts: Facts = { routes: [], locals: [] };

/** RTN_UNICAST and others of include/uapi/linux/rtnetlink.h. */
export const routeTypes = { unicast: 1, local: 2, broadcast: 3, anycast: 4, multicast: 5 } as const;

const addressFields: Readonly<Record<Family, Readonly<Record<'saddr' | 'daddr', PayloadField>>>> = {
  ip: { saddr: payload('nh', 96, 32), daddr: payload('nh', 128, 32) },
  ip6: { saddr: payload('nh', 64, 128), daddr: payload('nh', 192, 128) },
};

/** An address of the packet, or undefined if nobody knows it: NAT may have chosen it. */
export const addressOf = (view: View, side: 'saddr' | 'daddr'): bigint | undefined => {
  const value = valueOf(view, addressFields[view.family][side]);
  return typeof value === 'number' || typeof value === 'bigint' ? BigInt(value) : undefined;
};

/** Addresses whose type no routing table can change (fib_frontend.c inet_addr_type), or that every host has. */
const byItself = (address: bigint, family: Family): number | undefined => {
  if (family === 'ip6') {
    if (address >> 120n === 0xffn) return routeTypes.multicast;
    return address === 1n ? routeTypes.local : undefined;
  }
  if (address === 0xffffffffn) return routeTypes.broadcast;
  if (address >> 28n === 0xen) return routeTypes.multicast;
  return address >> 24n === 127n ? routeTypes.local : undefined;
};

/** The longest network with the address, as a route lookup takes it. */
export const routeTo = (address: bigint, { routes }: Facts): Route | undefined => {
  let best: Route | undefined;
  for (const route of routes)
    if ((address & route.network.mask) === route.network.address && (!best || route.network.mask > best.network.mask))
      best = route;
  return best;
};

const lookUp = (address: bigint, family: Family, facts: Facts): number | undefined => {
  const known = byItself(address, family);
  if (known !== undefined) return known;
  if (facts.locals.some((local) => local.address === address)) return routeTypes.local;
  return routeTo(address, facts) ? routeTypes.unicast : undefined;
};

/** Answers by address: a test sends many packets to few addresses. */
const remembered = new WeakMap<Facts, Map<bigint | number, number | undefined>>();
const mostRemembered = 10_000;

/** The route type of an address, or undefined if nobody has said it. */
const typeAt = (address: number | bigint, family: Family, facts: Facts): number | undefined => {
  const known = remembered.get(facts) ?? new Map<bigint | number, number | undefined>();
  remembered.set(facts, known);
  const found = known.get(address);
  if (found !== undefined || known.has(address)) return found;
  if (known.size >= mostRemembered) known.clear();
  const type = lookUp(BigInt(address), family, facts);
  known.set(address, type);
  return type;
};

export const typeOf = (address: bigint, family: Family, facts: Facts): number | undefined =>
  typeAt(family === 'ip' ? Number(address) : address, family, facts);

const typeKeys = { saddr: 'fib.saddr.type', daddr: 'fib.daddr.type' } as const;
const slots = { saddr: slotOf(typeKeys.saddr), daddr: slotOf(typeKeys.daddr) } as const;

/** Answers `fib daddr type` from the facts where the packet itself does not. */
export const fillRouteTypes = (view: View, facts: Facts): void => {
  for (const side of ['saddr', 'daddr'] as const) {
    if (valueAt(view, slots[side]) !== undefined) continue;
    const address = valueOf(view, addressFields[view.family][side]);
    if (typeof address !== 'number' && typeof address !== 'bigint') continue;
    const type = typeAt(address, view.family, facts);
    if (type !== undefined) setKey(view, typeKeys[side], type);
  }
};

/** What a packet was given of routes, by its keys: most packets are given nothing. */
const given = new WeakMap<Packet['keys'], readonly string[]>();

const routeKeysOf = ({ keys }: Packet): readonly string[] => {
  const found = given.get(keys) ?? [...keys.keys()].filter((key) => key.startsWith('fib.'));
  given.set(keys, found);
  return found;
};

/** After an address has changed nothing that was said about the old one holds any more. */
export const forgetRouteTypes = (view: View, side: 'saddr' | 'daddr'): void => {
  setKey(view, typeKeys[side], undefined);
  for (const key of routeKeysOf(view.packet)) if (key.startsWith(`fib.${side}.`)) setKey(view, key, undefined);
};

export const firstAddressOf = (device: string, { locals }: Facts): bigint | undefined =>
  locals.find((local) => local.device === device)?.address;
