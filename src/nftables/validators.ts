/**
 * The schema as functions. To load ajv and compile them is half of the time that a small ruleset takes: the build puts
 * what ajv compiles in the place of this file (src/nftables/compile-validators.mjs), which does the same.
 */
import { Ajv, type ValidateFunction } from 'ajv';
import { formats, strictness } from './formats.ts';
import { commandSchema, statementSchema } from './schema.ts';

// To optimise the code takes longer than checking most rulesets.
const ajv: Ajv = new Ajv({ ...strictness, formats, code: { optimize: false } });

export const check: ValidateFunction = ajv.compile(commandSchema);
export const checkStatement: ValidateFunction = ajv.compile(statementSchema);
