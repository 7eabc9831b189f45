/**
 * Checks what dnfw is about to hand to nft against its own schema. Importing ajv takes longer than most
 * translations, so the command line imports this file only when it has commands to check.
 */
import { Ajv, type ErrorObject } from 'ajv';
import { commandSchema } from './schema.ts';
import type { Command } from './types.ts';

const utf8 = new TextEncoder();

/** Whether a string is at most `limit` bytes of UTF-8 with nothing in it that JSON for nft cannot carry (jansson refuses U+0000). */
const fits =
  (limit: number) =>
  (text: string): boolean =>
    !/[\0\ud800-\udfff]/u.test(text) && (text.length * 3 <= limit || utf8.encode(text).length <= limit);

const ajv: Ajv = new Ajv({
  strict: true,
  allowUnionTypes: true,
  // Whether a document key is required is said by `record` in schema.ts, beside the key itself.
  formats: { 'nft-name': fits(255), 'nft-comment': fits(253), 'nft-log-prefix': fits(127) },
});
const check = ajv.compile(commandSchema);

const describe = (error: ErrorObject): string => {
  const detail = Object.values(error.params)
    .filter((value) => typeof value === 'string' && !error.message?.includes(value))
    .map((value) => ` (${value})`)
    .join('');
  return `${error.instancePath || '/'} ${error.message ?? error.keyword}${detail}`;
};

export interface SchemaProblem {
  /** The index of the command in the document. */
  readonly command: number;
  /** Where in the command, as a JSON pointer, and what is wrong there. */
  readonly what: string;
}

/** The first thing that is wrong with the commands, or undefined. */
export const validateCommands = (commands: Iterable<Command>): SchemaProblem | undefined => {
  let index = 0;
  for (const command of commands) {
    if (!check(command)) return { command: index, what: (check.errors ?? []).map(describe).join('; ') };
    index += 1;
  }
  return undefined;
};
