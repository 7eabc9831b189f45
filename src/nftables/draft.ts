/** A ruleset while commands change it. */
import type { JsonObject } from './json.ts';
import type { NftBase, NftRule, NftRuleset, NftSet, NftTable, Place, TableFamily } from './ruleset.ts';

export interface DraftChain {
  readonly place: Place;
  name: string;
  base?: NftBase;
  rules: NftRule[];
}

export interface DraftSet extends Omit<NftSet, 'elements'> {
  elements: NftSet['elements'][number][];
}

export interface DraftTable {
  readonly place: Place;
  readonly family: TableFamily;
  readonly name: string;
  dormant: boolean;
  readonly chains: Map<string, DraftChain>;
  readonly sets: Map<string, DraftSet>;
  readonly objects: Map<string, JsonObject>;
}

/** By `FAMILY NAME`. */
export type Draft = Map<string, DraftTable>;

const draftOf = (table: NftTable): DraftTable => ({
  ...table,
  chains: new Map([...table.chains].map(([name, chain]) => [name, { ...chain, rules: [...chain.rules] }])),
  sets: new Map([...table.sets].map(([name, set]) => [name, { ...set, elements: [...set.elements] }])),
  objects: new Map(table.objects),
});

export const draftFrom = (ruleset: NftRuleset | undefined): Draft =>
  new Map((ruleset?.tables ?? []).map((table) => [`${table.family} ${table.name}`, draftOf(table)]));
