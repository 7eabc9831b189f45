/** One table of a listing: its rows become the words of iptables commands, and those are read as everywhere else. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Backend, Family } from '../netfilter/family.ts';
import { isBuiltInChain, type TableName } from '../netfilter/hooks.ts';
import { protocolNumber } from '../netfilter/protocols.ts';
import { applyCommand, declareChain, draftTable, finishTable, isBuiltIn } from './draft.ts';
import type { ExtensionGrammar, Grammar } from './grammar.ts';
import type { Cell, Row } from './listing-columns.ts';
import { listedMatches, readText, type TextPart } from './listing-text.ts';
import type { Hint } from './program.ts';
import type { Command } from './reading.ts';
import { parseCommand } from './rule.ts';
import { judgeTable } from './tables.ts';
import type { Counters, Table } from './types.ts';
import { errorAt, type Line, type Word } from './words.ts';

export interface ListedChain {
  /** Its title. */
  readonly line: Line;
  readonly name: Word;
  readonly policy?: 'ACCEPT' | 'DROP';
  readonly counters?: Counters;
  readonly rounded: boolean;
  readonly references?: number;
  readonly rows: { readonly line: Line; readonly row: Row }[];
}

export interface ListedTable {
  readonly hint: Hint;
  readonly chains: ListedChain[];
}

export interface Context {
  readonly family: Family;
  readonly backend: Backend;
  readonly numeric: boolean;
  readonly grammar: Grammar;
  readonly file: string;
  /** The table, where something names it. */
  readonly told?: TableName;
}

type Complain = (diagnostic: Diagnostic | undefined) => void;

const bang = (cell: Cell): Word[] => (cell.inverted ? [{ ...cell.word, text: '!', quoted: false }] : []);

/** A value that looks like an option or a `!` is one only behind quotes. */
const asValue = (word: Word): Word => ({ ...word, quoted: word.text === '!' || word.text.startsWith('-') });

const asks = (cell: Cell, nothing: string): boolean => cell.inverted || cell.word.text !== nothing;

/** What the columns say, as words of a command. */
const columnWords = (row: Row, { family, numeric }: Context): Word[] => {
  const words: Word[] = [];
  const add = (option: string, cell: Cell, text = cell.word.text): void => {
    words.push(...bang(cell), { ...cell.word, text: option }, asValue({ ...cell.word, text }));
  };
  const anywhere = family === 'ip' ? '0.0.0.0/0' : '::/0';
  if (asks(row.protocol, 'all') && asks(row.protocol, '0')) add('-p', row.protocol);
  for (const [option, cell] of [
    ['-s', row.source],
    ['-d', row.destination],
  ] as const)
    // prettier-ignore
    if (asks(cell, 'anywhere') && asks(cell, anywhere)) add(option, cell, cell.word.text === 'anywhere' ? anywhere : cell.word.text);
  const any = numeric ? '*' : 'any';
  for (const [option, cell] of [
    ['-i', row.inInterface],
    ['-o', row.outInterface],
  ] as const)
    // prettier-ignore
    if (asks(cell, any)) add(option, cell);
  if (row.fragment) words.push(...bang(row.fragment), { ...row.fragment.word, text: '-f' });
  return words;
};

/** The words of one extension's part; each stands where the part has it, as far as it is there literally. */
const partWords = ({ kind, name, part, at }: TextPart, line: Line, start: number): Word[] => {
  const column = start + at + 1;
  const whole = { column, length: Math.max(1, part.length) };
  const text = line.text.slice(start + at, start + at + part.length);
  const words: Word[] =
    kind === 'match'
      ? [
          { text: '-m', ...whole, quoted: false },
          { text: name, ...whole, quoted: false },
        ]
      : [];
  for (const [i, word] of part.words.entries()) {
    const next = part.words[i + 1];
    const isOption = word.startsWith('--') || (word === '!' && next?.startsWith('--') === true);
    const found = isOption || word === '' ? -1 : text.indexOf(word);
    const place = found < 0 ? whole : { column: column + found, length: word.length };
    words.push(isOption ? { text: word, ...place, quoted: false } : asValue({ text: word, ...place, quoted: false }));
  }
  return words;
};

const lossOf = ({ name, part, at }: TextPart, line: Line, start: number): Diagnostic[] =>
  (part.lost ?? []).map((sentence) => ({
    ...errorAt(line, { column: start + at + 1, length: part.length }, 'listing-lossy', `${name}: ${sentence}`),
    severity: 'warning',
    help: 'iptables-save shows the rule as it is',
  }));

