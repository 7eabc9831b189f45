/**
 * Where packets come from that meet this host: the doors of the outside, of neighbours and of containers. What nobody
 * says of the host gets a stand-in, and the report tells which.
 */
import {
  type Address,
  addressBits,
  type Masked,
  maskOf,
  parseAddress,
  parseMasked,
  printAddress,
  printMasked,
} from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import { isLinkLocal } from '../guard/network.ts';
import type { Published } from '../guard/published.ts';
import type { Facts, LocalAddress, Route } from '../simulate/facts.ts';
import type { Bridge } from './bridges.ts';
import type { HostRule } from './host-rules.ts';
import type { Source } from './source.ts';

/** One way in. */
export interface Door {
  readonly device: string;
  /** Whom the packet is from. */
  readonly source: Address;
  /** The address of this host that it is sent to, where any will do. */
  readonly address: Address;
}

export interface Vantage {
  readonly family: Family;
  readonly facts: Facts;
  /** From a public address; undefined: it is not known by which device such packets come. */
  readonly anywhere: readonly Door[] | undefined;
  readonly network: readonly Door[];
  readonly containers: readonly Door[];
  readonly bridges: readonly Bridge[];
  /** The doors of the outside are stand-ins: one of them may be right, and only what all of them say is known. */
  readonly isStandIn: boolean;
  /** Whether this host has an address that is routed in the Internet; undefined: not known. */
  readonly isPublic: boolean | undefined;
  /** What was taken for true because nobody says it, as a sentence. */
  readonly supposed?: string;
}

/** More would not tell more. */
const most = { doors: 8, devices: 4, sources: 3 } as const;

const tunnel =
  /^(?:wg|tun|tap|tailscale|zt|ppp|vti|gre|ipip|sit|ip6tnl|vxlan|flannel|cni|cali|lxc|virbr|veth|ifb|dummy)/;

const parsed = (text: string, family: Family): Address => parseAddress(text, family) as Address;

/** RFC 5737, 3849 and 4193; then addresses that anybody may have, for rules that keep out those that nobody has. */
const publicSources: Readonly<Record<Family, readonly string[]>> = {
  ip: ['203.0.113.77', '198.51.100.77', '45.66.77.88', '93.184.215.77', '185.199.108.77'],
  ip6: ['2001:db8:77::77', '2a00:1450:4001:77::77', '2606:4700:77::77'],
};

const standIn: Readonly<Record<Family, { readonly address: string; readonly length: number }>> = {
  ip: { address: '192.0.2.10', length: 24 },
  ip6: { address: '2001:db8:10::10', length: 64 },
};

const holds = ({ address, mask }: Masked, one: Address): boolean => (one & mask) === address;

/** RFC 1918, 6598, 4193 and their like: nobody outside can send to them. */
const notRouted: Readonly<Record<Family, readonly Masked[]>> = {
  ip: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16', '127.0.0.0/8'].flatMap(
    (text) => parseMasked(text, 'ip') ?? [],
  ),
  ip6: ['fc00::/7', 'fe80::/10', '::1/128'].flatMap((text) => parseMasked(text, 'ip6') ?? []),
};

export const isRouted = (address: Address, family: Family): boolean =>
  !notRouted[family].some((network) => holds(network, address));

const isLoopback = (address: Address, family: Family): boolean =>
  family === 'ip' ? address >> 24n === 127n : address === 1n;

/** An address of the network that is neither this host's nor usually a gateway's. */
const anotherIn = (network: Masked, taken: ReadonlySet<Address>, family: Family): Address | undefined => {
  const size = ((1n << BigInt(addressBits(family))) - 1n) & ~network.mask;
  for (const at of [77n, 6n, 5n, 2n, 1n])
    if (at < size && !taken.has(network.address + at)) return network.address + at;
  return undefined;
};

