/** A capture as JSON Schema (draft-07); dnfw-capture(8). Properties that it does not name are left alone. */
import { captureKind, captureVersion, moduleStates } from './document.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

const text: JsonSchema = { type: 'string' };
const record = (properties: Readonly<Record<string, JsonSchema>>, required: readonly string[]): JsonSchema => ({
  type: 'object',
  required,
  properties,
});
const list = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
const generation: JsonSchema = { type: ['integer', 'null'], minimum: 1 };

/** Lines, the JSON that a program printed, or why there is nothing. */
const answer: JsonSchema = {
  description: 'a list of lines, JSON, {"missing": true} or {"failed": "why"}',
  type: ['array', 'object'],
  items: { type: ['string', 'object'] },
  properties: {
    missing: { const: true },
    failed: text,
    nftables: list({ type: 'object' }),
  },
};
const answers: JsonSchema = { type: 'object', additionalProperties: answer };

const pending: JsonSchema = {
  ...record({ id: text, generation, previous: generation, deadline: text }, [
    'id',
    'generation',
    'previous',
    'deadline',
  ]),
  type: ['object', 'null'],
};
const state = record({ schemaVersion: { const: 1 }, current: generation, good: generation, pending }, [
  'schemaVersion',
  'current',
  'good',
  'pending',
]);
const meta = record(
  {
    generation: { type: 'integer', minimum: 1 },
    hash: text,
    made: text,
    outcome: { type: 'string', enum: ['made', 'confirmed', 'reverted', 'refused'] },
    mode: text,
    policy: text,
    priority: { type: 'integer' },
    dnfw: text,
  },
  ['generation', 'hash', 'made', 'outcome', 'mode', 'policy', 'priority', 'dnfw'],
);
const guard: JsonSchema = {
  ...record(
    {
      state,
      recorded: { ...state, type: ['object', 'null'] },
      repairs: list(text),
      meta: { ...meta, type: ['object', 'null'] },
      listing: { type: ['object', 'null'] },
      external: list(text),
      persistent: { type: 'boolean' },
      watchPersistent: { type: 'boolean' },
    },
    ['state', 'recorded', 'repairs', 'meta', 'listing', 'external', 'persistent', 'watchPersistent'],
  ),
  type: ['object', 'null'],
};

export const captureSchema: JsonSchema & { readonly $id: string } = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'dnfw-capture-1',
  title: 'A capture of a host, dnfw-capture(8)',
  ...record(
    {
      schemaVersion: { const: captureVersion },
      kind: { const: captureKind },
      dnfw: text,
      taken: { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?Z$' },
      host: record({ name: text, kernel: text, machine: text }, ['name', 'kernel', 'machine']),
      connections: list({ type: ['string', 'null'] }),
      modules: { type: 'object', additionalProperties: { type: 'string', enum: moduleStates } },
      files: answers,
      answers,
      guard,
      namespaces: { ...list(record({ name: text, answers }, ['name', 'answers'])), type: ['array', 'null'] },
      notRead: list(record({ what: text, why: text }, ['what', 'why'])),
    },
    ['schemaVersion', 'kind', 'dnfw', 'taken', 'host', 'answers', 'files', 'namespaces', 'notRead'],
  ),
};
