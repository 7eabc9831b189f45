/** The reader of iptables-save and ip6tables-save dumps, as iptables-restore(8) takes them. */
import type { Code } from '../diagnostics/catalogue.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Backend, Family } from '../netfilter/family.ts';
import { isTableName, tableNames } from '../netfilter/hooks.ts';
import { leadingCounters, parseCounters } from './counters.ts';
import {
  appendShaped,
  applyCommand,
  declareChain,
  draftTable,
  finishTable,
  isBuiltIn,
  type TableDraft,
} from './draft.ts';
import {
  familyOfText,
  type Header,
  hiddenTable,
  judgeBackend,
  judgeFamily,
  legacyTablesPresent,
  parseHeader,
} from './family.ts';
import type { Grammar } from './grammar.ts';
import { joinedLines } from './lines.ts';
import type { Input, ParseOptions, Reading } from './parse.ts';
import { parseCommand } from './rule.ts';
import { compactRules, likenessOf, type Shapes, shapesOf } from './shape.ts';
import type { Table } from './types.ts';
import { endsInsideQuote, errorAt, type Line, type Place, splitWords, wholeOf, type Word, spanOf } from './words.ts';

interface State {
  readonly input: Input;
  readonly grammar: Grammar;
  readonly options: ParseOptions;
  readonly diagnostics: Diagnostic[];
  readonly tables: Table[];
  header: Header | undefined;
  draft: TableDraft | undefined;
  shapes: Shapes | undefined;
  opened: Line | undefined;
  /** Where the table that was opened last begins in the input; negative before the first. */
  offset: number;
  /** Whether what stands between two tables has been reported. */
  outside: boolean;
  readonly assumed: Set<Code>;
}

const complain = (state: State, line: Line, place: Place, code: Code, what: string, help?: string): void => {
  state.diagnostics.push(errorAt(line, place, code, what, help));
};

const assume = (state: State, diagnostic: Diagnostic | undefined): void => {
  if (!diagnostic || state.assumed.has(diagnostic.code)) return;
  state.assumed.add(diagnostic.code);
  state.diagnostics.push(diagnostic);
};

/** The text of the table that begins here: its family is guessed from it. */
const tableText = (state: State): string => {
  const { text } = state.input;
  const first = state.offset < 0 && /^\ufeff?\*/.test(text);
  state.offset = first ? 0 : text.indexOf('\n*', state.offset) + 1;
  const end = text.indexOf('\n*', state.offset);
  return text.slice(state.offset, end < 0 ? undefined : end);
};

/** A dump is of one family: a table without a sign is of the one that the others show, unless they differ. */
const signedText = ({ input }: State, text: string): string => {
  if (familyOfText(text)) return text;
  const others = new Set(input.text.split(/^\*/m).flatMap((table) => familyOfText(table) ?? []));
  return others.size === 1 ? input.text : text;
};

const familyOf = (state: State, text: string): Family => {
  const told = state.header?.family ?? state.options.family;
  const judged = judgeFamily(state.input.name, told ? text : signedText(state, text), told);
  assume(state, judged.note);
  return judged.value;
};

const backendOf = (state: State): Backend => {
  const judged = judgeBackend(state.input.name, state.options.backend ?? state.header?.backend);
  assume(state, judged.note);
  return judged.value;
};

/** A chain without its `:CHAIN` line that nothing jumps to is a misspelt name, and its rules would never be reached. */
const judgeUndeclared = (state: State, table: Table): void => {
  const used = new Set<string>();
  for (const chain of table.chains)
    for (const rule of compactRules(chain)) {
      const { action } = likenessOf(rule);
      if (action.kind === 'jump' || action.kind === 'goto') used.add(action.chain);
    }
  for (const [index, diagnostic] of state.diagnostics.entries()) {
    const { span } = diagnostic;
    const name =
      diagnostic.code === 'undeclared-chain' && span
        ? span.text.slice(span.column - 1, span.column - 1 + span.length)
        : undefined;
    if (name === undefined || used.has(name) || !table.chains.some((chain) => chain.name === name)) continue;
    state.diagnostics[index] = {
      code: 'unknown-chain',
      severity: 'error',
      what: `there is no chain ${name} in table ${table.name}, and nothing jumps to it`,
      help: `is the name misspelt? Otherwise declare it with a line :${name} - [0:0]`,
      ...(span ? { span } : {}),
    };
  }
};

const close = (state: State): void => {
  if (state.draft) {
    const table = finishTable(state.draft);
    judgeUndeclared(state, table);
    state.tables.push(table);
  }
  state.draft = undefined;
  state.opened = undefined;
};

const missingCommit = (state: State): void => {
  if (!state.opened) return;
  complain(
    state,
    state.opened,
    wholeOf(state.opened),
    'missing-commit',
    `table ${state.draft?.name} has no COMMIT`,
    'the dump was cut short or edited: make it again, or add the COMMIT line',
  );
};

const openTable = (state: State, line: Line): void => {
  missingCommit(state);
  close(state);
  state.outside = false;
  const text = tableText(state);
  const name = line.text.slice(1).trim();
  if (!isTableName(name)) {
    complain(
      state,
      line,
      { column: 2, length: name.length },
      'unknown-table',
      `there is no table "${name}"`,
      `one of ${tableNames.join(', ')}`,
    );
    // Its lines need no further word.
    state.outside = true;
    return;
  }
  state.opened = line;
  state.draft = draftTable({
    name,
    family: familyOf(state, text),
    backend: backendOf(state),
    file: state.input.name,
    place: spanOf(line, 1, line.text.length),
    grammar: state.grammar,
    lenient: true,
  });
  state.shapes = shapesOf(state.draft.family, state.grammar);
};

