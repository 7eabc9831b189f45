/** Finishes or undoes what a dnfw that was killed has left, and brings the records in line. Needs the lock. */
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { bringBoot } from './boot.ts';
import { namesIn, remove } from './disk.ts';
import type { Engine } from './engine.ts';
import { generationNumbers, readMeta, readMetas, setOutcome, sweepGenerations } from './generations.ts';
import { bootFile, generationFolder, type Paths, pendingFolder, pendingsFolder, scratchFiles } from './paths.ts';
import { decide, forget, readWaitings, revertFile, type Waiting } from './pending.ts';
import { readSituation, type Situation } from './situation.ts';
import { writeState } from './state.ts';

/** A dead-man that fires needs as long as nft to load. */
const patience = 60_000;

/** Waits for a dead-man that is at it, and does its work if it is gone. */
export const finishFiring = async (engine: Engine, id: string): Promise<void> => {
  const { nft, paths, timer, say } = engine;
  const isFiring = (): boolean => readWaitings(paths).some((one) => one.id === id && one.phase === 'firing');
  const until = performance.now() + patience;
  while (isFiring() && timer.runs(pendingFolder(paths, id)) && performance.now() < until) await sleep(50);
  if (!isFiring()) return;
  say('finishing what the dead-man had begun: the previous guard is put back');
  await nft.load(revertFile(paths, id));
  decide(paths, id, 'firing', 'reverted');
};

/** Puts back what was there before a guard that waits; the dead-man may do the same at the same time. */
export const takeBack = async (engine: Engine, id: string): Promise<void> => {
  const { nft, paths } = engine;
  // First the kernel, then the word that it is done: if dnfw is killed between, the dead-man does it again.
  await nft.load(revertFile(paths, id));
  if (!decide(paths, id, 'armed', 'reverted')) await finishFiring(engine, id);
};

const settle = async (
  engine: Engine,
  waiting: Waiting,
  situation: Situation,
  keep: string | undefined,
): Promise<void> => {
  const { paths, timer, say } = engine;
  const { id, generation, phase, hash } = waiting;
  const isLoaded = situation.mark?.generation === generation && situation.mark.hash === hash;
  if (phase === 'firing') await finishFiring(engine, id);
  if (phase === 'armed' && !isLoaded) {
    const wasLoaded = situation.recorded?.pending?.id === id;
    say(
      `generation ${generation} ${wasLoaded ? 'is not loaded any more' : 'was never loaded: its install was interrupted'}`,
    );
    if (!decide(paths, id, 'armed', 'void')) await finishFiring(engine, id);
  }
  if (phase === 'armed' && isLoaded) {
    // Killed between writing that nobody has to confirm it and telling the dead-man.
    const isGood = readMeta(paths, generation)?.outcome === 'confirmed';
    if (!isGood && (timer.runs(pendingFolder(paths, id)) || id === keep)) return;
    if (isGood && !decide(paths, id, 'armed', 'confirmed')) await finishFiring(engine, id);
    if (!isGood)
      say(`generation ${generation} was not confirmed and its timer is gone: the previous guard is put back`);
    if (!isGood) await takeBack(engine, id);
  }
  const ending = readWaitings(paths).find((one) => one.id === id)?.phase;
  if (ending === 'confirmed') {
    setOutcome(paths, generation, 'confirmed');
    await bringBoot(engine, generation, waiting.persist);
  } else if (ending === 'reverted') setOutcome(paths, generation, 'reverted');
  else setOutcome(paths, generation, 'refused');
};

/** What a dnfw that was killed while it wrote has left beside the files. */
const sweepScratch = (paths: Paths): void => {
  const folders = [
    paths.state,
    dirname(bootFile(paths)),
    ...generationNumbers(paths).map((number) => generationFolder(paths, number)),
  ];
  const isScratch = (name: string): boolean => /\.[0-9a-f]{8}\.tmp$/.test(name) || scratchFiles.has(name);
  for (const folder of folders) for (const name of namesIn(folder).filter(isScratch)) remove(join(folder, name));
};

/**
 * Brings everything in line and says what was wrong. `keep` is the id of a guard that is about to be confirmed: it is
 * left as it is even if its timer is gone.
 */
export const heal = async (engine: Engine, keep?: string): Promise<Situation> => {
  const { paths, say } = engine;
  const before = await readSituation(engine);
  for (const repair of before.repairs) say(repair);
  for (const waiting of before.waitings) await settle(engine, waiting, before, keep);
  const after = before.waitings.length > 0 ? await readSituation(engine) : before;
  if (after.recorded === undefined ? after.repairs.length > 0 : !isDeepStrictEqual(after.state, after.recorded))
    writeState(paths, after.state);
  // Their outcome is on record now.
  const open = after.state.pending?.id;
  for (const { id } of before.waitings) if (id !== open && id !== keep) forget(engine, id);
  for (const name of namesIn(pendingsFolder(paths))) if (name.endsWith('.tmp')) remove(pendingFolder(paths, name));
  sweepScratch(paths);
  const { current, good, pending } = after.state;
  for (const { generation, outcome } of readMetas(paths))
    if (outcome === 'made' && generation !== current && generation !== pending?.generation)
      setOutcome(paths, generation, 'refused');
  sweepGenerations(paths, new Set([current, good, pending?.previous].filter((one) => typeof one === 'number')));
  return { ...after, waitings: readWaitings(paths), repairs: before.repairs };
};
