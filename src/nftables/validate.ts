/**
 * Checks what dnfw is about to hand to nft against its own schema. Importing ajv takes longer than most
 * translations, so the command line imports this file only when it has commands to check.
 */
import { Ajv, type ErrorObject } from 'ajv';
import { utf8Length } from '../netfilter/bytes.ts';
import { commandSchema } from './schema.ts';
import { isShared } from './shared.ts';
import type { Statement } from './types.ts';

/** Whether a string is at most `limit` bytes of UTF-8 and has nothing in it that nft's JSON reader refuses (U+0000). */
const fits =
  (limit: number) =>
  (text: string): boolean =>
    !/[\0\ud800-\udfff]/u.test(text) && utf8Length(text) <= limit;

const ajv: Ajv = new Ajv({
  strict: true,
  allowUnionTypes: true,
  // A test holds the schema against draft-07. To do that in every run, or to optimise the code, takes longer than
  // checking most rulesets.
  meta: false,
  validateSchema: false,
  code: { optimize: false },
  formats: { 'nft-name': fits(255), 'nft-comment': fits(253), 'nft-log-prefix': fits(127) },
});
const check = ajv.compile({ ...commandSchema, $id: 'command' });
const checkStatement = ajv.compile({ $ref: 'command#/$defs/statement' });

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
