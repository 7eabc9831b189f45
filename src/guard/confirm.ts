/** Somebody who can still reach the host says that the guard may stay. */
import { bringBoot } from './boot.ts';
import type { Engine } from './engine.ts';
import { GuardError } from './failure.ts';
import { setOutcome } from './generations.ts';
import { finishFiring, heal } from './heal.ts';
import { takeLock } from './lock.ts';
import { decide, forget } from './pending.ts';
import type { Situation } from './situation.ts';
import { writeState } from './state.ts';

export interface ConfirmResult {
  readonly generation: number;
  readonly persisted: boolean;
  /** It was confirmed over the very connection that it was installed from. */
  readonly sameConnection: boolean;
}

const notWaiting = (id: string, { repairs, state, waitings }: Situation): GuardError => {
  const reverted = waitings.find((one) => one.id === id && one.phase === 'reverted');
  if (reverted || repairs.some((repair) => repair.startsWith('nobody confirmed')))
    return new GuardError(
      'refused',
      'not-confirmed',
      `it is too late for ${id}: ${state.current === null ? 'there is no guard again' : `generation ${state.current} is back`}`,
      'install it again',
    );
  const { pending } = state;
  return new GuardError(
    'usage',
    'no-pending',
    `no guard waits for the confirmation ${id}`,
    pending
      ? `generation ${pending.generation} waits: dnfw confirm ${pending.id}`
      : 'dnfw history shows what became of each guard',
  );
};

/** `connection` is SSH_CONNECTION of the caller, or empty. */
export const confirm = async (engine: Engine, id: string, connection: string): Promise<ConfirmResult> => {
  const { paths } = engine;
  const lock = await takeLock(paths);
  try {
    const situation = await heal(engine, id);
    const waiting = situation.waitings.find((one) => one.id === id);
    if (waiting?.phase !== 'armed' || situation.state.pending?.id !== id) throw notWaiting(id, situation);
    if (!decide(paths, id, 'armed', 'confirmed')) {
      await finishFiring(engine, id);
      throw notWaiting(id, await heal(engine));
    }
    const { generation, persist } = waiting;
    setOutcome(paths, generation, 'confirmed');
    writeState(paths, { ...situation.state, good: generation, pending: null });
    const persisted = await bringBoot(engine, generation, persist);
    forget(engine, id);
    return { generation, persisted, sameConnection: connection !== '' && connection === waiting.connection };
  } finally {
    lock.release();
  }
};