interface Named {
  /** Devices that rules of the operator let packets in by. */
  readonly devices: readonly string[];
  /** Sources that rules of the operator tell apart. */
  readonly sources: readonly Masked[];
}

const named = (rules: readonly HostRule[], family: Family, bridges: readonly Bridge[]): Named => {
  const devices = new Set<string>();
  const sources = new Map<string, Masked>();
  const own = new Set(bridges.map(({ device }) => device));
  for (const { table, rule, docker } of rules) {
    if (table.family !== family || (docker !== undefined && docker.part !== 'operator')) continue;
    const { inInterface, source } = rule.selector;
    if (
      inInterface &&
      !/^lo$|\+$/.test(inInterface.name) &&
      !own.has(inInterface.name) &&
      !tunnel.test(inInterface.name)
    )
      devices.add(inInterface.name);
    if (source && source.mask !== 0n) sources.set(printMasked(source, family), source);
  }
  return { devices: [...devices], sources: [...sources.values()] };
};

const publicSource = ({ sources }: Named, family: Family): Address => {
  const all = publicSources[family].map((text) => parsed(text, family));
  return all.find((one) => !sources.some((source) => holds(source, one))) ?? (all[0] as Address);
};

const bridgeRoutes = (bridges: readonly Bridge[], routes: readonly Route[], family: Family): readonly Route[] => {
  const has = new Set(routes.map(({ device }) => device));
  const all = maskOf(addressBits(family), family);
  return bridges
    .filter(({ device }) => !has.has(device))
    .flatMap(({ device, subnets, members }) => [
      ...subnets.map((network) => ({ network, device })),
      ...members
        .filter((member) => !subnets.some((subnet) => holds(subnet, member)))
        .map((address) => ({ network: { address, mask: all }, device })),
    ]);
};

const gatewayOf = ({ gateway, subnets, members }: Bridge): Address | undefined => {
  if (gateway !== undefined) return gateway;
  const [subnet] = subnets;
  if (!subnet) return undefined;
  const first = subnet.address + 1n;
  return members.includes(first) ? undefined : first;
};

/** One door for each bridge; packets are sent to the host's address there, as containers find it as their gateway. */
const containerDoors = (bridges: readonly Bridge[], family: Family): readonly Door[] =>
  bridges
    .flatMap((bridge): readonly Door[] => {
      const address = gatewayOf(bridge);
      const [subnet] = bridge.subnets;
      if (address === undefined || !subnet) return [];
      const source = anotherIn(subnet, new Set([address, ...bridge.members]), family);
      return source === undefined ? [] : [{ device: bridge.device, source, address }];
    })
    .slice(0, most.doors);

const gateways = (bridges: readonly Bridge[]): readonly LocalAddress[] =>
  bridges.flatMap((bridge) => {
    const address = gatewayOf(bridge);
    return address === undefined ? [] : [{ address, device: bridge.device }];
  });

interface Outside extends Pick<Vantage, 'anywhere' | 'network' | 'isStandIn' | 'isPublic' | 'facts' | 'supposed'> {}

const knownOutside = ({ host }: Source, family: Family, bridges: readonly Bridge[], names: Named): Outside => {
  const inside = new Set(bridges.map(({ device }) => device));
  const all = host.addresses.filter((one) => one.family === family && !isLoopback(one.address, family));
  const outer = all.filter(({ device }) => !inside.has(device) && !tunnel.test(device));
  const some = outer.length > 0 ? outer : all.filter(({ device }) => !inside.has(device));
  const routed = some.filter(({ address }) => !isLinkLocal(address, family));
  const here = routed.length > 0 ? routed : some;
  const taken = new Set([
    ...all.map(({ address }) => address),
    ...host.routes.flatMap(({ gateway }) => (gateway === undefined ? [] : [gateway])),
  ]);
  const network = here.flatMap(({ address, device, length }): readonly Door[] => {
    const mask = maskOf(length, family);
    const source = anotherIn({ address: address & mask, mask }, taken, family);
    return source === undefined ? [] : [{ device, source, address }];
  });
  const routes = host.routes.filter((route) => route.family === family);
  const defaults = [...new Set(routes.filter(({ network: { mask } }) => mask === 0n).map(({ device }) => device))];
  const source = publicSource(names, family);
  const anywhere = defaults.flatMap((device): readonly Door[] => {
    const address = (all.find((one) => one.device === device && !isLinkLocal(one.address, family)) ?? routed[0])
      ?.address;
    return address === undefined ? [] : [{ device, source, address }];
  });
  return {
    anywhere: defaults.length === 0 && routed.length > 0 ? undefined : anywhere,
    network: network.slice(0, most.doors),
    isStandIn: false,
    isPublic: all.some(({ address }) => isRouted(address, family)),
    facts: { routes, locals: all },
  };
};

