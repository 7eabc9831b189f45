/** The guard as the kernel lists it: which generation it is, and its objects in a form that can be compared. */
import {
  isList,
  isObject,
  type Json,
  type JsonObject,
  listOf,
  property,
  single,
  text,
  textOf,
  whole,
} from '../nftables/json.ts';
import { protocolName, protocolNumber } from '../netfilter/protocols.ts';
import { generationChain, generationComment, readGeneration } from './names.ts';

export interface GenerationMark {
  readonly generation: number;
  /** The first 12 hex digits of the sha256 of policy and facts. */
  readonly hash: string;
}

/** The comment of the one rule of chain `generation`. */
export const markWords = ({ generation, hash }: GenerationMark): string => generationComment(generation, hash);

/** One table, chain, set or rule of a listing or of a document that makes a table anew. */
export interface GuardObject {
  readonly kind: string;
  readonly value: JsonObject;
}

/** What a document leaves in the kernel, or what a listing shows: everything behind the last deletion. */
export const objectsOf = (document: Json): readonly GuardObject[] => {
  const objects: GuardObject[] = [];
  for (const entry of listOf(property(document, 'nftables'))) {
    const [name, body] = single(entry) ?? [];
    if (name === 'delete') objects.length = 0;
    const [kind, value] = (name === 'add' || name === 'create' ? single(body) : [name, body]) ?? [];
    if (kind === undefined || kind === 'metainfo' || name === 'delete' || !isObject(value)) continue;
    objects.push({ kind, value });
  }
  return objects;
};

export const rulesIn = (document: Json, chain: string): readonly JsonObject[] =>
  objectsOf(document)
    .filter(({ kind, value }) => kind === 'rule' && textOf(value, 'chain') === chain)
    .map(({ value }) => value);

/** undefined for a table of our name that is not from an install, or that somebody has changed there. */
export const markIn = (listing: Json): GenerationMark | undefined => {
  for (const rule of rulesIn(listing, generationChain)) {
    const found = readGeneration(textOf(rule, 'comment') ?? '');
    if (found) return { generation: found.generation, hash: found.tag };
  }
  return undefined;
};

const ordered = (entries: readonly (readonly [string, Json])[]): JsonObject =>
  Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));

const asText = (value: Json): string => JSON.stringify(value);

const sorted = (list: readonly Json[]): readonly Json[] => list.toSorted((a, b) => (asText(a) < asText(b) ? -1 : 1));

/** nft prints protocols by the names that the host's /etc/protocols has for them. */
const protocolMatch = (match: JsonObject): JsonObject => {
  const named = (value: Json): Json => {
    if (isList(value)) return sorted(value.map(named));
    if (isObject(value)) return { set: named(property(value, 'set') ?? []) };
    const number = typeof value === 'string' ? protocolNumber(value) : value;
    return typeof number === 'number' ? protocolName(number) : value;
  };
  return ordered(Object.entries({ ...match, right: named(property(match, 'right') ?? null) }));
};

/** The forms in which versions of nft list one and the same, as one. Figures of counters are no part of a rule. */
export const canonical = (value: Json): Json => {
  if (isList(value)) return value.map(canonical);
  if (!isObject(value)) return value;
  if (textOf(property(property(value, 'left'), 'meta'), 'key') === 'l4proto') return protocolMatch(value);
  const entries = Object.entries(value).filter(([name]) => name !== 'handle');
  return ordered(
    entries.map(([name, item]): readonly [string, Json] => {
      if (name === 'counter') return [name, null];
      if (name === 'flags') return [name, sorted(listOf(item))];
      if (name === 'set' && isList(item)) return [name, sorted(item.map(canonical))];
      if (name === 'meta' && textOf(item, 'key') === 'ipsec') return [name, { key: 'secpath' }];
      return [name, canonical(item)];
    }),
  );
};

/** An object as a text that is the same for the same object, whoever wrote it. Elements of sets are told apart. */
export const canonicalText = ({ kind, value }: GuardObject): string => {
  const { elem: _, ...rest } = value;
  return `${kind} ${asText(canonical(kind === 'set' ? rest : value))}`;
};

/** `192.0.2.0/24`, `192.0.2.1-192.0.2.9`. */
const intervalText = (value: Json): string | undefined => {
  const prefix = property(value, 'prefix');
  const [address, length] = [textOf(prefix, 'addr'), whole(property(prefix, 'len'))];
  if (address !== undefined && length !== undefined) return `${address}/${length}`;
  const [low, high] = listOf(property(value, 'range')).map((end) => text(end));
  return low === undefined || high === undefined ? undefined : `${low}-${high}`;
};

/** The elements of a set, each as a text that is the same for the same element; without what is left of a timeout. */
export const elementTexts = (set: JsonObject): readonly string[] =>
  listOf(property(set, 'elem')).map((element) => {
    const plain = property(property(element, 'elem'), 'val') ?? element;
    return text(plain) ?? intervalText(plain) ?? asText(canonical(plain));
  });
