import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { render } from '../../src/diagnostics/render.ts';
import { ruleText } from '../../src/nftables/describe.ts';
import { printDocument } from '../../src/nftables/print.ts';
import { readNftables } from '../../src/nftables/read.ts';
import type { NftChain, NftRuleset, NftTable } from '../../src/nftables/ruleset.ts';

const table = { family: 'ip', name: 't' };
const chain = { family: 'ip', table: 't', name: 'c' };
const rule = (comment: string, more: object = {}): object => ({
  family: 'ip',
  table: 't',
  chain: 'c',
  comment,
  expr: [{ accept: null }],
  ...more,
});
const setup: readonly object[] = [{ add: { table } }, { add: { chain } }];

const read = (items: readonly object[]): ReturnType<typeof readNftables> =>
  readNftables('r.json', JSON.stringify({ nftables: items }));
const codes = (items: readonly object[]): readonly string[] => read(items).diagnostics.map(({ code }) => code);
const tableOf = (ruleset: NftRuleset): NftTable => ruleset.tables[0] as NftTable;
const chainOf = (ruleset: NftRuleset): NftChain => tableOf(ruleset).chains.get('c') as NftChain;
const comments = (items: readonly object[]): readonly (string | undefined)[] =>
  chainOf(read(items).value).rules.map(({ comment }) => comment);

