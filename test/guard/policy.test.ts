// Every kind of mistake in a policy is told at its line and column; what is right becomes the policy that was meant.
import { Ajv } from 'ajv';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isError } from '../../src/diagnostics/diagnostic.ts';
import type { Policy } from '../../src/guard/policy.ts';
import { policyValues } from '../../src/guard/policy-print.ts';
import { readPolicy } from '../../src/guard/policy-read.ts';
import { policySchema } from '../../src/guard/policy-schema.ts';
import { sources } from './policies.ts';

const head = 'version: 1\nmode: enforce\ndefault: drop\n';
const name = 'policy.yaml';

const told = (text: string, file: string = name): readonly string[] =>
  readPolicy([{ name: file, text }]).diagnostics.map(
    ({ code, span }) => `${code} ${span ? `${span.file}:${span.line}:${span.column}` : ''}`,
  );

const good = (...texts: readonly string[]): Policy => {
  const inputs = texts.map((text, index) => ({ name: index === 0 ? name : `policy.d/${index}.yaml`, text }));
  const { value, diagnostics } = readPolicy(inputs);
  expect(diagnostics.filter(isError)).toEqual([]);
  if (!value) throw new Error('no policy');
  return value;
};

const smallest = `${head}allow:
  - { proto: tcp, ports: [22] }
swarm: { peers: [10.77.0.2], dataPathPort: 4789, encrypted: required }
`;

describe('a policy', () => {
  it('can be small', () => {
    expect(good(smallest)).toEqual({
      version: 1,
      mode: 'enforce',
      default: 'drop',
      sets: [],
      trusted: [],
      allow: [
        { place: { file: name, line: 5 }, proto: 'tcp', ports: [{ low: 22, high: 22 }], from: [], interfaces: [] },
      ],
      rules: [],
      icmp: 'essential',
      log: { drops: true, rate: 10, per: 'minute', burst: 5, prefix: 'dnfw drop: ' },
      swarm: { place: { file: name, line: 6 }, peers: sources('10.77.0.2'), dataPathPort: 4789, encrypted: 'required' },
      dockerAccepts: 'keep',
    });
  });

  it('can be JSON', () => {
    const values = policyValues(good(smallest));
    const text = JSON.stringify(values, null, '\t');
    const { value, diagnostics } = readPolicy([{ name: 'policy.json', text }]);
    expect(diagnostics).toEqual([]);
    expect(value && policyValues(value)).toEqual(values);
    expect(value?.allow[0]?.place).toEqual({ file: 'policy.json', line: 6 });
  });

  it('is read from Windows line ends and behind a byte order mark', () => {
    expect(policyValues(good(`\ufeff${smallest.replaceAll('\n', '\r\n')}`))).toEqual(policyValues(good(smallest)));
  });

  it('knows addresses, networks, sets and ranges of ports', () => {
    const policy = good(
      `${head}sets: { admins: [192.0.2.0/24, "2001:db8::/32"], banned: external }\ntrusted: [admins, fd00::1]\n` +
        'allow: [{ proto: udp, ports: [53, 8000-8010], from: [banned, 10.0.0.0/8], interfaces: [eth0, "wg*"], comment: a word }]\n',
    );
    expect(policy).toMatchObject({
      sets: [
        {
          name: 'admins',
          external: false,
          elements: sources('192.0.2.0/24', '2001:db8::/32').map((one) => 'network' in one && one.network),
        },
        { name: 'banned', external: true, elements: [] },
      ],
      trusted: sources('@admins', 'fd00::1'),
      allow: [
        {
          ports: [{ low: 53, high: 53 }, { low: 8000, high: 8010 }], // prettier-ignore
          from: sources('@banned', '10.0.0.0/8'),
          interfaces: ['eth0', 'wg*'],
          comment: 'a word',
        },
      ],
    });
  });
});

describe('files of policy.d', () => {
  it('add to lists and sets, and replace single values aloud', () => {
    const inputs = [
      { name, text: `${smallest}sets: { a: [10.0.0.1] }\n` },
      {
        name: 'policy.d/10.yaml',
        text: 'mode: observe\nallow: [{ proto: esp }]\nsets: { a: [10.0.0.2], b: [fd00::1] }\n',
      },
      { name: 'policy.d/20.yaml', text: '# nothing yet\n' },
      { name: 'policy.d/30.json', text: '{ "swarm": { "peers": ["a"] }, "mode": "observe" }' },
    ];
    const { value, diagnostics } = readPolicy(inputs);
    expect(diagnostics).toMatchObject([
      { code: 'policy-replaced', severity: 'warning', span: { file: 'policy.d/10.yaml', line: 1, column: 7 } },
    ]);
    expect(diagnostics[0]?.what).toContain('policy.yaml:2');
    expect(value).toMatchObject({
      mode: 'observe',
      allow: [{ proto: 'tcp' }, { proto: 'esp', place: { file: 'policy.d/10.yaml', line: 2 } }],
      sets: [{ name: 'a', elements: { length: 2 } }, { name: 'b' }],
      swarm: { peers: sources('10.77.0.2', '@a'), encrypted: 'required' },
    });
  });

  it('say with their own name what is wrong in them', () => {
    const { value, diagnostics } = readPolicy([
      { name, text: smallest },
      { name: 'policy.d/10.yaml', text: 'sets:\n  a: external\n' },
      { name: 'policy.d/20.yaml', text: 'sets:\n  a: [10.0.0.1]\n' },
    ]);
    expect(value).toBeUndefined();
    expect(diagnostics).toMatchObject([{ code: 'policy-set', span: { file: 'policy.d/20.yaml', line: 2 } }]);
  });
});

