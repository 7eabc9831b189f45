/**
 * What the reader has to be told about extensions: it knows none by name. `extensions/registry.ts` provides it.
 */
import type { Code } from '../diagnostics/catalogue.ts';
import type { Family } from '../netfilter/family.ts';
import type { Hook, TableName } from '../netfilter/hooks.ts';
import type { Copied } from './copied.ts';
import type { Info, Selector, Use } from './types.ts';

/** Why a value is refused. `at` counts characters from the start of the value. */
export interface Bad {
  readonly bad: string;
  readonly code?: Code;
  readonly at?: number;
  readonly length?: number;
  readonly help?: string;
}

export const isBad = (value: unknown): value is Bad => typeof value === 'object' && value !== null && 'bad' in value;

/**
 * The type of an option's value: how it is written, read and printed. The parser, the printer, the manual and the
 * random rules of the tests all use this one description.
 */
export interface ValueType<T> {
  /** For help and manual, e.g. `port[:port]`. Empty for a flag. */
  readonly syntax: string;
  /** How many words the option takes: 0 for a flag. */
  readonly words: 0 | 1 | 2;
  /** The words joined by one blank; already unquoted. */
  readonly parse: (text: string, family: Family) => T | Bad;
  /** As iptables-save prints it, quoted where it would be. A method, so that option tables of any value types are one type. */
  print(value: T, family: Family): string;
  /** Texts that `parse` takes, edge cases first: the seeds of generated rules. */
  readonly samples: (family: Family) => readonly string[];
  /** How the values are written that a translation only copies, if it has such; see copied.ts. */
  readonly copied?: Copied;
}

export interface OptionSpec<T> {
  /** As iptables-save prints it, with its dashes. */
  readonly name: string;
  readonly aliases?: readonly string[];
  /** The option as which iptables-save prints it, where that is another one of the extension (`--syn`, `--dscp-class`). */
  readonly printsAs?: string;
  /** A value that asks nothing, so that iptables-save leaves the option out (all ports); never left out when inverted. */
  asksNothing?(value: T): boolean;
  readonly value: ValueType<T>;
  /** Whether a `!` may stand before it. */
  readonly invertible?: boolean;
  readonly mandatory?: boolean;
  /** Keys of options that cannot be given with this one. */
  readonly excludes?: readonly string[];
  /** Starts a new group of options of the same table (policy's `--next`). */
  readonly separator?: boolean;
  /** For the manual: a phrase without a full stop. */
  readonly about: string;
}

export type OptionTable = Readonly<Record<string, OptionSpec<unknown>>>;

/** A problem that only several options together show. */
export interface CheckProblem {
  readonly code: Code;
  readonly option?: string;
  readonly what: string;
  readonly help?: string;
}

export interface ExtensionGrammar {
  readonly name: string;
  readonly families: readonly Family[];
  readonly tables?: readonly TableName[];
  readonly hooks?: readonly Hook[];
  /** Protocol numbers with which it works; without one of them as `-p`, not inverted, iptables refuses the rule. */
  readonly protocols?: readonly number[];
  /** Loaded by `-p` alone when one of its options follows (`-p tcp --dport 80`). */
  readonly implicit?: boolean;
  readonly options: OptionTable;
  /** Keys of which at least one must be given. */
  readonly atLeastOne?: readonly string[];
  readonly check: (use: Use, family: Family, selector: Selector) => CheckProblem | undefined;
  /** Reads its part of an `iptables -L` listing; absent if it prints nothing there. */
  readonly listing?: ListingReader;
  /**
   * The options as iptables stores and saves them, where that is not how they were given: `--set-mark 1` is saved as
   * `--set-xmark 0x1/0xffffffff`. `column` is where the extension's name stands, for options that it adds.
   */
  readonly canonical?: (info: Info, family: Family, column: number) => Info;
}

export interface Grammar {
  readonly matches: ReadonlyMap<string, ExtensionGrammar>;
  readonly targets: ReadonlyMap<string, ExtensionGrammar>;
  /** Other names that iptables takes after -m, and the names under which it saves them. */
  readonly matchAliases: ReadonlyMap<string, string>;
  /** Names of targets that exist but have no model: their rules are read past and refused. */
  readonly unmodelledTargets: ReadonlySet<string>;
}

/** What the reader of one extension took from the front of a listing's text. */
export interface ListingPart {
  /** The options in iptables' own syntax, as words: `['--dport', '80']`. A `!` is a word of its own. */
  readonly words: readonly string[];
  /** How many characters of the text they were. */
  readonly length: number;
  /** What the listing does not show and had to be rebuilt or assumed; one sentence each. */
  readonly lost?: readonly string[];
}

/** The rule as far as the columns of the listing say it. */
export interface ListingContext {
  readonly family: Family;
  /** The protocol column as a number, undefined for `all`. */
  readonly protocol?: number;
  /** Whether the listing was made with -n: ports, protocols and addresses are numbers. */
  readonly numeric: boolean;
}

/**
 * Reads what the extension's print callback writes after the columns of `iptables -L`, from the front of `text` (no
 * leading blanks); undefined if the text is not this extension's.
 */
export type ListingReader = (text: string, context: ListingContext) => ListingPart | undefined;
