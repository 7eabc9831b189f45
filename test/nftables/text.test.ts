import { describe, expect, it } from 'vitest';
import {
  accept,
  add,
  and,
  counter,
  ct,
  deleteTable,
  dnat,
  drop,
  elementOf,
  equal,
  exthdr,
  fib,
  field,
  flushChain,
  ipsec,
  jump,
  limit,
  log,
  mangle,
  masquerade,
  match,
  meta,
  numgen,
  or,
  prefix,
  queue,
  quota,
  range,
  raw,
  reject,
  rt,
  set,
  snat,
  table,
  tcpOption,
  tcpOptionRaw,
  unequal,
  xor,
} from '../../src/nftables/build.ts';
import { printText } from '../../src/nftables/text.ts';
import type { Command, RuleObject, Statement } from '../../src/nftables/types.ts';

const own = table('ip', 't');
const addChain = (name: string, base: object = {}): Command =>
  add({ chain: { family: 'ip', table: 't', name, ...base } });
const rule = (parts: Partial<RuleObject>): Command =>
  add({ rule: { family: 'ip', table: 't', chain: 'c', expr: [counter()], ...parts } });
const head: readonly Command[] = [add({ table: own }), addChain('c')];

/** The text of one rule, or what was refused. */
const print = (...expr: readonly Statement[]): string => {
  const { chunks, refusals } = printText([...head, rule({ expr })]);
  return refusals[0]?.what ?? (chunks.join('').split('\n')[2] ?? '').trim();
};
const refusalsOf = (...commands: readonly Command[]): readonly string[] =>
  printText([...head, ...commands]).refusals.map(({ index, what }) => `${index - head.length}: ${what}`);

describe('a ruleset in text', () => {
  it('is blocks in which everything of a table stands', () => {
    const commands = [
      add({ table: own }),
      deleteTable(own),
      add({ table: own }),
      addChain('INPUT', { type: 'filter', hook: 'input', prio: -150, policy: 'drop' }),
      add({ 'ct helper': { family: 'ip', table: 't', name: 'ftp-1', type: 'ftp', protocol: 'tcp', l3proto: 'ip' } }),
      rule({ chain: 'INPUT', expr: [jump('later')], comment: 'first' }),
      addChain('later'),
      rule({ chain: 'later', expr: [{ 'ct helper': 'ftp-1' }] }),
      rule({ chain: 'INPUT', expr: [drop] }),
    ];
    const comments = new Map([
      [0, ['made afresh']],
      [5, ['-A INPUT -j later', 'exact']],
      [6, ['a chain']],
    ]);
    const { chunks, refusals } = printText(commands, comments);
    expect(refusals).toEqual([]);
    expect(chunks.join('')).toBe(`# made afresh
add table ip t
delete table ip t

table ip t {
	ct helper ftp-1 {
		type "ftp" protocol tcp
		l3proto ip
	}

	chain INPUT {
		type filter hook input priority -150; policy drop;
		# -A INPUT -j later
		# exact
		jump later comment "first"
		drop
	}

	# a chain
	chain later {
		ct helper set "ftp-1"
	}
}
`);
  });

  it('has sets of addresses, and flushes chains', () => {
    const owner = { family: 'inet', table: 't' } as const;
    const named = { ...owner, flags: ['interval'] } as const;
    const elem = ['10.0.0.1', prefix('10.1.0.0', 16), { elem: { val: range('10.2.0.1', '10.2.0.9'), comment: 'a b' } }];
    const { chunks, refusals } = printText([
      add({ table: table('inet', 't') }),
      add({ set: { ...named, name: 'a4', type: 'ipv4_addr', elem } }),
      add({ set: { ...named, name: 'a6', type: 'ipv6_addr' } }),
      flushChain({ ...owner, name: 'c' }),
      add({ rule: { ...owner, chain: 'c', expr: [equal(field('ip', 'saddr'), elementOf('a4')), drop] } }),
    ]);
    expect(refusals).toEqual([]);
    expect(chunks.join('')).toBe(`table inet t {
\tset a4 {
\t\ttype ipv4_addr
\t\tflags interval
\t\telements = {
\t\t\t10.0.0.1,
\t\t\t10.1.0.0/16,
\t\t\t10.2.0.1-10.2.0.9 comment "a b"
\t\t}
\t}

\tset a6 {
\t\ttype ipv6_addr
\t\tflags interval
\t}
}
flush chain inet t c

table inet t {
\tchain c {
\t\tip saddr @a4 drop
\t}
}
`);
    const wrong = [add({ table: table('inet', 't') }), add({ set: { ...named, name: 'ip6', type: 'ipv6_addr' } })];
    expect(printText(wrong).refusals).toMatchObject([{ index: 1 }]);
  });

  it('keeps tables apart and deletions in order', () => {
    const other = table('ip6', 't');
    const commands = [add({ table: own }), add({ table: other }), deleteTable(own), addChain('x'), deleteTable(other)];
    const { chunks, refusals } = printText(commands);
    expect(chunks.join('')).toBe('table ip t {\n}\n\ntable ip6 t {\n}\ndelete table ip t\ndelete table ip6 t\n');
    expect(refusals).toEqual([{ index: 3, what: 'the table ip t is not added before' }]);
  });

  it('comes in chunks', () => {
    const { chunks } = printText([...head, ...Array.from({ length: 10_000 }, () => rule({ comment: 'x' }))]);
    expect(chunks.length).toBeGreaterThan(3);
  });

  it('cannot be led out of a comment line', () => {
    const lines = ['a\nb', 'a\r\n}', '\u2028x', '\u202ex', 'end\\', '\u001b[2J', '\ud800'];
    const { chunks } = printText([...head, rule({ expr: [drop] })], new Map([[2, lines]]));
    expect(chunks.join('').split('\n').slice(2, -3)).toEqual([
      '\t\t# a\\u{a}b',
      '\t\t# a\\u{d}\\u{a}}',
      '\t\t# \\u{2028}x',
      '\t\t# \\u{202e}x',
      '\t\t# end\\',
      '\t\t# \\u{1b}[2J',
      '\t\t# \\u{d800}',
      '\t\tdrop',
    ]);
  });
});

