/** One iptables command of a script: its words are known, and it is applied to the table that it names. */
import type { Code } from '../diagnostics/catalogue.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { isTableName, type TableName, tableNames } from '../netfilter/hooks.ts';
import { applyCommand, emptyTable, type TableDraft } from './draft.ts';
import { judgeBackend } from './family.ts';
import type { Program } from './program.ts';
import type { Command, Verb } from './reading.ts';
import { parseCommand } from './rule.ts';
import type { LogicalLine } from './script-lines.ts';
import { type Around, complain, leaveOut, noteOnce, shellProblem, type State, type Status } from './script-state.ts';
import type { Simple } from './shell.ts';
import type { ShellWord } from './shell-tokens.ts';
import type { Field } from './shell-words.ts';
import { errorAt, wholeOf, type Word } from './words.ts';

export interface Placed {
  readonly field: Field;
  readonly word: ShellWord;
}

const draftOf = (state: State, program: Program, name: TableName): TableDraft => {
  const { input, grammar, options, drafts } = state;
  const backend = judgeBackend(input.name, options.backend ?? program.backend);
  if (backend.note) noteOnce(state, backend.note.code, backend.note);
  const key = `${program.family} ${backend.value} ${name}`;
  const known = drafts.get(key);
  if (known) return known;
  const parts = { name, family: program.family, backend: backend.value, file: input.name, grammar, lenient: false };
  const draft = emptyTable(parts);
  drafts.set(key, draft);
  return draft;
};

/** Commands that scripts run in vain on purpose, to be sure of what they find. */
const cleaning: ReadonlySet<Verb> = new Set(['delete', 'flush', 'delete-chain', 'new-chain']);
const inVain: ReadonlySet<Code> = new Set(['no-such-rule', 'unknown-chain', 'duplicate-chain', 'chain-in-use']);

const execute = (state: State, program: Program, command: Command, logical: LogicalLine, tolerant: boolean): Status => {
  const { line } = logical;
  const name = command.table?.name ?? 'filter';
  if (!isTableName(name)) {
    const wrong = errorAt(
      line,
      command.table?.word ?? wholeOf(line),
      'unknown-table',
      `there is no table "${name}"`,
      `one of ${tableNames.join(', ')}`,
    );
    state.diagnostics.push(state.lines.settle(wrong, logical));
    return 'unknown';
  }
  const draft = draftOf(state, program, name);
  if (command.verb === 'look') {
    noteOnce(state, 'look', {
      ...errorAt(line, wholeOf(line), 'unsupported-command', 'commands that only print rules are left out'),
      severity: 'note',
    });
    return command.chain && !draft.chains.has(command.chain.text) ? 'failed' : 'ok';
  }
  const problems = applyCommand(draft, command, line);
  if (command.verb === 'check') return problems.length > 0 ? 'failed' : 'ok';
  const excused = tolerant && cleaning.has(command.verb);
  for (const problem of problems) {
    const note: Partial<Diagnostic> = excused && inVain.has(problem.code) ? { severity: 'note' } : {};
    state.diagnostics.push(state.lines.settle({ ...problem, ...note }, logical));
  }
  return problems.length > 0 && excused ? 'failed' : 'ok';
};

export const runIptables = (
  state: State,
  program: Program,
  fields: readonly Placed[],
  command: Simple,
  around: Around,
): Status => {
  const { lines, grammar, diagnostics } = state;
  if (program.does === 'save') {
    leaveOut(state, command, 'iptables-save');
    return 'ok';
  }
  if (program.does === 'restore') {
    complain(state, command, 'unsupported-command', 'dnfw does not run iptables-restore', {
      help: 'give dnfw the file or the text that it reads instead of the script',
    });
    return 'unknown';
  }
  const logical = lines.logical(command.start, command.end);
  // A shell has taken the quotes away when iptables looks for options and exclamation marks.
  const words = fields.map(({ field: { text, quoted }, word: { start, end } }): Word => ({
    text,
    column: start - logical.start + 1,
    length: end - start,
    quoted: quoted && text !== '!' && !text.startsWith('-'),
  }));
  if (words.some(({ text }) => /^(?:-h|--help|-V|--version)$/.test(text))) {
    leaveOut(state, command, 'iptables');
    return 'ok';
  }
  const parsed = parseCommand(words, logical.line, program.family, grammar);
  if (parsed === 'other-family') {
    const option = words.find(({ text }) => /^-[46]$|^--ipv[46]$/.test(text)) ?? wholeOf(logical.line);
    const what = 'this option is refused on the command line of the program for the other family';
    diagnostics.push(lines.settle(errorAt(logical.line, option, 'wrong-family', what), logical));
    return 'failed';
  }
  if ('code' in parsed) {
    diagnostics.push(lines.settle(parsed, logical));
    return 'unknown';
  }
  const changes = parsed.verb !== 'look' && parsed.verb !== 'check';
  if (changes && !around.certain) {
    shellProblem(state, command, 'whether it runs depends on the command before it');
    return 'unknown';
  }
  if (changes && around.beside) {
    shellProblem(state, command, 'it runs at the same time as other commands');
    return 'unknown';
  }
  return execute(state, program, parsed, logical, around.tolerant);
};
