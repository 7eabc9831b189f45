/** One rule given by itself, as on a command line: with or without the program in front of it, `-t` and `-A CHAIN`. */
import type { Diagnostic, Outcome } from '../diagnostics/diagnostic.ts';
import type { Backend } from '../netfilter/family.ts';
import { builtInChains, isBuiltInChain, isTableName, type TableName, tableNames } from '../netfilter/hooks.ts';
import { chainNameProblem } from './draft.ts';
import { judgeFamily } from './family.ts';
import type { Grammar } from './grammar.ts';
import type { ParseOptions } from './parse.ts';
import { type Program, programOf } from './program.ts';
import { type Command, verbs, type Verb } from './reading.ts';
import { parseCommand } from './rule.ts';
import { skipPrefixes } from './script-commands.ts';
import { listsOf } from './shell.ts';
import { expandWord } from './shell-words.ts';
import { judgeTable } from './tables.ts';
import type { Chain, Rule, Table } from './types.ts';
import { checkTables } from './validate.ts';
import { errorAt, type Line, splitWords, wholeOf, type Word } from './words.ts';

/** The file that messages about the rule name. */
export const singleRuleName = '<rule>';

export interface SingleRule {
  /** Has the rule's chain and the one that it jumps to beside the built-in ones. */
  readonly table: Table;
  /** More than one where an address is a list. */
  readonly rules: readonly Rule[];
  /** Absent where the rule does not name one. */
  readonly chain?: string;
  /** Whether anything says which backend runs it; the table has legacy where nothing does. */
  readonly backendTold: boolean;
}

interface Words {
  readonly words: readonly Word[];
  readonly program?: Program;
}

const counters = /^\s*\[\d+:\d+\]\s*/;

/** Quoted as iptables-save does it; a shell's quotes where the program stands in front, or only such quotes are there. */
const isShell = (text: string): boolean => /^\s*(?:\S*\/)?(?:sudo|exec|ip6?tables\S*)\s/.test(text) || (text.includes("'") && !text.includes('"')); // prettier-ignore

const shellWords = (line: Line): readonly Word[] | Diagnostic => {
  const [first, ...more] = listsOf(line.text);
  const whole = wholeOf(line);
  if (first?.kind === 'stray')
    return errorAt(line, { column: first.start + 1, length: first.end - first.start }, first.broken ? 'bad-quote' : 'shell-construct', first.what); // prettier-ignore
  const command = first?.steps[0]?.commands[0];
  if (
    !first ||
    more.length > 0 ||
    first.steps.length > 1 ||
    command?.kind !== 'simple' ||
    (first.steps[0]?.commands.length ?? 0) > 1
  )
    // prettier-ignore
    return errorAt(line, whole, 'shell-construct', 'this is more than one command', 'give a script with --file');
  const words: Word[] = [];
  for (const word of command.words) {
    const place = { column: word.start + 1, length: word.end - word.start };
    const fields = expandWord(word, new Map());
    if ('unknown' in fields) return errorAt(line, place, 'shell-construct', fields.unknown);
    for (const { text, quoted } of fields)
      words.push({ text, ...place, quoted: quoted && text !== '!' && !text.startsWith('-') });
  }
  return words;
};

const wordsOf = (line: Line): Words | Diagnostic => {
  if (!isShell(line.text)) {
    const words = splitWords(line, counters.exec(line.text)?.[0].length ?? 0);
    return 'code' in words ? words : { words };
  }
  const words = shellWords(line);
  if ('code' in words) return words;
  const at = skipPrefixes(words.map(({ text }) => text));
  const program = programOf(words[at]?.text ?? '');
  return program ? { words: words.slice(at + 1), program } : { words };
};

const isVerb = ({ text, quoted }: Word): boolean => !quoted && (Object.hasOwn(verbs, text) || /^-[AIDRC]\S/.test(text));

const carrying: ReadonlySet<Verb> = new Set(['append', 'insert', 'delete', 'replace', 'check']);

/** Where a rule names no chain: a name that none can have, so that no chain of the host is meant. */
const noChain = 'a chain';