describe('a rule in text', () => {
  const spi = { key: 'reqid', dir: 'in', spnum: 0 } as const;
  const forms: readonly (readonly [string, ...Statement[]])[] = [
    ['iifname "lo" accept', equal(meta('iifname'), 'lo'), accept],
    ['oifname != { "eth*", "br\\*" }', unequal(meta('oifname'), set(['eth*', 'br\\*']))],
    ['ip saddr 10.0.0.0/8', equal(field('ip', 'saddr'), prefix('10.0.0.0', 8))],
    ['tcp dport { 22, 80-90 }', equal(field('tcp', 'dport'), set([22, range(80, 90)]))],
    ['meta l4proto 6', equal(meta('l4proto'), 6)],
    ['ct state established,related', match(ct('state'), 'in', ['established', 'related'])],
    ['ct state == new', equal(ct('state'), 'new')],
    ['tcp flags & (fin | syn) == syn', equal(and(field('tcp', 'flags'), ['fin', 'syn']), 'syn')],
    ['ip frag-off & 0x1fff == 0', equal(and(field('ip', 'frag-off'), 0x1fff), 0)],
    ['@th,96,32 & 0xffffff00 == 0x100600', equal(and(raw('th', 96, 32), 0xffffff00), 0x100600)],
    ['meta ipsec missing', equal(meta('ipsec'), false)],
    ['rt ipsec exists', equal(rt('ipsec'), true)],
    ['ipsec in spnum 0 reqid 1', equal(ipsec(spi), 1)],
    ['exthdr frag exists', equal(exthdr('frag'), true)],
    ['tcp option sack-perm missing', equal(tcpOption('sack-perm'), false)],
    ['tcp option 254 exists', equal(tcpOptionRaw(254, 0, 8), true)],
    ['tcp option @2,16,16 1200', equal(tcpOptionRaw(2, 16, 16), 1200)],
    ['fib saddr . iif oif missing', equal(fib('oif', ['saddr', 'iif']), false)],
    ['fib daddr type local', equal(fib('type', ['daddr']), 'local')],
    ['numgen inc mod 4 offset 1 2', equal(numgen('inc', 4, 1), 2)],
    ['ct original ip saddr 10.0.0.1', equal(ct('ip saddr', 'original'), '10.0.0.1')],
    ['meta mark set meta mark & 0xffff0000 ^ 0x12', mangle(meta('mark'), xor(and(meta('mark'), 0xffff0000), 0x12))],
    ['meta mark set meta mark & (meta mark | 1)', mangle(meta('mark'), and(meta('mark'), or(meta('mark'), 1)))],
    ['limit rate over 3/minute burst 7 packets', limit({ rate: 3, per: 'minute', burst: 7, inv: true })],
    ['limit rate 3/minute burst 5 packets', limit({ rate: 3, per: 'minute' })],
    ['limit rate 1 kbytes/day burst 0 bytes', limit({ rate: 1, per: 'day', rate_unit: 'kbytes' })],
    ['quota over 5 bytes', quota(5, true)],
    ['counter packets 1 bytes 2', counter({ packets: 1, bytes: 2 })],
    ['dnat to 10.0.0.1:80', dnat({ addr: '10.0.0.1', port: 80 })],
    [
      'dnat ip6 to [fd00::1]-[fd00::2]:1-2',
      dnat({ family: 'ip6', addr: range('fd00::1', 'fd00::2'), port: range(1, 2) }),
    ],
    ['dnat to fd00::1', dnat({ addr: 'fd00::1' })],
    ['dnat ip prefix to 10.0.0.0/8', dnat({ addr: prefix('10.0.0.0', 8), flags: ['netmap'] })],
    ['snat to :53 random,persistent', snat({ port: 53, flags: ['random', 'persistent'] })],
    ['masquerade', masquerade()],
    ['masquerade to :1-2 random', masquerade({ port: range(1, 2), flags: ['random'] })],
    ['reject', reject(null)],
    ['reject with tcp reset', reject({ type: 'tcp reset' })],
    ['reject with icmp type host-unreachable', reject({ type: 'icmp', expr: 'host-unreachable' })],
    [
      'log prefix "p: " level debug flags tcp sequence flags ip options',
      log({ prefix: 'p: ', level: 'debug', flags: ['tcp sequence', 'ip options'] }),
    ],
    [
      'log prefix "x" group 1 snaplen 2 queue-threshold 3',
      log({ prefix: 'x', group: 1, snaplen: 2, 'queue-threshold': 3 }),
    ],
    ['queue flags bypass,fanout to 0-3', queue({ num: range(0, 3), flags: ['bypass', 'fanout'] })],
  ];
  for (const [text, ...statements] of forms) it(`prints ${text}`, () => expect(print(...statements)).toBe(text));
});

