/**
 * Conditions over one packet. A condition is compiled once to closures over a `View`; per packet only they run. The
 * logic is Kleene's: what depends on something unknown is unknown, unless the rest decides it.
 */
import type { Condition, Interval, Predicate } from './condition.ts';
import { derivation } from './derived.ts';
import type { Field, PayloadField } from './field.ts';
import { startIndex } from './headers.ts';
import { masked, numberTest, wideTest } from './ranges.ts';
import { baseOf, hasKey, isBlurred, oracleKey, slotOf, valueAt } from './view.ts';
import type { View } from './view.ts';

/** No, yes, unknown. */
export type Truth = 0 | 1 | 2;
export const isFalse = 0;
export const isTrue = 1;
export const isUnknown = 2;

export type Evaluate = (view: View) => Truth;

export interface CompileOptions {
  /** Which instance of a stateful predicate this is; asked once for each that the condition holds, in order. */
  readonly instanceOf?: (predicate: Predicate) => number;
}

const truth = (value: boolean): Truth => (value ? isTrue : isFalse);
const never: Evaluate = () => isFalse;
const always: Evaluate = () => isTrue;
const undecided: Evaluate = () => isUnknown;

type Test = Extract<Condition, { readonly kind: 'test' }>;

/** A field's value as a number, or -1 where it is absent; for fields in at most 6 bytes. */
const loadNumber = ({ offset, length }: PayloadField, base: 0 | 1 | 2 | 3): ((view: View) => number) => {
  const first = offset >> 3;
  const end = (offset + length + 7) >> 3;
  const width = end - first;
  const start = ({ headers }: View): number => headers.starts[base];
  if (width * 8 === length && length === 8)
    return (view) => {
      const at = start(view);
      return at < 0 || at + end > view.bytes.length ? -1 : (view.bytes[at + first] as number);
    };
  if (width * 8 === length && length === 16)
    return (view) => {
      const { bytes } = view;
      const at = start(view);
      if (at < 0 || at + end > bytes.length) return -1;
      return ((bytes[at + first] as number) << 8) | (bytes[at + first + 1] as number);
    };
  if (width * 8 === length && length === 32)
    return (view) => {
      const { bytes } = view;
      const at = start(view);
      if (at < 0 || at + end > bytes.length) return -1;
      const from = at + first;
      const high = ((bytes[from] as number) << 24) | ((bytes[from + 1] as number) << 16);
      return (high | ((bytes[from + 2] as number) << 8) | (bytes[from + 3] as number)) >>> 0;
    };
  const below = 2 ** (end * 8 - offset - length);
  const limit = 2 ** length;
  return (view) => {
    const { bytes } = view;
    const at = start(view);
    if (at < 0 || at + end > bytes.length) return -1;
    let value = 0;
    for (let i = at + first; i < at + end; i++) value = value * 256 + (bytes[i] as number);
    return Math.floor(value / below) % limit;
  };
};

const testPayload = ({ field, mask, ranges }: Test & { readonly field: PayloadField }): Evaluate => {
  const { base, offset, length } = field;
  const width = ((offset + length + 7) >> 3) - (offset >> 3);
  if (base !== 'll' && length <= 48 && width <= 6) {
    const load = loadNumber(field, startIndex[base]);
    const test = numberTest(ranges, mask, length);
    const index = startIndex[base];
    const from = offset >> 3;
    return (view) => {
      const value = load(view);
      if (value < 0) return isFalse;
      if (view.unknown !== undefined) {
        const at = view.headers.starts[index] + from;
        if (isBlurred(view, at, at + width)) return isUnknown;
      }
      return test(value) ? isTrue : isFalse;
    };
  }
  const test = wideTest(offset, length, ranges, mask);
  const end = (offset + length + 7) >> 3;
  if (base === 'll')
    return (view) => {
      const at = baseOf(view, base);
      if (at === null) return isUnknown;
      return truth(at !== undefined && at.start + end <= at.bytes.length && test(at.bytes, at.start));
    };
  const index = startIndex[base];
  return (view) => {
    const start = view.headers.starts[index];
    if (start < 0 || start + end > view.bytes.length) return isFalse;
    return isBlurred(view, start + (offset >> 3), start + end) ? isUnknown : truth(test(view.bytes, start));
  };
};

const inRanges = (value: bigint, ranges: readonly Interval[]): boolean =>
  ranges.some(({ low, high }) => value >= low && value <= high);

