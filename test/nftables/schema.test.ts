import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { accept, add, counter, equal, field, limit, log, meta, raw, set, table } from '../../src/nftables/build.ts';
import { documentSchema } from '../../src/nftables/schema.ts';
import type { Command } from '../../src/nftables/types.ts';
import { validateCommands } from '../../src/nftables/validate.ts';
import type { FormSample } from '../kernel/form.ts';
import { matchForms } from '../kernel/forms-match.ts';
import { queues, statementForms } from '../kernel/forms-statement.ts';

const rule = (parts: object): Command =>
  // What a compiler would refuse is what the schema is for.
  ({ add: { rule: { family: 'ip', table: 't', chain: 'c', expr: [accept], ...parts } } }) as unknown as Command;
const chain = (parts: object): Command =>
  ({ add: { chain: { family: 'ip', table: 't', name: 'c', ...parts } } }) as unknown as Command;
const statement = (value: object): Command => rule({ expr: [value] });
const isValid = (command: Command): boolean => validateCommands([command]) === undefined;

const base = { type: 'filter', hook: 'input', prio: 0, policy: 'drop' };
const helper = { family: 'ip', table: 't', name: 'ftp-1', type: 'ftp', protocol: 'tcp', l3proto: 'ip' } as const;

const good: readonly Command[] = [
  add({ table: table('inet', 'filter') }),
  { delete: { table: table('ip6', 'a b"c\n') } },
  chain({}),
  chain(base),
  chain({ ...base, prio: -0x80000000, type: 'nat' }),
  chain({ name: 'x'.repeat(255) }),
  add({ 'ct helper': helper }),
  rule({ comment: '' }),
  rule({ comment: 'x'.repeat(253) }),
  rule({ comment: 'é"\n\t\u{1f433}' }),
  ...[...matchForms, ...statementForms, ...queues].map(({ statements, family }: FormSample) =>
    rule({ family, expr: statements }),
  ),
];

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Every variant of a value in which one object has one property too many, or one key is misspelt. */
const spoilt = (value: Json): readonly Json[] => {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value))
    return value.flatMap((item, index) => spoilt(item as Json).map((bad) => value.with(index, bad) as Json));
  const object = value as { readonly [key: string]: Json };
  return [
    { ...object, bogus: 1 },
    ...Object.keys(object).map((key) =>
      Object.fromEntries(Object.entries(object).map(([name, own]) => [name === key ? `${name}s` : name, own])),
    ),
    ...Object.entries(object).flatMap(([key, own]) => spoilt(own).map((bad) => ({ ...object, [key]: bad }))),
  ];
};

describe('the schema', () => {
  it('is a schema of draft-07', () => {
    expect(new Ajv({ strict: false, formats: {} }).validateSchema(documentSchema)).toBe(true);
  });

  it('takes what the constructors make', () => {
    for (const command of good) expect(validateCommands([command]), JSON.stringify(command)).toBeUndefined();
    expect(validateCommands(good)).toBeUndefined();
  });

  it('takes the same as a document, for other validators', () => {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    const check = ajv.compile(documentSchema);
    expect(check({ nftables: good })).toBe(true);
    expect(check({ nftables: [...good, { add: {} }] })).toBe(false);
    expect(check({ nftables: good, metainfo: {} })).toBe(false);
  });

  it('refuses every property too many and every misspelt key', () => {
    let count = 0;
    for (const command of good)
      for (const bad of spoilt(command as unknown as Json)) {
        count += 1;
        expect(isValid(bad as unknown as Command), JSON.stringify(bad)).toBe(false);
      }
    expect(count).toBeGreaterThan(5000);
  });

  it('says which command and where', () => {
    const problem = validateCommands([chain({}), statement({ counter: {} })]);
    expect(problem?.index).toBe(1);
    expect(problem?.what).toContain('/add/rule/expr/0/counter');
    expect(problem?.what).toContain('packets');
    expect(validateCommands([rule({ colour: 'red' })])?.what).toContain('colour');
  });
});

