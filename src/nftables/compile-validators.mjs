#!/usr/bin/env node
// Puts what ajv compiles of the schemas in the place of dist/*/validators.js, which would load ajv and compile them in
// every run. `npm run build` runs this behind tsc; without it the program does the same, only later.
import { writeFileSync } from 'node:fs';
import { _, Ajv } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { captureSchema } from '../../dist/capture/schema.js';
import { formats, strictness } from '../../dist/nftables/formats.js';
import { commandSchema, statementSchema } from '../../dist/nftables/schema.js';

/** `exports`: a name for the function of each schema. `formatsFile`: where the code imports its few helpers from. */
const compile = (target, schemas, exports, formatsFile) => {
  const ajv = new Ajv({ ...strictness, formats, schemas, code: { source: true, esm: true, formats: _`formats` } });
  const compiled = standalone.default(ajv, exports);
  // The only thing that the code needs of ajv.
  const length = 'require("ajv/dist/runtime/ucs2length").default';
  const code = compiled.replace('"use strict";', '').replaceAll(length, 'schemaLength');
  if (code.includes('require(')) throw new Error('the compiled validators need more of ajv than its length');
  const lead = [
    '// Compiled from schema.js by src/nftables/compile-validators.mjs.',
    `import { formats, schemaLength } from '${formatsFile}';`,
  ];
  writeFileSync(new URL(`../../dist/${target}/validators.js`, import.meta.url), [...lead, code, ''].join('\n'));
};

compile('capture', [captureSchema], { checkCapture: captureSchema.$id }, '../nftables/formats.js');
// Last: tests take it for a sign that all are there.
compile('nftables', [commandSchema, statementSchema], { check: commandSchema.$id, checkStatement: statementSchema.$id }, './formats.js'); // prettier-ignore
