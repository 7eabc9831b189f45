/** Packets to a container's own address, past the ports that are published: who gets through. */
import { type Address, printAddress } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import type { Bridge } from './bridges.ts';
import { forwards } from './exposure.ts';
import type { AuditHost } from './host.ts';
import { fromDoor, type Passage } from './probe.ts';
import { type Door, isRouted } from './vantage.ts';

export interface Direct {
  readonly bridge: Bridge;
  readonly container: Address;
  readonly isKnown: boolean;
  readonly from: 'anywhere' | 'network';
  readonly door: Door;
  readonly passage: Passage;
}

/** Ports that hardly anybody names. */
const neutral = [49_999, 47_808, 45_454, 41_234] as const;

/** A port that no rule and no published port is about. */
export const neutralPort = (host: AuditHost, family: Family): number => {
  const taken = new Set(host.published().flatMap(({ port, to }) => [port, /:(\d+)$/.exec(to)?.[1] ?? '']));
  const said = host.rules().filter(({ table }) => table.family === family);
  return (
    neutral.find((port) => !taken.has(String(port)) && !said.some(({ text }) => text.includes(` ${port}`))) ??
    neutral[0]
  );
};

/** A container behind a bridge: a known one, or an address that the next one may get. */
export const containerOn = (host: AuditHost, { members, subnets, gateway, device }: Bridge): Address | undefined => {
  const [first] = members;
  if (first !== undefined) return first;
  // Where the engine tells its networks, it would have told of containers.
  if (host.around.networks?.some(({ bridge }) => bridge === device)) return undefined;
  const [subnet] = subnets;
  if (!subnet) return undefined;
  const next = subnet.address + 2n;
  return next === gateway ? next + 1n : next;
};

/** A new connection to a port that is not published, for every bridge that is not internal; those that get through. */
export const reachedDirectly = (host: AuditHost, family: Family): readonly Direct[] => {
  const probes = host.probes(family);
  const { vantage, isPartial } = probes;
  if (isPartial || !forwards(host, family)) return [];
  const port = neutralPort(host, family);
  return vantage.bridges.flatMap((bridge): readonly Direct[] => {
    const container = bridge.isInternal ? undefined : containerOn(host, bridge);
    if (container === undefined) return [];
    const ways = [
      ...(isRouted(container, family)
        ? (vantage.anywhere ?? []).map((door) => ({ from: 'anywhere' as const, door }))
        : []),
      ...vantage.network.map((door) => ({ from: 'network' as const, door })),
    ].map(({ from, door }) => ({
      from,
      door,
      passage: fromDoor(probes, door, { protocol: 'tcp', port, address: container }),
    }));
    const open = ways.filter(({ passage }) => passage.reach === 'open' && passage.at === 'forwarded');
    const [first] = open;
    if (!first || (vantage.isStandIn && open.length < ways.length)) return [];
    return [{ bridge, container, isKnown: bridge.members.length > 0, ...first }];
  });
};

/** `172.17.0.2 (docker0)`, `web (172.20.0.2 on br-…)`. */
export const directWords = ({ bridge: { device, network }, container }: Direct, family: Family): string =>
  `${printAddress(container, family)} (${network === undefined ? device : `network ${network}, ${device}`})`;
