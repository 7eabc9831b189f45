/** The command tree. The completions and the synopses of the manual are made from it. */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import { visible } from '../diagnostics/render.ts';
import { type FailureKind, GuardError } from '../guard/failure.ts';
import { NftError } from '../guard/nft-command.ts';
import { hooks } from '../netfilter/hooks.ts';
import { assumptions } from '../packet/assumption.ts';
import { auditCommand } from './audit-commands.ts';
import { captureCommand } from './capture-commands.ts';
import type { CheckFlags } from './check.ts';
import { completion, type Shell, shells } from './completion.ts';
import { exit, type ExitStatus } from './exit.ts';
import type { ExplainFlags } from './explain.ts';
import { writeOut } from './files.ts';
import { confirmCommand, historyCommand, installCommand, rollbackCommand, uninstallCommand } from './guard-commands.ts';
import type { SimulateFlags } from './simulate.ts';
import { parseLocal, parseRoute } from './simulate-options.ts';
import { statusCommand, syncCommand, watchCommand } from './status-commands.ts';
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

/** Options that say what an input is, where it does not say so itself. */
const inputOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--from <format>', 'what iptables inputs are, if it should not be guessed').choices([
        'save',
        'rules',
        'commands',
        'listing',
      ]),
    )
    .addOption(new Option('--family <family>', 'for iptables inputs that do not say it').choices(['ip', 'ip6']))
    .addOption(
      new Option(
        '--backend <backend>',
        'the backend that iptables rules run on, if the input does not say it or is wrong',
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
    );

const translateCommand = (outcome: Outcome): Command =>
  inputOptions(
    new Command('translate')
      .summary('translate an iptables ruleset to nftables')
      .description(
        'Translates iptables rulesets to one nftables JSON document that means the same.\nWithout FILE, the live host is read; - is standard input.',
      )
      .argument(
        '[FILE...]',
        'iptables-save, ip6tables-save, iptables -S, iptables -nvL output, or a script of iptables commands',
      )
      .addOption(new Option('--format <format>', 'what to print').choices(['json', 'nft']).default('json')),
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

/** Collects the values of an option that may come several times. */
const collected =
  <T>(parse: (text: string) => T | undefined, form: string) =>
  (text: string, earlier: readonly T[] = []): readonly T[] => {
    const value = parse(text);
    if (value === undefined) throw new InvalidArgumentError(`it has to look like ${form}.`);
    return [...earlier, value];
  };

const packetNumber = (text: string): number => {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('packets are counted from 1.');
};

const simulateCommand = (outcome: Outcome): Command =>
  inputOptions(
    new Command('simulate')
      .summary('show what the rules do with one packet')
      .description(
        'Sends one packet through the rulesets of a host and shows its way: hooks, chains, rules, and the verdict.\nAll rulesets are in force side by side, as on the host.',
      )
      .argument('<RULESET...>', 'iptables rules in any form that dnfw translate reads, or nft -j list ruleset')
      .option('--packet <words>', "the packet, for example 'hook=input in=eth0 ip saddr=192.0.2.7 tcp dport=22'")
      .option('--hex <file>', 'the bytes of the packet, as hex')
      .option('--pcap <file>', 'a capture with the packet')
      .option('--index <number>', 'which packet of the capture (default: 1)', packetNumber)
      .addOption(new Option('--hook <hook>', 'where the packet starts').choices(hooks))
      .addOption(
        new Option('--route <network=device>', 'a route of the host; may be given several times').argParser(
          collected(parseRoute, '172.17.0.0/16=docker0'),
        ),
      )
      .addOption(
        new Option('--local <address[@device]>', 'an address of the host; may be given several times').argParser(
          collected(parseLocal, '192.0.2.1 or 192.0.2.1@eth0'),
        ),
      ),
  )
    .option('--all', 'show the rules that did not match too')
    .option('--json', 'print the result as JSON')
    .option('--pcap-out <file>', 'write the packet to FILE, for other programs')
    .action(async (files: readonly string[], flags: SimulateFlags) => {
      const { simulatePacket } = await import('./simulate.ts');
      outcome.status = await simulatePacket(files, flags);
    });

const nodeBudget = (text: string): number => {
  if (/^[1-9]\d{3,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('it has to be a number of nodes between 1000 and 999999999.');
};

const assumed = (text: string): readonly string[] => {
  const names = text === 'none' ? [] : text.split(',');
  const wrong = names.find((name) => !Object.hasOwn(assumptions, name));
  if (wrong === undefined) return names;
  throw new InvalidArgumentError(`"${wrong}" is none of ${Object.keys(assumptions).join(', ')}, none.`);
};

const checkCommand = (outcome: Outcome): Command =>
  inputOptions(
    new Command('check')
      .summary('prove that two rulesets mean the same, or show the packet that tells them apart')
      .description(
        'Compares two rulesets for every packet there is: hook by hook, verdicts and effects.\nEach of them is iptables rules or nftables JSON, in any mix.',
      )
      .argument('<A>', 'iptables rules in any form that dnfw translate reads, or nft -j list ruleset')
      .argument('<B>', 'the same')
      .addOption(
        new Option('--hook <hook>', 'compare at this hook only; may be given several times').argParser(
          collected((text) => hooks.find((hook) => hook === text), hooks.join(', ')),
        ),
      )
      .option('--chain <name>', 'compare what one chain does with packets that come to it'),
  )
    .addOption(
      new Option('--assume <names>', 'what a proof may take for granted: names with commas between, or none').argParser(
        assumed,
      ),
    )
    .addOption(
      new Option('--budget <nodes>', 'diagram nodes that may be used at a time (default: 12000000)').argParser(
        nodeBudget,
      ),
    )
    .option('--json', 'print the result as JSON')
    .option('--pcap-out <file>', 'write the packets that show differences to FILE')
    .action(async (a: string, b: string, flags: CheckFlags) => {
      const { checkFiles } = await import('./check.ts');
      outcome.status = await checkFiles([a, b], flags);
    });

const explainCommand = (outcome: Outcome): Command =>
  inputOptions(
    new Command('explain')
      .summary('say in words what a rule or a program means')
      .description(
        'Says what packets a rule matches, what it does, what becomes of short packets and fragments,\nits nft form, and what Docker wants with it.',
      )
      .argument('[RULE|FILE]', 'an iptables rule in quotes; or, as one word, a file with rules')
      .option('--file <file>', 'explain all rules of FILE, in any form that dnfw translate reads')
      .option('--u32 <program>', 'explain a program of the u32 match')
      .option('--bytecode <program>', 'explain a program of the bpf match'),
  )
    .option('--json', 'print the result as JSON')
    // A rule begins with -A and must not be taken for options; one without quotes gets a message of its own.
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (_first: string | undefined, flags: ExplainFlags, command: Command) => {
      const { explain } = await import('./explain.ts');
      outcome.status = await explain(command.args, flags);
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
    .addCommand(checkCommand(outcome))
    .addCommand(simulateCommand(outcome))
    .addCommand(explainCommand(outcome))
    .addCommand(auditCommand(outcome))
    .addCommand(captureCommand(outcome))
    .addCommand(installCommand(outcome))
    .addCommand(confirmCommand(outcome))
    .addCommand(statusCommand(outcome))
    .addCommand(syncCommand(outcome))
    .addCommand(watchCommand(outcome))
    .addCommand(rollbackCommand(outcome))
    .addCommand(historyCommand(outcome))
    .addCommand(uninstallCommand(outcome))
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

const failures: Readonly<Record<FailureKind, ExitStatus>> = {
  usage: exit.usage,
  unsupported: exit.unsupported,
  refused: exit.refused,
  drifted: exit.drifted,
};

/** The status of an error that is no bug; the error has been reported. */
const statusOf = (error: unknown): ExitStatus | undefined => {
  if (error instanceof EnvironmentError || error instanceof GuardError || error instanceof NftError) {
    const { code, message: what } = error;
    const help = error instanceof NftError ? undefined : error.help;
    report([{ code, severity: 'error', what, ...(help === undefined ? {} : { help }) }]);
    if (error instanceof GuardError) return failures[error.kind];
    return error instanceof NftError ? exit.refused : exit.environment;
  }
  return undefined;
};

/** Runs the command line; every way out has a documented status. */
export const run = async (args: readonly string[]): Promise<ExitStatus> => {
  const outcome: Outcome = { status: exit.done };
  try {
    await prepare(program(outcome)).parseAsync(args, { from: 'user' });
    return outcome.status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.done : exit.usage;
    const known = statusOf(error);
    if (known !== undefined) return known;
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    say(
      `error[internal]: this is a bug in dnfw; nothing was printed or changed\n${what}\n  help: please report it with the input that shows it`,
    );
    return exit.bug;
  }
};
