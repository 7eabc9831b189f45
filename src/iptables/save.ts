/** The reader of iptables-save and ip6tables-save dumps, as iptables-restore(8) takes them. */
import type { Code } from '../diagnostics/catalogue.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Backend, Family } from '../netfilter/family.ts';
import { isTableName, tableNames } from '../netfilter/hooks.ts';
import { applyCommand, declareChain, draftTable, finishTable, isBuiltIn, type TableDraft } from './draft.ts';
import { backendAssumed, familyAssumed, familyOfName, familyOfText, parseHeader, type Header } from './family.ts';
import type { Grammar } from './grammar.ts';
import { joinedLines } from './lines.ts';
import type { Input, ParseOptions, Reading } from './parse.ts';
import { parseCommand } from './rule.ts';
import type { Counters, Table } from './types.ts';
import { endsInsideQuote, type Line, spanOf, splitWords, type Word } from './words.ts';

interface State {
  readonly input: Input;
  readonly grammar: Grammar;
  readonly options: ParseOptions;
  readonly diagnostics: Diagnostic[];
  readonly tables: Table[];
  header: Header | undefined;
  draft: TableDraft | undefined;
  opened: Line | undefined;
  /** Where the table's text begins in the input: its family is guessed from it. */
  offset: number;
}

const complain = (
  state: State,
  line: Line,
  word: { column: number; length: number },
  code: Code,
  what: string,
  help?: string,
): void => {
  state.diagnostics.push({
    code,
    severity: 'error',
    what,
    ...(help === undefined ? {} : { help }),
    span: spanOf(line, word.column, word.length),
  });
};

const assume = (state: State, diagnostic: Diagnostic): void => {
  if (!state.diagnostics.some((d) => d.code === diagnostic.code)) state.diagnostics.push(diagnostic);
};

const familyOf = (state: State): Family => {
  if (state.options.family) return state.options.family;
  if (state.header) return state.header.family;
  const { text, name } = state.input;
  const start = text.indexOf('\n*', Math.max(0, state.offset - 1));
  const end = text.indexOf('\nCOMMIT', start < 0 ? 0 : start);
  const told = familyOfName(name) ?? familyOfText(text.slice(Math.max(0, start), end < 0 ? undefined : end));
  if (!told) assume(state, familyAssumed(name));
  return told ?? 'ip';
};

const backendOf = (state: State): Backend => {
  const told = state.options.backend ?? state.header?.backend;
  if (!told) assume(state, backendAssumed(state.input.name));
  return told ?? 'legacy';
};

const close = (state: State): void => {
  if (state.draft) state.tables.push(finishTable(state.draft));
  state.draft = undefined;
  state.opened = undefined;
};

const missingCommit = (state: State): void => {
  if (!state.opened) return;
  complain(
    state,
    state.opened,
    { column: 1, length: state.opened.text.length },
    'missing-commit',
    `table ${state.draft?.name} has no COMMIT`,
    'the dump was cut short or edited: make it again, or add the COMMIT line',
  );
};

const openTable = (state: State, line: Line): void => {
  missingCommit(state);
  close(state);
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
    return;
  }
  state.opened = line;
  state.draft = draftTable({
    name,
    family: familyOf(state),
    backend: backendOf(state),
    file: state.input.name,
    grammar: state.grammar,
    lenient: true,
  });
};

const counterPattern = /^\[(\d{1,20}):(\d{1,20})\]/;

const parseCounters = (text: string): Counters | undefined => {
  const found = counterPattern.exec(text);
  return found ? { packets: Number(found[1]), bytes: Number(found[2]) } : undefined;
};

const openChain = (state: State, draft: TableDraft, line: Line): void => {
  const found = /^:(\S+)(?:\s+(\S+))?(?:\s+(\S+))?\s*$/.exec(line.text);
  if (!found)
    return complain(
      state,
      line,
      { column: 1, length: line.text.length },
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

const readRule = (state: State, draft: TableDraft, line: Line): void => {
  let from = 0;
  let counters: Counters | undefined;
  if (line.text.startsWith('[')) {
    counters = parseCounters(line.text);
    if (!counters)
      return complain(
        state,
        line,
        { column: 1, length: Math.max(1, line.text.indexOf(' ')) },
        'bad-counters',
        'these are no counters',
        'write [packets:bytes] -A …',
      );
    from = line.text.indexOf(']') + 1;
  }
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
};

const readComment = (state: State, line: Line): void => {
  const header = parseHeader(line.text);
  if (header) state.header = header;
  if (/^# Warning: iptables-legacy tables present/.test(line.text))
    assume(state, {
      code: 'legacy-tables-present',
      severity: 'warning',
      what: 'the host that this dump is from has legacy tables beside the ones it shows',
      help: 'run iptables-legacy-save there as well and give dnfw both files',
      span: spanOf(line, 1, line.text.length),
    });
};

const readLine = (state: State, line: Line): void => {
  const text = line.text;
  if (text.trim() === '') return;
  if (text.startsWith('#')) return readComment(state, line);
  if (text.startsWith('*')) return openTable(state, line);
  if (/^COMMIT\s*$/.test(text)) {
    close(state);
    return;
  }
  if (!state.draft) {
    // A table with an unknown name was reported once; its lines need no further word.
    if (!state.diagnostics.some((d) => d.code === 'unknown-table'))
      complain(
        state,
        line,
        { column: 1, length: text.length },
        'no-table',
        'this line stands in no table',
        'a table starts with a line such as *filter',
      );
    return;
  }
  if (text.startsWith(':')) openChain(state, state.draft, line);
  else if (text.startsWith('-') || text.startsWith('[')) readRule(state, state.draft, line);
  else
    complain(
      state,
      line,
      { column: 1, length: text.length },
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
    opened: undefined,
    offset: 0,
  };
  let offset = 0;
  for (const line of joinedLines(input, endsInsideQuote)) {
    state.offset = offset;
    readLine(state, line);
    offset += line.text.length + 1;
  }
  missingCommit(state);
  close(state);
  return { tables: state.tables, diagnostics: state.diagnostics };
};