// The place is that of the line behind `head`, which has three.
const mistakes: readonly (readonly [what: string, text: string, ...told: readonly string[]])[] = [
  ['an unknown key', 'defualt: drop\n', 'policy-key 4:1'],
  ['an unknown key of a service', 'allow:\n  - proto: tcp\n    port: [22]\n', 'policy-key 6:5'],
  ['an unknown key in braces', 'swarm: { peer: [10.0.0.1] }\n', 'policy-key 4:10'],
  ['a word that is none', 'icmp: essentials\n', 'policy-value 4:7'],
  ['a number for a word', 'icmp: 5\n', 'policy-value 4:7'],
  ['a word for a list', 'trusted: 10.0.0.1\n', 'policy-value 4:10'],
  ['a number for a list', 'allow: [{ proto: tcp, ports: 22 }]\n', 'policy-value 4:30'],
  ['a list for a mapping', 'swarm: []\n', 'policy-value 4:8'],
  ['nothing', 'allow:\n', 'policy-value 4:7'],
  ['an empty list of sources', 'allow: [{ proto: tcp, from: [] }]\n', 'policy-value 4:29'],
  ['a service without a protocol', 'allow: [{ ports: [22] }]\n', 'policy-missing 4:9'],
  ['ports of a protocol without', 'allow: [{ proto: esp, ports: [22] }]\n', 'policy-value 4:23'],
  ['an address that is none', 'trusted: [10.0.0.256]\n', 'bad-address 4:11'],
  ['host bits', 'trusted:\n  - 10.0.0.1/24\n', 'bad-address 5:5'],
  ['a prefix length too long', 'trusted: [10.0.0.0/33]\n', 'bad-address 4:11'],
  ['a mask with holes', 'trusted: [10.0.0.0/255.0.255.0]\n', 'bad-address 4:11'],
  ['a zone', 'trusted: ["fe80::1%eth0"]\n', 'bad-address 4:11'],
  ['a host name', 'trusted: [gate.example.org]\n', 'host-name 4:11'],
  ['a range of addresses', 'trusted: [10.0.0.1-10.0.0.9]\n', 'bad-address 4:11'],
  ['a number as an address', 'trusted: [10]\n', 'policy-value 4:11'],
  ['an unknown set', 'sets: { admins: [] }\ntrusted: [admin]\n', 'policy-set 5:11'],
  ['an unknown set among peers', 'swarm: { peers: [nodes] }\n', 'policy-set 4:18'],
  ['a bad address in a set', 'sets:\n  a:\n    - 10.0.0.1\n    - 10.0.0.x\n', 'host-name 7:7'],
  ['a name that nft reserves', 'sets:\n  ip: [10.0.0.1]\n', 'policy-set 5:3'],
  ['a name that is none', 'sets:\n  4you: [10.0.0.1]\n', 'policy-value 5:3'],
  ['a set of another kind', 'sets:\n  a: extern\n', 'policy-value 5:6'],
  ['port 0', 'allow: [{ proto: tcp, ports: [0] }]\n', 'value-out-of-range 4:31'],
  ['port 65536', 'allow: [{ proto: tcp, ports: [65536] }]\n', 'value-out-of-range 4:31'],
  ['half a port', 'allow: [{ proto: tcp, ports: [22.5] }]\n', 'policy-value 4:31'],
  ['a range beyond the ports', 'allow: [{ proto: tcp, ports: [1-70000] }]\n', 'value-out-of-range 4:31'],
  ['a range that runs backwards', 'allow: [{ proto: tcp, ports: [90-80] }]\n', 'bad-value 4:31'],
  ['a service by name', 'allow: [{ proto: tcp, ports: [ssh] }]\n', 'bad-value 4:31'],
  ['a star in a name', 'allow: [{ proto: tcp, interfaces: ["e*h"] }]\n', 'interface-name 4:36'],
  ['a plus at the end', 'allow: [{ proto: tcp, interfaces: [eth+] }]\n', 'interface-name 4:36'],
  ['every interface', 'allow: [{ proto: tcp, interfaces: ["*"] }]\n', 'interface-name 4:36'],
  ['what ip link prints', 'allow: [{ proto: tcp, interfaces: [eth0@if3] }]\n', 'interface-name 4:36'],
  ['a long interface', 'allow: [{ proto: tcp, interfaces: [abcdefghijklmnop] }]\n', 'interface-name 4:36'],
  ['a rate without unit', 'log: { rate: 10 }\n', 'policy-value 4:14'],
  ['a rate per day', 'log: { rate: 10/day }\n', 'policy-value 4:14'],
  ['a quote in the prefix', "log: { prefix: 'a\"b' }\n", 'policy-value 4:16'],
  ['another word', 'dockerAccepts: maybe\n', 'policy-value 4:16'],
  ['a key twice', 'icmp: all\nicmp: none\n', 'policy-twice 5:1'],
  ['a tab', 'allow:\n\t- { proto: tcp }\n', 'policy-syntax 5:1'],
  ['a bracket that stays open', 'trusted: [10.0.0.1\n', 'policy-syntax 5:1'],
  ['a reserved sign', 'trusted: [@admins]\n', 'policy-syntax 4:11'],
  ['a second document', '---\nicmp: all\n', 'policy-syntax 5:1'],
  [
    'an anchor and its alias',
    'trusted: &a [10.0.0.1]\nswarm: { peers: *a }\n',
    'policy-syntax 4:13',
    'policy-syntax 5:17',
  ],
  ['a merge key', 'log: { <<: { burst: 5 } }\n', 'policy-key 4:8'],
  ['a tag', 'icmp: !!str all\n', 'policy-syntax 4:13'],
  ['a tag of its own', 'icmp: !secret all\n', 'policy-syntax 4:7'],
  ['a key that is no word', '? [a]\n: 1\n', 'policy-syntax 4:3'],
  ['a byte that is no UTF-8', 'icmp: \ufffd\n', 'bad-encoding 4:7'],
  ['several mistakes', 'icmp: x\nfoo: 1\n', 'policy-key 5:1', 'policy-value 4:7'],
];

