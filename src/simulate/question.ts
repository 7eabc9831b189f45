/** What has to be known before a condition has an answer, in words. */
import type { Condition } from '../packet/condition.ts';
import { compile, type Evaluate, isUnknown } from '../packet/evaluate.ts';
import { conditionWords } from '../packet/describe.ts';
import { fieldWords, type WordContext } from '../packet/fieldwords.ts';
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

const compiled = new WeakMap<Condition, Evaluate>();

const isOpen = (condition: Condition, view: View): boolean => {
  const holds = compiled.get(condition) ?? compile(condition);
  compiled.set(condition, holds);
  return holds(view) === isUnknown;
};

const contextFor = ({ family, headers: { l4proto } }: View): WordContext =>
  l4proto === null ? { family } : { family, protocol: l4proto };

/** The fields and predicates of a condition that have no answer for this packet. */
const openParts = (condition: Condition, view: View): readonly string[] => {
  if (!isOpen(condition, view)) return [];
  const context = contextFor(view);
  switch (condition.kind) {
    case 'test':
    case 'present':
      return [fieldWords(condition.field, context)];
    case 'name':
      return [fieldWords({ kind: 'key', key: condition.key }, context)];
    case 'opaque':
      return [condition.predicate.id];
    case 'unmodelled':
      return [condition.what];
    case 'not':
      return openParts(condition.of, view);
    case 'all':
    case 'any':
      return condition.of.flatMap((part) => openParts(part, view));
    case 'constant':
    case 'program':
      return [];
  }
};

/** What a question is about: `ct state`, `limit rate=3/minute burst=5 packets`. */
export const openFields = (condition: Condition, view: View): readonly string[] => [
  ...new Set(openParts(condition, view)),
];

/** A question in one line, as the trace shows it. */
export const questionOf = (question: Condition | string, view: View): string =>
  typeof question === 'string' ? question : conditionWords(question, contextFor(view));
