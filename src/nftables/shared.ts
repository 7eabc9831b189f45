/**
 * Statements that stand in thousands of rules: one object each, whose JSON text is made once and which the schema
 * checks once. A ruleset of 100,000 rules has perhaps a thousand of them.
 */
import type { Statement } from './types.ts';

const texts = new WeakMap<Statement, string>();

/** The JSON text of a statement. */
export const statementText = (statement: Statement): string => texts.get(statement) ?? JSON.stringify(statement);

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
