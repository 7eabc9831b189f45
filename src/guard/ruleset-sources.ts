/** Sources of a policy as tests of the source address: addresses by value, and named sets. */
import { addressBits, prefixLength, printAddress } from '../netfilter/address.ts';
import { families, type Family } from '../netfilter/family.ts';
import { anyOf, elementOf, equal, field, meta, prefix } from '../nftables/build.ts';
import type { Prefix, Statement } from '../nftables/types.ts';
import type { Network, Source } from './policy.ts';

/** Two sets carry a set of the policy, one for each family. */
export const setName = (name: string, family: Family): string => `${name}${family === 'ip' ? 4 : 6}`;

export const isFamily = (family: Family): Statement => equal(meta('nfproto'), family === 'ip' ? 'ipv4' : 'ipv6');

const lengthOf = ({ mask, family }: Network): number => prefixLength(mask, family) ?? addressBits(family);

export const networkElement = (network: Network): string | Prefix => {
  const text = printAddress(network.address, network.family);
  const length = lengthOf(network);
  return length === addressBits(network.family) ? text : prefix(text, length);
};

/**
 * The networks of one family without those that lie in another one, ascending: nft refuses a set with overlaps. Two
 * networks overlap only if one holds the other.
 */
export const disjoint = (networks: readonly Network[], family: Family): readonly Network[] => {
  const sorted = networks
    .filter((network) => network.family === family)
    .toSorted((a, b) => (a.address === b.address ? lengthOf(a) - lengthOf(b) : a.address < b.address ? -1 : 1));
  const kept: Network[] = [];
  for (const network of sorted) {
    const last = kept.at(-1);
    if (!last || (network.address & last.mask) !== last.address) kept.push(network);
  }
  return kept;
};

const sourceIn = (networks: readonly Network[], family: Family): readonly Statement[] => {
  if (networks.some(({ mask }) => mask === 0n)) return [isFamily(family)];
  return [equal(field(family, 'saddr'), anyOf(networks.map(networkElement)))];
};

/** One list of tests per rule that is needed; an empty list of sources is every source. */
export const sourceTests = (sources: readonly Source[]): readonly (readonly Statement[])[] => {
  if (sources.length === 0) return [[]];
  const networks = sources.flatMap((source) => (source.kind === 'network' ? [source.network] : []));
  const names = [...new Set(sources.flatMap((source) => (source.kind === 'set' ? [source.name] : [])))];
  const byValue = families.flatMap((family) => {
    const own = disjoint(networks, family);
    return own.length > 0 ? [sourceIn(own, family)] : [];
  });
  const bySet = names.flatMap((name) =>
    families.map((family) => [equal(field(family, 'saddr'), elementOf(setName(name, family)))]),
  );
  return [...byValue, ...bySet];
};