describe('text refuses', () => {
  const injection = 'a"; insert rule ip t c accept; #';

  it('strings that would not stay strings', () => {
    expect(refusalsOf(rule({ comment: injection }))).toEqual(['0: the comment has a double quote in it']);
    expect(refusalsOf(rule({ comment: 'a\nb' }))).toEqual(['0: the comment has the character U+000A in it']);
    expect(refusalsOf(rule({ comment: '\u001b[2J' }))).toEqual(['0: the comment has the character U+001B in it']);
    expect(refusalsOf(rule({ comment: '\ud800' }))).toEqual(['0: the comment has the character U+D800 in it']);
    expect(refusalsOf(rule({ comment: 'x'.repeat(129) }))).toEqual(['0: the comment has 129 bytes; text takes 128']);
    expect(print(log({ prefix: injection }))).toBe('the log prefix has a double quote in it');
    expect(print(log({ prefix: 'a$b' }))).toBe('the log prefix has a dollar sign in it');
    expect(print(log({ prefix: '' }))).toBe('the log prefix is empty');
    expect(print(equal(meta('iifname'), injection))).toContain('double quote');
    expect(print(equal(meta('iifname'), '@x'))).toContain('means a set');
    expect(print(equal(field('tcp', 'dport'), '@x'))).toContain('is no word of nft');
    expect(print(equal(meta('iifname'), '*'))).toContain('means a set');
  });

  it('constants that are no word of nft', () => {
    for (const bad of ['1 accept', 'a;b', '10.0.0.0/8', '10.0.0.1-10.0.0.9', '@x y', '@', '$x', '', 'x y', '{', '#'])
      expect(print(equal(field('ip', 'saddr'), bad))).toBe(`the constant ${JSON.stringify(bad)} is no word of nft`);
    expect(print(equal(field('ip', 'saddr'), prefix('::1 }', 8)))).toContain('is no word of nft');
    expect(print(dnat({ addr: '10.0.0.1; accept' }))).toContain('is no word of nft');
  });

  it('names that are none', () => {
    expect(print(jump('reject'))).toContain('no word that nft text takes');
    expect(print({ goto: { target: 'a b' } })).toContain('no word that nft text takes');
    expect(print({ 'ct helper': 'label' })).toContain('no word that nft text takes');
    expect(refusalsOf(addChain('a;b'), addChain('ip'))).toHaveLength(2);
    expect(refusalsOf(add({ table: table('ip', 'and') }))).toHaveLength(1);
    const helper = { family: 'ip', table: 't', name: 'x', type: 'f"tp', protocol: 'tcp', l3proto: 'ip' } as const;
    expect(refusalsOf(add({ 'ct helper': helper }))).toEqual(['0: the helper type has a double quote in it']);
  });

  it('what means something else in text', () => {
    expect(print(equal(meta('hour'), range(9, 5)))).toBe('a range that runs backwards');
    expect(print(equal(field('tcp', 'flags'), set([['syn', 'ack']])))).toBe('a list in a set is a mapping');
    expect(print(dnat({ addr: prefix('10.0.0.0', 8), type_flags: ['prefix'] }))).toContain('netmap');
  });

  it('what hangs in the air', () => {
    expect(refusalsOf(rule({ chain: 'none' }))).toEqual(['0: the chain none is not added before']);
    expect(refusalsOf(rule({ table: 'none' }))).toEqual(['0: the table ip none is not added before']);
    expect(refusalsOf(rule({ expr: [] }))).toEqual(['0: the rule has no statement']);
    expect(refusalsOf(addChain('x', { type: 'filter' }))).toHaveLength(1);
    expect(refusalsOf(addChain('c', { type: 'filter', hook: 'input', prio: 0 }))).toHaveLength(1);
    expect(refusalsOf(addChain('c'))).toEqual([]);
  });

  it('a rule as a whole', () => {
    const commands = [...head, rule({ expr: [accept], comment: '"' }), rule({ expr: [drop] })];
    const { chunks, refusals } = printText(commands, new Map([[2, ['never seen']]]));
    expect(refusals.map(({ index }) => index)).toEqual([2]);
    expect(chunks.join('')).toBe('table ip t {\n\tchain c {\n\t\tdrop\n\t}\n}\n');
  });
});