/** A rule without `-A CHAIN` is put into a chain that nothing is known of. */
const completed = (words: readonly Word[]): readonly Word[] =>
  words.some(isVerb)
    ? words
    : [{ text: '-A', column: 1, length: 1, quoted: false }, { text: noChain, column: 1, length: 1, quoted: true }, ...words]; // prettier-ignore

const tableOf = (
  { table, chain, rules }: Command,
  program: Program | undefined,
  line: Line,
  grammar: Grammar,
  told: TableName | undefined,
): TableName | Diagnostic => {
  const given = table?.name ?? told;
  if (table && told !== undefined && table.name !== told)
    return errorAt(line, table.word, 'misplaced-option', `-t ${table.name} in a rule of table ${told}`);
  if (given !== undefined && !isTableName(given))
    return errorAt(line, table?.word ?? wholeOf(line), 'unknown-table', `there is no table "${given}"`, `one of ${tableNames.join(', ')}`); // prettier-ignore
  if (given !== undefined) return given;
  // Where iptables itself stands in front, it means filter.
  if (program) return 'filter';
  const builtIn = new Set(chain && isBuiltInChain(chain.text) ? [chain.text] : []);
  const { name, diagnostic } = judgeTable(builtIn, rules, grammar, line);
  return name ?? (diagnostic as Diagnostic);
};

const chainProblem = ({ chain }: Command, table: TableName, line: Line): Diagnostic | undefined => {
  if (!chain || chain.text === noChain) return undefined;
  const wrong = chainNameProblem(chain.text);
  if (wrong !== undefined) return errorAt(line, chain, 'bad-chain-name', wrong);
  const known: readonly string[] = builtInChains[table];
  return isBuiltInChain(chain.text) && !known.includes(chain.text)
    ? errorAt(line, chain, 'unknown-chain', `table ${table} has no built-in chain ${chain.text}`, 'is -t missing?')
    : undefined;
};

const chainsOf = (table: TableName, own: string, rules: readonly Rule[]): readonly Chain[] => {
  const builtIn: readonly string[] = builtInChains[table];
  const names = new Set([...builtIn, own]);
  for (const { action } of rules) if (action.kind === 'jump' || action.kind === 'goto') names.add(action.chain);
  return [...names].map((name) => ({
    name,
    ...(builtIn.includes(name) ? { policy: 'ACCEPT' as const } : {}),
    rules: name === own ? rules : [],
  }));
};

/** Undefined as a value where the diagnostics have an error. */
export const readSingleRule = (
  text: string,
  grammar: Grammar,
  options: ParseOptions = {},
): Outcome<SingleRule | undefined> => {
  const line: Line = { file: singleRuleName, number: 1, text };
  const failed = (diagnostic: Diagnostic): Outcome<undefined> => ({ value: undefined, diagnostics: [diagnostic] });
  const read = wordsOf(line);
  if ('code' in read) return failed(read);
  const { words, program } = read;
  if (words.length === 0) return failed(errorAt(line, wholeOf(line), 'empty-input', 'there is no rule'));
  const family = program?.family ?? judgeFamily(singleRuleName, text, options.family).value;
  const command = parseCommand(completed(words), line, family, grammar);
  if (command === 'other-family')
    return failed(errorAt(line, wholeOf(line), 'wrong-family', 'the rule itself says that it is of the other family'));
  if ('code' in command) return failed(command);
  if (!carrying.has(command.verb) || command.rules.length === 0)
    return failed(errorAt(line, wholeOf(line), 'unsupported-command', 'this command holds no rule', 'a rule begins with -A CHAIN')); // prettier-ignore
  const name = tableOf(command, program, line, grammar, options.table);
  if (typeof name !== 'string') return failed(name);
  const wrong = chainProblem(command, name, line);
  if (wrong) return failed(wrong);
  const told: Backend | undefined = options.backend ?? program?.backend;
  const own = command.chain?.text ?? noChain;
  const rules = command.rules.map((rule): Rule => ({ ...rule, origin: { file: singleRuleName, line: 1, text } }));
  const table: Table = { name, family, backend: told ?? 'legacy', file: singleRuleName, chains: chainsOf(name, own, rules) }; // prettier-ignore
  const diagnostics = [...checkTables([table], grammar)];
  return {
    value: { table, rules, ...(own === noChain ? {} : { chain: own }), backendTold: told !== undefined },
    diagnostics,
  };
};
