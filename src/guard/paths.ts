/** Where the guard keeps its things; dnfw-install(8), FILES. */
import { join, resolve } from 'node:path';

export interface Paths {
  /** Generations, state.json, the boot file. Survives a boot. */
  readonly state: string;
  /** The operator's policy. Only ever read, but for a first policy that is asked for. */
  readonly config: string;
  /** The lock and guards that wait to be confirmed. Gone after a boot. */
  readonly run: string;
  /** Units of systemd. */
  readonly units: string;
}

export const pathsFrom = (env: Readonly<Record<string, string | undefined>>): Paths => {
  const from = (name: string, usual: string): string => resolve(env[name] || usual);
  return {
    state: from('DNFW_STATE_DIR', '/var/lib/dnfw'),
    config: from('DNFW_CONFIG_DIR', '/etc/dnfw'),
    run: from('DNFW_RUN_DIR', '/run/dnfw'),
    units: from('DNFW_UNIT_DIR', '/etc/systemd/system'),
  };
};

export const stateFile = ({ state }: Paths): string => join(state, 'state.json');
export const generationsFolder = ({ state }: Paths): string => join(state, 'generations');
export const generationFolder = (paths: Paths, number: number): string => join(generationsFolder(paths), `${number}`);
/** What nft loads at boot; it is there if and only if the guard is to survive a boot. */
export const bootFile = ({ state }: Paths): string => join(state, 'good', 'guard.json');
export const lockFile = ({ run }: Paths): string => join(run, 'lock');
export const pendingsFolder = ({ run }: Paths): string => join(run, 'pending');
export const pendingFolder = (paths: Paths, id: string): string => join(pendingsFolder(paths), id);
/** Documents that are written for one nft and then removed. */
export const rollbackFile = ({ state }: Paths): string => join(state, 'rollback.json');
export const refusedFile = ({ state }: Paths): string => join(state, 'refused.json');
export const scratchFiles: ReadonlySet<string> = new Set(['rollback.json', 'refused.json']);
