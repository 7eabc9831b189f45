/** A ruleset as nftables holds it, read from any libnftables JSON: names and places are sure, expressions are as given. */
import type { Hook } from '../netfilter/hooks.ts';
import type { Json, JsonObject } from './json.ts';

/** `ip`, `ip6` and `inet` see IP packets at the hooks of field.ts; the others do not. */
export type TableFamily = 'ip' | 'ip6' | 'inet' | 'arp' | 'bridge' | 'netdev';

/** Where an object stands: its line is that of its first character. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

export interface NftRule {
  readonly place: Place;
  readonly statements: readonly Json[];
  readonly comment?: string;
  readonly handle?: number;
}

/** How the kernel calls a base chain. */
export interface NftBase {
  readonly type: 'filter' | 'nat' | 'route';
  /** `ingress` and `egress` of inet and netdev tables lie outside the hooks of IP. */
  readonly hook: Hook | 'ingress' | 'egress';
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
}

export interface NftChain {
  readonly place: Place;
  readonly name: string;
  readonly base?: NftBase;
  readonly rules: readonly NftRule[];
}

/** A set, or with `data` a map. */
export interface NftSet {
  readonly place: Place;
  readonly name: string;
  /** The types of a key's parts; empty where the set says `typeof`. */
  readonly types: readonly string[];
  /** What a map gives: `verdict`, a type, or a kind of object. */
  readonly data?: Json;
  readonly flags: ReadonlySet<string>;
  readonly timeout: boolean;
  /** Elements as given; of a map, pairs. */
  readonly elements: readonly Json[];
  /** Statements that a lookup runs. */
  readonly statements: readonly Json[];
}

export interface NftTable {
  readonly place: Place;
  readonly family: TableFamily;
  readonly name: string;
  /** A dormant table's base chains are not registered (nf_tables_api.c). */
  readonly dormant: boolean;
  readonly chains: ReadonlyMap<string, NftChain>;
  readonly sets: ReadonlyMap<string, NftSet>;
  /** Counters, quotas, limits, helpers and their like, by `KIND NAME`, such as `ct helper ftp`. */
  readonly objects: ReadonlyMap<string, JsonObject>;
}

export interface NftRuleset {
  /** In the order in which they were made. */
  readonly tables: readonly NftTable[];
}

/** Families whose chains meet IP packets at the five hooks. */
export const meetsIp = (family: TableFamily): family is 'ip' | 'ip6' | 'inet' =>
  family === 'ip' || family === 'ip6' || family === 'inet';
