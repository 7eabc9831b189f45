import type { Bad, ValueType } from '../iptables/grammar.ts';
/** Comma lists of words from a fixed vocabulary: connection states, address types. */

/** Any case, and shortened as far as one likes: the first word of the vocabulary that starts so is meant. */
const wordOf = <T extends string>(text: string, vocabulary: readonly T[]): T | undefined =>
  text === '' ? undefined : vocabulary.find((word) => word.startsWith(text.toUpperCase()));

/** The words of `text`, without repetition and in the order of the vocabulary. */
export const parseWords = <T extends string>(
  text: string,
  vocabulary: readonly T[],
  what: string,
): readonly T[] | Bad => {
  const found = new Set<T>();
  let at = 0;
  for (const part of text.split(',')) {
    const word = wordOf(part, vocabulary);
    if (word === undefined)
      return {
        bad: part === '' ? `an empty ${what}` : `"${part}" is not a ${what}`,
        at: Math.min(at, Math.max(0, text.length - 1)),
        length: Math.max(1, part.length),
        help: `give some of ${vocabulary.join(', ')}, with commas between them`,
      };
    found.add(word);
    at += part.length + 1;
  }
  return vocabulary.filter((word) => found.has(word));
};

export const wordList = <T extends string>(vocabulary: readonly T[], what: string): ValueType<readonly T[]> => ({
  syntax: `${what}[,${what}]…`,
  words: 1,
  parse: (text) => parseWords(text, vocabulary, what),
  print: (words) => words.join(','),
  samples: () => [...vocabulary, vocabulary.join(','), vocabulary.slice(1, 3).join(',')],
});
