#!/usr/bin/env node
// Puts what ajv compiles of the schema in the place of dist/nftables/validators.js, which would load ajv and compile it
// in every run. `npm run build` runs this behind tsc; without it the program does the same, only later.
import { writeFileSync } from 'node:fs';
import { _, Ajv } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { formats, strictness } from '../../dist/nftables/formats.js';
import { commandSchema, statementSchema } from '../../dist/nftables/schema.js';

const ajv = new Ajv({
  ...strictness,
  formats,
  schemas: [commandSchema, statementSchema],
  code: { source: true, esm: true, formats: _`formats` },
});
const compiled = standalone.default(ajv, { check: commandSchema.$id, checkStatement: statementSchema.$id });

// The only thing that the code needs of ajv.
const length = 'require("ajv/dist/runtime/ucs2length").default';
const code = compiled.replace('"use strict";', '').replaceAll(length, 'schemaLength');
if (code.includes('require(')) throw new Error('the compiled validators need more of ajv than its length');

const lead = [
  '// Compiled from schema.js by src/nftables/compile-validators.mjs.',
  "import { formats, schemaLength } from './formats.js';",
];
writeFileSync(new URL('../../dist/nftables/validators.js', import.meta.url), [...lead, code, ''].join('\n'));
