/** What a supposition says about the packet itself: a way on which the device is eth0 is one on which it is not eth1. */
import type { Condition } from '../packet/condition.ts';
import { setKey, slotOf, valueAt, type View } from '../packet/view.ts';

const learnKey = (view: View, key: string, value: number | bigint | string): void => {
  if (valueAt(view, slotOf(key)) === undefined) setKey(view, key, value);
};

/** Gives unknown keys the value that they must have if the condition has this answer; most answers leave several. */
export const learn = (condition: Condition, answer: boolean, view: View): void => {
  switch (condition.kind) {
    case 'not':
      learn(condition.of, !answer, view);
      return;
    case 'all':
      if (answer) for (const part of condition.of) learn(part, true, view);
      return;
    case 'any':
      if (!answer) for (const part of condition.of) learn(part, false, view);
      return;
    case 'name':
      if (answer && !condition.prefix) learnKey(view, condition.key, condition.text);
      return;
    case 'test': {
      const { field, mask, ranges } = condition;
      const [only] = ranges;
      if (!answer || field.kind !== 'key' || mask !== undefined || ranges.length !== 1 || only?.low !== only?.high)
        return;
      if (only) learnKey(view, field.key, only.low < 1n << 48n ? Number(only.low) : only.low);
      return;
    }
    case 'constant':
    case 'present':
    case 'opaque':
    case 'program':
    case 'unmodelled':
      return;
  }
};
