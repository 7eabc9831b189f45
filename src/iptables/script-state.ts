/** A script while it is being read, and how its reader speaks of it. */
import type { Code } from '../diagnostics/catalogue.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { TableDraft } from './draft.ts';
import type { Grammar } from './grammar.ts';
import type { Input, ParseOptions } from './parse.ts';
import { remarkOn } from './script-commands.ts';
import type { ScriptLines } from './script-lines.ts';
import type { Compound, Simple } from './shell.ts';
import type { Variables } from './shell-words.ts';
import { errorAt, wholeOf } from './words.ts';

export interface State {
  readonly input: Input;
  readonly lines: ScriptLines;
  readonly grammar: Grammar;
  readonly options: ParseOptions;
  readonly diagnostics: Diagnostic[];
  readonly drafts: Map<string, TableDraft>;
  readonly variables: Variables;
  /** Functions of the script, and whether they leave the rules alone. */
  readonly functions: Map<string, boolean>;
  /** Codes of notes that are said once, and lines that had their warning. */
  readonly said: Set<string>;
  ended: boolean;
}

/** How a command ended, as far as that is known. */
export type Status = 'ok' | 'failed' | 'unknown';

/** What stands around a command. */
export interface Around {
  /** False if it depends on a command that only a running shell knows the status of. */
  readonly certain: boolean;
  /** Whether the script reckons with a failure: something follows behind `||`, or its messages are thrown away. */
  readonly tolerant: boolean;
  /** Whether other commands run at the same time: a pipeline, or `&`. */
  readonly beside: boolean;
}

export interface Range {
  readonly start: number;
  readonly end: number;
}

export const complain = (
  state: State,
  { start, end }: Range,
  code: Code,
  what: string,
  more: Partial<Diagnostic> = {},
): void => {
  const logical = state.lines.logical(start, end);
  const place = { column: start - logical.start + 1, length: end - start };
  state.diagnostics.push(state.lines.settle({ ...errorAt(logical.line, place, code, what), ...more }, logical));
};

export const noteOnce = (state: State, key: string, diagnostic: Diagnostic): void => {
  if (!state.said.has(key)) state.diagnostics.push(diagnostic);
  state.said.add(key);
};

export const shellProblem = (state: State, place: Range, what: string): void =>
  complain(state, place, 'shell-construct', `what this does is known to a running shell only: ${what}`, {
    why: 'dnfw does not run scripts and does not guess',
    help: 'run the script on a host or in a network namespace, and give dnfw the output of iptables-save there',
  });

export const leaveOut = (state: State, command: Simple | Compound, name: string): void => {
  const { line } = state.lines.logical(command.start, command.start + 1);
  const help = remarkOn(name);
  noteOnce(state, `line ${line.number}`, {
    ...errorAt(line, wholeOf(line), 'not-a-rule-command', `${name} changes no iptables rules; it is left out`),
    severity: 'warning',
    ...(help === undefined ? {} : { help }),
  });
};
