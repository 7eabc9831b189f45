/** Brings the networks that the guard enforces in line with Docker's rules: one chain, one transaction. */
import { join } from 'node:path';
import process from 'node:process';
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import { type Json, listOf, property, textOf } from '../nftables/json.ts';
import { printDocument } from '../nftables/print.ts';
import { validateCommands } from '../nftables/validate.ts';
import { syncBoot } from './boot.ts';
import { makeFolder, remove, writeNew } from './disk.ts';
import { difference, enforcedIn, type Step } from './enforced.ts';
import { factsOf, type Rulesets } from './encrypted.ts';
import type { Engine } from './engine.ts';
import type { EncryptedVni } from './facts.ts';
import { GuardError } from './failure.ts';
import { readListing, readMeta, writeListing } from './generations.ts';
import { markIn, rulesIn } from './loaded.ts';
import { takeLock } from './lock.ts';
import { encryptedChain, refuseChain } from './names.ts';
import type { Mode } from './policy.ts';
import { vxlanCommands } from './ruleset-encrypted.ts';

/** Docker's rules as they are now. `why` says what could not be read: then nothing is taken for gone. */
export type ReadRules = () => Promise<Rulesets & { readonly why: readonly string[] }>;

export interface Synced extends Step {
  /** What the guard enforces now. */
  readonly enforced: readonly EncryptedVni[];
  readonly changed: boolean;
  /** What could not be read of the host. */
  readonly notRead: readonly string[];
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

const load = async (engine: Engine, encrypted: readonly EncryptedVni[], mode: Mode): Promise<void> => {
  const { nft, paths } = engine;
  const commands = vxlanCommands({ encrypted, dockerAccepts: [] }, mode);
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

interface Planned {
  readonly listing: Json;
  readonly wanted: readonly EncryptedVni[];
  readonly step: Step;
  readonly notRead: readonly string[];
}

const plan = async ({ nft }: Engine, read: ReadRules): Promise<Planned> => {
  const rules = await read();
  const listing = await nft.listGuard();
  if (listing === undefined || markIn(listing) === undefined) throw absent();
  const enforced = enforcedIn(listing);
  const found = factsOf(rules).encrypted;
  // What was not read may still be there.
  const kept = rules.why.length === 0 ? [] : difference(enforced, found).stale;
  const wanted = [...found, ...kept];
  return { listing, wanted, step: difference(enforced, wanted), notRead: rules.why };
};

const isNothing = ({ missing, stale }: Step): boolean => missing.length === 0 && stale.length === 0;

/** Idempotent: it takes the lock and changes something only where something is to be changed. */
export const syncGuard = async (engine: Engine, read: ReadRules): Promise<Synced> => {
  const first = await plan(engine, read);
  if (isNothing(first.step)) return { ...first.step, enforced: first.wanted, changed: false, notRead: first.notRead };
  const lock = await takeLock(engine.paths);
  try {
    // Somebody may have loaded another guard in between.
    const { listing, wanted, step, notRead } = await plan(engine, read);
    if (isNothing(step)) return { ...step, enforced: wanted, changed: false, notRead };
    lock.assertHeld();
    await load(engine, wanted, modeOf(engine, listing));
    const live = await engine.nft.listGuard();
    const left = live === undefined ? undefined : difference(enforcedIn(live), wanted);
    if (live === undefined || !left || !isNothing(left))
      throw new EnvironmentError('program-failed', 'the kernel does not list what was just loaded: the guard changed at the same time', { help: 'run dnfw sync again' }); // prettier-ignore
    writeRecord(engine, live);
    syncBoot(engine.paths, live);
    return { ...step, enforced: wanted, changed: true, notRead };
  } finally {
    lock.release();
  }
};
