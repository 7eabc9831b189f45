/** Shell completions, made from the command tree so that they cannot lag behind it. */
import type { Argument, Command, Option } from 'commander';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

interface Flag {
  readonly names: readonly string[];
  readonly about: string;
  /** What may follow: nothing, a file, or one of a list. */
  readonly value: 'none' | 'file' | 'any' | readonly string[];
}

interface Leaf {
  readonly name: string;
  readonly about: string;
  readonly flags: readonly Flag[];
  readonly values: 'none' | 'file' | readonly string[];
}

const flagOf = (option: Option): Flag => ({
  names: [option.short, option.long].filter((name): name is string => name !== undefined && name !== null),
  about: option.description,
  value:
    option.argChoices ??
    (option.required || option.optional ? (/<file>/i.test(option.flags) ? 'file' : 'any') : 'none'),
});

const valuesOf = (argument: Argument | undefined): Leaf['values'] =>
  argument === undefined
    ? 'none'
    : (argument.argChoices ?? (/^(?:file|ruleset|a)$/i.test(argument.name()) ? 'file' : 'none'));

const helpFlag: Flag = { names: ['-h', '--help'], about: 'print this help', value: 'none' };

/** The options of dnfw itself. */
const flagsOf = (root: Command): readonly Flag[] => [...root.options.map(flagOf), helpFlag];

const leavesOf = (root: Command): readonly Leaf[] => [
  ...root.commands.map((command) => ({
    name: command.name(),
    about: command.summary() || command.description(),
    flags: [...command.options.map(flagOf), helpFlag],
    values: valuesOf(command.registeredArguments[0]),
  })),
  // Commander makes this one itself and keeps it to itself.
  {
    name: 'help',
    about: 'print help for a command',
    flags: [helpFlag],
    values: root.commands.map((command) => command.name()),
  },
];

const namesOf = (flags: readonly Flag[]): string => flags.flatMap((flag) => flag.names).join(' ');

const bash = (own: readonly Flag[], leaves: readonly Leaf[]): string => {
  const lines = ['# bash completion for dnfw', '_dnfw() {', '  local cur prev command', '  cur="${COMP_WORDS[COMP_CWORD]}"', '  prev="${COMP_WORDS[COMP_CWORD-1]}"', '  command="${COMP_WORDS[1]}"', '  COMPREPLY=()', '  if [ "$COMP_CWORD" -eq 1 ]; then', `    mapfile -t COMPREPLY < <(compgen -W "${leaves.map((leaf) => leaf.name).join(' ')} ${namesOf(own)}" -- "$cur")`, '    return', '  fi', '  case "$command" in']; // prettier-ignore
  for (const leaf of leaves) {
    lines.push(`    ${leaf.name})`, '      case "$prev" in');
    for (const flag of leaf.flags) {
      if (flag.value === 'none') continue;
      const reply =
        flag.value === 'file'
          ? 'mapfile -t COMPREPLY < <(compgen -f -- "$cur")'
          : flag.value === 'any'
            ? ':'
            : `mapfile -t COMPREPLY < <(compgen -W "${flag.value.join(' ')}" -- "$cur")`;
      lines.push(`        ${flag.names.join('|')}) ${reply}; return ;;`);
    }
    const rest =
      leaf.values === 'file'
        ? 'mapfile -t COMPREPLY < <(compgen -f -- "$cur")'
        : leaf.values === 'none'
          ? ':'
          : `mapfile -t COMPREPLY < <(compgen -W "${leaf.values.join(' ')}" -- "$cur")`;
    lines.push(
      '      esac',
      '      case "$cur" in',
      `        -*) mapfile -t COMPREPLY < <(compgen -W "${namesOf(leaf.flags)}" -- "$cur") ;;`,
      `        *) ${rest} ;;`,
      '      esac',
      '      ;;',
    );
  }
  return [...lines, '  esac', '}', 'complete -o filenames -F _dnfw dnfw', ''].join('\n');
};

/** Text inside single quotes of a shell. */
const single = (text: string): string => text.replaceAll("'", "'\\''");
const zshAbout = (text: string): string => single(text.replace(/[[\]:\\]/g, '\\$&'));

const zsh = (own: readonly Flag[], leaves: readonly Leaf[]): string => {
  const lines = ['#compdef dnfw', '_dnfw() {', '  local -a commands options', '  commands=('];
  for (const leaf of leaves) lines.push(`    '${leaf.name}:${zshAbout(leaf.about)}'`);
  lines.push('  )', '  options=(');
  for (const flag of own) for (const name of flag.names) lines.push(`    '${name}:${zshAbout(flag.about)}'`);
  lines.push(
    '  )',
    '  if (( CURRENT == 2 )); then',
    "    _describe 'command' commands",
    "    _describe -o 'option' options",
    '    return',
    '  fi',
    '  case "$words[2]" in',
  );
  for (const leaf of leaves) {
    lines.push(`    ${leaf.name})`, '      shift words; (( CURRENT-- ))', '      _arguments \\');
    for (const flag of leaf.flags) {
      const value =
        flag.value === 'none'
          ? ''
          : flag.value === 'file'
            ? ':file:_files'
            : flag.value === 'any'
              ? ':value:'
              : `:value:(${flag.value.join(' ')})`;
      for (const name of flag.names) lines.push(`        '${name}[${zshAbout(flag.about)}]${value}' \\`);
    }
    lines.push(
      leaf.values === 'none'
        ? "        '*::'"
        : leaf.values === 'file'
          ? "        '*:file:_files'"
          : `        '1:value:(${leaf.values.join(' ')})'`,
      '      ;;',
    );
  }
  return [...lines, '  esac', '}', '_dnfw "$@"', ''].join('\n');
};

/** `--output` and `-o` as fish writes them. */
const fishNames = (flag: Flag): string =>
  flag.names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ');

const fish = (own: readonly Flag[], leaves: readonly Leaf[]): string => {
  const lines = ['# fish completion for dnfw'];
  for (const flag of own)
    lines.push(`complete -c dnfw -n __fish_use_subcommand -f ${fishNames(flag)} -d '${single(flag.about)}'`);
  for (const leaf of leaves) {
    lines.push(`complete -c dnfw -n __fish_use_subcommand -f -a ${leaf.name} -d '${single(leaf.about)}'`);
    const here = `-n '__fish_seen_subcommand_from ${leaf.name}'`;
    if (Array.isArray(leaf.values)) lines.push(`complete -c dnfw ${here} -f -a '${leaf.values.join(' ')}'`);
    else if (leaf.values === 'file') lines.push(`complete -c dnfw ${here} -F`);
    for (const flag of leaf.flags) {
      const value =
        flag.value === 'none'
          ? ''
          : flag.value === 'file'
            ? ' -r -F'
            : flag.value === 'any'
              ? ' -x'
              : ` -x -a '${flag.value.join(' ')}'`;
      lines.push(`complete -c dnfw ${here} ${fishNames(flag)}${value} -d '${single(flag.about)}'`);
    }
  }
  return [...lines, ''].join('\n');
};

const scripts = { bash, zsh, fish } as const;

export const completion = (shell: Shell, root: Command): string => scripts[shell](flagsOf(root), leavesOf(root));
