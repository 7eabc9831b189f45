import { describe, expect, it } from 'vitest';
import type { ExtensionGrammar, ListingReader } from '../../src/iptables/grammar.ts';
import { readText } from '../../src/iptables/listing-text.ts';

const extension = (name: string, listing?: ListingReader): ExtensionGrammar => ({
  name,
  families: ['ip'],
  options: {},
  check: () => undefined,
  ...(listing ? { listing } : {}),
});

/** Takes the words of its pattern from the front. */
const taking = (name: string, pattern: RegExp, option = `--${name}`): ExtensionGrammar =>
  extension(name, (text) => {
    const found = pattern.exec(text);
    return found ? { words: [option, found[0]], length: found[0].length } : undefined;
  });

const readWith = (text: string, matches: readonly ExtensionGrammar[], target?: ExtensionGrammar) => {
  const reading = readText(text, matches, target, { family: 'ip', numeric: true });
  return reading.kind === 'read'
    ? reading.parts.map(({ name, part, at }) => `${name}@${at} ${part.words.at(-1) ?? ''}`.trim())
    : `${reading.kind} ${reading.at}`;
};

const short = taking('short', /^a/);
const long = taking('long', /^a b/);
const other = taking('other', /^c/);

describe('the text of a rule', () => {
  it('is taken apart in its order', () => {
    expect(readWith(' c a  c ', [short, other])).toEqual(['other@1 c', 'short@3 a', 'other@6 c']);
    expect(readWith('', [short])).toEqual([]);
  });

  it('is tried in other ways where one leads nowhere', () => {
    expect(readWith('a b c', [short, long, other])).toEqual(['long@0 a b', 'other@4 c']);
    expect(readWith('a c', [long, short, other])).toEqual(['short@0 a', 'other@2 c']);
  });

  it('is refused where two ways lead to different rules', () => {
    const b = taking('b', /^b/);
    expect(readWith('c a b', [short, long, b, other])).toBe('ambiguous 2');
    expect(readWith('c', [other, taking('twin', /^c/)])).toBe('ambiguous 0');
  });

  it('is refused at the furthest place that something led to', () => {
    expect(readWith('a c x', [short, other])).toBe('unreadable 4');
    expect(readWith('x', [short])).toBe('unreadable 0');
  });

  it('ends with what the target prints', () => {
    const target = taking('TARGET', /^t \d/);
    expect(readWith('a t 1', [short], target)).toEqual(['short@0 a', 'TARGET@2 t 1']);
    expect(readWith('t 1 a', [short], target)).toBe('unreadable 0');
    expect(readWith('a', [short], target)).toBe('unreadable 1');
    expect(readWith('a', [short], extension('SILENT'))).toEqual(['short@0 a', 'SILENT@1']);
    expect(
      readWith(
        'a',
        [short],
        extension('QUIET', () => ({ words: [], length: 0 })),
      ),
    ).toEqual(['short@0 a', 'QUIET@1']);
  });

  it('has at most 64 parts', () => {
    expect(readWith('a '.repeat(64), [short])).toHaveLength(64);
    expect(readWith('a '.repeat(70), [short])).toMatch(/^unreadable/);
  });

  it('may be glued to a part that is printed without a blank', () => {
    const bpf = taking('glued', /^match bpf \d/);
    const wordy = taking('wordy', /^w(?= |$)/);
    expect(readWith('wmatch bpf 1 c', [wordy, bpf, other])).toEqual(['wordy@0 w', 'glued@1 match bpf 1', 'other@13 c']);
    expect(readWith('w match bpf 1\0', [wordy, bpf])).toEqual(['wordy@0 w', 'glued@2 match bpf 1']);
  });
});
