/** Arithmetic and comparisons on registers of which only the bits are known. */
import type { RuleContext } from '../contract.ts';
import { asHeader, mostFreeBits } from '../header.ts';
import { type Path, withConstraint } from '../path.ts';
import { complement, holds, type Ranges, top } from '../ranges.ts';
import { constant, constrain, freeBits, type Operation, operate, type Value } from '../word.ts';
import type { Comparison } from './instruction.ts';
import { type Blocked, forEach, isBlocked, type Outcome, type Register } from './registers.ts';

const withConstant = (
  operation: Operation,
  a: Register,
  operand: number,
  path: Path,
  context: RuleContext,
): readonly Outcome<Register>[] | Blocked => {
  if (a.kind === 'header') {
    if (operation === 'add' || operation === 'sub') {
      const plus = (a.plus + (operation === 'add' ? operand : -operand)) >>> 0;
      return [{ value: { ...a, plus }, path }];
    }
  } else {
    const value = operate(a, operation, operand);
    if (value) return [{ value, path }];
  }
  return forEach(a, path, context, (value, branch) => [
    { value: operate(constant(value), operation, operand) as Value, path: branch },
  ]);
};

const isFew = (register: Register): boolean => register.kind === 'header' || freeBits(register) <= mostFreeBits;

const commutative: ReadonlySet<Operation> = new Set(['add', 'and', 'or', 'xor', 'mul']);

/** `a OPERATION b`, where either may be a constant, bits of the packet or a place in it. */
export function compute(
  operation: Operation,
  a: Register,
  b: Register,
  path: Path,
  context: RuleContext,
): readonly Outcome<Register>[] | Blocked {
  if (b.kind === 'constant') {
    // Division by an X of 0 ends the program without a match; a shift uses the low 5 bits of X.
    if ((operation === 'div' || operation === 'mod') && b.value === 0) return [];
    const operand = operation === 'shl' || operation === 'shr' ? b.value & 31 : b.value;
    return withConstant(operation, a, operand, path, context);
  }
  if (a.kind === 'constant' && commutative.has(operation)) return withConstant(operation, b, a.value, path, context);
  if (a.kind === 'constant' && operation === 'sub') {
    const { value } = a;
    const negative = withConstant('neg', b, 0, path, context);
    if (isBlocked(negative)) return negative;
    const out: Outcome<Register>[] = [];
    for (const one of negative) {
      const sum = withConstant('add', one.value, value, one.path, context);
      if (isBlocked(sum)) return sum;
      out.push(...sum);
    }
    return out;
  }
  const few = isFew(b) || a.kind === 'constant';
  if (operation === 'add') {
    // A place in the transport header stays one when something countable is added to it.
    const [left, right] = [a, b].map((one) =>
      one.kind === 'header' ? one : context.family === 'ip' ? asHeader(one) : undefined,
    );
    if (left && few)
      return forEach(b, path, context, (value, branch) => withConstant('add', left, value, branch, context));
    if (right && isFew(a))
      return forEach(a, path, context, (value, branch) => withConstant('add', right, value, branch, context));
  }
  return few
    ? forEach(b, path, context, (value, branch) => compute(operation, a, constant(value), branch, context))
    : forEach(a, path, context, (value, branch) => compute(operation, constant(value), b, branch, context));
}

const accepted = (comparison: Comparison, k: number): Ranges => {
  switch (comparison) {
    case 'eq':
      return [[k, k]];
    case 'gt':
      return k === top ? [] : [[k + 1, top]];
    case 'ge':
      return [[k, top]];
    case 'set':
      return [[1, top]];
  }
};

/** Both ways of a branch, as far as a packet can go there. */
export const compare = (
  comparison: Comparison,
  a: Register,
  b: Register,
  path: Path,
  context: RuleContext,
): readonly Outcome<boolean>[] | Blocked => {
  if (b.kind !== 'constant') {
    if (a.kind === 'constant' && (comparison === 'eq' || comparison === 'set'))
      return compare(comparison, b, a, path, context);
    return isFew(b) || a.kind === 'constant'
      ? forEach(b, path, context, (value, branch) => compare(comparison, a, constant(value), branch, context))
      : forEach(a, path, context, (value, branch) => compare(comparison, constant(value), b, branch, context));
  }
  const value = a.kind === 'header' ? undefined : comparison === 'set' ? operate(a, 'and', b.value) : a;
  if (!value) return forEach(a, path, context, (one, branch) => compare(comparison, constant(one), b, branch, context));
  const values = accepted(comparison, b.value);
  if (value.kind === 'constant') return [{ value: holds(values, value.value), path }];
  return [true, false].flatMap((taken) => {
    const branch = withConstraint(path, constrain(value, taken ? values : complement(values)));
    return branch ? [{ value: taken, path: branch }] : [];
  });
};
