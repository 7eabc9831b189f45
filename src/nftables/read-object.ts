/** The objects of libnftables-json(5): what a chain, a rule or a set says of itself. */
import type { Hook } from '../netfilter/hooks.ts';
import type { DraftChain, DraftSet } from './draft.ts';
import { count, isList, isObject, type JsonObject, listOf, property, text, textOf } from './json.ts';
import { readPriority } from './priority.ts';
import type { NftBase, NftRule, Place, TableFamily } from './ruleset.ts';

/** Says what is wrong with the object at hand. */
export type Complain = (
  code: 'nft-object' | 'nft-priority-word',
  what: string,
  why?: string,
  help?: string,
) => undefined;

const families: readonly string[] = ['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'] satisfies TableFamily[];
export const isTableFamily = (name: string | undefined): name is TableFamily =>
  name !== undefined && families.includes(name);

const hooks: readonly string[] = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress', 'egress'];
const isHook = (name: string): name is Hook | 'ingress' | 'egress' => hooks.includes(name);
const types: readonly string[] = ['filter', 'nat', 'route'];
const isType = (name: string): name is NftBase['type'] => types.includes(name);

/** The base of a chain; `undefined` for a chain that is only jumped to, and for one that is wrong, which is said. */
const readBase = (object: JsonObject, family: TableFamily, complain: Complain): NftBase | undefined => {
  const [type, hook, prio] = [textOf(object, 'type'), textOf(object, 'hook'), property(object, 'prio')];
  if (type === undefined && hook === undefined && prio === undefined) return undefined;
  if (type === undefined || hook === undefined || prio === undefined)
    return complain(
      'nft-object',
      'a base chain needs type, hook and prio',
      'nft takes it for a chain that no packet enters by itself',
    );
  if (!isType(type)) return complain('nft-object', `"${type}" is no chain type`);
  if (!isHook(hook)) return complain('nft-object', `"${hook}" is no hook`);
  const priority = readPriority(prio, family);
  if (priority === undefined) return complain('nft-object', `${JSON.stringify(prio)} is no priority`);
  if (typeof prio === 'string')
    complain(
      'nft-priority-word',
      `the priority "${prio}" is read as ${priority}`,
      'nft up to at least 1.1.7 takes a chain whose prio is a string for one that no packet enters by itself, without a word',
      `write "prio": ${priority}`,
    );
  const policy = textOf(object, 'policy') ?? 'accept';
  if (policy !== 'accept' && policy !== 'drop') return complain('nft-object', `"${policy}" is no policy`);
  return { type, hook, priority, policy };
};

export const readChain = (
  object: JsonObject,
  name: string,
  place: Place,
  family: TableFamily,
  complain: Complain,
): DraftChain => {
  const base = readBase(object, family, complain);
  return { place, name, ...(base ? { base } : {}), rules: [] };
};

export const readRule = (object: JsonObject, place: Place, complain: Complain): NftRule | undefined => {
  const statements = property(object, 'expr');
  if (!isList(statements)) return complain('nft-object', 'a rule needs "expr", an array of statements');
  const comment = textOf(object, 'comment');
  return { place, statements, ...(comment === undefined ? {} : { comment }) };
};

/** A set or a map. `type` is one type, several, or an expression whose type it is (`typeof`). */
export const readSet = (object: JsonObject, name: string, place: Place): DraftSet => {
  const data = property(object, 'map');
  return {
    place,
    name,
    types: listOf(property(object, 'type')).flatMap((type) => text(type) ?? []),
    ...(data === undefined ? {} : { data }),
    flags: new Set(listOf(property(object, 'flags')).flatMap((flag) => text(flag) ?? [])),
    timeout: property(object, 'timeout') !== undefined,
    elements: [...listOf(property(object, 'elem'))],
    statements: listOf(property(object, 'stmt')),
  };
};

/** How two elements are told to be the same: by their key, whatever timeout or comment they carry. */
export const elementKey = (element: DraftSet['elements'][number], isMap: boolean): string => {
  const key = isMap && isList(element) ? element[0] : element;
  const inner = property(key, 'elem');
  return JSON.stringify(isObject(inner) ? (property(inner, 'val') ?? null) : (key ?? null));
};

export const handleOf = (object: JsonObject): number | undefined => count(property(object, 'handle'));
