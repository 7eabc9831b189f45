/** The reader of `iptables -S` output: `-P`, `-N` and `-A` lines of one table after the other. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Backend } from '../netfilter/family.ts';
import { isBuiltInChain } from '../netfilter/hooks.ts';
import { leadingCounters } from './counters.ts';
import { formatOfLine } from './detect.ts';
import { applyCommand, draftTable, finishTable } from './draft.ts';
import { judgeBackend, judgeFamily, legacyTablesPresent } from './family.ts';
import type { Grammar } from './grammar.ts';
import { joinedLines } from './lines.ts';
import type { Input, ParseOptions, Reading } from './parse.ts';
import { type Hint, readPrompt } from './program.ts';
import type { Command } from './reading.ts';
import { parseCommand } from './rule.ts';
import { judgeTable } from './tables.ts';
import type { Counters, Table } from './types.ts';
import { endsInsideQuote, errorAt, type Line, splitWords, wholeOf } from './words.ts';

interface Entry {
  readonly line: Line;
  /** Where the command starts, behind the marks of a quotation. */
  readonly from: number;
}

/** The lines of one table. */
interface Section {
  readonly hint: Hint;
  readonly entries: Entry[];
}

interface Numbered {
  readonly command: Command;
  readonly line: Line;
}

/** Policies come first in a table's output, so that one behind other lines begins the next table. */
function* sectionsOf(input: Input, complain: (diagnostic: Diagnostic) => void): Generator<Section> {
  let section: Section | undefined;
  let policies = true;
  let hint: Hint = {};
  for (const line of joinedLines(input, endsInsideQuote)) {
    const text = line.text.trim();
    const from = /^[>\s]*(?=[-[])/.exec(line.text)?.[0].length;
    if (from === undefined) {
      const warning = legacyTablesPresent(line);
      const prompt = readPrompt(text);
      if (warning) complain(warning);
      else if (prompt) {
        if (section) yield section;
        section = undefined;
        hint = prompt;
      } else if (text !== '' && !/^(?:#|>+$)/.test(text)) {
        const problem = strange(line);
        complain(problem);
        if (problem.code === 'mixed-formats') return;
      }
      continue;
    }
    const isPolicy = /^-P\s/.test(line.text.slice(from));
    if (section && isPolicy && !policies) {
      yield section;
      section = undefined;
    }
    policies = isPolicy;
    section ??= { hint, entries: [] };
    section.entries.push({ line, from });
  }
  if (section) yield section;
}

const strange = (line: Line): Diagnostic => {
  const format = formatOfLine(line.text.trim());
  return format
    ? errorAt(
        line,
        wholeOf(line),
        'mixed-formats',
        'another format begins here',
        'give each output as a file of its own',
      )
    : errorAt(
        line,
        wholeOf(line),
        'bad-line',
        'this is no line of iptables -S output',
        'a line starts with -P, -N or -A',
      );
};

const readEntry = (
  { line, from }: Entry,
  family: 'ip' | 'ip6',
  grammar: Grammar,
): { command: Command; counters?: Counters } | Diagnostic | undefined => {
  const leading = leadingCounters(line, from);
  if ('code' in leading) return leading;
  const words = splitWords(line, leading.from);
  if ('code' in words) return words;
  const command = parseCommand(words, line, family, grammar);
  if (command === 'other-family') return undefined;
  if ('code' in command) return command;
  const { counters } = leading;
  if (!counters) return { command };
  return {
    command: { ...command, rules: command.rules.map((rule) => ({ ...rule, counters: rule.counters ?? counters })) },
  };
};

const readSection = (
  { entries, hint }: Section,
  name: string,
  grammar: Grammar,
  options: ParseOptions,
  backend: Backend,
  complain: (diagnostic: Diagnostic | undefined) => void,
): Table | undefined => {
  const [first] = entries;
  if (!first) return undefined;
  const family = judgeFamily(name, entries.map(({ line }) => line.text).join('\n'), hint.family ?? options.family);
  complain(family.note);
  const read: Numbered[] = [];
  for (const entry of entries) {
    const found = readEntry(entry, family.value, grammar);
    if (found && 'code' in found) complain(found);
    else if (found) read.push({ command: found.command, line: entry.line });
  }
  const told = options.table ?? hint.table;
  const chains = new Set(read.flatMap(({ command }) => command.chain?.text ?? []).filter(isBuiltInChain));
  const table = told
    ? { name: told }
    : judgeTable(
        chains,
        read.flatMap(({ command }) => command.rules),
        grammar,
        first.line,
      );
  complain(table.diagnostic);
  if (!table.name) return undefined;
  const draft = draftTable({ name: table.name, family: family.value, backend, file: name, grammar, lenient: false });
  const policies = new Set(
    read.flatMap(({ command }) => (command.verb === 'policy' ? (command.chain?.text ?? []) : [])),
  );
  for (const { command, line } of read) {
    if (command.table && command.table.name !== table.name)
      complain(
        errorAt(line, command.table.word, 'misplaced-option', `-t ${command.table.name} in table ${table.name}`),
      );
    else for (const diagnostic of applyCommand(draft, command, line)) complain(diagnostic);
    const chain = command.chain;
    if (chain && isBuiltInChain(chain.text) && !policies.has(chain.text)) {
      policies.add(chain.text);
      complain({
        ...errorAt(line, chain, 'listing-lossy', `the policy of ${chain.text} is not shown; ACCEPT is assumed`),
        severity: 'warning',
      });
    }
  }
  return finishTable(draft);
};

export const readRules = (input: Input, grammar: Grammar, options: ParseOptions): Reading => {
  const diagnostics: Diagnostic[] = [];
  const tables: Table[] = [];
  const notes = new Set<string>();
  const complain = (diagnostic: Diagnostic | undefined): void => {
    if (!diagnostic || (diagnostic.severity === 'note' && notes.has(diagnostic.code))) return;
    if (diagnostic.severity === 'note') notes.add(diagnostic.code);
    diagnostics.push(diagnostic);
  };
  for (const section of sectionsOf(input, complain)) {
    const backend = judgeBackend(input.name, options.backend ?? section.hint.backend);
    complain(backend.note);
    const table = readSection(section, input.name, grammar, options, backend.value, complain);
    if (table) tables.push(table);
  }
  return { tables, diagnostics };
};
