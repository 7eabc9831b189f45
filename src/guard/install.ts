/** Brings a policy into the kernel, so that the previous guard comes back whatever goes wrong. */
import { bringBoot } from './boot.ts';
import { compareLoaded, compareTexts } from './compare.ts';
import type { Engine } from './engine.ts';
import { GuardError } from './failure.ts';
import {
  type GenerationMeta,
  generationNumbers,
  guardFile,
  readListing,
  readMeta,
  setOutcome,
  writeGeneration,
  writeListing,
} from './generations.ts';
import { finishFiring, heal, takeBack } from './heal.ts';
import { type Lock, takeLock } from './lock.ts';
import { type GenerationMark, markIn } from './loaded.ts';
import { NftError } from './nft-command.ts';
import { arm, decide, endLoading, forget, newId, readRevert, startLoading } from './pending.ts';
import type { Paths } from './paths.ts';
import { type ChangeGroup, changesOf, otherInputChains } from './plan.ts';
import { documentOf, externalOf, type GuardDocument, hashOf, plainJson, type Proposal } from './proposal.ts';
import { explained } from './refusal.ts';
import { undoing } from './revert.ts';
import { readSituation, type Situation } from './situation.ts';
import { type Pending, type State, writeState } from './state.ts';

export interface InstallRequest {
  /** Seconds; undefined confirms at once. */
  readonly confirmSeconds: number | undefined;
  readonly persist: boolean;
  /** Load it even if the preflight finds packets that would be lost. */
  readonly force: boolean;
  /** SSH_CONNECTION of the caller, or empty. */
  readonly connection: string;
  /** The version of dnfw. */
  readonly dnfw: string;
}

/** What the operator would miss, in lines; empty if nothing is lost. */
export type Preflight = (document: GuardDocument) => readonly string[];

export interface Proposed {
  readonly proposal: Proposal;
  readonly preflight: Preflight;
}

/** Reads the policy and the host. What is installed is given, for what depends on it. */
export type Propose = (situation: Situation | undefined) => Promise<Proposed>;

export type InstallResult =
  | { readonly kind: 'unchanged'; readonly state: State; readonly persisted: boolean }
  | {
      readonly kind: 'waiting';
      readonly generation: number;
      readonly pending: Pending;
      readonly changes: readonly ChangeGroup[];
    }
  | {
      readonly kind: 'installed';
      readonly generation: number;
      readonly changes: readonly ChangeGroup[];
      readonly persisted: boolean;
    };

export interface Plan {
  readonly mark: GenerationMark;
  readonly document: GuardDocument;
  readonly changes: readonly ChangeGroup[];
  /** The kernel has it already. */
  readonly isLoaded: boolean;
}

/** A number that no generation has had; the kernel may know of one that is lost on disk. */
const nextGeneration = (engine: Pick<Engine, 'paths'>, situation: Situation | undefined): number =>
  1 +
  Math.max(
    0,
    ...generationNumbers(engine.paths),
    situation?.mark?.generation ?? 0,
    ...(situation?.waitings.map(({ generation }) => generation) ?? []),
  );

const isLoaded = (
  engine: Pick<Engine, 'paths'>,
  document: GuardDocument,
  proposal: Proposal,
  situation: Situation,
): boolean => {
  const { listing, mark } = situation;
  if (listing === undefined || mark === undefined) return false;
  const external = externalOf(proposal);
  const recorded = mark.hash === hashOf(proposal) ? readListing(engine.paths, mark.generation) : undefined;
  if (recorded !== undefined && compareTexts(recorded, listing, { external }).same) return true;
  return compareTexts(document.json, listing, { external, without: new Set(['generation']) }).same;
};

/** What an install would do. `situation` is undefined where the kernel cannot be asked: then all of the guard is new. */
export const planOf = (engine: Pick<Engine, 'paths'>, proposal: Proposal, situation: Situation | undefined): Plan => {
  const mark = { generation: nextGeneration(engine, situation), hash: hashOf(proposal) };
  const document = documentOf(proposal, mark, situation?.listing);
  return {
    mark,
    document,
    changes: changesOf(situation?.listing, document.json, externalOf(proposal)),
    isLoaded: situation !== undefined && isLoaded(engine, document, proposal, situation),
  };
};

/** Where iptables-legacy has its chains, which nft does not list: mangle, filter, security, nat. */
const legacyPriorities: ReadonlySet<number> = new Set([-150, 0, 50, 100]);

