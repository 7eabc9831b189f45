/** The schema as a function; the build puts what ajv compiles in the place of this file, as it does for nftables. */
import { Ajv, type ValidateFunction } from 'ajv';
import { strictness } from '../nftables/formats.ts';
import { captureSchema } from './schema.ts';

const ajv: Ajv = new Ajv({ ...strictness, code: { optimize: false } });

export const checkCapture: ValidateFunction = ajv.compile(captureSchema);
