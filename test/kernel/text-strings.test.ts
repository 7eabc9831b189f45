// Strings that try to be more than strings: what the text form carries, nft reads back to the byte, and the rest is
// refused.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { add, counter, deleteTable, equal, jump, log, meta, table } from '../../src/nftables/build.ts';
import { isTextName, mapName } from '../../src/nftables/names.ts';
import { printJson } from '../../src/nftables/print.ts';
import { printText } from '../../src/nftables/text.ts';
import type { Command, RuleObject } from '../../src/nftables/types.ts';
import { type Form, loadEach } from './nft.ts';

const own = table('ip', 'strings');
const chainNamed = (name: string): Command => add({ chain: { family: 'ip', table: own.name, name } });
const head: readonly Command[] = [add({ table: own }), deleteTable(own), add({ table: own }), chainNamed('c')];
const helper = (name: string): Command =>
  add({ 'ct helper': { family: 'ip', table: own.name, name, type: 'ftp', protocol: 'tcp', l3proto: 'ip' } });
const ruleWith = (parts: Pick<RuleObject, 'expr' | 'comment'>): Command =>
  add({ rule: { family: 'ip', table: own.name, chain: 'c', ...parts } });

const load = (document: string, form: Form): unknown => {
  const [loaded] = loadEach([document], form);
  expect(loaded?.error).toBe('');
  return [...(loaded?.listing ?? [])];
};

/** Loads what text can carry both ways; gives the number of commands that it cannot. */
const carry = (commands: readonly Command[], comments?: ReadonlyMap<number, readonly string[]>): number => {
  const refused = new Set(printText(commands).refusals.map(({ index }) => index));
  const kept = commands.filter((_, index) => !refused.has(index));
  const { chunks, refusals } = printText(kept, comments);
  expect(refusals).toEqual([]);
  expect(load(chunks.join(''), 'text')).toEqual(load(printJson(kept).join(''), 'json'));
  return refused.size;
};

const pieces = [
  ...'" \\ * $ { } ; # \' @ / - % | & ! ( < , a x0 drop é $x \\"'.split(' '),
  ...Array.from(' \t\n\r\u007f\u0085'),
  '\u{1f433}',
  '\u001b[2J',
  '\\\n',
];
const text = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 12 }).map((parts) => parts.join(''));
const texts = (count: number): readonly string[] => fc.sample(text, { numRuns: count, seed: 4789 });

const injections = [
  'a"; insert rule ip strings c accept; #',
  'a"\n\t\taccept\n\t\tcounter comment "b',
  'a\naccept',
  '}\n}\ntable ip strings { chain c { accept; } }',
  '"',
  '\\"',
  'a\\',
  '\\',
];

describe('strings in text', () => {
  it('comments', () => {
    const commands = [...injections, ...texts(300)].map((comment) => ruleWith({ comment, expr: [counter()] }));
    expect(carry([...head, ...commands])).toBeGreaterThan(50);
    const long = [128, 129].map((length) => ruleWith({ comment: 'é'.padStart(length - 1, 'x'), expr: [counter()] }));
    expect(carry([...head, ...long])).toBe(1);
  });

  it('log prefixes', () => {
    const commands = [...injections, ...texts(300)].map((prefix) => ruleWith({ expr: [log({ prefix })] }));
    expect(carry([...head, ...commands])).toBeGreaterThan(50);
  });

  it('interface names', () => {
    const names = [...injections, ...texts(400)].filter(
      (name) => new TextEncoder().encode(name).length <= 14 && !/^[@*]/.test(name),
    );
    const commands = names.map((name) => ruleWith({ expr: [equal(meta('iifname'), name)] }));
    expect(carry([...head, ...commands])).toBeGreaterThan(20);
  });

  it('lines for people', () => {
    const commands = [...head, ruleWith({ expr: [counter()] })];
    const lines = [...injections, ...texts(100), '\u2028drop', 'x\u202edrop', '\ud800', '', '\\'];
    expect(carry(commands, new Map([0, 1, 2, 3, 4].map((index) => [index, lines])))).toBe(0);
  });
});

describe('names in text', () => {
  const words = [
    ...'reject dynamic GOOD~STUFF 1a2b3c4d5e6f f2b-sshd a.b/c DOCKER-USER . .. _ -a 5m 10.0.0.1 a:b aé'.split(' '),
    ...'last destroy tunnel vxlan gre xt ip ip6 inet th tcp and eq label a* a"b a;b a{b #a $a @a a\\b'.split(' '),
    ...'saddr state count over until id name packets version to port prefix echo \u{1f433}'.split(' '),
    'x'.repeat(255),
    ...texts(100),
  ];

  it('mapped names are names', () => {
    const taken = new Set(['c', ...words.filter(isTextName)]);
    const mapped = words.map((word) => {
      if (isTextName(word)) return word;
      const name = mapName(word, taken);
      taken.add(name);
      return name;
    });
    const names = [...new Set(mapped)];
    const jumps = names.map((name) => ruleWith({ expr: [jump(name)] }));
    expect(carry([...head, ...names.map(chainNamed), ...jumps])).toBe(0);
  });

  it('names that text refuses are refused', () => {
    const bad = words.filter((word) => !isTextName(word) && new TextEncoder().encode(word).length < 200);
    const { refusals } = printText([...head, ...bad.map(chainNamed)]);
    expect(refusals.map(({ index }) => index)).toEqual(bad.map((_, index) => index + head.length));
  });

  it('helper objects', () => {
    expect(carry([...head, helper('ftp-1'), helper('label'), helper('a"b')])).toBe(2);
  });
});
