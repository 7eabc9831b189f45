/** The commands of the guard that look at it, and that keep it in line with Docker. */
import { Command, Option } from 'commander';
import type { ExitStatus } from './exit.ts';
import type { StatusFlags } from './status.ts';
import type { SyncFlags, WatchFlags } from './sync.ts';

interface Outcome {
  status: ExitStatus;
}

export const statusCommand = (outcome: Outcome): Command =>
  new Command('status')
    .summary('say how the guard stands')
    .description(
      'Says whether the guard is loaded as it was installed, what stands beside it at the input hook,\nand whether it knows all of the networks that Docker encrypts.',
    )
    .option('--capture <file>', 'say how it stood on the host that FILE is a capture of')
    .option('--json', 'print the result as JSON')
    .option('--metrics <file>', 'write figures for Prometheus to FILE')
    .action(async (flags: StatusFlags) => {
      const { guardStatus } = await import('./status.ts');
      outcome.status = await guardStatus(flags);
    });

export const syncCommand = (outcome: Outcome): Command =>
  new Command('sync')
    .summary("bring the guard in line with Docker's encrypted networks")
    .description("Makes the guard enforce what Docker's rules keep encrypted now; nothing else of it changes.")
    .option('--json', 'print the result as JSON')
    .action(async (flags: SyncFlags) => {
      const { syncOnce } = await import('./sync.ts');
      outcome.status = await syncOnce(flags);
    });

export const watchCommand = (outcome: Outcome): Command =>
  new Command('watch')
    .summary('do what sync does, whenever rules change')
    .description('Keeps the guard in line with the networks that Docker encrypts, until it is stopped.')
    .option('--persist', 'set up a unit of systemd that runs it, and start that')
    .addOption(new Option('--print-unit', 'print that unit, and do nothing').conflicts('persist'))
    .action(async (flags: WatchFlags) => {
      const { watchGuard } = await import('./sync.ts');
      outcome.status = await watchGuard(flags);
    });
