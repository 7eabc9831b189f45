/**
 * All ways that a packet can go where something about it is unknown: the same walk again and again, each time with
 * other answers to what the packet does not say. A walk is cheap, so that nothing has to be copied at a fork.
 */
import type { Condition } from '../packet/condition.ts';
import { learn } from './learn.ts';
import type { Decide, Run } from './run.ts';
import { conditionKey, isStateful, questionOf } from './question.ts';
import type { Supposition } from './trace.ts';

export interface Way<T> {
  readonly supposed: readonly Supposition[];
  /** The answers alone: the same script goes the same way again. */
  readonly script: readonly boolean[];
  readonly result: T;
}

export interface Exploration<T> {
  readonly ways: readonly Way<T>[];
  /** False if there are more ways than were gone. */
  readonly complete: boolean;
}

interface Remembered {
  readonly answer: boolean;
  readonly changes: number;
}

/** Answers by a script, then yes; what is asked twice of an unchanged packet has one answer. */
const scripted = (
  script: readonly boolean[],
  told: (supposition: Supposition) => void,
): { readonly decide: Decide; readonly supposed: Supposition[] } => {
  const supposed: Supposition[] = [];
  const known = new Map<string, Remembered>();
  const decide = (question: Condition | string, run: Run): boolean => {
    const stateful = typeof question !== 'string' && isStateful(question);
    const key = typeof question === 'string' ? question : conditionKey(question);
    const earlier = known.get(key);
    if (earlier && !stateful && earlier.changes === run.changes) return earlier.answer;
    const answer = script[supposed.length] ?? true;
    const supposition = { what: questionOf(question, run.view), answer };
    supposed.push(supposition);
    told(supposition);
    known.set(key, { answer, changes: run.changes });
    if (typeof question !== 'string') learn(question, answer, run.view);
    return answer;
  };
  return { decide, supposed };
};

/** Goes one way; `told` hears each supposition where it is made. */
export const goOneWay = <T>(
  script: readonly boolean[],
  walk: (decide: Decide) => T,
  told: (supposition: Supposition) => void = () => undefined,
): Way<T> => {
  const { decide, supposed } = scripted(script, told);
  const result = walk(decide);
  return { supposed, script: supposed.map(({ answer }) => answer), result };
};

/** Every way, at most `limit` of them. */
export const explore = <T>(walk: (decide: Decide) => T, limit: number): Exploration<T> => {
  const ways: Way<T>[] = [];
  let script: readonly boolean[] = [];
  for (;;) {
    const way = goOneWay(script, walk);
    ways.push(way);
    const last = way.script.lastIndexOf(true);
    if (last < 0) return { ways, complete: true };
    if (ways.length >= limit) return { ways, complete: false };
    script = [...way.script.slice(0, last), false];
  }
};

/** The suppositions on which the outcome depends, in the order in which they were made. */
export const deciding = <T>(ways: readonly Way<T>[], outcome: (result: T) => string): readonly string[] => {
  const found = new Set<string>();
  const visit = (some: readonly Way<T>[], depth: number): ReadonlySet<string> => {
    const all = new Set(some.map(({ result }) => outcome(result)));
    const [first] = some;
    const question = first?.supposed[depth];
    if (!question || all.size < 2) return all;
    const yes = some.filter(({ script }) => script[depth] === true);
    const no = some.filter(({ script }) => script[depth] === false);
    const [left, right] = [new Set(yes.map(({ result }) => outcome(result))), new Set(no.map(({ result }) => outcome(result)))]; // prettier-ignore
    if (left.size !== right.size || [...left].some((one) => !right.has(one))) found.add(question.what);
    visit(yes, depth + 1);
    visit(no, depth + 1);
    return all;
  };
  visit(ways, 0);
  return [...found];
};
