/** Published ports with the rules that publish them; ranges whose ports all fare alike stand together. */
import { type Address, parseAddress } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import type { Published } from '../guard/published.ts';
import { ruleText } from '../nftables/describe.ts';
import { property, textOf, whole } from '../nftables/json.ts';
import { destinationOf } from './bridges.ts';
import type { Evidence } from './finding.ts';
import type { AuditHost } from './host.ts';
import { evidenceAt, evidenceOf, type HostRule } from './host-rules.ts';

export interface Publishing {
  readonly family: Family;
  readonly protocol: string;
  readonly port: number;
  readonly last: number;
  /** The address of this host, if it is not all of them. */
  readonly address?: Address;
  /** Where the first port goes. */
  readonly to: { readonly address: Address; readonly port: number };
  /** As Docker writes it. */
  readonly behind: string;
  /** A rule of Docker's in FORWARD lets packets to the container's port through. */
  readonly isAccepted: boolean;
  /** Rules of another kind than those of bridges: of the routing mesh. */
  readonly isIngress: boolean;
  /** Docker's proxy takes packets that no NAT has sent to the container: not with userland-proxy=false. */
  readonly isProxied: boolean;
  readonly rule: HostRule | undefined;
  readonly evidence: (note?: string) => Evidence | undefined;
}

const keyOf = (family: Family, protocol: string, port: string | number, address: string, to: string): string =>
  `${family} ${protocol} ${port} ${address} ${to}`;

const plain = (address: string | undefined): string => (address ?? '').replace(/\/(?:32|128)$/, '');

const iptablesRules = (host: AuditHost): ReadonlyMap<string, HostRule> => {
  const found = new Map<string, HostRule>();
  for (const rule of host.rules()) {
    const { table, chain, docker } = rule;
    const { protocol, port, to, host: on } = docker?.filled ?? {};
    if (table.name !== 'nat' || !chain.name.startsWith('DOCKER') || to === undefined) continue;
    const key = keyOf(table.family, protocol ?? '', port ?? '', plain(on), to);
    if (!found.has(key)) found.set(key, rule);
  }
  return found;
};

/** The rule of Docker's native table that publishes a port, as nft lists it. */
const nativeRule = (host: AuditHost, { family, port, to }: Published): ((note?: string) => Evidence) | undefined => {
  for (const table of host.host.nft.tables) {
    if (table.name !== 'docker-bridges' || table.family !== family) continue;
    for (const chain of table.chains.values())
      for (const rule of chain.rules) {
        const { statements, place } = rule;
        const nat = statements.map((statement) => property(statement, 'dnat')).find((one) => one !== undefined);
        const isTo = nat !== undefined && `${textOf(nat, 'addr') ?? ''}:${whole(property(nat, 'port')) ?? ''}` === to;
        const isPort = statements.some(
          (statement) => String(whole(property(property(statement, 'match'), 'right')) ?? '') === port,
        );
        if (isTo && isPort) return (note) => evidenceAt({ ...place, text: ruleText(rule) }, note);
      }
  }
  return undefined;
};

/** `CONTAINER:PORT/PROTOCOL` that DOCKER in the filter table lets through. */
const acceptedIn = (host: AuditHost): ReadonlySet<string> =>
  new Set(
    host.rules().flatMap(({ table, docker }) => {
      const { host: on, port, protocol, bridge } = docker?.filled ?? {};
      if (table.name !== 'filter' || docker?.part !== 'publish' || on === undefined || bridge === undefined) return [];
      return [`${table.family} ${plain(on)} ${port ?? ''} ${protocol ?? ''}`];
    }),
  );

const numbersIn = /\b(\d{1,5})(?:[:-](\d{1,5}))?\b/g;

/** Ports at which rules of somebody else than Docker begin or end to say something. */
const boundaries = (host: AuditHost): ReadonlySet<number> => {
  const found = new Set<number>();
  const add = (text: string): void => {
    for (const [, first, last] of text.matchAll(numbersIn)) {
      found.add(Number(first));
      found.add(Number(last ?? first) + 1);
    }
  };
  for (const { rule, docker, text } of host.rules())
    if ((docker === undefined || docker.part === 'operator') && rule.matches.length > 0 && /port/.test(text)) add(text);
  for (const { name, chains } of host.host.nft.tables)
    if (!name.startsWith('docker-'))
      for (const { rules } of chains.values())
        for (const { statements } of rules) {
          const text = JSON.stringify(statements);
          if (text.includes('port')) add(text.replaceAll(',', ' ').replaceAll(/\[|\]/g, ' '));
        }
  return found;
};

interface One extends Omit<Publishing, 'last'> {
  readonly address?: Address;
}

const oneOf = (
  host: AuditHost,
  published: Published,
  rules: ReadonlyMap<string, HostRule>,
  accepted: ReadonlySet<string>,
): readonly One[] => {
  const { family, protocol, port, to } = published;
  const destination = destinationOf(to, family);
  if (!destination) return [];
  const rule = rules.get(keyOf(family, protocol, port, published.address ?? '', to));
  const address = published.address === undefined ? undefined : parseAddress(published.address, family);
  const number = Number(port);
  const native = rule ? undefined : nativeRule(host, published);
  const isIngress = rule?.chain.name === 'DOCKER-INGRESS';
  const behind = to.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '');
  return [
    {
      family,
      protocol,
      port: number,
      ...(address === undefined ? {} : { address }),
      to: { address: destination.address, port: destination.port ?? number },
      behind: to,
      isAccepted: accepted.has(`${family} ${behind} ${destination.port ?? number} ${protocol}`),
      isIngress,
      isProxied: rule === undefined ? native !== undefined : !isIngress && rule.text.includes('! -i '),
      rule,
      evidence: (note) => (rule ? evidenceOf(rule, note) : native?.(note)),
    },
  ];
};

const continues = (group: Publishing, next: One, splits: ReadonlySet<number>): boolean => {
  const offset = next.port - group.port;
  return (
    next.port === group.last + 1 &&
    next.to.port === group.to.port + offset &&
    next.to.address === group.to.address &&
    next.family === group.family &&
    next.protocol === group.protocol &&
    next.address === group.address &&
    next.isAccepted === group.isAccepted &&
    next.isProxied === group.isProxied &&
    !splits.has(next.port) &&
    !splits.has(next.to.port)
  );
};

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Ascending; a range that Docker publishes port by port is one of them where nobody tells its ports apart. */
export const publishingsOf = (host: AuditHost): readonly Publishing[] => {
  const rules = iptablesRules(host);
  const accepted = acceptedIn(host);
  const all = host
    .published()
    .flatMap((one) => oneOf(host, one, rules, accepted))
    .toSorted(
      (a, b) =>
        byText(a.family, b.family) ||
        byText(a.protocol, b.protocol) ||
        Number((a.address ?? 0n) - (b.address ?? 0n)) ||
        a.port - b.port,
    );
  const splits = all.length > 1 ? boundaries(host) : new Set<number>();
  const groups: Publishing[] = [];
  for (const one of all) {
    const group = groups.at(-1);
    if (group && continues(group, one, splits)) groups[groups.length - 1] = { ...group, last: one.port };
    else groups.push({ ...one, last: one.port });
  }
  return groups;
};