/** Of equal priorities, the chain that was made last runs first (net/netfilter/core.c nf_hook_grow): nobody could rely on it. */
export const assertPriority = async ({ nft }: Pick<Engine, 'nft'>, priority: number): Promise<void> => {
  const others = otherInputChains(await nft.listChains());
  const taken = new Set([...legacyPriorities, ...others.map((chain) => chain.priority)]);
  if (!taken.has(priority)) return;
  const other = others.find((chain) => chain.priority === priority);
  let free = priority;
  while (taken.has(free)) free -= 1;
  throw new GuardError(
    'usage',
    'priority-taken',
    `${other ? `chain ${other.name} of table ${other.family} ${other.table}` : 'a table of iptables'} has priority ${priority} at the input hook, too: which of the two comes first would be chance`,
    `--priority ${free} is free`,
  );
};

/** Loads, and puts back what was there if anything at all is not as it should be. */
const loadAndCompare = async (
  engine: Engine,
  plan: Plan,
  proposal: Proposal,
  id: string,
  lock: Lock,
): Promise<void> => {
  const { nft, paths, say } = engine;
  const { generation } = plan.mark;
  lock.assertHeld();
  startLoading(paths, id);
  try {
    await nft.load(guardFile(paths, generation));
  } catch (error) {
    throw error instanceof NftError ? await explained(engine, plan.document, error) : error;
  } finally {
    endLoading(paths, id);
  }
  say('reading back what the kernel has');
  const listing = await nft.listGuard();
  const mark = listing === undefined ? undefined : markIn(listing);
  if (listing === undefined || mark?.generation !== generation)
    throw new GuardError(
      'refused',
      'not-as-asked',
      'the guard was loaded, and the kernel does not have it: it was taken back',
    );
  const { same, why } = compareLoaded(plan.document.json, listing, { external: externalOf(proposal) });
  if (!same)
    throw new GuardError(
      'refused',
      'not-as-asked',
      `what the kernel lists is not what was loaded, and was taken back: ${why.join('; ')}`,
      'please report this with the version of nft and the policy',
    );
  writeListing(paths, generation, listing);
};

/** Whether the kernel still has what it had; if it cannot be asked, no. */
const isUntouched = async ({ nft }: Engine, before: Situation): Promise<boolean> => {
  try {
    const listing = await nft.listGuard();
    if (listing === undefined || before.listing === undefined) return listing === before.listing;
    return markIn(listing)?.generation === before.mark?.generation;
  } catch {
    return false;
  }
};

const undo = async (engine: Engine, id: string, generation: number, before: Situation): Promise<void> => {
  const { say } = engine;
  if (await isUntouched(engine, before)) {
    if (!decide(engine.paths, id, 'armed', 'void')) await finishFiring(engine, id);
  } else {
    say('putting back what was there before');
    await takeBack(engine, id);
  }
  try {
    setOutcome(engine.paths, generation, 'refused');
    forget(engine, id);
    const { state } = await readSituation(engine);
    writeState(engine.paths, state);
  } catch (error) {
    // The kernel is as it was. What is missing on disk is found and said by the next run.
    say(`the records could not be brought in line: ${error instanceof Error ? error.message : String(error)}`);
  }
};

interface Fallback {
  readonly previous: number | null;
  /** The document that loads it. */
  readonly revert: string;
  readonly said: string;
}

const nameOf = (generation: number | null): string => (generation === null ? 'no guard' : `generation ${generation}`);

/** The guard that comes back: never one that itself still waits. */
const fallbackOf = (paths: Paths, { state, listing }: Situation): Fallback => {
  const { pending } = state;
  if (pending)
    return { previous: pending.previous, revert: readRevert(paths, pending.id), said: nameOf(pending.previous) };
  const isUnnamed = listing !== undefined && state.current === null;
  const said = isUnnamed ? 'the table that is there' : nameOf(state.current);
  return { previous: state.current, revert: undoing(listing), said };
};

const metaOf = (
  engine: Engine,
  plan: Plan,
  { policy, policyName, priority }: Proposal,
  dnfw: string,
): GenerationMeta => ({
  schemaVersion: 1,
  generation: plan.mark.generation,
  hash: plan.mark.hash,
  made: engine.now().toISOString(),
  outcome: 'made',
  mode: policy.mode,
  policy: policyName,
  priority,
  dnfw,
});

