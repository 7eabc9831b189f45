/** The command tree. The completions and the synopses of the manual are made from it. */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import { visible } from '../diagnostics/render.ts';
import { completion, type Shell, shells } from './completion.ts';
import { exit, type ExitStatus } from './exit.ts';
import { writeOut } from './files.ts';
import { report, say } from './terminal.ts';
import type { TranslateFlags } from './translate.ts';
import { version } from './version.ts';

/** Set by the command that ran. */
interface Outcome {
  status: ExitStatus;
}

const tablePrefix = (text: string): string => {
  if (/^[a-zA-Z][a-zA-Z0-9_-]{0,31}$/.test(text)) return text;
  throw new InvalidArgumentError(
    'it has to start with a letter and to hold only letters, digits, - and _ (32 at most).',
  );
};

const translateCommand = (outcome: Outcome): Command =>
  new Command('translate')
    .summary('translate an iptables ruleset to nftables')
    .description(
      'Translates iptables rulesets to one nftables JSON document that means the same.\nWithout FILE, the live host is read; - is standard input.',
    )
    .argument(
      '[FILE...]',
      'iptables-save, ip6tables-save, iptables -S, iptables -nvL output, or a script of iptables commands',
    )
    .addOption(new Option('--format <format>', 'what to print').choices(['json', 'nft']).default('json'))
    .addOption(
      new Option('--from <format>', 'what the input is, if it should not be guessed').choices([
        'save',
        'rules',
        'commands',
        'listing',
      ]),
    )
    .addOption(new Option('--family <family>', 'for inputs that do not say it').choices(['ip', 'ip6']))
    .addOption(
      new Option(
        '--backend <backend>',
        'the backend the rules run on, if the input does not say it or is wrong',
      ).choices(['legacy', 'nft']),
    )
    .addOption(
      new Option('--table <table>', 'the table of a listing or of iptables -S output').choices([
        'raw',
        'mangle',
        'nat',
        'filter',
        'security',
      ]),
    )
    .option('--exact-legacy', 'emulate iptables-legacy on truncated packets and fragments')
    .option('--counters', 'carry counters over')
    .addOption(
      new Option('--table-prefix <prefix>', 'what the names of the nft tables start with')
        .default('dnfw-')
        .argParser(tablePrefix),
    )
    .option('--report <file>', 'write what became of every rule to FILE, as JSON')
    .option('-o, --output <file>', 'write the result to FILE instead of standard output')
    .option('--allow-untranslated', 'print the rest even if some rules cannot be translated')
    .option('--no-proof', 'do not prove the output')
    .action(async (files: readonly string[], flags: TranslateFlags, command: Command) => {
      if (flags.exactLegacy && flags.backend === 'nft')
        command.error('error: --exact-legacy emulates iptables-legacy and cannot be given with --backend nft');
      if (flags.output !== undefined && flags.output === flags.report)
        command.error('error: --output and --report name the same file');
      const { translateFiles } = await import('./translate.ts');
      outcome.status = await translateFiles(files, flags);
    });

const completionCommand = (): Command =>
  new Command('completion')
    .summary('print a completion script for a shell')
    .description('Prints a completion script, for example: dnfw completion bash > /etc/bash_completion.d/dnfw')
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .action((shell: Shell) => {
      writeOut([completion(shell, program())]);
    });

/** The whole tree; `outcome` receives the exit status of the command that runs. */
export const program = (outcome: Outcome = { status: exit.done }): Command =>
  new Command('dnfw')
    .description('A netfilter-native rule engine for hosts that run Docker.')
    .version(version(), '-V, --version', 'print the version')
    .helpCommand('help [command]', 'print help for a command')
    .addCommand(translateCommand(outcome))
    .addCommand(completionCommand());

const prepare = (command: Command): Command => {
  command
    .exitOverride()
    .helpOption('-h, --help', 'print this help')
    .showHelpAfterError('(dnfw --help, or dnfw help COMMAND, shows what there is)')
    .configureOutput({
      writeOut: (text) => writeOut([text]),
      outputError: (text, write) => write(text.split('\n').map(visible).join('\n')),
    });
  for (const child of command.commands) prepare(child);
  return command;
};

/** Runs the command line; every way out has a documented status. */
export const run = async (args: readonly string[]): Promise<ExitStatus> => {
  const outcome: Outcome = { status: exit.done };
  try {
    await prepare(program(outcome)).parseAsync(args, { from: 'user' });
    return outcome.status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.done : exit.usage;
    if (error instanceof EnvironmentError) {
      const { code, message: what, help } = error;
      report([{ code, severity: 'error', what, ...(help === undefined ? {} : { help }) }]);
      return exit.environment;
    }
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    say(
      `error[internal]: this is a bug in dnfw; nothing was printed or changed\n${what}\n  help: please report it with the input that shows it`,
    );
    return exit.bug;
  }
};
