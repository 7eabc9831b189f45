/** Checks what dnfw is about to hand to nft against its own schema. */
import type { ErrorObject } from 'ajv';
import { isShared } from './shared.ts';
import type { Statement } from './types.ts';
import { check, checkStatement } from './validators.ts';

const describe = (error: ErrorObject): string => {
  const detail = Object.values(error.params)
    .filter((value) => typeof value === 'string' && !error.message?.includes(value))
    .map((value) => ` (${value})`)
    .join('');
  return `${error.instancePath || '/'} ${error.message ?? error.keyword}${detail}`;
};

export interface SchemaProblem {
  /** The index of the command in the document. */
  readonly index: number;
  /** Where in the command, as a JSON pointer, and what is wrong there. */
  readonly what: string;
}

/** The first thing that is wrong with the commands, or undefined. */
export const validateCommands = (commands: Iterable<unknown>): SchemaProblem | undefined => {
  let index = 0;
  for (const command of commands) {
    if (!check(command)) return { index, what: (check.errors ?? []).map(describe).join('; ') };
    index += 1;
  }
  return undefined;
};

/** Shared statements that have passed. */
const passed = new WeakSet<Statement>();

/** What is wrong with the statements of a rule, or undefined. Those that many rules share are checked only once. */
export const validateStatements = (statements: readonly Statement[]): string | undefined => {
  for (const statement of statements) {
    if (passed.has(statement)) continue;
    if (!checkStatement(statement)) return (checkStatement.errors ?? []).map(describe).join('; ');
    if (isShared(statement)) passed.add(statement);
  }
  return undefined;
};
