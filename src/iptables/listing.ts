/** The reader of `iptables -nvL` listings. A listing is made for people: what it does not show is refused or named. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Family } from '../netfilter/family.ts';
import { isBuiltInChain } from '../netfilter/hooks.ts';
import { parseRounded } from './counters.ts';
import { formatOfLine } from './detect.ts';
import { judgeBackend, judgeFamily, legacyTablesPresent } from './family.ts';
import type { Grammar } from './grammar.ts';
import { linesOf } from './lines.ts';
import {
  type Columns,
  familyOfRow,
  isCut,
  isCutTitle,
  isNumericRow,
  parseColumns,
  parseRow,
} from './listing-columns.ts';
import { type ListedChain, type ListedTable, readListedTable } from './listing-table.ts';
import type { Input, ParseOptions, Reading } from './parse.ts';
import { type Hint, readPrompt } from './program.ts';
import type { Table } from './types.ts';
import { errorAt, type Line, wholeOf } from './words.ts';

const title =
  /^([\s>|]*)Chain (\S+) \((?:policy (ACCEPT|DROP)(?: (\d+[KMGT]?) packets, (\d+[KMGT]?) bytes)?|(\d+) references)\)\s*$/;

interface State {
  readonly input: Input;
  readonly tables: ListedTable[];
  readonly complain: (diagnostic: Diagnostic) => void;
  hint: Hint;
  chain: ListedChain | undefined;
  columns: Columns | undefined;
  /** What stands in front of every line: the marks of a quotation, or an indentation. */
  prefix: string;
  lossy: boolean;
}

const unreadable = (state: State, line: Line, what: string, help?: string): void =>
  state.complain(errorAt(line, wholeOf(line), 'listing-unreadable', what, help));

/** A table's listing begins with its built-in chains, each of which comes once. */
const beginsTable = (table: ListedTable | undefined, name: string): boolean =>
  !table ||
  (isBuiltInChain(name) && table.chains.some((chain) => chain.name.text === name || !isBuiltInChain(chain.name.text)));

const openChain = (state: State, line: Line, found: RegExpExecArray): void => {
  const [, prefix = '', name = '', policy, packets, bytes, references] = found;
  const counters = { packets: parseRounded(packets ?? ''), bytes: parseRounded(bytes ?? '') };
  const word = {
    text: name,
    column: line.text.indexOf(name, prefix.length + 6) + 1,
    length: name.length,
    quoted: false,
  };
  const chain: ListedChain = {
    line,
    name: word,
    ...(policy === 'ACCEPT' || policy === 'DROP' ? { policy } : {}),
    ...(counters.packets !== undefined && counters.bytes !== undefined
      ? { counters: { packets: counters.packets, bytes: counters.bytes } }
      : {}),
    rounded: /\D$/.test(packets ?? '0') || /\D$/.test(bytes ?? '0'),
    ...(references === undefined ? {} : { references: Number(references) }),
    rows: [],
  };
  let table = state.tables.at(-1);
  if (!table || state.chain === undefined || beginsTable(table, name)) {
    table = { hint: state.hint, chains: [] };
    state.tables.push(table);
  }
  table.chains.push(chain);
  state.chain = chain;
  state.columns = undefined;
  state.prefix = prefix;
};

/** Without -v a listing hides the interfaces: `-i lo -j ACCEPT` looks like a rule that accepts everything. */
const refuseNarrow = (state: State, line: Line): void => {
  if (!state.lossy)
    state.complain({
      ...errorAt(line, wholeOf(line), 'listing-lossy', 'this listing does not show the interfaces of its rules'),
      why: 'without -v, a rule for one interface looks like a rule for all of them',
      help: 'make the listing with iptables -nvL, or better use iptables-save',
    });
  state.lossy = true;
};

const refuseCut = (state: State, line: Line): void =>
  unreadable(
    state,
    line,
    'this line was cut at its end: what matches print there is lost',
    'copy whole lines, or better use iptables-save',
  );

const readRowLine = (state: State, chain: ListedChain, line: Line): void => {
  const { columns, prefix } = state;
  if (!columns)
    return unreadable(state, line, 'the line with the names of the columns is missing here', 'give the whole listing');
  if (!columns.interfaces) return refuseNarrow(state, line);
  const row = parseRow(line, line.text.startsWith(prefix) ? prefix.length : 0, columns);
  if (!row)
    return unreadable(state, line, 'this is no line of a listing', 'lines must be whole: neither wrapped nor cut');
  const expected = (chain.rows.at(-1)?.row.number ?? 0) + 1;
  if (row.number !== undefined && row.number !== expected)
    unreadable(state, line, `rule ${expected} should stand here, not ${row.number}`, 'give the whole listing');
  if (isCut(line, row)) refuseCut(state, line);
  chain.rows.push({ line, row });
};