/** A value of a key is a number or, where it has more than 48 bits, a bigint. */
const testKey = (key: string, mask: bigint | undefined, ranges: readonly Interval[]): Evaluate => {
  const small = numberTest(ranges, mask, 48);
  const derived = derivation(key);
  const slot = slotOf(key);
  const read = derived ?? ((view: View) => valueAt(view, slot));
  return (view) => {
    const value = read(view);
    if (typeof value === 'number') return small(value) ? isTrue : isFalse;
    if (value === null) return isFalse;
    return typeof value === 'bigint' ? truth(inRanges(masked(value, mask), ranges)) : isUnknown;
  };
};

const testName = (key: string, text: string, prefix: boolean): Evaluate => {
  const slot = slotOf(key);
  return (view) => {
    const value = valueAt(view, slot);
    if (typeof value === 'string') return (prefix ? value.startsWith(text) : value === text) ? isTrue : isFalse;
    return value === null ? isFalse : isUnknown;
  };
};

const isPresent = (field: Field): Evaluate => {
  if (field.kind === 'key') {
    const derived = derivation(field.key);
    if (derived) return (view) => truth(derived(view) !== null);
    const slot = slotOf(field.key);
    return (view) => {
      const has = hasKey(view, slot);
      return has === undefined ? isUnknown : truth(has);
    };
  }
  const { base } = field;
  const end = (field.offset + field.length + 7) >> 3;
  if (base === 'll')
    return (view) => {
      const at = baseOf(view, base);
      return at === null ? isUnknown : truth(at !== undefined && at.start + end <= at.bytes.length);
    };
  const index = startIndex[base];
  return ({ headers, bytes }) => {
    const start = headers.starts[index];
    return start >= 0 && start + end <= bytes.length ? isTrue : isFalse;
  };
};

const conjunction = (parts: readonly Evaluate[]): Evaluate => {
  const [first = always, second = always] = parts;
  if (parts.length === 2)
    return (view) => {
      const a = first(view);
      if (a === isFalse) return isFalse;
      const b = second(view);
      return b === isFalse ? isFalse : a === isTrue ? b : isUnknown;
    };
  return (view) => {
    let sum: Truth = isTrue;
    for (const part of parts) {
      const value = part(view);
      if (value === isFalse) return isFalse;
      if (value === isUnknown) sum = isUnknown;
    }
    return sum;
  };
};

const disjunction =
  (parts: readonly Evaluate[]): Evaluate =>
  (view) => {
    let sum: Truth = isFalse;
    for (const part of parts) {
      const value = part(view);
      if (value === isTrue) return isTrue;
      if (value === isUnknown) sum = isUnknown;
    }
    return sum;
  };

const ask = (key: string): Evaluate => {
  return ({ oracle }) => {
    const answer = oracle.get(key);
    return answer === undefined ? isUnknown : truth(answer);
  };
};

/**
 * Makes a condition ready to be asked. The closures neither change the view nor keep it; a stateful predicate is
 * answered by the view's oracle like every other (who asks it in vain is the walker's business).
 */
export const compile = (condition: Condition, options: CompileOptions = {}): Evaluate => {
  switch (condition.kind) {
    case 'constant':
      return condition.value ? always : never;
    case 'test':
      return condition.field.kind === 'key'
        ? testKey(condition.field.key, condition.mask, condition.ranges)
        : testPayload({ ...condition, field: condition.field });
    case 'name':
      return testName(condition.key, condition.text, condition.prefix);
    case 'present':
      return isPresent(condition.field);
    case 'not': {
      const of = compile(condition.of, options);
      return (view) => {
        const value = of(view);
        return value === isUnknown ? isUnknown : value === isTrue ? isFalse : isTrue;
      };
    }
    case 'all':
      return conjunction(condition.of.map((part) => compile(part, options)));
    case 'any':
      return disjunction(condition.of.map((part) => compile(part, options)));
    case 'opaque': {
      const { predicate } = condition;
      return ask(oracleKey(predicate, predicate.stateful ? (options.instanceOf?.(predicate) ?? 0) : 0));
    }
    case 'program': {
      const { run } = condition;
      return ({ bytes, unknown: blurred }) => (blurred === undefined ? truth(run(bytes)) : isUnknown);
    }
    case 'unmodelled':
      return undecided;
  }
};