const openChain = (state: State, draft: TableDraft, line: Line): void => {
  const found = /^:(\S+)(?:\s+(\S+))?(?:\s+(\S+))?\s*$/.exec(line.text);
  if (!found)
    return complain(
      state,
      line,
      wholeOf(line),
      'bad-line',
      'this is no chain line',
      'write :CHAIN POLICY [packets:bytes]',
    );
  const [, name = '', policy = '', counters] = found;
  const word: Word = { text: name, column: 2, length: name.length, quoted: false };
  const policyColumn = line.text.indexOf(policy, 1 + name.length) + 1;
  const count = counters === undefined ? undefined : parseCounters(counters);
  if (counters !== undefined && !count)
    return complain(
      state,
      line,
      { column: line.text.lastIndexOf(counters) + 1, length: counters.length },
      'bad-counters',
      `"${counters}" are no counters`,
      'write [packets:bytes]',
    );
  const builtIn = isBuiltIn(draft, name);
  if (policy !== '-' && policy !== 'ACCEPT' && policy !== 'DROP')
    return complain(
      state,
      line,
      { column: policyColumn, length: Math.max(1, policy.length) },
      'bad-policy',
      `"${policy}" is no policy`,
      'ACCEPT or DROP for built-in chains, - for others',
    );
  if (policy !== '-' && !builtIn)
    return complain(
      state,
      line,
      { column: policyColumn, length: policy.length },
      'bad-policy',
      `${name} is not a built-in chain of table ${draft.name} and cannot have a policy`,
    );
  const wrong = declareChain(draft, word, line, policy === '-' ? (builtIn ? 'ACCEPT' : undefined) : policy, count);
  if (wrong) state.diagnostics.push(wrong);
};

const indentOf = (text: string): number => {
  let blanks = 0;
  while (text[blanks] === ' ' || text[blanks] === '\t') blanks++;
  return blanks;
};

/** Whether the line is one more of a shape: those are most of the lines of a large dump. */
const readShaped = (state: State, draft: TableDraft, { file, number, text }: Line): boolean => {
  if (!text.startsWith('-A ')) return false;
  const chain = text.slice(3, text.indexOf(' ', 3));
  const shape = state.shapes?.find(chain, text);
  return shape !== undefined && appendShaped(draft, chain, { file, line: number, text, shape });
};

const readRule = (state: State, draft: TableDraft, line: Line): void => {
  if (readShaped(state, draft, line)) return;
  const leading = leadingCounters(line, indentOf(line.text));
  if ('code' in leading) {
    state.diagnostics.push(leading);
    return;
  }
  const { counters, from } = leading;
  const words = splitWords(line, from);
  if ('code' in words) {
    state.diagnostics.push(words);
    return;
  }
  const command = parseCommand(words, line, draft.family, draft.grammar);
  if (command === 'other-family') return;
  if ('code' in command) {
    state.diagnostics.push(command);
    return;
  }
  if (command.table && command.table.name !== draft.name)
    return complain(
      state,
      line,
      command.table.word,
      'misplaced-option',
      `-t ${command.table.name} inside table ${draft.name}`,
      'a dump names its table once, in the *table line',
    );
  const counted = counters
    ? { ...command, rules: command.rules.map((rule) => ({ ...rule, counters: rule.counters ?? counters })) }
    : command;
  for (const diagnostic of applyCommand(draft, counted, line)) state.diagnostics.push(diagnostic);
  if (!counters) state.shapes?.learn(line, command);
};

const readComment = (state: State, line: Line): void => {
  const header = parseHeader(line.text);
  if (header) state.header = header;
  assume(state, legacyTablesPresent(line));
  const hidden = hiddenTable(line);
  if (hidden) state.diagnostics.push(hidden);
};

const readLine = (state: State, line: Line): void => {
  const text = line.text;
  // Pasted dumps are indented; iptables-restore takes them as well.
  if (state.draft && (text.startsWith('-') || /^[ \t]+[-[]/.test(text))) return readRule(state, state.draft, line);
  if (text.trim() === '') return;
  if (text.startsWith('#')) return readComment(state, line);
  if (text.startsWith('*')) return openTable(state, line);
  if (/^COMMIT\s*$/.test(text)) {
    close(state);
    return;
  }
  if (!state.draft) {
    if (!state.outside)
      complain(
        state,
        line,
        wholeOf(line),
        'no-table',
        'this line stands in no table',
        'a table starts with a line such as *filter; nothing up to the next one is read',
      );
    state.outside = true;
    return;
  }
  if (text.startsWith(':')) openChain(state, state.draft, line);
  else if (text.startsWith('-') || text.startsWith('[')) readRule(state, state.draft, line);
  else
    complain(
      state,
      line,
      wholeOf(line),
      'bad-line',
      'this is no line of an iptables-save dump',
      'a line starts with *, :, -A, [ or #, or is COMMIT',
    );
};

export const readSave = (input: Input, grammar: Grammar, options: ParseOptions): Reading => {
  const state: State = {
    input,
    grammar,
    options,
    diagnostics: [],
    tables: [],
    header: undefined,
    draft: undefined,
    shapes: undefined,
    opened: undefined,
    offset: -1,
    outside: false,
    assumed: new Set(),
  };
  for (const line of joinedLines(input, endsInsideQuote)) readLine(state, line);
  missingCommit(state);
  close(state);
  return { tables: state.tables, diagnostics: state.diagnostics };
};