describe('a listing', () => {
  const text = readFileSync('test/data/docker-28.5.2.nft.json', 'utf8');
  const { value, diagnostics } = readNftables('host.json', text);

  it('is read whole', () => {
    const tables = value.tables.map(({ family, name, chains }) => `${family} ${name} ${chains.size}`);
    expect(tables).toEqual(['ip nat 4', 'ip filter 9', 'ip6 nat 3', 'ip6 filter 8', 'ip raw 1', 'ip mangle 1']);
    const rules = value.tables.flatMap(({ chains }) => [...chains.values()]).flatMap((one) => one.rules);
    expect(rules).toHaveLength(text.match(/"rule": \{/g)?.length ?? 0);
  });

  it('says of which extensions it does not know the arguments, each once', () => {
    expect(diagnostics.map(({ code }) => code)).toEqual(Array.from({ length: 6 }, () => 'nft-xt'));
    expect(diagnostics.map(({ severity }) => severity)).not.toContain('error');
    expect(diagnostics[0]?.what).toContain('match addrtype');
    expect(diagnostics[0]?.what).toContain('4 times');
  });

  it('knows base chains', () => {
    const input = value.tables[1]?.chains.get('INPUT')?.base;
    expect(input).toEqual({ type: 'filter', hook: 'input', priority: 0, policy: 'accept' });
  });

  it('keeps handles, so that a command can follow', () => {
    const handle = value.tables[1]?.chains.get('INPUT')?.rules[0]?.handle ?? 0;
    const command = { delete: { rule: { family: 'ip', table: 'filter', chain: 'INPUT', handle } } };
    const after = readNftables('more.json', JSON.stringify({ nftables: [command] }), value);
    expect(after.diagnostics).toEqual([]);
    const left = after.value.tables[1]?.chains.get('INPUT')?.rules.length ?? 0;
    expect(left).toBe((value.tables[1]?.chains.get('INPUT')?.rules.length ?? 0) - 1);
  });
});

describe('commands', () => {
  it('put rules where nft puts them', () => {
    const add = (name: string, more: object = {}): object => ({ add: { rule: rule(name, more) } });
    const insert = (name: string, more: object = {}): object => ({ insert: { rule: rule(name, more) } });
    expect(comments([...setup, add('a'), add('b'), insert('0')])).toEqual(['0', 'a', 'b']);
    expect(comments([...setup, add('a'), add('b'), add('x', { index: 0 })])).toEqual(['a', 'x', 'b']);
    expect(comments([...setup, add('a'), add('b'), insert('x', { index: 1 })])).toEqual(['a', 'x', 'b']);
  });

  it('address rules of a listing by handle', () => {
    const listed = [{ table }, { chain }, { rule: rule('a', { handle: 7 }) }, { rule: rule('b', { handle: 8 }) }];
    expect(comments([...listed, { add: { rule: rule('x', { handle: 7 }) } }])).toEqual(['a', 'x', 'b']);
    expect(comments([...listed, { insert: { rule: rule('x', { handle: 8 }) } }])).toEqual(['a', 'x', 'b']);
    expect(comments([...listed, { replace: { rule: rule('x', { handle: 8 }) } }])).toEqual(['a', 'x']);
    expect(comments([...listed, { delete: { rule: rule('', { handle: 7 }) } }])).toEqual(['b']);
    expect(codes([...listed, { delete: { rule: rule('', { handle: 9 }) } }])).toEqual(['nft-missing']);
  });

  it('empty a table and fill it anew', () => {
    const items = [
      ...setup,
      { add: { rule: rule('a') } },
      { delete: { table } },
      ...setup,
      { add: { rule: rule('b') } },
    ];
    expect(comments(items)).toEqual(['b']);
    expect(codes(items)).toEqual([]);
    expect(codes([{ delete: { table } }])).toEqual(['nft-missing']);
    expect(codes([{ destroy: { table } }])).toEqual([]);
    expect(comments([...setup, { add: { rule: rule('a') } }, { flush: { chain } }])).toEqual([]);
    expect(read([...setup, { flush: { ruleset: null } }]).value.tables).toEqual([]);
  });

  it('rename chains, create once, change the policy of a chain that is there', () => {
    const base = { ...chain, type: 'filter', hook: 'input', prio: 0, policy: 'accept' };
    expect([
      ...tableOf(read([...setup, { rename: { chain: { ...chain, newname: 'd' } } }]).value).chains.keys(),
    ]).toEqual(['d']);
    expect(codes([...setup, { create: { chain } }])).toEqual(['nft-exists']);
    const changed = read([
      { add: { table } },
      { add: { chain: base } },
      { add: { chain: { ...base, policy: 'drop' } } },
    ]);
    expect(chainOf(changed.value).base?.policy).toBe('drop');
  });

  it('fill sets', () => {
    const set = { family: 'ip', table: 't', name: 's', type: 'ipv4_addr', flags: ['interval'], elem: ['10.0.0.1'] };
    const element = { family: 'ip', table: 't', name: 's', elem: ['10.0.0.2', '10.0.0.3'] };
    const items = [...setup, { add: { set } }, { add: { element } }];
    const found = (list: readonly object[]): readonly unknown[] =>
      tableOf(read(list).value).sets.get('s')?.elements ?? [];
    expect(found(items)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    expect(found([...items, { delete: { element: { ...element, elem: ['10.0.0.1'] } } }])).toEqual([
      '10.0.0.2',
      '10.0.0.3',
    ]);
    expect(found([...items, { flush: { set } }])).toEqual([]);
  });

  it('name what is not there', () => {
    expect(codes([{ add: { chain } }])).toEqual(['nft-missing']);
    expect(codes([{ add: { table } }, { add: { rule: rule('a') } }])).toEqual(['nft-missing']);
    expect(codes([...setup, { add: { rule: { ...rule('a'), expr: null } } }])).toEqual(['nft-object']);
  });
});

describe('what dnfw does not know', () => {
  it('is named and does not stop it', () => {
    expect(codes([...setup, { add: { gadget: { family: 'ip' } } }])).toEqual(['nft-unknown-object']);
    const { diagnostics } = read([...setup, { add: { rule: { ...rule('a'), expr: [{ teleport: null }] } } }]);
    expect(diagnostics.map(({ code, severity }) => `${code} ${severity}`)).toEqual(['nft-unknown-object warning']);
    expect(diagnostics[0]?.what).toContain('teleport');
  });

  it('is not a comment of iptables-nft', () => {
    const expr = [{ xt: { type: 'match', name: 'comment' } }, { accept: null }];
    expect(codes([...setup, { rule: { ...rule('a'), expr } }])).toEqual([]);
  });
});

describe('priorities', () => {
  const prioOf = (prio: unknown): readonly unknown[] => {
    const base = { ...chain, type: 'filter', hook: 'input', prio };
    const { value, diagnostics } = read([{ add: { table } }, { add: { chain: base } }]);
    return [chainOf(value).base?.priority, ...diagnostics.map(({ code }) => code)];
  };

  it('are numbers; words are read with a warning, for nft takes such a chain for another', () => {
    expect(prioOf(-150)).toEqual([-150]);
    expect(prioOf('mangle + 10')).toEqual([-140, 'nft-priority-word']);
    expect(prioOf('filter')).toEqual([0, 'nft-priority-word']);
    expect(prioOf('nonsense')).toEqual([undefined, 'nft-object']);
  });
});

describe('places', () => {
  it('are the lines on which objects begin', () => {
    const text = printDocument({
      nftables: [
        { add: { table: { family: 'ip', name: 't' } } },
        { add: { chain: { family: 'ip', table: 't', name: 'c' } } },
        { add: { rule: { family: 'ip', table: 't', chain: 'c', expr: [{ drop: null }] } } },
      ],
    });
    const [first] = chainOf(readNftables('out.json', text).value).rules;
    expect(first?.place).toEqual({ file: 'out.json', line: 4 });
    expect(text.split('\n')[3]).toContain('"drop"');
  });

  it('stay right whatever strings hold', () => {
    const tricky = rule('brackets ]}{[ \\" and a line\nbreak');
    const text = JSON.stringify({ metainfo: '[', nftables: [{ table }, { chain }, { rule: tricky }] }, null, 2);
    const { value, diagnostics } = readNftables('r.json', text);
    expect(diagnostics).toEqual([]);
    expect(chainOf(value).rules[0]?.comment).toBe('brackets ]}{[ \\" and a line\nbreak');
    expect(chainOf(value).rules[0]?.place.line).toBe(text.slice(0, text.indexOf('"rule"')).split('\n').length - 1);
  });

  it('come with the rule in words', () => {
    const match = { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: { set: [22, 80] } };
    const expr = [{ match }, { counter: { packets: 1, bytes: 2 } }, { jump: { target: 'x' } }];
    const { value } = read([...setup, { add: { rule: { ...rule('why'), expr } } }]);
    expect(chainOf(value).rules.map(ruleText)).toEqual(['tcp dport { 22, 80 } counter jump x comment "why"']);
  });
});

describe('numbers that a double does not hold', () => {
  it('keep their digits', () => {
    const left = { payload: { base: 'th', offset: 0, len: 64 } };
    const text = JSON.stringify({
      nftables: [...setup, { add: { rule: { ...rule('a'), expr: [{ match: { op: '==', left, right: 1 } }] } } }],
    });
    const { value } = readNftables('r.json', text.replace('"right":1', '"right":9223372036854775807'));
    expect(chainOf(value).rules[0]?.statements).toEqual([{ match: { op: '==', left, right: '0x7fffffffffffffff' } }]);
  });
});

describe('bad input', () => {
  const whole = JSON.stringify({ nftables: [...setup, { add: { rule: rule('a') } }] });
  const first = (text: string): readonly [code: string | undefined, severity: string | undefined] => {
    const [diagnostic] = readNftables('r.json', text).diagnostics;
    return [diagnostic?.code, diagnostic?.severity];
  };

  it('is an error wherever the text is cut', () => {
    const cuts = Array.from({ length: whole.length - 1 }, (_, index) => whole.slice(0, index + 1));
    expect(cuts.filter((text) => first(text).join(' ') !== 'json-syntax error')).toEqual([]);
    expect(first('')).toEqual(['empty-input', 'error']);
  });

  it('is drawn at its place', () => {
    const [diagnostic] = readNftables(
      'r.json',
      '{"nftables": [\n  {"table": {"family": "ip", name: "t"}}\n]}',
    ).diagnostics;
    expect(diagnostic && render(diagnostic)).toBe(
      [
        'r.json:2:30: error[json-syntax]: a name should stand here',
        '  |',
        '2 |   {"table": {"family": "ip", name: "t"}}',
        '  |                              ^',
      ].join('\n'),
    );
  });

  it('is not taken for a ruleset', () => {
    const wrong = [
      '{"nftables": [1,]}',
      '{"nftables": [tru]}',
      '{"nftables": []} x',
      '{"a": {b}, "nftables": []}',
      "{'nftables': []}",
    ];
    expect(wrong.filter((text) => first(text).join(' ') !== 'json-syntax error')).toEqual([]);
    const other = ['[]', '{}', '"nftables"', '{"nftables": {}}', '{"nftables": [], "nftables": []}'];
    expect(other.filter((text) => first(text).join(' ') !== 'not-nftables error')).toEqual([]);
    expect(first('{"nftables": [1]}')).toEqual(['nft-object', 'error']);
    expect(first(`{"nftables": [${'['.repeat(100_000)}`)).toEqual(['json-syntax', 'error']);
  });

  it('of nft as text is told how to ask for JSON', () => {
    for (const text of ['table ip x {\n}', '#!/usr/sbin/nft -f\nflush ruleset\n', 'add table ip x\n']) {
      const [diagnostic] = readNftables('r.nft', text).diagnostics;
      expect(diagnostic?.code).toBe('nft-text');
      expect(diagnostic?.help).toContain('nft -j list ruleset');
    }
  });

  it('has no names of its own making', () => {
    const expr = [{ constructor: null }];
    expect(codes([...setup, { rule: { ...rule('a'), expr } }])).toEqual(['nft-unknown-object']);
    expect(codes([{ add: { chain: { ...chain, table: '__proto__' } } }])).toEqual(['nft-missing']);
  });
});