/** The command that would have made the row's rule. */
const readRow = (
  chain: ListedChain,
  line: Line,
  row: Row,
  context: Context & { readonly matches: readonly ExtensionGrammar[] },
  complain: Complain,
): Command | undefined => {
  const { grammar, family, numeric } = context;
  const goto = /^\s*\[goto\](?=\s|$)/.exec(line.text.slice(row.rest));
  const start = row.rest + (goto?.[0].length ?? 0);
  const target = row.target && !goto ? grammar.targets.get(row.target.text) : undefined;
  const protocol = row.protocol.inverted ? undefined : protocolNumber(row.protocol.word.text);
  const reading = readText(line.text.slice(start), context.matches, target, {
    family,
    numeric,
    ...(protocol ? { protocol } : {}),
  });
  if (reading.kind !== 'read') {
    const end = line.text.trimEnd().length;
    const column = Math.min(start + reading.at, end) + 1;
    const what =
      reading.kind === 'ambiguous'
        ? 'this can be read in two ways that are different rules'
        : column > end && row.target
          ? `the options of ${row.target.text} are missing at the end of the line`
          : 'no extension that dnfw knows prints this';
    complain(
      errorAt(
        line,
        { column, length: Math.max(1, end - column + 1) },
        'listing-unreadable',
        what,
        'give dnfw the output of iptables-save',
      ),
    );
    return undefined;
  }
  const title: Word = { ...chain.name, column: 1, length: 1, quoted: true };
  const words: Word[] = [{ ...title, text: '-A', quoted: false }, title, ...columnWords(row, context)];
  const matches = reading.parts.filter(({ kind }) => kind === 'match');
  const targets = reading.parts.filter(({ kind }) => kind === 'target');
  for (const part of matches) words.push(...partWords(part, line, start));
  if (row.target) words.push({ ...row.target, text: goto ? '-g' : '-j' }, asValue(row.target));
  for (const part of targets) words.push(...partWords(part, line, start));
  const command = parseCommand(words, line, family, grammar);
  if (command === 'other-family') return undefined;
  if ('code' in command) {
    complain(command);
    return undefined;
  }
  for (const part of reading.parts) for (const loss of lossOf(part, line, start)) complain(loss);
  const { counters } = row;
  return counters ? { ...command, rules: command.rules.map((rule) => ({ ...rule, counters })) } : command;
};

/** A chain's title counts the rules that lead to it: fewer in the listing mean that a part of it is missing. */
function* checkReferences(listed: ListedTable, table: Table): Generator<Diagnostic> {
  const counts = new Map<string, number>();
  for (const { rules } of table.chains)
    for (const { action } of rules)
      if (action.kind === 'jump' || action.kind === 'goto')
        counts.set(action.chain, (counts.get(action.chain) ?? 0) + 1);
  for (const { name, line, references } of listed.chains) {
    const count = counts.get(name.text) ?? 0;
    if (references === undefined || references === count) continue;
    yield {
      ...errorAt(
        line,
        name,
        'listing-lossy',
        `${references} rules lead to chain ${name.text}, and the listing shows ${count}`,
      ),
      severity: 'warning',
      why: 'a part of the table is missing here, or the listing was edited',
      help: 'list the whole table: iptables -nvL without a chain name',
    };
  }
}

const roundedNote = (line: Line): Diagnostic => ({
  ...errorAt(
    line,
    { column: 1, length: line.text.length },
    'counters-rounded',
    'counters with K, M, G or T are rounded',
  ),
  severity: 'note',
  help: 'list with -x, or use iptables-save -c, if the counters matter',
});

export const readListedTable = (listed: ListedTable, context: Context, complain: Complain): Table | undefined => {
  const [first] = listed.chains;
  if (!first) return undefined;
  const reading = { ...context, matches: listedMatches(context.grammar, context.family) };
  const commands = new Map<ListedChain, { readonly command: Command; readonly line: Line }[]>();
  for (const chain of listed.chains) {
    const read: { readonly command: Command; readonly line: Line }[] = [];
    for (const { line, row } of chain.rows) {
      const command = readRow(chain, line, row, reading, complain);
      if (command) read.push({ command, line });
      if (row.rounded) complain(roundedNote(line));
    }
    if (chain.rounded) complain(roundedNote(chain.line));
    commands.set(chain, read);
  }
  const builtIn = new Set(listed.chains.map(({ name }) => name.text).filter(isBuiltInChain));
  const rules = [...commands.values()].flatMap((read) => read.flatMap(({ command }) => command.rules));
  const judged = context.told ? { name: context.told } : judgeTable(builtIn, rules, context.grammar, first.line);
  complain(judged.diagnostic);
  if (!judged.name) return undefined;
  const { family, backend, file, grammar } = context;
  const draft = draftTable({ name: judged.name, family, backend, file, grammar, lenient: false });
  for (const chain of listed.chains) {
    if (isBuiltIn(draft, chain.name.text) !== (chain.policy !== undefined))
      complain(errorAt(chain.line, chain.name, 'bad-policy', 'built-in chains have a policy, and only they'));
    complain(declareChain(draft, chain.name, chain.line, chain.policy, chain.counters));
  }
  for (const read of commands.values())
    for (const { command, line } of read) for (const wrong of applyCommand(draft, command, line)) complain(wrong);
  const table = finishTable(draft);
  for (const wrong of checkReferences(listed, table)) complain(wrong);
  return table;
};
