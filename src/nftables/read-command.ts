/** Applies one command of libnftables-json(5) to a ruleset under construction, as nft and the kernel would. */
import type { Code } from '../diagnostics/catalogue.ts';
import type { Draft, DraftChain, DraftTable } from './draft.ts';
import { count, isObject, type Json, type JsonObject, listOf, property, single, text, textOf } from './json.ts';
import { type Complain, elementKey, handleOf, isTableFamily, readChain, readRule, readSet } from './read-object.ts';
import type { NftRule, Place } from './ruleset.ts';

export interface CommandContext {
  readonly draft: Draft;
  readonly place: Place;
  readonly warn: (code: Code, what: string, why?: string, help?: string) => undefined;
  readonly refuse: (code: Code, what: string, why?: string, help?: string) => undefined;
  /** A statement of a rule, so that those nobody knows are named. */
  readonly statements: (list: readonly Json[]) => void;
}

type Verb = 'add' | 'create' | 'insert' | 'replace' | 'delete' | 'destroy' | 'flush' | 'rename';
const verbs: readonly string[] = ['add', 'create', 'insert', 'replace', 'delete', 'destroy', 'flush', 'rename'];
const isVerb = (name: string): name is Verb => verbs.includes(name);

/** Commands that change nothing that a packet meets. */
const harmless: ReadonlySet<string> = new Set(['list', 'reset', 'metainfo']);

const named: ReadonlySet<string> = new Set([
  'counter',
  'quota',
  'limit',
  'ct helper',
  'ct timeout',
  'ct expectation',
  'secmark',
  'synproxy',
  'tunnel',
  'flowtable',
]);
const kinds: ReadonlySet<string> = new Set(['table', 'chain', 'rule', 'set', 'map', 'element', 'meter', ...named]);

const complainTo =
  (context: CommandContext): Complain =>
  (code, what, why, help) =>
    code === 'nft-object' ? context.refuse(code, what, why, help) : context.warn(code, what, why, help);

const isRemoval = (verb: Verb): boolean => verb === 'delete' || verb === 'destroy';

const tableKey = (context: CommandContext, object: JsonObject, name: string | undefined): string | undefined => {
  const family = textOf(object, 'family');
  if (!isTableFamily(family)) {
    const given = family === undefined ? 'no family' : `the family "${family}"`;
    return context.refuse(
      'nft-object',
      `an object with ${given}`,
      undefined,
      'one of ip, ip6, inet, arp, bridge, netdev',
    );
  }
  return name === undefined ? context.refuse('nft-object', 'an object without its table or name') : `${family} ${name}`;
};

const tableOf = (context: CommandContext, object: JsonObject): DraftTable | undefined => {
  const key = tableKey(context, object, textOf(object, 'table'));
  if (key === undefined) return undefined;
  return (
    context.draft.get(key) ??
    context.refuse('nft-missing', `there is no table ${key}`, 'nft refuses the whole document')
  );
};

const applyTable = (context: CommandContext, verb: Verb, object: JsonObject): void => {
  const name = textOf(object, 'name');
  const key = tableKey(context, object, name);
  const family = textOf(object, 'family');
  if (key === undefined || name === undefined || !isTableFamily(family)) return;
  const known = context.draft.get(key);
  if (verb === 'add' || verb === 'create') {
    const dormant = listOf(property(object, 'flags')).includes('dormant');
    if (!known)
      context.draft.set(key, {
        place: context.place,
        family,
        name,
        dormant,
        chains: new Map(),
        sets: new Map(),
        objects: new Map(),
      });
    else if (verb === 'create') context.refuse('nft-exists', `the table ${key} is there already`);
    else if (dormant) known.dormant = true;
  } else if (!known) {
    if (verb !== 'destroy') context.refuse('nft-missing', `there is no table ${key}`);
  } else if (isRemoval(verb)) context.draft.delete(key);
  else if (verb === 'flush') for (const chain of known.chains.values()) chain.rules = [];
  else context.refuse('nft-object', `${verb} does not work on a table`);
};

