import type { Limit, Match, Quota } from './types.ts';

/**
 * What the match side of a rule says, as a formula over nft tests, before it is laid out in rules and chains.
 *
 * The distinction that matters: a nft test is one of three things, true, false or broken (its load failed), and a
 * broken one ends its rule whatever the operator. `not` therefore never turns `==` into `!=`: it becomes a chain in
 * which the inner formula returns. An extension writes `!=` itself where the load cannot fail, or where a packet for
 * which it fails must not match.
 */
export type Formula =
  | { readonly kind: 'always' }
  | { readonly kind: 'never' }
  | { readonly kind: 'test'; readonly statement: Match }
  /** A statement with a memory (limit, quota, numgen): evaluated only for packets that pass everything before it, once. */
  | { readonly kind: 'stateful'; readonly statement: Match | Limit | Quota }
  | { readonly kind: 'all'; readonly of: readonly Formula[] }
  | { readonly kind: 'any'; readonly of: readonly Formula[] }
  | { readonly kind: 'not'; readonly of: Formula };

export const always: Formula = { kind: 'always' };
export const never: Formula = { kind: 'never' };

export const test = (statement: Match): Formula => ({ kind: 'test', statement });
export const stateful = (statement: Match | Limit | Quota): Formula => ({ kind: 'stateful', statement });

/** Conjunction, in the order in which the kernel evaluates it. Flattens, and folds constants. */
export const all = (of: readonly Formula[]): Formula => {
  const flat: Formula[] = [];
  for (const part of of) {
    if (part.kind === 'never') return never;
    if (part.kind === 'all') flat.push(...part.of);
    else if (part.kind !== 'always') flat.push(part);
  }
  return flat.length === 0 ? always : flat.length === 1 ? (flat[0] as Formula) : { kind: 'all', of: flat };
};

/** Disjunction, tried in order until one holds. Flattens, and folds constants. */
export const any = (of: readonly Formula[]): Formula => {
  const flat: Formula[] = [];
  for (const part of of) {
    if (part.kind === 'always') return always;
    if (part.kind === 'any') flat.push(...part.of);
    else if (part.kind !== 'never') flat.push(part);
  }
  return flat.length === 0 ? never : flat.length === 1 ? (flat[0] as Formula) : { kind: 'any', of: flat };
};

/** True exactly when the inner formula is false or broken. */
export const not = (of: Formula): Formula => {
  switch (of.kind) {
    case 'always':
      return never;
    case 'never':
      return always;
    case 'not':
      return of.of;
    default:
      return { kind: 'not', of };
  }
};

/** Whether evaluating the formula changes something, so that it must be evaluated once and in its place. */
export const isStateful = (formula: Formula): boolean => {
  switch (formula.kind) {
    case 'stateful':
      return true;
    case 'all':
    case 'any':
      return formula.of.some(isStateful);
    case 'not':
      return isStateful(formula.of);
    default:
      return false;
  }
};
