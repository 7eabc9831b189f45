/** The rulesets of the live host, for commands that cannot work without them. */
import process from 'node:process';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import { readSaves } from '../guard/iptables-save.ts';
import { systemPrograms } from '../guard/programs.ts';
import type { Input } from '../iptables/parse.ts';

export interface LiveRules {
  readonly inputs: readonly Input[];
  readonly diagnostics: readonly Diagnostic[];
}

export const readLive = async (): Promise<LiveRules> => {
  const { inputs, diagnostics, failures, answered } = await readSaves(systemPrograms);
  const [failure] = failures;
  if (failure)
    throw new EnvironmentError('live-read-failed', `${failure.program} failed: ${failure.why}`, {
      help:
        process.getuid?.() === 0
          ? 'see what the program says when it is run by hand'
          : 'run dnfw as root, or give it files made with iptables-save',
    });
  if (answered === 0)
    throw new EnvironmentError('program-missing', 'iptables is not installed: none of its save programs is there', {
      help: 'install iptables, or give dnfw files made with iptables-save on the host',
    });
  return { inputs, diagnostics };
};
