/** `dnfw confirm`, `rollback`, `history` and `uninstall`. */
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import { confirm } from '../guard/confirm.ts';
import { history, type HistoryEntry } from '../guard/history.ts';
import { rollback } from '../guard/rollback.ts';
import { readSituation } from '../guard/situation.ts';
import { readState, type State } from '../guard/state.ts';
import { uninstall } from '../guard/uninstall.ts';
import { exit, type ExitStatus } from './exit.ts';
import { answer, guardEngine, guardPaths, sshConnection, step } from './guard-engine.ts';

export interface JsonFlag {
  readonly json?: boolean;
}

export const confirmGuard = async (id: string, flags: JsonFlag): Promise<ExitStatus> => {
  const result = await confirm(guardEngine(), id, sshConnection());
  if (result.sameConnection)
    step('this is the connection that it was installed from: whether a new one gets in is not known yet; try one now');
  const { generation, persisted } = result;
  answer(flags.json, { result: 'confirmed', ...result }, [
    `generation ${generation} is confirmed${persisted ? ' and loaded at boot' : ''}`,
  ]);
  return exit.done;
};

export interface RollbackFlags extends JsonFlag {
  readonly to?: number;
}

export const rollbackGuard = async (flags: RollbackFlags): Promise<ExitStatus> => {
  const result = await rollback(guardEngine(), flags.to);
  const { to } = result;
  answer(flags.json, { result: 'rolled-back', ...result }, [
    to === null
      ? 'there is no guard now, as before'
      : `generation ${to} is loaded; the encrypted networks in it are those of its time: dnfw sync brings them in line`,
  ]);
  return exit.done;
};

const entryLine = ({ generation, made, outcome, mode, policy, hash, isCurrent, isGood }: HistoryEntry): string => {
  const marks = [isCurrent ? 'loaded' : '', isGood ? 'good' : ''].filter((mark) => mark !== '').join(', ');
  return `${String(generation).padStart(4)}  ${made}  ${outcome.padEnd(9)}  ${mode.padEnd(7)}  ${hash}  ${policy}${marks === '' ? '' : `  (${marks})`}`;
};

/** What is loaded, and what is good; without the right to ask the kernel, the latter alone. */
const seen = async (): Promise<Pick<State, 'current' | 'good'>> => {
  try {
    const { state, repairs } = await readSituation(guardEngine());
    for (const repair of repairs) step(repair);
    return state;
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    step(`which one is loaded is not known: ${error.message}`);
    const disk = readState(guardPaths());
    return { current: null, good: disk.kind === 'state' ? disk.state.good : null };
  }
};

export const guardHistory = async (flags: JsonFlag): Promise<ExitStatus> => {
  const entries = history(guardPaths(), await seen());
  answer(
    flags.json,
    { generations: entries },
    entries.length === 0 ? ['no guard was ever installed'] : entries.map(entryLine),
  );
  return exit.done;
};

export const uninstallGuard = async (flags: JsonFlag): Promise<ExitStatus> => {
  const result = await uninstall(guardEngine());
  answer(flags.json, { result: 'uninstalled', ...result }, [
    result.changed
      ? `the guard is gone; ${result.others === 1 ? '1 chain of others is as it was' : `${result.others} chains of others are as they were`}; the policy stays in ${guardPaths().config}`
      : 'there was no guard',
  ]);
  return exit.done;
};