describe('the schema refuses', () => {
  const bad: Readonly<Record<string, Command>> = {
    'a priority in quotes': chain({ ...base, prio: '0' }),
    'a priority with a fraction': chain({ ...base, prio: 0.5 }),
    'a base chain without type': chain({ hook: 'input', prio: 0 }),
    'a base chain without hook': chain({ type: 'filter', prio: 0 }),
    'a base chain without priority': chain({ type: 'filter', hook: 'input' }),
    'a policy without base': chain({ policy: 'drop' }),
    'an unknown hook': chain({ ...base, hook: 'ingress' }),
    'an empty name': chain({ name: '' }),
    'a name of 256 bytes': chain({ name: 'x'.repeat(256) }),
    'a name of 256 bytes in 128 characters': chain({ name: 'é'.repeat(128) }),
    'a name with a zero byte': chain({ name: 'a\0b' }),
    'an unpaired surrogate': chain({ name: 'a\ud800b' }),
    'an unknown family': chain({ family: 'bridge' }),
    'a comment of 254 bytes': rule({ comment: 'x'.repeat(254) }),
    'a comment of 254 bytes in 127 characters': rule({ comment: 'é'.repeat(127) }),
    'a comment with a zero byte': rule({ comment: '\0' }),
    'a rule without statements': rule({ expr: [] }),
    'a statement with two keys': statement({ accept: null, drop: null }),
    'an empty statement': statement({}),
    'a verdict with a value': statement({ accept: true }),
    'a verdict that is an object': statement({ drop: {} }),
    'a jump to nowhere': statement({ jump: { target: '' } }),
    'a counter without figures': statement({ counter: {} }),
    'a counter with half its figures': statement({ counter: { packets: 1 } }),
    'a negative counter': statement(counter({ packets: -1, bytes: 0 })),
    'a named counter': statement({ counter: 'c' }),
    'a log prefix of 128 bytes': statement(log({ prefix: 'x'.repeat(128) })),
    'an empty log prefix': statement(log({ prefix: '' })),
    'a log level in figures': statement({ log: { level: 4 } }),
    'an empty set': statement(equal(meta('mark'), set([]))),
    'an empty list': statement(equal(field('tcp', 'flags'), [])),
    'half a range': statement({ match: { op: '==', left: meta('mark'), right: { range: [1] } } }),
    'an offset that is no multiple of 8': statement(equal(raw('th', 4, 8), 1)),
    'a length that is no multiple of 8': statement(equal(raw('th', 8, 4), 1)),
    'a length of 0': statement(equal(raw('th', 8, 0), 1)),
    'a raw payload without length': statement(equal({ payload: { base: 'th', offset: 8 } } as never, 1)),
    'a payload that is named and raw': statement(
      equal({ payload: { protocol: 'tcp', field: 'dport', base: 'th' } } as never, 1),
    ),
    'an unknown field': statement(equal(field('tcp', 'dports'), 1)),
    'an unknown protocol': statement(equal(field('tpc', 'dport'), 1)),
    'an unknown meta key': statement(equal(meta('inname'), 1)),
    'a negative number': statement(equal(meta('mark'), -1)),
    'a number beyond exactness': statement(equal(meta('mark'), 2 ** 53)),
    'a name that is a set': statement(equal(meta('iifname'), '@x')),
    'a name that is everything': statement(equal(meta('iifname'), '*')),
    'an operator that nft 1.0.6 lets pass': statement({ match: { op: '&', left: meta('mark'), right: 1 } }),
    'a burst of 0': statement(limit({ rate: 1, per: 'second', burst: 0 })),
    'a rate of 0': statement(limit({ rate: 0, per: 'second', burst: 5 })),
    'a limit per month': statement({ limit: { rate: 1, per: 'month', burst: 5 } }),
    'NAT to nothing': statement({ snat: {} }),
    'NAT flags that are no list': statement({ masquerade: { flags: 'random' } }),
    'a rejection without type': statement({ reject: { expr: 'no-route' } }),
    'a helper for another protocol': add({ 'ct helper': { ...helper, protocol: 'sctp' as never } }),
    'a delete of something else': { delete: { chain: { family: 'ip', table: 't', name: 'c' } } } as never,
    'a flush': { flush: { ruleset: null } } as never,
    'no command': {} as never,
  };
  for (const [name, command] of Object.entries(bad))
    it(name, () => {
      expect(validateCommands([command])?.index).toBe(0);
    });
});
