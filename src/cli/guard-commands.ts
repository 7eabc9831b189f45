/** The commands of the guard that change it. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { JsonFlag, RollbackFlags } from './confirm.ts';
import type { ExitStatus } from './exit.ts';
import type { InstallFlags } from './install.ts';

interface Outcome {
  status: ExitStatus;
}

/** `60`, `60s`, `5m`, `1h`: seconds. */
const duration = (text: string): number => {
  const found = /^(\d{1,5})([smh]?)$/.exec(text);
  const seconds = Number(found?.[1] ?? 0) * { '': 1, s: 1, m: 60, h: 3600 }[(found?.[2] ?? '') as '' | 's' | 'm' | 'h'];
  if (seconds >= 1 && seconds <= 86_400) return seconds;
  throw new InvalidArgumentError('it has to be a time from 1s to 24h, such as 90s or 5m.');
};

const priority = (text: string): number => {
  if (/^-?\d{1,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('it has to be a number, such as -10; names depend on the family.');
};

const generation = (text: string): number => {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('generations are counted from 1; dnfw history lists them.');
};

export const installCommand = (outcome: Outcome): Command =>
  new Command('install')
    .summary('install the guard: an input chain ahead of the rules of Docker')
    .description(
      'Loads table inet dnfw, made from the policy, ahead of the chains of iptables.\nUnless it is confirmed from a new connection, the previous guard comes back.',
    )
    .option('--policy <file>', 'the policy (default: policy.yaml and policy.d in /etc/dnfw)')
    .option('--from-host', 'write a first policy from the rules of the host, and install that')
    .addOption(
      new Option('--from <file>', 'the same, from iptables-save output or a capture').conflicts(['fromHost', 'policy']),
    )
    .option('--dry-run', 'show what would change, and change nothing')
    .option('--capture <file>', 'with --dry-run: on the host that FILE is a capture of')
    .option('--observe', 'count and log what the policy would refuse, and let it pass')
    .addOption(
      new Option('--confirm-timeout <time>', 'how long to wait for dnfw confirm (default: 60s)')
        .argParser(duration)
        .conflicts('confirm'),
    )
    .option('--no-confirm', 'keep it without being confirmed')
    .addOption(new Option('--priority <number>', 'the priority of the chain (default: -10)').argParser(priority))
    .option('--persist', 'load it at boot, too, once it is confirmed')
    .option('--force', 'load it even if it would stop packets that are needed')
    .option('--json', 'print the result as JSON')
    .action(async (flags: InstallFlags, command: Command) => {
      if (flags.fromHost === true && flags.policy !== undefined)
        command.error('error: --from-host makes a policy, and --policy names one');
      if (flags.capture !== undefined && flags.dryRun !== true)
        command.error('error: nothing can be installed in a capture: --capture needs --dry-run');
      const { installGuard } = await import('./install.ts');
      outcome.status = await installGuard(flags);
    });

export const confirmCommand = (outcome: Outcome): Command =>
  new Command('confirm')
    .summary('keep the guard that was installed')
    .description('Says that the host can still be reached: the guard stays. To be run from a new connection.')
    .argument('<ID>', 'what dnfw install has printed')
    .option('--json', 'print the result as JSON')
    .action(async (id: string, flags: JsonFlag) => {
      const { confirmGuard } = await import('./confirm.ts');
      outcome.status = await confirmGuard(id, flags);
    });

export const rollbackCommand = (outcome: Outcome): Command =>
  new Command('rollback')
    .summary('go back to an earlier guard')
    .description('Loads the guard before this one: what a guard that waits has replaced, or the confirmed one before.')
    .addOption(new Option('--to <generation>', 'go back to this one').argParser(generation))
    .option('--json', 'print the result as JSON')
    .action(async (flags: RollbackFlags) => {
      const { rollbackGuard } = await import('./confirm.ts');
      outcome.status = await rollbackGuard(flags);
    });

export const historyCommand = (outcome: Outcome): Command =>
  new Command('history')
    .summary('list the guards that were installed')
    .description('Lists the generations of the guard, newest first.')
    .option('--json', 'print the result as JSON')
    .action(async (flags: JsonFlag) => {
      const { guardHistory } = await import('./confirm.ts');
      outcome.status = await guardHistory(flags);
    });

export const uninstallCommand = (outcome: Outcome): Command =>
  new Command('uninstall')
    .summary('take the guard away')
    .description('Removes the table, the units and the records of the guard. The policy stays.')
    .option('--json', 'print the result as JSON')
    .action(async (flags: JsonFlag) => {
      const { uninstallGuard } = await import('./confirm.ts');
      outcome.status = await uninstallGuard(flags);
    });
