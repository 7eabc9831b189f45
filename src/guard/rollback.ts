/** Back to an earlier guard at once; from one that waits also to none, if there was none. */
import type { Json } from '../nftables/json.ts';
import { bringBoot, forgetBoot } from './boot.ts';
import { remove, writeNew } from './disk.ts';
import type { Engine } from './engine.ts';
import { GuardError } from './failure.ts';
import { readExternal, readGuard, readMeta, readMetas, setOutcome } from './generations.ts';
import { heal, takeBack } from './heal.ts';
import { takeLock } from './lock.ts';
import { objectsOf } from './loaded.ts';
import { rollbackFile } from './paths.ts';
import { forget } from './pending.ts';
import { restoringWith } from './revert.ts';
import { readSituation, type Situation } from './situation.ts';
import { writeState } from './state.ts';

export interface RollbackResult {
  readonly from: number | null;
  /** null: there is no guard now. */
  readonly to: number | null;
}

const parseGuard = (text: string | undefined): Json | undefined => {
  try {
    // What JSON.parse gives is Json.
    return text === undefined ? undefined : (JSON.parse(text) as Json);
  } catch {
    return undefined;
  }
};

/** The newest confirmed one that is older than what is loaded. Without one, nobody has asked for no guard at all. */
const usualTarget = (engine: Engine, { state }: Situation): number => {
  const older = readMetas(engine.paths).filter(
    ({ outcome, generation }) => outcome === 'confirmed' && (state.current === null || generation < state.current),
  );
  const target = older.at(-1)?.generation;
  if (target !== undefined) return target;
  throw new GuardError(
    'usage',
    'no-generation',
    'no earlier guard was confirmed',
    'dnfw uninstall takes the guard away; dnfw history lists those on record',
  );
};

const documentOf = (engine: Engine, target: number, listing: Json | undefined): string => {
  const meta = readMeta(engine.paths, target);
  const guard = parseGuard(readGuard(engine.paths, target));
  if (!meta || guard === undefined || objectsOf(guard).length === 0)
    throw new GuardError(
      'usage',
      'no-generation',
      `generation ${target} is not on record`,
      'dnfw history lists those that are',
    );
  if (meta.outcome === 'refused')
    throw new GuardError(
      'refused',
      'no-generation',
      `generation ${target} was never in force`,
      'dnfw history lists those that were confirmed',
    );
  return restoringWith(guard, listing, readExternal(engine.paths, target));
};

/** Loads an earlier document; what is in sets that others fill stays. */
const loadTarget = async (engine: Engine, target: number, listing: Json | undefined): Promise<void> => {
  const { nft, paths } = engine;
  const file = rollbackFile(paths);
  const document = documentOf(engine, target, listing);
  try {
    writeNew(file, document);
    await nft.checkFile(file);
    await nft.load(file);
  } finally {
    remove(file);
  }
};

/** `to` undefined is the guard before: of one that waits, what its dead-man would put back. */
export const rollback = async (engine: Engine, to: number | undefined): Promise<RollbackResult> => {
  const { paths, say } = engine;
  const lock = await takeLock(paths);
  try {
    const situation = await heal(engine);
    const { state } = situation;
    const { pending } = state;
    if (to === undefined && state.current === null && situation.listing === undefined)
      throw new GuardError(
        'usage',
        'no-generation',
        'there is no guard to go back from',
        'dnfw rollback --to N loads generation N',
      );
    lock.assertHeld();
    if (pending && (to === undefined || to === pending.previous)) {
      say(`generation ${pending.generation} is not waited for any longer`);
      await takeBack(engine, pending.id);
      setOutcome(paths, pending.generation, 'reverted');
    } else {
      const target = to ?? usualTarget(engine, situation);
      say(`loading generation ${target}`);
      await loadTarget(engine, target, situation.listing);
    }
    const after = await readSituation(engine);
    const { current } = after.state;
    if (current !== null) setOutcome(paths, current, 'confirmed');
    writeState(paths, { schemaVersion: 1, current, good: current, pending: null });
    if (pending) forget(engine, pending.id);
    if (current === null) forgetBoot(engine);
    else await bringBoot(engine, current, false);
    return { from: state.current, to: current };
  } finally {
    lock.release();
  }
};