const applyChain = (context: CommandContext, verb: Verb, object: JsonObject): void => {
  const table = tableOf(context, object);
  const name = textOf(object, 'name');
  if (!table) return;
  if (name === undefined) return context.refuse('nft-object', 'a chain without a name');
  const known = table.chains.get(name);
  if (verb === 'add' || verb === 'create') {
    const chain = readChain(object, name, context.place, table.family, complainTo(context));
    if (!known) table.chains.set(name, chain);
    else if (verb === 'create') context.refuse('nft-exists', `the chain ${name} is there already`);
    // A chain that is added again keeps its rules and takes on a new policy (nf_tables_updchain).
    else if (chain.base && known.base && property(object, 'policy') !== undefined)
      known.base = { ...known.base, policy: chain.base.policy };
    return;
  }
  if (!known) {
    if (verb !== 'destroy') context.refuse('nft-missing', `there is no chain ${name}`);
  } else if (isRemoval(verb)) table.chains.delete(name);
  else if (verb === 'flush') known.rules = [];
  else if (verb === 'rename') {
    const next = textOf(object, 'newname');
    if (next === undefined) return context.refuse('nft-object', 'rename needs "newname"');
    if (table.chains.has(next)) return context.refuse('nft-exists', `the chain ${next} is there already`);
    table.chains.delete(name);
    table.chains.set(next, { ...known, name: next });
  } else context.refuse('nft-object', `${verb} does not work on a chain`);
};

/** Where in a chain the rule of that handle or index stands; -1 if there is none, which is said. */
const positionOf = (context: CommandContext, chain: DraftChain, object: JsonObject): number | undefined => {
  const handle = handleOf(object);
  const index = count(property(object, 'index'));
  if (handle === undefined && index === undefined) return undefined;
  const at = handle === undefined ? (index ?? -1) : chain.rules.findIndex((rule) => rule.handle === handle);
  if (at >= 0 && at < chain.rules.length) return at;
  context.refuse(
    'nft-missing',
    `the chain ${chain.name} has no rule ${handle === undefined ? `at index ${index}` : `with handle ${handle}`}`,
  );
  return -1;
};

const placeRule = (context: CommandContext, verb: Verb, object: JsonObject, chain: DraftChain, rule: NftRule): void => {
  const { rules } = chain;
  // One handle among those of a listing names the rule itself, in a command the place of the new one.
  const at = positionOf(context, chain, object);
  if (at === -1) return;
  if (verb === 'insert') rules.splice(at ?? 0, 0, rule);
  else if (verb === 'replace') {
    if (at === undefined) context.refuse('nft-object', 'replace needs the handle of a rule');
    else rules.splice(at, 1, { ...rule, ...(rules[at]?.handle === undefined ? {} : { handle: rules[at].handle }) });
  } else if (at === undefined) rules.push(rule);
  else rules.splice(at + 1, 0, rule);
};

const applyRule = (context: CommandContext, verb: Verb, object: JsonObject, listed: boolean): void => {
  const table = tableOf(context, object);
  const name = textOf(object, 'chain');
  if (!table) return;
  if (name === undefined) return context.refuse('nft-object', 'a rule without its chain');
  const chain = table.chains.get(name);
  if (!chain) return context.refuse('nft-missing', `there is no chain ${name} in table ${table.family} ${table.name}`);
  if (isRemoval(verb)) {
    const at = positionOf(context, chain, object);
    if (at === undefined) context.refuse('nft-object', 'a rule is deleted by its handle');
    else if (at >= 0) chain.rules.splice(at, 1);
    return;
  }
  if (verb === 'create' || verb === 'flush' || verb === 'rename')
    return context.refuse('nft-object', `${verb} does not work on a rule`);
  const rule = readRule(object, context.place, complainTo(context));
  if (!rule) return;
  context.statements(rule.statements);
  const index = property(object, 'index');
  if (!listed || index !== undefined)
    return placeRule(context, verb, listed && index !== undefined ? { index } : object, chain, rule);
  const handle = handleOf(object);
  chain.rules.push(handle === undefined ? rule : { ...rule, handle });
};