describe('mistakes', () => {
  it.each(mistakes)('%s', (_what, text, ...expected) => {
    expect(told(head + text).toSorted()).toEqual(expected.map((one) => one.replace(' ', ` ${name}:`)).toSorted());
  });

  it.each([
    ['', 'policy-missing '],
    ['# only a comment\n', 'policy-missing '],
    ['mode: enforce\ndefault: drop\n', 'policy-missing policy.yaml:1:1'],
    ['version: 1\ndefault: drop\n', 'policy-missing policy.yaml:1:1'],
    ['version: 2\nmode: enforce\ndefault: drop\n', 'policy-value policy.yaml:1:10'],
    ['- version\n', 'policy-value policy.yaml:1:1'],
    ['just words\n', 'policy-value policy.yaml:1:1'],
  ])('%j', (text, expected) => {
    expect(told(text)).toEqual([expected]);
  });

  it('are told with what was meant', () => {
    const [diagnostic] = readPolicy([
      { name: 'wrong.yaml', text: 'version: 1\nmode: enforce\ndefualt: drop\n' },
    ]).diagnostics;
    expect(diagnostic).toMatchObject({
      help: 'did you mean default?',
      span: { line: 3, text: 'defualt: drop', length: 7 },
    });
  });

  it('of JSON are those of JSON', () => {
    expect(told(`{ "version": 1, "mode": "enforce", /* no */ "default": "drop" }`, 'policy.json')).toMatchObject([
      expect.stringMatching(/^(?:json|policy)-syntax policy\.json:1:\d+$/),
    ]);
    expect(told('version: 1\n', 'policy.json')).toEqual(['json-syntax policy.json:1:1']);
  });

  it('of a thousand lines are not all told', () => {
    const text = `${head}trusted:\n${'  - 10.0.0.256\n'.repeat(1000)}`;
    expect(readPolicy([{ name, text }]).diagnostics.length).toBe(100);
  });

  it.each([
    ['nested lists', `trusted: ${'['.repeat(20_000)}`],
    ['nested mappings', `trusted: ${'{ a: '.repeat(20_000)}`],
    ['a bomb of aliases', 'a: &a [x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n'],
    ['a prototype', '__proto__: { version: 1 }\n'],
    ['a constructor', 'constructor: { prototype: 1 }\n'],
  ])('never throw: %s', (_what, text) => {
    const { value, diagnostics } = readPolicy([{ name, text: head + text }]);
    expect(value).toBeUndefined();
    expect(diagnostics.length).toBeGreaterThan(0);
  });
});

describe('the schema', () => {
  it('is draft-07', () => {
    expect(new Ajv({ strict: true, allowUnionTypes: true }).validateSchema(policySchema)).toBe(true);
  });

  it('is shipped as it is', () => {
    expect(JSON.parse(readFileSync('src/guard/policy.schema.json', 'utf8'))).toEqual(policySchema);
  });
});

it('reads 100,000 addresses in a few seconds', () => {
  const list = Array.from({ length: 100_000 }, (_, i) => `    - 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}\n`).join('');
  const started = performance.now();
  const policy = good(`${head}sets:\n  many:\n${list}`);
  expect(policy.sets[0]?.elements.length).toBe(100_000);
  expect(performance.now() - started).toBeLessThan(15_000);
});
