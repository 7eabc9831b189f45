// What the real nft makes of documents: load them, list them, feed the listing back.
import type { Command } from '../../src/nftables/types.ts';
import { inNamespace, nft, type Result, type Step } from './namespace.ts';

export type Form = 'json' | 'text';

/** Objects as nft lists them, by `family table`, without their handles. */
export type Listing = ReadonlyMap<string, readonly object[]>;

export interface Loaded {
  /** What nft said when it refused; empty if it loaded. */
  readonly error: string;
  readonly listing: Listing;
}

interface Named {
  readonly family: string;
  readonly name: string;
  readonly table?: string;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** Handles are the kernel's; as input nft 1.1 takes them for positions. */
const withoutHandle = (object: object): object =>
  Object.fromEntries(
    Object.entries(object).map(([kind, value]) => {
      const { handle: _, ...rest } = value as { readonly handle?: number };
      return [kind, rest];
    }),
  );

/** Reads the answer of `nft -j list ruleset`. */
export const readListing = (text: string): Listing => {
  const { nftables } = JSON.parse(text) as { readonly nftables: readonly object[] };
  const listing = new Map<string, object[]>();
  for (const object of nftables) {
    const [kind, value] = Object.entries(object)[0] as [string, unknown];
    if (kind === 'metainfo' || !isObject(value)) continue;
    const named = value as unknown as Named;
    const key = `${named.family} ${named.table ?? named.name}`;
    const list = listing.get(key) ?? [];
    list.push(withoutHandle(object));
    listing.set(key, list);
  }
  return listing;
};

export const jsonOf = (objects: readonly object[]): string => JSON.stringify({ nftables: objects });

/** Commands that load what was listed. */
export const additions = (listing: Listing): readonly object[] =>
  [...listing.values()].flat().map((object) => ({ add: object }));

/** Loads each document into an empty ruleset and lists what the kernel then has. */
export const loadEach = (documents: readonly string[], form: Form): readonly Loaded[] => {
  const load = form === 'json' ? '-j -f -' : '-f -';
  const steps = documents.flatMap((document): Step[] => [
    nft(load, document),
    nft('-j list ruleset'),
    nft('flush ruleset'),
  ]);
  const results = inNamespace(steps);
  return documents.map((_, index) => {
    const [loaded, listed, flushed] = results.slice(3 * index, 3 * index + 3) as [Result, Result, Result];
    if (listed.status !== 0) throw new Error(`nft cannot list what it loaded: ${listed.stderr}`);
    if (flushed.status !== 0) throw new Error(`nft cannot flush: ${flushed.stderr}`);
    const failed = loaded.status !== 0 || loaded.stderr !== '';
    return { error: failed ? `exit ${loaded.status}: ${loaded.stderr}` : '', listing: readListing(listed.stdout) };
  });
};

/** Commands or text for tables that no other unit has. */
export interface Unit {
  /** How all names of its tables begin. */
  readonly prefix: string;
  /** For JSON the commands; for text the text. */
  readonly body: readonly (Command | object)[] | string;
}

const join = (units: readonly Unit[], form: Form): string =>
  form === 'json'
    ? jsonOf(units.flatMap(({ body }) => (typeof body === 'string' ? [] : body)))
    : units.flatMap(({ body }) => (typeof body === 'string' ? [body] : [])).join('\n');

const tablesOf = (listing: Listing, prefix: string): Listing =>
  new Map([...listing].filter(([key]) => key.split(' ')[1]?.startsWith(prefix)));

/** The kernel takes 1024 chains at one hook; a unit of the filter table has one at each of three. */
const batchSize = 150;

/** As loadEach, but many units at a time; where a batch is refused, each of its units is tried alone. */
export const loadUnits = (units: readonly Unit[], form: Form): readonly Loaded[] => {
  const batches: Unit[][] = [];
  for (let at = 0; at < units.length; at += batchSize) batches.push(units.slice(at, at + batchSize));
  const together = loadEach(
    batches.map((batch) => join(batch, form)),
    form,
  );
  return batches.flatMap((batch, index) => {
    const { error, listing } = together[index] as Loaded;
    if (error === '') return batch.map(({ prefix }) => ({ error, listing: tablesOf(listing, prefix) }));
    return loadEach(
      batch.map((unit) => join([unit], form)),
      form,
    );
  });
};

/** Whether this kernel can load a rule with the statement: some kernels are built without nft_queue, for example. */
export const kernelHas = (statement: string): boolean => {
  const [, , probe] = inNamespace([
    nft('add table ip probe'),
    nft('add chain ip probe chain'),
    nft(`add rule ip probe chain ${statement}`),
  ]) as [Result, Result, Result];
  return probe.status === 0;
};