/** A port that is published on one address says that this host has it. */
const publishedOn = (published: readonly Published[], family: Family): readonly LocalAddress[] => {
  const all = published.flatMap((one) =>
    one.family === family && one.address !== undefined ? [parseAddress(one.address, family)] : [],
  );
  return [...new Set(all)].flatMap((address) =>
    address === undefined || isLoopback(address, family) ? [] : [{ address }],
  );
};

const unknownOutside = (
  family: Family,
  bridges: readonly Bridge[],
  names: Named,
  further: readonly LocalAddress[],
): Outside => {
  const { address: text, length } = standIn[family];
  const address = parsed(text, family);
  const mask = maskOf(length, family);
  const own = { address: address & mask, mask };
  const devices = [...new Set(['eth0', ...names.devices])].slice(0, most.devices);
  const inside = bridges.flatMap(({ subnets }) => subnets);
  // Who may be a neighbour: rules that let a private network in may be about the very one that this host is in.
  const networks = names.sources.filter(
    (one) =>
      !isRouted(one.address, family) &&
      !isLoopback(one.address, family) &&
      !inside.some((subnet) => holds(subnet, one.address)),
  );
  const neighbours = [own, ...networks.slice(0, most.sources - 1)].flatMap(
    (one) => anotherIn(one, new Set([address]), family) ?? (one === own ? [] : [one.address]),
  );
  const source = publicSource(names, family);
  const routes: readonly Route[] = [
    { network: own, device: 'eth0' },
    { network: { address: 0n, mask: 0n }, device: 'eth0' },
  ];
  return {
    anywhere: devices.map((device) => ({ device, source, address })),
    network: devices
      .flatMap((device) => neighbours.map((one) => ({ device, source: one, address })))
      .slice(0, most.doors),
    isStandIn: true,
    isPublic: undefined,
    facts: { routes, locals: [{ address, device: 'eth0' }, ...further] },
    supposed: `addresses and routes of ${family === 'ip' ? 'IPv4' : 'IPv6'}: exposure is decided for a host with address ${printAddress(address, family)} at ${devices.length === 1 ? 'eth0' : `any of ${devices.join(', ')}`}`,
  };
};

export const vantageOf = (
  source: Source,
  rules: readonly HostRule[],
  published: readonly Published[],
  bridges: readonly Bridge[],
  family: Family,
): Vantage => {
  const names = named(rules, family, bridges);
  const isKnown = !source.absent.has('addresses') && source.host.addresses.length > 0;
  const outside = isKnown
    ? knownOutside(source, family, bridges, names)
    : unknownOutside(family, bridges, names, publishedOn(published, family));
  const { routes, locals } = outside.facts;
  const known = new Set(locals.map(({ address }) => address));
  return {
    family,
    ...outside,
    bridges,
    containers: containerDoors(bridges, family),
    facts: {
      routes: [...routes, ...bridgeRoutes(bridges, routes, family)],
      locals: [...locals, ...gateways(bridges).filter(({ address }) => !known.has(address))],
    },
  };
};
