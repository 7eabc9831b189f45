/** Docker's bridges on a host, with the containers behind them: by the rules, by addresses and by what the engine says. */
import { type Address, type Masked, maskOf, parseAddress, parseMasked } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import { isObject, type Json, property, textOf } from '../nftables/json.ts';
import type { HostRule } from './host-rules.ts';
import type { Source } from './source.ts';

export interface Bridge {
  readonly device: string;
  /** The name of its network, where the engine says it. */
  readonly network?: string;
  readonly isInternal: boolean;
  /** Networks of one family that are behind it; none if nobody says. */
  readonly subnets: readonly Masked[];
  /** The address of this host on it. */
  readonly gateway?: Address;
  /** Addresses of containers, in the order in which they were met. */
  readonly members: readonly Address[];
}

interface Draft {
  readonly device: string;
  network?: string;
  isInternal: boolean;
  gateway?: Address;
  readonly subnets: Map<string, Masked>;
  readonly members: Set<Address>;
}

/** The names that Docker gives to bridges. */
const usual = /^(?:docker\d+|docker_gwbridge|br-[0-9a-f]{12})$/;

type Drafts = (device: string) => Draft;

const addSubnet = (draft: Draft, subnet: Masked | undefined): void => {
  if (subnet) draft.subnets.set(`${subnet.address} ${subnet.mask}`, subnet);
};

/** `172.17.0.2/16`, `172.17.0.2/32` or `172.17.0.2`. */
const addressIn = (text: string, family: Family): Address | undefined =>
  parseAddress(text.replace(/\/\d+$/, ''), family);

const byRules = (rules: readonly HostRule[], family: Family, draftOf: Drafts): void => {
  for (const { table, docker } of rules) {
    const filled = docker?.filled;
    if (table.family !== family || filled?.bridge === undefined) continue;
    const draft = draftOf(filled.bridge);
    if (filled.network !== undefined) addSubnet(draft, parseMasked(filled.network, family));
    if (filled.network !== undefined && docker?.part === 'isolate') draft.isInternal = true;
    // Of a port that is published on one address of this host, `host` is that address.
    const isContainer = table.name === 'raw' || table.name === 'filter';
    const member = filled.host !== undefined && isContainer ? addressIn(filled.host, family) : undefined;
    if (member !== undefined) draft.members.add(member);
    const to = filled.to === undefined ? undefined : destinationOf(filled.to, family);
    if (to && docker?.part === 'publish') draft.members.add(to.address);
  }
};

const isOwnBridgeChain = /^filter-forward-in__(.+)$/;

const byNative = ({ host }: Source, family: Family, draftOf: Drafts): void => {
  for (const table of host.nft.tables) {
    if (table.name !== 'docker-bridges' || table.family !== family) continue;
    for (const { name, rules } of table.chains.values()) {
      const device = isOwnBridgeChain.exec(name)?.[1];
      if (device === undefined) continue;
      const draft = draftOf(device);
      for (const { statements } of rules)
        for (const statement of statements) {
          const address = daddrIn(statement);
          const member = address === undefined ? undefined : addressIn(address, family);
          if (member !== undefined) draft.members.add(member);
        }
    }
  }
};

const daddrIn = (statement: Json): string | undefined => {
  const match = property(statement, 'match');
  const payload = property(property(match, 'left'), 'payload');
  return isObject(payload) && textOf(payload, 'field') === 'daddr' ? textOf(match, 'right') : undefined;
};

const byEngine = ({ around }: Source, family: Family, draftOf: Drafts): void => {
  for (const { bridge, name, internal, subnets, members } of around.networks ?? []) {
    if (bridge === undefined) continue;
    const draft = draftOf(bridge);
    draft.network = name;
    draft.isInternal = internal;
    for (const subnet of subnets) addSubnet(draft, parseMasked(subnet, family));
    for (const { ipv4, ipv6 } of members) {
      const member = addressIn(family === 'ip' ? ipv4 : ipv6, family);
      if (member !== undefined) draft.members.add(member);
    }
  }
};

const byAddresses = ({ host }: Source, family: Family, known: ReadonlyMap<string, Draft>, draftOf: Drafts): void => {
  for (const { family: of, address, device, length } of host.addresses) {
    if (of !== family || !(known.has(device) || usual.test(device))) continue;
    if (family === 'ip6' && address >> 118n === 0x3fan) continue;
    const draft = draftOf(device);
    draft.gateway ??= address;
    const mask = maskOf(length, family);
    addSubnet(draft, { address: address & mask, mask });
  }
};

/** Where DNAT maps to: `172.17.0.2:80`, `[fd00::2]:80`. */
export const destinationOf = (
  text: string,
  family: Family,
): { readonly address: Address; readonly port: number | undefined } | undefined => {
  const found = /^(?:\[([^\]]+)\]|([^:[\]]+|[0-9a-f:]+?))(?::(\d+))?$/.exec(text);
  const address = found ? parseAddress(found[1] ?? found[2] ?? '', family) : undefined;
  if (address === undefined) return undefined;
  return { address, port: found?.[3] === undefined ? undefined : Number(found[3]) };
};

export const bridgesIn = (source: Source, rules: readonly HostRule[], family: Family): readonly Bridge[] => {
  const drafts = new Map<string, Draft>();
  const draftOf = (device: string): Draft => {
    const draft = drafts.get(device) ?? { device, isInternal: false, subnets: new Map(), members: new Set<Address>() };
    drafts.set(device, draft);
    return draft;
  };
  byRules(rules, family, draftOf);
  byNative(source, family, draftOf);
  byEngine(source, family, draftOf);
  byAddresses(source, family, drafts, draftOf);
  return [...drafts.values()].map(({ subnets, members, ...rest }) => ({
    ...rest,
    subnets: [...subnets.values()],
    members: [...members].filter((member) => member !== rest.gateway),
  }));
};
