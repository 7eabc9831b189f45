/** stderr: the talk. Colours only where a person looks and did not forbid them. */
import process from 'node:process';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { type Paint, plain, render } from '../diagnostics/render.ts';

const codes = { error: 31, warning: 33, note: 36, place: 1, caret: 32, strong: 1 } as const;

const coloured: Paint = (style, text) => `\u001b[${codes[style]}m${text}\u001b[0m`;

/** NO_COLOR (any value but empty) forbids, FORCE_COLOR allows, otherwise a terminal that is not dumb does. */
export const coloursAllowed = (isTerminal: boolean): boolean => {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR) return FORCE_COLOR !== '0';
  return isTerminal && TERM !== 'dumb';
};

const paint = (): Paint => (coloursAllowed(process.stderr.isTTY) ? coloured : plain);

export const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

/** More of one severity than this are counted, not shown. */
const shown = 20;

/** Prints diagnostics, errors last so that they stand nearest to the prompt. */
export const report = (diagnostics: readonly Diagnostic[]): void => {
  const brush = paint();
  for (const severity of ['note', 'warning', 'error'] as const) {
    const some = diagnostics.filter((diagnostic) => diagnostic.severity === severity);
    for (const diagnostic of some.slice(0, shown)) say(render(diagnostic, brush));
    if (some.length > shown) say(`… and ${some.length - shown} more of severity ${severity}`);
  }
};

/** Not more often than this, in milliseconds: on a terminal one line that changes, elsewhere lines of a log. */
const pace = { terminal: 200, log: 10_000 } as const;

/** Says how far something is that takes long: `dnfw: audited 120 of 3000 hosts`. What is done at once is not told. */
export const progress = (verb: string, things: string): ((done: number, all: number) => void) => {
  const isTerminal = process.stderr.isTTY;
  let last = performance.now();
  let shownOnce = false;
  return (done, all) => {
    const now = performance.now();
    const isLast = done === all && shownOnce;
    if (!isLast && now - last < (isTerminal ? pace.terminal : pace.log)) return;
    last = now;
    shownOnce = true;
    const line = `dnfw: ${verb} ${done} of ${all} ${things}`;
    process.stderr.write(isTerminal ? `\r${line}${isLast ? '\n' : ''}` : `${line}\n`);
  };
};
