import { describe, expect, it } from 'vitest';
import { endsInsideQuote, splitWords } from '../../src/iptables/words.ts';

const split = (text: string, from = 0) => splitWords({ file: 'input', number: 1, text }, from);
const texts = (text: string) => {
  const words = split(text);
  return 'code' in words ? words.code : words.map((word) => word.text);
};

describe('words of a dump', () => {
  it('are what stands between blanks', () => {
    expect(texts('-A INPUT\t-j  ACCEPT ')).toEqual(['-A', 'INPUT', '-j', 'ACCEPT']);
    expect(texts('')).toEqual([]);
    expect(texts(' \t ')).toEqual([]);
  });

  it('keep blanks inside double quotes', () => {
    expect(texts('--comment "two words" -j')).toEqual(['--comment', 'two words', '-j']);
    expect(texts('"" a""b "c d"e')).toEqual(['', 'ab', 'c de']);
  });

  it('take the character behind a backslash inside quotes only', () => {
    expect(texts(String.raw`"a \"b\" c"`)).toEqual(['a "b" c']);
    expect(texts(String.raw`"back\\slash"`)).toEqual(['back\\slash']);
    expect(texts(String.raw`"it\'s"`)).toEqual(["it's"]);
    expect(texts(String.raw`a\ b`)).toEqual(['a\\', 'b']);
  });

  it('do not take single quotes for quotes', () => {
    expect(texts("'a b'")).toEqual(["'a", "b'"]);
  });

  it('may hold a line feed inside quotes', () => {
    expect(texts('"a\nb" c')).toEqual(['a\nb', 'c']);
  });

  it('know where they stand, quotes included', () => {
    const words = split('[1:2] -A  "x y" z', 5);
    expect(words).toEqual([
      { text: '-A', column: 7, length: 2, quoted: false },
      { text: 'x y', column: 11, length: 5, quoted: true },
      { text: 'z', column: 17, length: 1, quoted: false },
    ]);
  });

  it('are none when a quote is never closed, and the place is where it opens', () => {
    expect(split('-A INPUT --comment "no end')).toMatchObject({ code: 'bad-quote', span: { column: 20, length: 1 } });
    expect(texts(String.raw`"ends in \"`)).toBe('bad-quote');
    expect(texts(String.raw`"ends in \\"`)).toEqual(['ends in \\']);
  });
});

describe('a line that ends inside a quote', () => {
  it.each([
    ['', false],
    ['-A INPUT', false],
    ['"a b"', false],
    ['"a b', true],
    [String.raw`"a \" b`, true],
    [String.raw`"a \\"`, false],
    ['"a" "b', true],
  ])('%j: %s', (text, inside) => {
    expect(endsInsideQuote(text)).toBe(inside);
  });
});