const applySet = (context: CommandContext, verb: Verb, object: JsonObject, kind: string): void => {
  const table = tableOf(context, object);
  const name = textOf(object, 'name');
  if (!table) return;
  if (name === undefined) return context.refuse('nft-object', `a ${kind} without a name`);
  const known = table.sets.get(name);
  if (verb === 'add' || verb === 'create') {
    const set = readSet(object, name, context.place);
    if (!known) table.sets.set(name, set);
    else if (verb === 'create') context.refuse('nft-exists', `the ${kind} ${name} is there already`);
    else known.elements.push(...set.elements);
  } else if (!known) {
    if (verb !== 'destroy') context.refuse('nft-missing', `there is no ${kind} ${name}`);
  } else if (isRemoval(verb)) table.sets.delete(name);
  else if (verb === 'flush') known.elements = [];
  else context.refuse('nft-object', `${verb} does not work on a ${kind}`);
};

const applyElement = (context: CommandContext, verb: Verb, object: JsonObject): void => {
  const table = tableOf(context, object);
  const name = textOf(object, 'name');
  if (!table) return;
  const set = name === undefined ? undefined : table.sets.get(name);
  if (!set) return context.refuse('nft-missing', `there is no set or map ${name ?? ''} for the element`);
  const isMap = set.data !== undefined;
  const elements = listOf(property(object, 'elem'));
  if (verb === 'add' || verb === 'create') set.elements.push(...elements);
  else if (isRemoval(verb)) {
    const gone = new Set(elements.map((element) => elementKey(element, isMap)));
    const kept = set.elements.filter((element) => !gone.has(elementKey(element, isMap)));
    if (kept.length > set.elements.length - gone.size && verb === 'delete')
      context.refuse('nft-missing', `the set ${set.name} has no such element`, 'an element is deleted as it was added');
    set.elements = kept;
  } else context.refuse('nft-object', `${verb} does not work on an element`);
};

const applyNamed = (context: CommandContext, verb: Verb, object: JsonObject, kind: string): void => {
  const table = tableOf(context, object);
  const name = textOf(object, 'name');
  if (!table) return;
  if (name === undefined) return context.refuse('nft-object', `a ${kind} without a name`);
  const key = `${kind} ${name}`;
  if (verb === 'add' || verb === 'create') table.objects.set(key, object);
  else if (isRemoval(verb)) table.objects.delete(key);
  else context.refuse('nft-object', `${verb} does not work on a ${kind}`);
};

const applyObject = (context: CommandContext, verb: Verb, kind: string, value: Json, listed: boolean): void => {
  if (verb === 'flush' && kind === 'ruleset') {
    const family = textOf(value, 'family');
    for (const [key, table] of context.draft)
      if (family === undefined || table.family === family) context.draft.delete(key);
    return;
  }
  if (!kinds.has(kind)) return context.warn('nft-unknown-object', `dnfw does not know the object "${kind}"`);
  if (!isObject(value)) return context.refuse('nft-object', `"${kind}" should be an object`);
  if ((verb === 'insert' || verb === 'replace') && kind !== 'rule')
    return context.refuse('nft-object', `${verb} works on rules only`);
  if (kind === 'table') return applyTable(context, verb, value);
  if (kind === 'chain') return applyChain(context, verb, value);
  if (kind === 'rule') return applyRule(context, verb, value, listed);
  if (kind === 'element') return applyElement(context, verb, value);
  if (kind === 'set' || kind === 'map' || kind === 'meter') return applySet(context, verb, value, kind);
  return applyNamed(context, verb, value, kind);
};

/** `item` is an element of the document's array: a command, or an object of a listing, which is one to add. */
export const applyCommand = (context: CommandContext, item: Json): void => {
  const command = single(item);
  if (!command) return context.refuse('nft-object', 'a command is an object with one property');
  const [name, value] = command;
  if (harmless.has(name)) return;
  if (!isVerb(name)) return applyObject(context, 'add', name, value, true);
  const object = single(value);
  if (!object) return context.refuse('nft-object', `"${name}" needs one object`, undefined, text(value));
  applyObject(context, name, object[0], object[1], false);
};
