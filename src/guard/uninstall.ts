/** Takes everything of the guard away, but the policy, and looks whether anything is left. */
import { join } from 'node:path';
import type { Json } from '../nftables/json.ts';
import { listOf, property, textOf } from '../nftables/json.ts';
import { removeBoot } from './boot.ts';
import { namesIn, remove, removeEmpty, writeNew } from './disk.ts';
import type { Engine } from './engine.ts';
import { GuardError } from './failure.ts';
import { finishFiring } from './heal.ts';
import { takeLock } from './lock.ts';
import { bootFile, generationsFolder, pendingsFolder, stateFile } from './paths.ts';
import { decide, forget, readWaitings } from './pending.ts';
import { deletion } from './revert.ts';
import { removeWatch } from './watch-unit.ts';

export interface UninstallResult {
  /** Whether there was anything. */
  readonly changed: boolean;
  /** Chains that others have, before and after; the same. */
  readonly others: number;
}

const otherChains = (chains: Json): readonly string[] =>
  listOf(property(chains, 'nftables'))
    .map((entry) => property(entry, 'chain'))
    .filter(
      (chain) => chain !== undefined && !(textOf(chain, 'table') === 'dnfw' && textOf(chain, 'family') === 'inet'),
    )
    .map((chain) => `${textOf(chain, 'family')} ${textOf(chain, 'table')} ${textOf(chain, 'name')}`);

const takeTableAway = async ({ nft, paths }: Engine): Promise<boolean> => {
  if ((await nft.listGuard()) === undefined) return false;
  // In the run folder, which can be written to even where the state's disk is full.
  const file = join(paths.run, 'uninstall.json');
  try {
    writeNew(file, deletion);
    await nft.load(file);
  } finally {
    remove(file);
  }
  if ((await nft.listGuard()) !== undefined)
    throw new GuardError(
      'refused',
      'not-as-asked',
      'table inet dnfw was deleted and is still there',
      'see whether another program makes it',
    );
  return true;
};

export const uninstall = async (engine: Engine): Promise<UninstallResult> => {
  const { nft, paths, say } = engine;
  const lock = await takeLock(paths);
  try {
    const before = otherChains(await nft.listChains());
    lock.assertHeld();
    // A dead-man that fires from now on finds nothing armed.
    for (const { id } of readWaitings(paths)) {
      if (!decide(paths, id, 'armed', 'void')) await finishFiring(engine, id);
      forget(engine, id);
    }
    say('taking table inet dnfw away');
    let changed = await takeTableAway(engine);
    say('removing the records and the units');
    changed = (await removeWatch(engine)) || changed;
    changed = (await removeBoot(engine)) || changed;
    const ours = [generationsFolder(paths), stateFile(paths), join(bootFile(paths), '..'), pendingsFolder(paths)];
    changed = changed || namesIn(paths.state).length > 0;
    for (const path of ours) remove(path);
    const after = new Set(otherChains(await nft.listChains()));
    const gone = before.filter((chain) => !after.has(chain));
    if (gone.length > 0) say(`meanwhile somebody else removed: ${gone.join(', ')}`);
    return { changed, others: after.size };
  } finally {
    lock.release();
    removeEmpty(paths.state);
    removeEmpty(paths.run);
  }
};
