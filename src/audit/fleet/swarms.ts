/** Which hosts are nodes of one Swarm, and how that is known. */
import { listed } from '../words.ts';
import type { HostSummary } from './summary.ts';

export interface Swarm {
  /** Short, and the same from run to run. */
  readonly name: string;
  /** `supposed`: nobody asked the engines; they have rules about the same networks. */
  readonly known: 'cluster' | 'addresses' | 'supposed';
  /** How it is known, as a sentence. */
  readonly because: string;
  readonly hosts: readonly HostSummary[];
}

const grouped = <T>(all: readonly T[], keyOf: (one: T) => string | undefined): ReadonlyMap<string, readonly T[]> => {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return groups;
};

/** Disjoint groups, joined one pair at a time. */
const joining = (
  size: number,
): { readonly of: (one: number) => number; readonly join: (a: number, b: number) => void } => {
  const above = Array.from({ length: size }, (_, index) => index);
  const of = (one: number): number => {
    let top = one;
    while (above[top] !== top) top = above[top] as number;
    above[one] = top;
    return top;
  };
  return { of, join: (a, b) => void (above[of(b)] = of(a)) };
};

const named = (hosts: readonly HostSummary[]): string => {
  const names = hosts.map(({ name }) => name).toSorted();
  return names.length > 3 ? `${names[0] ?? ''} and ${names.length - 1} others` : names.join(', ');
};

const networkKeys = ({ networks }: HostSummary): readonly string[] =>
  networks.map(({ family, port, vni }) => `${family} ${port} ${vni}`);

/** Bare rules say nothing of a Swarm: those about the same networks are taken for one, and said to be. */
const supposed = (hosts: readonly HostSummary[]): readonly Swarm[] => {
  const { of, join } = joining(hosts.length);
  const first = new Map<string, number>();
  for (const [index, host] of hosts.entries())
    for (const key of networkKeys(host)) {
      const known = first.get(key);
      if (known === undefined) first.set(key, index);
      else join(known, index);
    }
  return [...grouped([...hosts.entries()], ([index]) => String(of(index))).values()]
    .filter((group) => group.length > 1)
    .map((group) => {
      const some = group.map(([, host]) => host);
      return {
        name: named(some),
        known: 'supposed' as const,
        because: `${listed(some.map(({ name }) => name))} are taken for nodes of one Swarm because they have rules about the same network numbers; nobody asked their engines, and every Swarm begins to count at the same number.`,
        hosts: some,
      };
    });
};

/**
 * By the identifier of the cluster, which managers have; workers by the managers' addresses that they know, where these
 * are those of one Swarm only. Groups of one host are left out.
 */
export const swarmsOf = (hosts: readonly HostSummary[]): readonly Swarm[] => {
  const { of, join } = joining(hosts.length);
  const byCluster = new Map<string, number>();
  for (const [index, { cluster }] of hosts.entries()) {
    if (cluster === undefined) continue;
    const known = byCluster.get(cluster);
    if (known === undefined) byCluster.set(cluster, index);
    else join(known, index);
  }
  const holders = grouped([...hosts.entries()], ([, { own }]) => own);
  // An address that several hosts have is a private one of several sites: it tells nothing.
  const holderOf = (address: string): number | undefined => {
    const some = holders.get(address) ?? [];
    return some.length === 1 ? some[0]?.[0] : undefined;
  };
  for (const [index, { own, cluster, peers }] of hosts.entries())
    for (const peer of own === undefined ? [] : peers) {
      const other = holderOf(peer);
      if (other === undefined || holderOf(own as string) === undefined) continue;
      const theirs = hosts[other]?.cluster;
      if (cluster === undefined || theirs === undefined || theirs === cluster) join(other, index);
    }
  const groups = [...grouped([...hosts.entries()], ([index]) => String(of(index))).values()];
  const sure = groups
    .filter((group) => group.length > 1)
    .map((group): Swarm => {
      const some = group.map(([, host]) => host);
      const cluster = some.map((host) => host.cluster).find((one) => one !== undefined);
      return cluster === undefined
        ? { name: named(some), known: 'addresses', because: "Their engines name each other's addresses.", hosts: some }
        : { name: cluster.slice(0, 12), known: 'cluster', because: `They are of the cluster ${cluster}.`, hosts: some };
    });
  const alone = groups.flatMap((group) => (group.length === 1 ? group.map(([, host]) => host) : []));
  return [...sure, ...supposed(alone.filter(({ own, cluster }) => own === undefined && cluster === undefined))];
};
