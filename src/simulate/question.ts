/** Questions that a packet does not answer: when two are the same, and their words. */
import type { Condition } from '../packet/condition.ts';
import { conditionWords } from '../packet/describe.ts';
import type { WordContext } from '../packet/fieldwords.ts';
import type { View } from '../packet/view.ts';

const keys = new WeakMap<Condition, string>();

/** Two conditions with the same key ask the same. */
export const conditionKey = (condition: Condition): string => {
  const known = keys.get(condition);
  if (known !== undefined) return known;
  const made = JSON.stringify(condition, (_name, value: unknown) =>
    typeof value === 'bigint' ? value.toString(16) : value,
  );
  keys.set(condition, made);
  return made;
};

/** Whether asking changes the answer: a rate limit, a counter. */
export const isStateful = (condition: Condition): boolean => {
  switch (condition.kind) {
    case 'opaque':
      return condition.predicate.stateful;
    case 'not':
      return isStateful(condition.of);
    case 'all':
    case 'any':
      return condition.of.some(isStateful);
    case 'constant':
    case 'test':
    case 'name':
    case 'present':
    case 'program':
    case 'unmodelled':
      return false;
  }
};

const contextFor = ({ family, headers: { l4proto } }: View): WordContext =>
  l4proto === null ? { family } : { family, protocol: l4proto };

/** A question in one line, as the trace shows it. */
export const questionOf = (question: Condition | string, view: View): string =>
  typeof question === 'string' ? question : conditionWords(question, contextFor(view));
