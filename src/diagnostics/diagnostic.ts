import type { Code } from './catalogue.ts';

/** A place in an input: 1-based line and column (in UTF-16 units), and the text of the line to draw it under. */
export interface Span {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** How many characters the caret underlines; at least 1. */
  readonly length: number;
  readonly text: string;
}

export type Severity = 'error' | 'warning' | 'note';

/** One thing to tell the user: what is the matter, why it is so, and what to do. */
export interface Diagnostic {
  readonly code: Code;
  readonly severity: Severity;
  readonly what: string;
  readonly why?: string;
  readonly help?: string;
  readonly span?: Span;
}

/** The channel for bad input: a value as far as it could be made, and what was wrong with the rest. */
export interface Outcome<T> {
  readonly value: T;
  readonly diagnostics: readonly Diagnostic[];
}

export const isError = (diagnostic: Diagnostic): boolean => diagnostic.severity === 'error';

/** The environment failed: a file cannot be read, a program is missing, the kernel said no. */
export class EnvironmentError extends Error {
  readonly code: Code;
  readonly help: string | undefined;
  constructor(code: Code, message: string, options: { readonly cause?: unknown; readonly help?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EnvironmentError';
    this.code = code;
    this.help = options.help;
  }
}
