/**
 * Statements that stand in thousands of rules: one object each, whose JSON text is made once and which the schema
 * checks once. A ruleset of 100,000 rules has perhaps a thousand of them.
 */
import type { Expression, Statement } from './types.ts';

const texts = new WeakMap<Statement, string>();
const fields = new WeakMap<Expression & object, string>();

/** Marks an expression, such as a header field, that is one object wherever it stands. */
export const shareField = <E extends Expression & object>(expression: E): E => {
  fields.set(expression, JSON.stringify(expression));
  return expression;
};

/** The JSON text of a statement; the same as JSON.stringify gives. */
export const statementText = (statement: Statement): string => {
  const text = texts.get(statement);
  if (text !== undefined) return text;
  if ('match' in statement) {
    const { op, left, right } = statement.match;
    const known = typeof left === 'object' ? fields.get(left) : undefined;
    if (known !== undefined)
      return `{"match":{"op":"${op}","left":${known},"right":${typeof right === 'number' ? right : JSON.stringify(right)}}}`;
  }
  return JSON.stringify(statement);
};

export const isShared = (statement: Statement): boolean => texts.has(statement);

/** Marks a statement that will not change as one that many rules have. */
export const share = <S extends Statement>(statement: S): S => {
  texts.set(statement, JSON.stringify(statement));
  return statement;
};

/** More different ones than this, and the memory is worth more than the time. */
const most = 20_000;

/** Makes one shared statement per key. The key has to say everything that `make` depends on. */
export const sharing = <S extends Statement>(): ((key: string, make: () => S) => S) => {
  const known = new Map<string, S>();
  return (key, make) => {
    const found = known.get(key);
    if (found) return found;
    if (known.size >= most) known.clear();
    const made = share(make());
    known.set(key, made);
    return made;
  };
};
