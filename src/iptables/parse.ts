/** Reads iptables rulesets of every textual form. Give it the extensions' grammar: `extensions/registry.ts`. */
import { match, P } from 'ts-pattern';
import { type Diagnostic, isError, type Outcome } from '../diagnostics/diagnostic.ts';
import type { Backend, Family } from '../netfilter/family.ts';
import type { TableName } from '../netfilter/hooks.ts';
import { detectFormat, type Format } from './detect.ts';
import type { Grammar } from './grammar.ts';
import { linesOf } from './lines.ts';
import { readCommands } from './commands.ts';
import { readListing } from './listing.ts';
import { readRules } from './rules.ts';
import { readSave } from './save.ts';
import type { Ruleset, Table } from './types.ts';
import { checkTables } from './validate.ts';
import { errorAt } from './words.ts';

/** A text and the name under which messages speak of it. */
export interface Input {
  readonly name: string;
  readonly text: string;
  /** Where the text begins in the file of that name, if it is a part of it; 1-based. */
  readonly firstLine?: number;
  /** What whoever made the text knows of it, and no line of it may say. */
  readonly family?: Family;
  readonly backend?: Backend;
}

export interface ParseOptions {
  /** For inputs that do not say it themselves. */
  readonly family?: Family;
  /** Overrides what the inputs say. */
  readonly backend?: Backend;
  /** Overrides what the input looks like. */
  readonly format?: Format;
  /** The table of a listing or of -S output, which do not name it. */
  readonly table?: TableName;
}

/** What one input gave: its tables, and what there is to say. */
export interface Reading {
  readonly tables: readonly Table[];
  readonly diagnostics: readonly Diagnostic[];
}

const readOne = (input: Input, format: Format | Diagnostic, grammar: Grammar, options: ParseOptions): Reading =>
  match(format)
    .returnType<Reading>()
    .with('save', () => readSave(input, grammar, options))
    .with('rules', () => readRules(input, grammar, options))
    .with('commands', () => readCommands(input, grammar, options))
    .with('listing', () => readListing(input, grammar, options))
    .with({ severity: P.string }, (unknown) => ({ tables: [], diagnostics: [unknown] }))
    .exhaustive();

/**
 * Bytes that are not UTF-8 arrive as U+FFFD: a name that holds one is no longer the name that the kernel compares. NUL
 * ends a string in C, so that no dump can hold it; iptables -L itself prints one behind a BPF program.
 */
const badEncoding = (input: Input, listing: boolean): Diagnostic | undefined => {
  const bad = listing ? /\ufffd/ : /[\0\ufffd]/;
  if (!bad.test(input.text)) return undefined;
  for (const line of linesOf(input)) {
    const index = line.text.search(bad);
    if (index < 0) continue;
    return {
      ...errorAt(line, { column: index + 1, length: 1 }, 'bad-encoding', 'this byte is not UTF-8 text'),
      why: 'a name with it would become another name, and its rule would match something else',
      help: 'convert the file to UTF-8, or rename what the byte stands in',
    };
  }
  return undefined;
};

const toldBy = ({ family, backend }: Input, options: ParseOptions): ParseOptions => ({
  ...(family === undefined ? {} : { family }),
  ...(backend === undefined ? {} : { backend }),
  ...options,
});

/** An input that seemed to have a format and then had nothing of it, such as a dump whose lines were joined to one comment. */
const holdsNothing = ({ name }: Input): Diagnostic => ({
  code: 'empty-input',
  severity: 'error',
  what: `${name} holds no rules`,
  why: 'no table begins in it',
  help: 'leave the file out if there is nothing to translate, or make it again',
});

/**
 * Parses the inputs of one host into one ruleset. `diagnostics` holds everything that is wrong or worth knowing; if one
 * of them is an error, `value` is what could be read of the rest and must not be acted upon.
 */
export const parse = (inputs: readonly Input[], grammar: Grammar, options: ParseOptions = {}): Outcome<Ruleset> => {
  const tables: Table[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const input of inputs) {
    const format = options.format ?? detectFormat(input);
    const reading = readOne(input, format, grammar, toldBy(input, options));
    const encoding = reading.tables.length > 0 ? badEncoding(input, format === 'listing') : undefined;
    if (encoding) diagnostics.push(encoding);
    if (reading.tables.length === 0 && !reading.diagnostics.some(isError)) diagnostics.push(holdsNothing(input));
    // Appended one by one: a broken file of 100,000 lines has more diagnostics than a call takes arguments.
    for (const table of reading.tables) tables.push(table);
    for (const diagnostic of reading.diagnostics) diagnostics.push(diagnostic);
  }
  for (const diagnostic of checkTables(tables, grammar)) diagnostics.push(diagnostic);
  // A host without IPv6 tables gives an empty ip6tables-save: beside another file that is no reason to stop.
  const judged =
    tables.length > 0
      ? diagnostics.map((d) => (d.code === 'empty-input' ? { ...d, severity: 'warning' as const } : d))
      : diagnostics;
  return { value: { tables }, diagnostics: judged };
};
