/**
 * A policy file as JSON Schema (draft-07); dnfw-policy(5). Files of policy.d hold parts, so that nothing is required
 * here: that the whole says what it must is policy-merge.ts's to ask. `description` is how messages name what belongs
 * in a place.
 */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What the schema lets through. */
export interface RawAllow {
  readonly proto: 'tcp' | 'udp' | 'sctp' | 'dccp' | 'esp' | 'ah' | 'gre' | 'vrrp' | 'any';
  readonly ports?: readonly (number | string)[];
  readonly from?: readonly string[];
  readonly interfaces?: readonly string[];
  readonly comment?: string;
}
export interface RawLog {
  readonly drops?: boolean;
  readonly rate?: string;
  readonly burst?: number;
  readonly prefix?: string;
}
export interface RawSwarm {
  readonly peers?: readonly string[];
  readonly dataPathPort?: number;
  readonly encrypted?: 'required' | 'docker';
}
export interface RawPolicy {
  readonly version?: 1;
  readonly mode?: 'observe' | 'enforce';
  readonly default?: 'drop' | 'accept';
  readonly sets?: Readonly<Record<string, 'external' | readonly string[]>>;
  readonly trusted?: readonly string[];
  readonly allow?: readonly RawAllow[];
  readonly rules?: readonly { readonly family: 'ip' | 'ip6'; readonly rule: string }[];
  readonly icmp?: 'essential' | 'all' | 'none';
  readonly log?: RawLog;
  readonly swarm?: RawSwarm;
  readonly dockerAccepts?: 'keep' | 'ignore';
}

const choice = (words: string): JsonSchema => ({ type: 'string', enum: words.split(' ') });
const whole = (minimum: number, maximum: number): JsonSchema => ({ type: 'integer', minimum, maximum });
const record = (properties: Readonly<Record<string, JsonSchema>>, required: readonly string[] = []): JsonSchema => ({
  type: 'object',
  ...(required.length > 0 ? { required } : {}),
  properties,
  additionalProperties: false,
});
const list = (items: JsonSchema, minItems = 0): JsonSchema => ({
  type: 'array',
  ...(minItems > 0 ? { minItems } : {}),
  items,
});

/** policy-values.ts reads what is in these; the schema asks for the kind of value alone. */
const source: JsonSchema = {
  description: 'an address, a network such as 192.0.2.0/24 or 2001:db8::/32, or the name of a set',
  type: 'string',
  maxLength: 64,
};
const address: JsonSchema = {
  description: 'an address, or a network such as 192.0.2.0/24 or 2001:db8::/32',
  type: 'string',
  maxLength: 64,
};
const port: JsonSchema = {
  description: 'a port from 1 to 65535, or a range such as 8000-8010',
  type: ['integer', 'string'],
  minimum: 1,
  maximum: 65_535,
  maxLength: 64,
};
const interfaceName: JsonSchema = {
  description: 'the name of an interface; * at its end stands for any ending',
  type: 'string',
  maxLength: 64,
};

/** Printable, and without the quote that nft's text form has no escape for. */
const line = (maxLength: number): JsonSchema => ({
  description: `a line of at most ${maxLength} characters without double quotes`,
  type: 'string',
  minLength: 1,
  maxLength,
  pattern: '^[^"\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]*$',
});

const allow: JsonSchema = record(
  {
    proto: choice('tcp udp sctp dccp esp ah gre vrrp any'),
    ports: list(port, 1),
    from: list(source, 1),
    interfaces: list(interfaceName, 1),
    comment: line(80),
  },
  ['proto'],
);

export const policySchema: JsonSchema & { readonly $id: string } = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'dnfw-policy-1',
  title: 'A policy of dnfw, dnfw-policy(5)',
  ...record({
    version: { description: 'the version of the policy language, which is 1', type: 'integer', const: 1 },
    mode: choice('observe enforce'),
    default: choice('drop accept'),
    sets: {
      type: 'object',
      propertyNames: { pattern: '^[A-Za-z][A-Za-z0-9_-]{0,30}$' },
      additionalProperties: {
        description: 'a list of addresses and networks, or the word external',
        type: ['array', 'string'],
        items: address,
        pattern: '^external$',
      },
    },
    trusted: list(source),
    allow: list(allow),
    rules: list(
      record({ family: choice('ip ip6'), rule: { ...line(4096), pattern: '^[^\\u0000-\\u001f]*$' } }, [
        'family',
        'rule',
      ]),
    ),
    icmp: choice('essential all none'),
    log: record({
      drops: { type: 'boolean' },
      rate: {
        description: 'a rate such as 10/minute, per second, minute or hour',
        type: 'string',
        pattern: '^[1-9][0-9]{0,5}/(second|minute|hour)$',
      },
      burst: whole(1, 100_000),
      prefix: line(80),
    }),
    swarm: record({
      peers: list(source),
      dataPathPort: whole(1, 65_535),
      encrypted: choice('required docker'),
    }),
    dockerAccepts: choice('keep ignore'),
  }),
};
