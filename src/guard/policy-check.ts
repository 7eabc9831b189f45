/** A policy file held against its schema: every mistake with its place and what belongs there instead. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Diagnostic, Span } from '../diagnostics/diagnostic.ts';
import { nearest } from '../packet/suggest.ts';
import { policySchema, type RawPolicy } from './policy-schema.ts';
import type { Path, YamlFile } from './policy-yaml.ts';

let compiled: ValidateFunction<RawPolicy> | undefined;

/** Compiled when the first policy is read: most commands read none. */
const validator = (): ValidateFunction<RawPolicy> =>
  (compiled ??= new Ajv({
    strict: true,
    allowUnionTypes: true,
    allErrors: true,
    verbose: true,
    validateSchema: false,
    meta: false,
  }).compile<RawPolicy>(policySchema));

const pathOf = (pointer: string, data: unknown): Path => {
  const path: (string | number)[] = [];
  let at = data;
  for (const step of pointer.split('/').slice(1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(at) ? Number(key) : key);
    at = typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined;
  }
  return path;
};

const kindWords: Readonly<Record<string, string>> = {
  object: 'a mapping (key: value)',
  array: 'a list',
  string: 'a word',
  integer: 'a whole number',
  boolean: 'true or false',
};

const kindOf = (value: unknown): string => {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string' ? `the word ${JSON.stringify(value)}` : JSON.stringify(value);
};

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const wordsIn = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

const named = (path: Path): string => {
  const key = path.findLast((step) => typeof step === 'string');
  return key === undefined ? 'the policy' : `\`${key}\``;
};

const suggestion = (given: string, known: readonly string[]): string => {
  const meant = nearest(given, known);
  return meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`;
};

type Words = Pick<Diagnostic, 'code' | 'what'> & Pick<Partial<Diagnostic>, 'help'>;

/** `ajv` gives the schema around the keyword as any object. */
const partOf = (error: ErrorObject, name: string): unknown =>
  error.parentSchema ? Reflect.get(error.parentSchema, name) : undefined;

const wordsFor = (error: ErrorObject, path: Path): Words => {
  const description = text(partOf(error, 'description'));
  const isInList = typeof path.at(-1) === 'number';
  const here = isInList ? `an element of ${named(path)}` : named(path);
  switch (error.keyword) {
    case 'enum':
    case 'const': {
      const known = wordsIn(partOf(error, 'enum') ?? [partOf(error, 'const')]);
      const given = typeof error.data === 'string' ? error.data : '';
      return {
        code: 'policy-value',
        what: `${here} is ${kindOf(error.data)}, and can be ${known.join(', ')}`,
        ...(nearest(given, known) === undefined ? {} : { help: suggestion(given, known) }),
      };
    }
    case 'type': {
      const types = wordsIn([partOf(error, 'type')].flat());
      const wanted = description ?? types.map((type) => kindWords[type] ?? type).join(' or ');
      return { code: 'policy-value', what: `${here} is ${kindOf(error.data)}, and should be ${wanted}` };
    }
    case 'minimum':
    case 'maximum':
      return { code: 'value-out-of-range', what: `${here} is ${kindOf(error.data)}, out of range`, help: `${String(partOf(error, 'minimum'))} to ${String(partOf(error, 'maximum'))}` }; // prettier-ignore
    case 'minItems':
      return {
        code: 'policy-value',
        what: `${here} is an empty list`,
        help: 'leave it out if it should not matter',
      };
    case 'required':
      return {
        code: 'policy-missing',
        what: `${isInList ? here : named(path)} lacks \`${String(Reflect.get(error.params, 'missingProperty'))}\``,
      };
    default:
      return {
        code: 'policy-value',
        what: `${here} is ${kindOf(error.data)}, and should be ${description ?? String(error.message)}`,
      };
  }
};

const diagnosticOf = (error: ErrorObject, file: YamlFile): Diagnostic | undefined => {
  const path = pathOf(error.instancePath, file.data);
  const say = (words: Words, span: Span): Diagnostic => ({ severity: 'error', ...words, span });
  if (error.keyword === 'additionalProperties') {
    const key = String(Reflect.get(error.params, 'additionalProperty'));
    const known = Object.keys(Object(partOf(error, 'properties')) as object);
    return say(
      { code: 'policy-key', what: `there is no \`${key}\` in ${named(path)}`, help: suggestion(key, known) },
      file.keySpanOf([...path, key]),
    );
  }
  if (error.keyword === 'propertyNames') {
    const key = String(Reflect.get(error.params, 'propertyName'));
    return say(
      {
        code: 'policy-value',
        what: `${JSON.stringify(key)} is no name of a set`,
        help: 'a letter first, then at most 30 letters, digits, - and _',
      },
      file.keySpanOf([...path, key]),
    );
  }
  // The name's own pattern, which `propertyNames` says again.
  if (error.propertyName !== undefined) return undefined;
  return say(wordsFor(error, path), file.spanOf(path));
};

/** A value of the wrong type also is none of the possible ones: that is one mistake. */
const onceEach = (errors: readonly ErrorObject[]): readonly ErrorObject[] => {
  const mistyped = new Set(errors.filter(({ keyword }) => keyword === 'type').map(({ instancePath }) => instancePath));
  return errors.filter(({ keyword, instancePath }) => keyword === 'type' || !mistyped.has(instancePath));
};

/** How many mistakes of one file are shown. */
const most = 100;

/** The file's data if it is a policy; diagnostics say what it is not. */
export const checkPolicyFile = (
  file: YamlFile,
): { readonly raw: RawPolicy | undefined; readonly diagnostics: readonly Diagnostic[] } => {
  const check = validator();
  const { data } = file;
  if (data === undefined || data === null) return { raw: data === null ? {} : undefined, diagnostics: [] };
  if (check(data)) return { raw: data, diagnostics: [] };
  const errors = onceEach(check.errors ?? []);
  return { raw: undefined, diagnostics: errors.slice(0, most).flatMap((error) => diagnosticOf(error, file) ?? []) };
};
