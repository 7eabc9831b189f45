/** Addresses and routes, as `ip -j addr` and `ip -j route` print them (ip-address(8), ip-route(8)). */
import { addressBits, maskOf, parseAddress, parseMasked } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import { type Json, listOf, property, textOf, whole } from '../nftables/json.ts';
import type { Facts, LocalAddress, Route } from '../simulate/facts.ts';

export interface HostAddress extends LocalAddress {
  readonly family: Family;
  readonly device: string;
  /** Of the network that it is in. */
  readonly length: number;
}

export interface HostRoute extends Route {
  readonly family: Family;
  readonly gateway?: bigint;
}

export interface Network {
  readonly addresses: readonly HostAddress[];
  readonly routes: readonly HostRoute[];
}

const familyWords: Readonly<Record<string, Family>> = { inet: 'ip', inet6: 'ip6' };

export const readAddresses = (links: Json): readonly HostAddress[] =>
  listOf(links).flatMap((link) =>
    listOf(property(link, 'addr_info')).flatMap((info): readonly HostAddress[] => {
      const family = familyWords[textOf(info, 'family') ?? ''];
      const device = textOf(link, 'ifname');
      const length = whole(property(info, 'prefixlen'));
      const address = family && parseAddress(textOf(info, 'local') ?? '', family);
      if (!family || address === undefined || device === undefined || length === undefined) return [];
      return [{ family, address, device, length: Number(length) }];
    }),
  );

const networkOf = (text: string, family: Family): Route['network'] | undefined =>
  text === 'default' ? { address: 0n, mask: maskOf(0, family) } : parseMasked(text, family);

/** Routes that lead somewhere: one that says `unreachable` has no device, or lo. */
export const readRoutes = (routes: Json, family: Family): readonly HostRoute[] =>
  listOf(routes).flatMap((route): readonly HostRoute[] => {
    const network = networkOf(textOf(route, 'dst') ?? '', family);
    const device = textOf(route, 'dev') ?? textOf(listOf(property(route, 'nexthops'))[0], 'dev');
    const gateway = parseAddress(textOf(route, 'gateway') ?? '', family);
    const type = textOf(route, 'type') ?? 'unicast';
    if (!network || device === undefined || type !== 'unicast') return [];
    return [{ family, network, device, ...(gateway === undefined ? {} : { gateway }) }];
  });

/** What the simulator wants to know. */
export const factsFor = ({ addresses, routes }: Network, family: Family): Facts => ({
  routes: routes.filter((route) => route.family === family),
  locals: addresses.filter((address) => address.family === family),
});

export const isLinkLocal = (address: bigint, family: Family): boolean =>
  family === 'ip6' ? address >> BigInt(addressBits(family) - 10) === 0x3fan : address >> 16n === 0xa9fen;
