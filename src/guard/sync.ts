/** Brings the networks that the guard enforces in line with Docker's: one chain, one transaction. */
import { join } from 'node:path';
import process from 'node:process';
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import { type Json, listOf, property, textOf } from '../nftables/json.ts';
import { printDocument } from '../nftables/print.ts';
import type { Command } from '../nftables/types.ts';
import { validateCommands } from '../nftables/validate.ts';
import { syncBoot } from './boot.ts';
import { makeFolder, remove, writeNew } from './disk.ts';
import { difference, enforcedIn, type Step } from './enforced.ts';
import { factsOf, type Rulesets } from './encrypted.ts';
import type { Engine } from './engine.ts';
import type { EncryptedVni } from './facts.ts';
import { GuardError } from './failure.ts';
import { readListing, readMeta, writeListing } from './generations.ts';
import { canonicalText, markIn, rulesIn } from './loaded.ts';
import { takeLock } from './lock.ts';
import { encryptedChain, refuseChain } from './names.ts';
import type { Mode } from './policy.ts';
import { vxlanCommands } from './ruleset-encrypted.ts';
import { type DockerWord, type OnSilence, type Wanted, wantedOf } from './wanted.ts';

export interface Sources {
  /** Docker's rules as they are now. `why` says what could not be read: then nothing is taken for gone. */
  readonly rules: () => Promise<Rulesets & { readonly why: readonly string[] }>;
  readonly docker: () => Promise<DockerWord>;
}

export interface Synced extends Step, Omit<Wanted, 'encrypted'> {
  /** What the guard enforces now. */
  readonly enforced: readonly EncryptedVni[];
  readonly changed: boolean;
  /** What could not be read of the host. */
  readonly notRead: readonly string[];
  /** Whether the engine says which networks there are. */
  readonly answers: boolean;
}

const absent = (): GuardError =>
  new GuardError(
    'drifted',
    'guard-drifted',
    'there is no guard in this network namespace',
    'load one with dnfw install',
  );

/** How the loaded guard was made; where its record is gone, by what its refusals do. */
const modeOf = ({ paths }: Pick<Engine, 'paths'>, listing: Json): Mode => {
  const mark = markIn(listing);
  const recorded = mark === undefined ? undefined : readMeta(paths, mark.generation)?.mode;
  if (recorded === 'observe' || recorded === 'enforce') return recorded;
  const refusals = rulesIn(listing, refuseChain).flatMap((rule) => listOf(property(rule, 'expr')));
  return refusals.some((statement) => property(statement, 'drop') !== undefined) ? 'enforce' : 'observe';
};

const chainOf = (entry: Json): string | undefined => textOf(property(entry, 'rule'), 'chain');

/** The record with the live rules of the one chain that was changed: what else has changed there is still drift. */
export const recordWith = (recorded: Json, live: Json): Json => {
  const isOurs = (entry: Json): boolean => chainOf(entry) === encryptedChain;
  return {
    nftables: [
      ...listOf(property(recorded, 'nftables')).filter((entry) => !isOurs(entry)),
      ...listOf(property(live, 'nftables')).filter(isOurs),
    ],
  };
};

const writeRecord = ({ paths }: Engine, live: Json): void => {
  const generation = markIn(live)?.generation;
  const recorded = generation === undefined ? undefined : readListing(paths, generation);
  if (generation !== undefined && recorded !== undefined) writeListing(paths, generation, recordWith(recorded, live));
};

const load = async ({ nft, paths }: Engine, commands: readonly Command[]): Promise<void> => {
  const problem = validateCommands(commands);
  if (problem) throw new Error(`command ${problem.index}: ${problem.what}`);
  makeFolder(paths.run);
  const file = join(paths.run, `sync.${process.pid}.json`);
  try {
    writeNew(file, printDocument({ nftables: commands }));
    await nft.load(file);
  } finally {
    remove(file);
  }
};

const textsOf = (document: Json): string =>
  rulesIn(document, encryptedChain)
    .map((value) => canonicalText({ kind: 'rule', value }))
    .join('\n');

/** JSON.parse gives nothing but Json. */
const asListed = (commands: readonly Command[]): Json => JSON.parse(printDocument({ nftables: commands })) as Json;

/** A sync that was killed, or that could not write, has left the record behind the kernel. */
const isRecorded = ({ paths }: Engine, listing: Json): boolean => {
  const generation = markIn(listing)?.generation;
  const recorded = generation === undefined ? undefined : readListing(paths, generation);
  return recorded === undefined || textsOf(recorded) === textsOf(listing);
};

interface Planned {
  readonly listing: Json;
  readonly wanted: Wanted;
  readonly step: Step;
  readonly notRead: readonly string[];
}

const plan = async ({ nft }: Engine, { rules: read, docker }: Sources, onSilence: OnSilence): Promise<Planned> => {
  const [rules, word] = await Promise.all([read(), docker()]);
  const listing = await nft.listGuard();
  if (listing === undefined || markIn(listing) === undefined) throw absent();
  const enforced = enforcedIn(listing);
  const isRead = rules.why.length === 0;
  const known = { ...word, rules: factsOf(rules).encrypted, isRead, enforced, port: undefined };
  const wanted = wantedOf(known, onSilence);
  return { listing, wanted, step: difference(enforced, wanted.encrypted), notRead: rules.why };
};

const isNothing = ({ missing, stale }: Step): boolean => missing.length === 0 && stale.length === 0;

const isDone = (engine: Engine, { step, listing }: Planned): boolean => isNothing(step) && isRecorded(engine, listing);

/** Idempotent: it takes the lock and changes something only where something is to be changed. */
export const syncGuard = async (engine: Engine, sources: Sources, onSilence: OnSilence): Promise<Synced> => {
  // An engine that hangs is waited for once.
  const word = sources.docker();
  const from: Sources = { ...sources, docker: () => word };
  const first = await plan(engine, from, onSilence);
  const { overlays } = await word;
  const result = ({ step, notRead, wanted: { encrypted, told, kept } }: Planned, changed: boolean): Synced => ({ ...step, enforced: encrypted, told, kept, changed, notRead, answers: overlays !== undefined }); // prettier-ignore
  if (isDone(engine, first)) return result(first, false);
  const lock = await takeLock(engine.paths);
  try {
    // Somebody may have loaded another guard in between.
    const planned = await plan(engine, from, onSilence);
    if (isDone(engine, planned)) return result(planned, false);
    const { encrypted } = planned.wanted;
    lock.assertHeld();
    const commands = vxlanCommands({ encrypted, dockerAccepts: [] }, modeOf(engine, planned.listing));
    // Where the record alone is behind, a load would be heard by watch, and so on where it cannot be written.
    if (textsOf(asListed(commands)) !== textsOf(planned.listing)) await load(engine, commands);
    const live = await engine.nft.listGuard();
    const left = live === undefined ? undefined : difference(enforcedIn(live), encrypted);
    if (live === undefined || !left || !isNothing(left))
      throw new EnvironmentError('program-failed', 'the kernel does not list what was just loaded: the guard changed at the same time', { help: 'run dnfw sync again' }); // prettier-ignore
    writeRecord(engine, live);
    syncBoot(engine.paths, live);
    return result(planned, true);
  } finally {
    lock.release();
  }
};
