/** The reader of scripts of iptables commands: they are applied in order to the tables as the kernel first has them. */
import { finishTable } from './draft.ts';
import type { Grammar } from './grammar.ts';
import type { Input, ParseOptions, Reading } from './parse.ts';
import { programOf } from './program.ts';
import { isHarmless, skipPrefixes } from './script-commands.ts';
import { type Placed, runIptables } from './script-iptables.ts';
import { scriptLines } from './script-lines.ts';
import { type Around, complain, leaveOut, shellProblem, type State, type Status } from './script-state.ts';
import { assignmentOf, type Compound, type List, listsOf, type Simple, type Step } from './shell.ts';
import type { ShellWord } from './shell-tokens.ts';
import { assignedValue, bareText, expandWord } from './shell-words.ts';

/** `$(which iptables)`, as many scripts find their program. */
const found = /^["']?(?:\$\(|`)\s*(?:which|command\s+-v|type\s+-p)\s+(ip6?tables(?:-nft|-legacy)?)\s*(?:\)|`)["']?$/;

const assign = (state: State, word: ShellWord): void => {
  const target = assignmentOf(word);
  if (!target) return;
  const raw = state.lines.text.slice(word.start + target.length, word.end);
  const program = found.exec(raw)?.[1];
  const value = program ?? assignedValue(word, target.length, state.variables);
  const added = state.lines.text[word.start + target.length - 2] === '+';
  state.variables.set(target.name, typeof value === 'string' && !added ? value : undefined);
};

/** Whether a substitution in a command might run iptables, other than to look. */
const hidesIptables = ({ assignments, words }: Simple): boolean =>
  [...assignments, ...words].some(({ pieces }) =>
    pieces.some(
      (piece) =>
        piece.kind === 'unknown' &&
        /ip6?tables(?!-save)/.test(piece.source) &&
        !/\s-[a-zA-Z]*[LSV]\b|--list|--version|which|command\s+-v|type\s+-p/.test(piece.source),
    ),
  );

const silenced = ({ redirects }: Simple): boolean =>
  redirects.some(
    ({ operator, descriptor }) => operator.startsWith('&>') || (descriptor === '2' && operator.startsWith('>')),
  );

/** More than any iptables command has; a variable of many words can be named many times. */
const mostFields = 10_000;

/** The fields of a command up to the first word that only a shell knows. */
const fieldsOf = (
  state: State,
  words: readonly ShellWord[],
): { readonly fields: readonly Placed[]; readonly stuck?: { readonly word: ShellWord; readonly why: string } } => {
  const fields: Placed[] = [];
  for (const word of words) {
    const bare = fields.length === 0 ? bareText(word) : undefined;
    const expanded =
      bare === '[' || bare === '[[' ? [{ text: bare, quoted: false }] : expandWord(word, state.variables);
    if ('unknown' in expanded) return { fields, stuck: { word, why: expanded.unknown } };
    if (fields.length + expanded.length > mostFields)
      return { fields, stuck: { word, why: 'more words than a command takes' } };
    for (const field of expanded) fields.push({ field, word });
  }
  return { fields };
};

const runHarmless = (state: State, name: string, command: Simple, around: Around): Status => {
  if (name === 'true' || name === ':') return 'ok';
  if (name === 'export' || name === 'readonly') for (const word of command.words) assign(state, word);
  else if (name === 'unset') for (const word of command.words) state.variables.delete(bareText(word) ?? '');
  else if (name === 'exit' && around.certain && !around.beside) state.ended = true;
  if (name !== 'export' && name !== 'readonly') leaveOut(state, command, name);
  if (name === 'false') return 'failed';
  return ['echo', 'printf', 'set', 'export', 'readonly', 'exit'].includes(name) ? 'ok' : 'unknown';
};

const runSimple = (state: State, command: Simple, around: Around): Status => {
  const { fields, stuck } = fieldsOf(state, command.words);
  const at = skipPrefixes(fields.map(({ field }) => field.text));
  const [first, ...rest] = fields.slice(at);
  if (!first) {
    if (stuck) shellProblem(state, stuck.word, stuck.why);
    else if (hidesIptables(command)) shellProblem(state, command, 'the output of an iptables command');
    else for (const word of command.assignments) assign(state, word);
    return stuck ? 'unknown' : 'ok';
  }
  const name = first.field.text;
  const program = programOf(name);
  if (program && stuck) {
    shellProblem(state, stuck.word, stuck.why);
    return 'unknown';
  }
  if (program)
    return runIptables(state, program, rest, command, { ...around, tolerant: around.tolerant || silenced(command) });
  const known = state.functions.get(name);
  if (known === false) shellProblem(state, first.word, `${name} is a function`);
  else if (hidesIptables(command)) shellProblem(state, command, 'the output of an iptables command');
  else if (
    known ||
    isHarmless(
      name,
      rest.map(({ field }) => field.text),
    )
  )
    return runHarmless(state, name, command, around);
  else
    complain(state, first.word, 'not-a-rule-command', `dnfw does not know what ${name} does to the rules`, {
      help: 'take the line out if it changes no rules, or give dnfw the output of iptables-save',
    });
  return 'unknown';
};

const runCompound = (state: State, command: Compound): Status => {
  const { opener, names, assigned } = command;
  const isLeftOut =
    assigned.length === 0 &&
    names.every((name) => name !== undefined && (isHarmless(name) || state.functions.get(name) === true));
  if (opener === 'function') {
    state.functions.set(command.name ?? '', isLeftOut);
    return 'ok';
  }
  if (isLeftOut) leaveOut(state, command, opener);
  else {
    const place = { start: command.start, end: Math.min(command.end, command.start + opener.length) };
    shellProblem(state, place, opener === '{' || opener === '(' ? 'a group of commands' : `a block of ${opener}`);
  }
  for (const name of assigned) state.variables.set(name, undefined);
  return 'unknown';
};

const runStep = (state: State, { commands, negated }: Step, around: Around): Status => {
  let status: Status = 'ok';
  for (const command of commands)
    status = command.kind === 'compound' ? runCompound(state, command) : runSimple(state, command, around);
  if (commands.length > 1) return 'unknown';
  return negated && status !== 'unknown' ? (status === 'ok' ? 'failed' : 'ok') : status;
};

const runList = (state: State, { steps, background }: List): void => {
  let status: Status = 'ok';
  for (const [i, step] of steps.entries()) {
    if ((step.after === '&&' && status === 'failed') || (step.after === '||' && status === 'ok')) continue;
    status = runStep(state, step, {
      certain: step.after === '' || status !== 'unknown',
      tolerant: steps[i + 1]?.after === '||',
      beside: background || step.commands.length > 1,
    });
  }
};

export const readCommands = (input: Input, grammar: Grammar, options: ParseOptions): Reading => {
  const state: State = {
    input, grammar, options, lines: scriptLines(input), diagnostics: [], drafts: new Map(), variables: new Map(),
    functions: new Map(), said: new Set(), ended: false,
  }; // prettier-ignore
  for (const list of listsOf(state.lines.text)) {
    if (list.kind === 'stray') {
      complain(state, list, list.broken ? 'bad-quote' : 'shell-construct', list.what);
      continue;
    }
    const [first] = list.steps[0]?.commands ?? [];
    if (state.ended && first) {
      complain(state, first, 'not-a-rule-command', 'the script ends before this line: nothing from here on is read', {
        severity: 'warning',
      });
      break;
    }
    runList(state, list);
  }
  return { tables: [...state.drafts.values()].map(finishTable), diagnostics: state.diagnostics };
};
