import type { Span } from '../diagnostics/diagnostic.ts';
import type { Masked } from '../netfilter/address.ts';
import type { Backend, Family } from '../netfilter/family.ts';
import type { TableName } from '../netfilter/hooks.ts';

/** Where a rule was read: file, 1-based line, and its text as it stands there. */
export interface Origin {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** The value of an option, and whether a `!` stood before it. `column` is where the value starts in the line (1-based). */
export interface Given<T> {
  readonly value: T;
  readonly inverted: boolean;
  readonly column: number;
}

/** The options given to one use of an extension, by the keys of its option table. */
export type Info = Readonly<Record<string, Given<unknown> | undefined>>;

/** One use of a match (`-m`) or of a target (`-j`) with its options. */
export interface Use {
  readonly name: string;
  readonly info: Info;
  /** Further groups of options after a separator such as policy's `--next`; absent when there is none. */
  readonly more?: readonly Info[];
  readonly column: number;
}

export interface InterfaceName {
  /** As iptables-save prints it; a trailing `+` is the wildcard. */
  readonly name: string;
  readonly inverted: boolean;
}

/** What `-s`, `-d`, `-i`, `-o`, `-p` and `-f` said. Absent means not asked. */
export interface Selector {
  readonly source?: Masked & { readonly inverted: boolean };
  readonly destination?: Masked & { readonly inverted: boolean };
  readonly inInterface?: InterfaceName;
  readonly outInterface?: InterfaceName;
  /** Never 0 unless inverted: `-p all` is no condition, `! -p all` is one that no packet meets. */
  readonly protocol?: { readonly number: number; readonly inverted: boolean };
  /** `-f`: later fragments only; inverted: all other packets. IPv4 only. */
  readonly fragment?: { readonly inverted: boolean };
}

export type StandardVerdict = 'ACCEPT' | 'DROP' | 'RETURN' | 'QUEUE';

export type Action =
  | { readonly kind: 'none' }
  | { readonly kind: 'verdict'; readonly verdict: StandardVerdict }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string; readonly column: number }
  | { readonly kind: 'target'; readonly use: Use };

export interface Counters {
  readonly packets: number;
  readonly bytes: number;
}

export interface Rule {
  readonly origin: Origin;
  readonly selector: Selector;
  readonly matches: readonly Use[];
  readonly action: Action;
  readonly counters?: Counters;
  /** An extension that dnfw has no model of: the rule is kept as text, and nothing else of it may be relied on. */
  readonly unmodelled?: {
    readonly kind: 'match' | 'target';
    readonly name: string;
    readonly column: number;
    readonly length: number;
  };
}

export interface Chain {
  readonly name: string;
  /** Built-in chains have a policy, others have none. */
  readonly policy?: 'ACCEPT' | 'DROP';
  readonly counters?: Counters;
  readonly rules: readonly Rule[];
}

export interface Table {
  readonly name: TableName;
  readonly family: Family;
  readonly backend: Backend;
  /** Nobody has said which backend it is of. */
  readonly isBackendSupposed?: true;
  /** The file that the table was read from. */
  readonly file: string;
  /** The line that opens the table, where the format has one. */
  readonly place?: Span;
  readonly chains: readonly Chain[];
}

/** Tables of one host in the order in which they were read. */
export interface Ruleset {
  readonly tables: readonly Table[];
}
