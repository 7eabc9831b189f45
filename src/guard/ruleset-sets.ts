/** The policy's sets as nft's: two each, because a set holds addresses of one family. */
import { families, type Family } from '../netfilter/family.ts';
import { add } from '../nftables/build.ts';
import { type Json, isList, listOf, property, text, whole } from '../nftables/json.ts';
import type { Command, Prefix, Range, SetElement } from '../nftables/types.ts';
import { guardFamily, guardTableName } from './names.ts';
import type { PolicySet } from './policy.ts';
import { disjoint, networkElement, setName } from './ruleset-sources.ts';

/** What the sets hold now, by their names in nft: `elem` as nft lists it. */
export type LiveElements = ReadonlyMap<string, readonly Json[]>;

const addressOf = (value: Json): string | Prefix | Range | undefined => {
  const plain = text(value);
  if (plain !== undefined) return plain;
  const prefix = property(value, 'prefix');
  const [addr, len] = [text(property(prefix, 'addr')), whole(property(prefix, 'len'))];
  if (addr !== undefined && len !== undefined) return { prefix: { addr, len: Number(len) } };
  const ends = property(value, 'range');
  if (!isList(ends)) return undefined;
  const [low, high] = ends.map((end) => text(end));
  return low === undefined || high === undefined ? undefined : { range: [low, high] };
};

/** An element as it is listed, with its comment; counters and what is not about addresses are left behind. */
const elementFrom = (listed: Json): SetElement | undefined => {
  const inner = property(listed, 'elem');
  if (inner === undefined) return addressOf(listed);
  const val = addressOf(property(inner, 'val') ?? null);
  const comment = text(property(inner, 'comment'));
  if (val === undefined || comment === undefined) return val;
  return { elem: { val, comment } };
};

const setCommand = (set: PolicySet, family: Family, live: LiveElements): Command => {
  const name = setName(set.name, family);
  const elem: readonly SetElement[] = set.external
    ? listOf([...(live.get(name) ?? [])]).flatMap((element) => elementFrom(element) ?? [])
    : disjoint(set.elements, family).map(networkElement);
  return add({
    set: {
      family: guardFamily,
      table: guardTableName,
      name,
      type: family === 'ip' ? 'ipv4_addr' : 'ipv6_addr',
      flags: ['interval'],
      ...(elem.length > 0 ? { elem } : {}),
    },
  });
};

/** Sets that belong to other tools keep what they hold when the table is made anew. */
export const setCommands = (sets: readonly PolicySet[], live: LiveElements): readonly Command[] =>
  sets.flatMap((set) => families.map((family) => setCommand(set, family, live)));

/** Names of the sets whose elements are not the policy's to say. */
export const externalSets = (sets: readonly PolicySet[]): readonly string[] =>
  sets.filter(({ external }) => external).flatMap(({ name }) => families.map((family) => setName(name, family)));
