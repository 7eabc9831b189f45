/** Every guard that was ever loaded, each in a folder of its own with what was asked, loaded and listed. */
import { join } from 'node:path';
import { families } from '../netfilter/family.ts';
import { count, isObject, type Json, listOf, property, textOf } from '../nftables/json.ts';
import { makeFolder, move, namesIn, readText, remove, writeDurably, writeNew } from './disk.ts';
import { generationFolder, generationsFolder, type Paths } from './paths.ts';
import { setName } from './ruleset-sources.ts';

/**
 * `made`: written, perhaps loaded, not confirmed. `confirmed`: it was, once. `reverted`: nobody confirmed it, or what the
 * kernel had was not what was asked. `refused`: never loaded.
 */
export type GenerationOutcome = 'made' | 'confirmed' | 'reverted' | 'refused';

export interface GenerationMeta {
  readonly schemaVersion: 1;
  readonly generation: number;
  /** The first 12 hex digits of the sha256 of policy and facts, as the kernel has them. */
  readonly hash: string;
  /** ISO 8601. */
  readonly made: string;
  readonly outcome: GenerationOutcome;
  readonly mode: string;
  readonly policy: string;
  readonly priority: number;
  /** The dnfw that made it. */
  readonly dnfw: string;
}

const outcomes: ReadonlySet<string> = new Set<GenerationOutcome>(['made', 'confirmed', 'reverted', 'refused']);

const parseJson = (text: string): Json | undefined => {
  try {
    // What JSON.parse gives is Json.
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
};

const parseMeta = (text: string): GenerationMeta | undefined => {
  const value = parseJson(text);
  if (!isObject(value) || property(value, 'schemaVersion') !== 1) return undefined;
  const generation = count(property(value, 'generation'));
  const outcome = textOf(value, 'outcome') ?? '';
  if (generation === undefined || !outcomes.has(outcome)) return undefined;
  return {
    schemaVersion: 1,
    generation,
    hash: textOf(value, 'hash') ?? '',
    made: textOf(value, 'made') ?? '',
    // One of the set.
    outcome: outcome as GenerationOutcome,
    mode: textOf(value, 'mode') ?? '',
    policy: textOf(value, 'policy') ?? '',
    priority: count(property(value, 'priority')) ?? 0,
    dnfw: textOf(value, 'dnfw') ?? '',
  };
};

/** Ascending; folders with other names are not ours to judge. */
export const generationNumbers = (paths: Paths): readonly number[] =>
  namesIn(generationsFolder(paths))
    .filter((name) => /^[1-9]\d{0,8}$/.test(name))
    .map(Number)
    .toSorted((a, b) => a - b);

/** undefined if there is no such generation, or its record is damaged. */
export const readMeta = (paths: Paths, number: number): GenerationMeta | undefined => {
  const text = readText(join(generationFolder(paths, number), 'meta.json'));
  const meta = text === undefined ? undefined : parseMeta(text);
  return meta?.generation === number ? meta : undefined;
};

export const readMetas = (paths: Paths): readonly GenerationMeta[] =>
  generationNumbers(paths).flatMap((number) => readMeta(paths, number) ?? []);

const metaText = (meta: GenerationMeta): string => `${JSON.stringify(meta, null, 2)}\n`;

export const setOutcome = (paths: Paths, number: number, outcome: GenerationOutcome): void => {
  const meta = readMeta(paths, number);
  if (!meta || meta.outcome === outcome) return;
  writeDurably(join(generationFolder(paths, number), 'meta.json'), metaText({ ...meta, outcome }));
};

export const guardFile = (paths: Paths, number: number): string => join(generationFolder(paths, number), 'guard.json');

export const readGuard = (paths: Paths, number: number): string | undefined => readText(guardFile(paths, number));

/** Names in nft of the sets of a generation that others fill. */
export const readExternal = (paths: Paths, number: number): ReadonlySet<string> => {
  const value = parseJson(readText(join(generationFolder(paths, number), 'policy.json')) ?? '');
  const sets = listOf(property(property(value, 'policy'), 'sets')).filter((set) => property(set, 'external') === true);
  return new Set(sets.flatMap((set) => families.map((family) => setName(textOf(set, 'name') ?? '', family))));
};

/** What the kernel listed when it had just been loaded. */
export const readListing = (paths: Paths, number: number): Json | undefined => {
  const text = readText(join(generationFolder(paths, number), 'listing.json'));
  return text === undefined ? undefined : parseJson(text);
};

export const writeListing = (paths: Paths, number: number, listing: Json): void =>
  writeDurably(join(generationFolder(paths, number), 'listing.json'), `${JSON.stringify(listing)}\n`);

export interface GenerationFiles {
  readonly meta: GenerationMeta;
  /** The document of commands. */
  readonly guard: string;
  /** The policy as it was read, as JSON. */
  readonly policy: string;
}

/** The folder gets its name when all of it is there. */
export const writeGeneration = (paths: Paths, { meta, guard, policy }: GenerationFiles): void => {
  const folder = generationFolder(paths, meta.generation);
  const scratch = `${folder}.tmp`;
  makeFolder(generationsFolder(paths));
  remove(scratch);
  try {
    makeFolder(scratch);
    writeNew(join(scratch, 'guard.json'), guard);
    writeNew(join(scratch, 'policy.json'), policy);
    writeNew(join(scratch, 'meta.json'), metaText(meta));
    move(scratch, folder);
  } catch (error) {
    remove(scratch);
    throw error;
  }
};

/** So many are kept, apart from those that are needed. */
const kept = 20;

/** Removes old generations, and what a killed dnfw left half written. */
export const sweepGenerations = (paths: Paths, needed: ReadonlySet<number>): void => {
  for (const name of namesIn(generationsFolder(paths)))
    if (/^\d+\.tmp$/.test(name)) remove(join(generationsFolder(paths), name));
  for (const number of generationNumbers(paths).slice(0, -kept))
    if (!needed.has(number)) remove(generationFolder(paths, number));
};