/** Lines in front of the first chain: a ticket has words around its listings, but no rule may hide among them. */
const readOutside = (state: State, line: Line): void => {
  const columns = { numbers: false, counters: true, interfaces: true };
  if (/^\s*\d/.test(line.text) || parseRow(line, 0, columns) || parseRow(line, 0, { ...columns, counters: false }))
    return unreadable(
      state,
      line,
      'this line stands in no chain',
      'a chain starts with a line such as Chain INPUT (…)',
    );
  state.complain({
    ...errorAt(line, wholeOf(line), 'bad-line', 'this line is no part of a listing and is not read'),
    severity: 'warning',
  });
};

/** False when the input turns into another format. */
const readLine = (state: State, line: Line): boolean => {
  // Rules begin with a counter or their number, and nothing else does.
  if (state.chain && state.columns?.interfaces && /^[\s>|]*\d/.test(line.text)) {
    readRowLine(state, state.chain, line);
    return true;
  }
  const found = title.exec(line.text);
  if (found) {
    openChain(state, line, found);
    return true;
  }
  const { prefix } = state;
  const text = line.text.startsWith(prefix) ? line.text.slice(prefix.length).trim() : line.text.trim();
  if (text === '' || text === prefix.trim() || text.startsWith('```')) return true;
  const warning = legacyTablesPresent(line);
  const prompt = warning ? undefined : readPrompt(text);
  const columns = parseColumns(text);
  const format = formatOfLine(text);
  if (warning) state.complain(warning);
  else if (prompt) {
    state.hint = prompt;
    state.chain = undefined;
  } else if (text.startsWith('#')) return true;
  else if (columns && state.chain) {
    state.columns = columns;
    if (isCutTitle(line.text)) refuseCut(state, line);
  } else if (format === 'listing')
    unreadable(state, line, 'this is no title of a chain', 'as in: Chain INPUT (policy ACCEPT 0 packets, 0 bytes)');
  else if (format) {
    state.complain(
      errorAt(
        line,
        wholeOf(line),
        'mixed-formats',
        'another format begins here',
        'give each output as a file of its own',
      ),
    );
    return false;
  } else if (state.chain) readRowLine(state, state.chain, line);
  else readOutside(state, line);
  return true;
};

const tableFamily = (table: ListedTable): Family | undefined => {
  for (const chain of table.chains)
    for (const { row } of chain.rows) {
      const family = familyOfRow(row);
      if (family) return family;
    }
  return undefined;
};

/** Without any sign of -n the readers are asked for names, which may be numbers as well. */
const isNumeric = (table: ListedTable): boolean =>
  table.chains.some((chain) => chain.rows.some(({ row }) => isNumericRow(row) === true));

export const readListing = (input: Input, grammar: Grammar, options: ParseOptions): Reading => {
  const diagnostics: Diagnostic[] = [];
  const notes = new Set<string>();
  const complain = (diagnostic: Diagnostic | undefined): void => {
    if (!diagnostic || (diagnostic.severity === 'note' && notes.has(diagnostic.code))) return;
    if (diagnostic.severity === 'note') notes.add(diagnostic.code);
    diagnostics.push(diagnostic);
  };
  const state: State = {
    input, tables: [], complain, hint: {}, chain: undefined, columns: undefined, prefix: '', lossy: false,
  }; // prettier-ignore
  for (const line of linesOf(input)) if (!readLine(state, line)) break;
  const tables: Table[] = [];
  for (const listed of state.tables) {
    const family = judgeFamily(input.name, '', tableFamily(listed) ?? listed.hint.family ?? options.family);
    const backend = judgeBackend(input.name, options.backend ?? listed.hint.backend);
    complain(family.note);
    complain(backend.note);
    const told = options.table ?? listed.hint.table;
    const context = {
      family: family.value,
      numeric: isNumeric(listed),
      grammar,
      file: input.name,
      backend: backend.value,
    };
    const table = readListedTable(listed, { ...context, ...(told ? { told } : {}) }, complain);
    if (table) tables.push(table);
  }
  return { tables, diagnostics };
};