/** Checked by nft; a generation that nft refuses is on record as that. */
const write = async (engine: Engine, plan: Plan, proposal: Proposal, dnfw: string): Promise<number> => {
  const { paths, nft } = engine;
  const { generation } = plan.mark;
  writeGeneration(paths, {
    meta: metaOf(engine, plan, proposal, dnfw),
    guard: plan.document.text,
    policy: `${plainJson({ policy: proposal.policy, facts: proposal.facts }, 2)}\n`,
  });
  const since = performance.now();
  try {
    await nft.checkFile(guardFile(paths, generation));
  } catch (error) {
    setOutcome(paths, generation, 'refused');
    throw error instanceof NftError ? await explained(engine, plan.document, error) : error;
  }
  return (performance.now() - since) / 1000;
};

/** The dead-man needs some time to be armed for, even if nobody is to confirm. */
const usualSeconds = 60;

const change = async (
  engine: Engine,
  request: InstallRequest,
  proposal: Proposal,
  plan: Plan,
  situation: Situation,
  lock: Lock,
): Promise<InstallResult> => {
  const { paths, say } = engine;
  const { generation } = plan.mark;
  const took = await write(engine, plan, proposal, request.dnfw);
  const { previous, revert, said } = fallbackOf(paths, situation);
  const id = newId();
  // To load takes a few times as long as to check, and is no part of the time to confirm in.
  const seconds = Math.round((request.confirmSeconds ?? usualSeconds) + 3 * took);
  say(`arming the dead-man: unless it is told not to, it puts back ${said} in ${seconds} s`);
  const { persist, connection } = request;
  const pending = await arm(engine, { id, mark: plan.mark, previous, seconds, persist, connection, revert }).catch(
    (error: unknown) => {
      forget(engine, id);
      throw error;
    },
  );
  const earlier = situation.state.pending;
  try {
    if (earlier) await supersede(engine, earlier.id);
    say(`loading generation ${generation}`);
    await loadAndCompare(engine, plan, proposal, id, lock);
    if (request.confirmSeconds === undefined) setOutcome(paths, generation, 'confirmed');
    const good = request.confirmSeconds === undefined ? generation : situation.state.good;
    const waiting = request.confirmSeconds === undefined ? null : pending;
    writeState(paths, { schemaVersion: 1, current: generation, good, pending: waiting });
    const [from, to] =
      request.confirmSeconds === undefined ? (['armed', 'confirmed'] as const) : (['armed', 'armed'] as const);
    if (!decide(paths, id, from, to))
      throw new GuardError(
        'refused',
        'not-confirmed',
        'loading took longer than the time to confirm: the previous guard is back',
      );
  } catch (error) {
    await undo(engine, id, generation, situation);
    throw error;
  }
  if (request.confirmSeconds !== undefined) return { kind: 'waiting', generation, pending, changes: plan.changes };
  const persisted = await bringBoot(engine, generation, persist);
  forget(engine, id);
  return { kind: 'installed', generation, changes: plan.changes, persisted };
};

/** The dead-man of a guard that is about to be replaced. If it fires first, it puts back the same that we would. */
const supersede = async (engine: Engine, id: string): Promise<void> => {
  if (!decide(engine.paths, id, 'armed', 'void')) await finishFiring(engine, id);
  forget(engine, id);
};

const unchanged = async (
  engine: Engine,
  request: InstallRequest,
  situation: Situation,
): Promise<InstallResult | undefined> => {
  const { paths } = engine;
  const { state } = situation;
  if (state.current === null) return undefined;
  if (state.pending) {
    if (request.confirmSeconds === undefined) return undefined;
    return { kind: 'waiting', generation: state.current, pending: state.pending, changes: [] };
  }
  if (readMeta(paths, state.current)?.outcome !== 'confirmed') return undefined;
  return { kind: 'unchanged', state, persisted: await bringBoot(engine, state.current, request.persist) };
};

export const install = async (engine: Engine, request: InstallRequest, propose: Propose): Promise<InstallResult> => {
  const { nft, paths, say } = engine;
  await nft.version();
  const lock = await takeLock(paths);
  try {
    const situation = await heal(engine);
    const { proposal, preflight } = await propose(situation);
    const plan = planOf(engine, proposal, situation);
    if (plan.isLoaded) {
      const same = await unchanged(engine, request, situation);
      if (same) return same;
    }
    await assertPriority(engine, proposal.priority);
    const lost = preflight(plan.document);
    if (lost.length > 0 && !request.force)
      throw new GuardError(
        'refused',
        'would-lose',
        `the guard would stop what passes today: ${lost.join('; ')}`,
        'allow it in the policy, or load it anyway with --force',
      );
    if (lost.length > 0) say('--force: loading it although it stops what passes today');
    return await change(engine, request, proposal, plan, situation, lock);
  } finally {
    lock.release();
  }
};
