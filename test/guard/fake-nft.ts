// An nft that remembers: it applies a file to a copy of what it has and swaps the two if all of it could be applied.
import { readFileSync } from 'node:fs';
import { isObject, type Json, type JsonObject, listOf, property, single, textOf } from '../../src/nftables/json.ts';
import { type NftCommand, NftError } from '../../src/guard/nft-command.ts';

interface Thing {
  readonly kind: string;
  readonly value: JsonObject;
}

type Tables = Map<string, Thing[]>;

const keyOf = (kind: string, value: JsonObject): string =>
  `${textOf(value, 'family')} ${kind === 'table' ? textOf(value, 'name') : textOf(value, 'table')}`;

const refuse = (words: string): never => {
  throw new NftError(words);
};

const isNamed = (thing: Thing, kind: string, name: string | undefined): boolean =>
  thing.kind === kind && textOf(thing.value, 'name') === name;

/** What a rule refers to has to be there. */
const checkRule = (things: readonly Thing[], rule: JsonObject): void => {
  const text = JSON.stringify(rule);
  if (!things.some((thing) => isNamed(thing, 'chain', textOf(rule, 'chain')))) refuse('No such file or directory');
  for (const [, name] of text.matchAll(/"right":"@([^"]+)"/g))
    if (!things.some((thing) => isNamed(thing, 'set', name))) refuse('No such file or directory');
  for (const [, name] of text.matchAll(/"target":"([^"]+)"/g))
    if (!things.some((thing) => isNamed(thing, 'chain', name))) refuse('No such file or directory');
};

const addThing = (tables: Tables, kind: string, value: JsonObject): void => {
  const key = keyOf(kind, value);
  if (kind === 'table') {
    if (!tables.has(key)) tables.set(key, [{ kind, value }]);
    return;
  }
  const things = tables.get(key) ?? refuse('No such file or directory');
  if (kind === 'rule') checkRule(things, value);
  const name = textOf(value, 'name');
  if (kind !== 'rule' && things.some((thing) => isNamed(thing, kind, name))) return;
  things.push({ kind, value });
};

const apply = (tables: Tables, command: Json): void => {
  const [verb, body] = single(command) ?? refuse('syntax error');
  const [kind, value] = single(body) ?? refuse('syntax error');
  if (!isObject(value)) return refuse('syntax error');
  if (verb === 'add') return addThing(tables, kind, value);
  const things = tables.get(keyOf(kind, value)) ?? refuse('No such file or directory');
  if (verb === 'delete' && kind === 'table') tables.delete(keyOf(kind, value));
  else if (verb === 'flush' && kind === 'chain')
    tables.set(
      keyOf(kind, value),
      things.filter((thing) => !(thing.kind === 'rule' && textOf(thing.value, 'chain') === textOf(value, 'name'))),
    );
  else refuse('Operation not supported');
};

const commandsIn = (file: string): readonly Json[] => {
  try {
    // A test's own file.
    return listOf(property(JSON.parse(readFileSync(file, 'utf8')) as Json, 'nftables'));
  } catch {
    return refuse('syntax error');
  }
};

const order = ['table', 'set', 'chain', 'rule'];

/** As nft lists: by kind, rules by chain, counters with figures, everything with a handle. */
const listed = (things: readonly Thing[]): Json => {
  const chains = things.filter(({ kind }) => kind === 'chain').map(({ value }) => textOf(value, 'name'));
  const place = ({ kind, value }: Thing): number =>
    order.indexOf(kind) * 1000 + (kind === 'rule' ? chains.indexOf(textOf(value, 'chain')) : 0);
  const counted = (value: Json): Json =>
    JSON.parse(JSON.stringify(value).replaceAll('"counter":null', '"counter":{"packets":0,"bytes":0}')) as Json;
  const objects = things
    .toSorted((a, b) => place(a) - place(b))
    .map(({ kind, value }, index): Json => ({ [kind]: { ...(counted(value) as JsonObject), handle: index + 1 } }));
  return { nftables: [{ metainfo: { version: '1.0.6' } }, ...objects] };
};

export interface FakeNft extends NftCommand {
  /** What somebody else does, as commands. */
  readonly change: (...commands: readonly Json[]) => void;
  readonly loads: () => number;
  /** Lets the next load fail, before or after it is applied. */
  readonly fail: (when: 'before' | 'after') => void;
}

export const fakeNft = (): FakeNft => {
  let tables: Tables = new Map();
  let loads = 0;
  let failing: 'before' | 'after' | undefined;
  const applied = (commands: readonly Json[]): Tables => {
    const copy: Tables = new Map([...tables].map(([key, things]) => [key, [...things]]));
    for (const command of commands) apply(copy, command);
    return copy;
  };
  return {
    version: () => Promise.resolve([1, 0, 6]),
    listGuard: () => {
      const things = tables.get('inet dnfw');
      return Promise.resolve(things ? listed(things) : undefined);
    },
    listChains: () => Promise.resolve(listed([...tables.values()].flat().filter(({ kind }) => kind === 'chain'))),
    load: async (file) => {
      loads += 1;
      const when = failing;
      failing = undefined;
      if (when === 'before') refuse('Could not process rule: No space left on device');
      tables = applied(commandsIn(file));
      if (when === 'after') refuse('netlink: Error: reading the answer failed');
      await Promise.resolve();
    },
    checkFile: async (file) => {
      applied(commandsIn(file));
      await Promise.resolve();
    },
    change: (...commands) => {
      tables = applied(commands);
    },
    loads: () => loads,
    fail: (when) => {
      failing = when;
    },
  };
};
