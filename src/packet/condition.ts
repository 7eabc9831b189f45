/**
 * The packet conditions: the one small language in which both semantics say when a rule matches. It is about values,
 * not about how a kernel computes them: whether a load succeeds is a condition of its own (`present`), so that `not`
 * is plain negation and each side says for itself what a failed load means.
 */
import type { Assumption } from './assumption.ts';
import type { Field } from './field.ts';

/** Both ends belong to it. */
export interface Interval {
  readonly low: bigint;
  readonly high: bigint;
}

/**
 * Something that time, chance or a state outside the packet decides. Two with the same `id` have the same answer for
 * the same packet; a `stateful` one (a rate limit) is also changed by being asked, so that who asks it is part of the
 * meaning. Its instances are told apart by program.ts, in the order in which rules hold them.
 */
export interface Predicate {
  /** What it is with all its parameters in one spelling for both sides, e.g. `limit rate=3/minute burst=5`. */
  readonly id: string;
  readonly stateful: boolean;
  /** Where taking both sides' predicates for the same needs saying. */
  readonly assumption?: Assumption;
}

export type Condition =
  | { readonly kind: 'constant'; readonly value: boolean }
  /** The field's value, after `mask`, lies in one of the ranges (ascending, apart). False where the field is absent. */
  | { readonly kind: 'test'; readonly field: Field; readonly mask?: bigint; readonly ranges: readonly Interval[] }
  /** The string is `text`, or begins with it. False where the field is absent; the empty name is a value. */
  | { readonly kind: 'name'; readonly key: string; readonly text: string; readonly prefix: boolean }
  /** All bytes that the field touches are there, or the key has a value. */
  | { readonly kind: 'present'; readonly field: Field }
  | { readonly kind: 'not'; readonly of: Condition }
  | { readonly kind: 'all' | 'any'; readonly of: readonly Condition[] }
  | { readonly kind: 'opaque'; readonly predicate: Predicate }
  /**
   * A program over the packet's bytes (u32, BPF). `run` is its interpreter over the bytes from the network header;
   * `same` says the same as a condition, if it can be said: the simulator runs the one, the prover reads the other.
   * Where it does so only of some packets, `assumptions` has the keys of `assumptions` in assumption.ts that say which.
   */
  | {
      readonly kind: 'program';
      readonly text: string;
      readonly run: (bytes: Uint8Array) => boolean;
      readonly same: Condition | undefined;
      readonly assumptions?: readonly Assumption[];
    }
  /** There is no model: nothing may be concluded, unless a proof takes something for granted under which there is one. */
  | { readonly kind: 'unmodelled'; readonly what: string; readonly granted?: Granted };

export interface Granted {
  readonly assumption: Assumption;
  readonly condition: Condition;
}

export const yes: Condition = { kind: 'constant', value: true };
export const no: Condition = { kind: 'constant', value: false };

const numeric = (value: bigint | number): bigint => (typeof value === 'bigint' ? value : BigInt(value));

export const interval = (low: bigint | number, high: bigint | number = low): Interval => ({
  low: numeric(low),
  high: numeric(high),
});

/** Ascending and apart; ranges that end before they start are left out. */
export const normalised = (ranges: readonly Interval[]): readonly Interval[] => {
  if (ranges.length === 1) {
    const [only] = ranges as readonly [Interval];
    return only.low <= only.high ? ranges : [];
  }
  const sorted = ranges
    .filter(({ low, high }) => low <= high)
    .toSorted((a, b) => (a.low < b.low ? -1 : a.low > b.low ? 1 : 0));
  const out: Interval[] = [];
  for (const next of sorted) {
    const last = out.at(-1);
    if (last && next.low <= last.high + 1n)
      out[out.length - 1] = { low: last.low, high: next.high > last.high ? next.high : last.high };
    else out.push(next);
  }
  return out;
};

/** The field lies in one of the ranges; with a mask, what the mask leaves of it does. */
export const within = (field: Field, ranges: readonly Interval[], mask?: bigint): Condition => {
  const apart = normalised(ranges);
  if (apart.length === 0) return no;
  return mask === undefined ? { kind: 'test', field, ranges: apart } : { kind: 'test', field, mask, ranges: apart };
};

export const is = (field: Field, value: bigint | number, mask?: bigint | number): Condition =>
  within(field, [interval(value)], mask === undefined ? undefined : numeric(mask));

export const isNamed = (key: string, text: string, prefix = false): Condition => ({ kind: 'name', key, text, prefix });

export const present = (field: Field): Condition => ({ kind: 'present', field });

export const not = (of: Condition): Condition =>
  of.kind === 'constant' ? (of.value ? no : yes) : of.kind === 'not' ? of.of : { kind: 'not', of };

/** Conjunction in evaluation order. Flattens and folds constants. */
export const all = (of: readonly Condition[]): Condition => {
  const flat: Condition[] = [];
  for (const part of of) {
    if (part.kind === 'constant') {
      if (!part.value) return no;
    } else if (part.kind === 'all') flat.push(...part.of);
    else flat.push(part);
  }
  return flat.length === 0 ? yes : flat.length === 1 ? (flat[0] as Condition) : { kind: 'all', of: flat };
};

/** Disjunction. Flattens and folds constants. */
export const any = (of: readonly Condition[]): Condition => {
  const flat: Condition[] = [];
  for (const part of of) {
    if (part.kind === 'constant') {
      if (part.value) return yes;
    } else if (part.kind === 'any') flat.push(...part.of);
    else flat.push(part);
  }
  return flat.length === 0 ? no : flat.length === 1 ? (flat[0] as Condition) : { kind: 'any', of: flat };
};

/** `condition`, turned round if `inverted`. */
export const invertIf = (inverted: boolean, condition: Condition): Condition => (inverted ? not(condition) : condition);

export const opaque = (predicate: Predicate): Condition => ({ kind: 'opaque', predicate });
export const unmodelled = (what: string, granted?: Granted): Condition =>
  granted ? { kind: 'unmodelled', what, granted } : { kind: 'unmodelled', what };
