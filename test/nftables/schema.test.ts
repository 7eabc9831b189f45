import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import {
  accept,
  add,
  counter,
  elementOf,
  equal,
  field,
  flushChain,
  limit,
  log,
  meta,
  prefix,
  range,
  raw,
  set,
  table,
} from '../../src/nftables/build.ts';
import { documentSchema } from '../../src/nftables/schema.ts';
import { validateCommands } from '../../src/nftables/validate.ts';
import type { FormSample } from '../kernel/form.ts';
import { matchForms } from '../kernel/forms-match.ts';
import { queues, statementForms } from '../kernel/forms-statement.ts';
import { spoilt } from './spoilt.ts';

// What the compiler would refuse is what the schema is for: nothing here has the type of a command.
const rule = (parts: object): object => ({
  add: { rule: { family: 'ip', table: 't', chain: 'c', expr: [accept], ...parts } },
});
const chain = (parts: object): object => ({ add: { chain: { family: 'ip', table: 't', name: 'c', ...parts } } });
const statement = (value: object): object => rule({ expr: [value] });
const equals = (left: unknown, right: unknown): object => statement({ match: { op: '==', left, right } });
const isValid = (command: unknown): boolean => validateCommands([command]) === undefined;

const base = { type: 'filter', hook: 'input', prio: 0, policy: 'drop' };
const helper = { family: 'ip', table: 't', name: 'ftp-1', type: 'ftp', protocol: 'tcp', l3proto: 'ip' } as const;

const named = { family: 'inet', table: 't', name: 'a4', type: 'ipv4_addr', flags: ['interval'] };
const namedSet = (parts: object): object => ({ add: { set: { ...named, ...parts } } });
const elements = ['10.0.0.1', prefix('10.1.0.0', 16), { elem: { val: range('10.2.0.1', '10.2.0.9'), comment: 'x' } }];

const good: readonly object[] = [
  add({ table: table('inet', 'filter') }),
  { delete: { table: table('ip6', 'a b"c\n') } },
  chain({}),
  chain(base),
  chain({ ...base, prio: -0x80000000, type: 'nat' }),
  chain({ name: 'x'.repeat(255) }),
  add({ 'ct helper': helper }),
  namedSet({}),
  namedSet({ type: 'ipv6_addr', elem: ['::1'] }),
  namedSet({ elem: elements }),
  statement(equal(field('ip', 'saddr'), elementOf('a4'))),
  flushChain({ family: 'inet', table: 't', name: 'c' }),
  rule({ comment: '' }),
  rule({ comment: 'x'.repeat(253) }),
  rule({ comment: 'é"\n\t\u{1f433}' }),
  ...[...matchForms, ...statementForms, ...queues].map(({ statements, family }: FormSample) =>
    rule({ family, expr: statements }),
  ),
];

describe('the schema', () => {
  it('is a schema of draft-07', () => {
    expect(new Ajv({ strict: false, formats: {} }).validateSchema(documentSchema)).toBe(true);
  });

  it('takes what the constructors make', () => {
    expect(good.filter((command) => !isValid(command))).toEqual([]);
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
    const bad = good.flatMap(spoilt);
    expect(bad.length).toBeGreaterThan(5000);
    expect(bad.filter(isValid)).toEqual([]);
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
  const bad: Readonly<Record<string, object>> = {
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
    'a raw payload without length': equals({ payload: { base: 'th', offset: 8 } }, 1),
    'a payload that is named and raw': equals({ payload: { protocol: 'tcp', field: 'dport', base: 'th' } }, 1),
    'an unknown field': statement(equal(field('tcp', 'dports'), 1)),
    'an unknown protocol': statement(equal(field('tpc', 'dport'), 1)),
    'an unknown meta key': statement(equal(meta('inname'), 1)),
    'a negative number': statement(equal(meta('mark'), -1)),
    'a number beyond exactness': statement(equal(meta('mark'), 2 ** 53)),
    'a name that is a set': statement(equal(meta('iifname'), '@x')),
    'a name that is everything': statement(equal(meta('iifname'), '*')),
    'a set beside a port': statement(equal(field('tcp', 'dport'), '@x')),
    'a set in a set': statement(equal(field('ip', 'saddr'), set(['10.0.0.1', '@x']))),
    'a set whose name is none': statement(equal(field('ip', 'saddr'), '@x y')),
    'a set of ports': namedSet({ type: 'inet_service' }),
    'a set without intervals': namedSet({ flags: [] }),
    'a set with a timeout': namedSet({ flags: ['interval', 'timeout'] }),
    'a set with no elements to add': namedSet({ elem: [] }),
    'a set of host names': namedSet({ elem: ['gate.example.org'] }),
    'an element with a timeout': namedSet({ elem: [{ elem: { val: '10.0.0.1', timeout: 5 } }] }),
    'a flush of a rule': { flush: { rule: { family: 'ip', table: 't', chain: 'c' } } },
    'an operator that nft 1.0.6 lets pass': statement({ match: { op: '&', left: meta('mark'), right: 1 } }),
    'a burst of 0': statement(limit({ rate: 1, per: 'second', burst: 0 })),
    'a rate of 0': statement(limit({ rate: 0, per: 'second', burst: 5 })),
    'a limit per month': statement({ limit: { rate: 1, per: 'month', burst: 5 } }),
    'NAT to nothing': statement({ snat: {} }),
    'NAT flags that are no list': statement({ masquerade: { flags: 'random' } }),
    'a rejection without type': statement({ reject: { expr: 'no-route' } }),
    'a helper for another protocol': { add: { 'ct helper': { ...helper, protocol: 'sctp' } } },
    'a delete of something else': { delete: { chain: { family: 'ip', table: 't', name: 'c' } } },
    'a flush': { flush: { ruleset: null } },
    'no command': {},
  };
  for (const [name, command] of Object.entries(bad))
    it(`refuses ${name}`, () => {
      expect(validateCommands([command])?.index).toBe(0);
    });
});
