// What a simulator was not told: the leaves of a condition that have no answer for a packet.
import type { Condition } from '../../../src/packet/condition.ts';
import { compile, isUnknown } from '../../../src/packet/evaluate.ts';
import type { View } from '../../../src/packet/view.ts';

const leaves = (condition: Condition, view: View): readonly string[] => {
  if (compile(condition)(view) !== isUnknown) return [];
  switch (condition.kind) {
    case 'test':
    case 'present':
      return [condition.field.kind === 'key' ? condition.field.key : `bytes from ${condition.field.base}`];
    case 'name':
      return [condition.key];
    case 'opaque':
      return [condition.predicate.id];
    case 'unmodelled':
      return [condition.what];
    case 'not':
      return leaves(condition.of, view);
    case 'all':
    case 'any':
      return condition.of.flatMap((one) => leaves(one, view));
    case 'constant':
    case 'program':
      return [];
  }
};

/** In the words of field.ts, sorted. */
export const openLeaves = (question: Condition | string, view: View): string =>
  typeof question === 'string' ? question : [...new Set(leaves(question, view))].toSorted().join(', ');
