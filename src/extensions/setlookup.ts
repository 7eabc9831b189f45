/** An ipset, and what of the packet to look up in it. */
import type { Bad, ValueType } from '../iptables/grammar.ts';
import { utf8Length } from '../netfilter/bytes.ts';

export interface SetLookup {
  readonly name: string;
  readonly flags: readonly ('src' | 'dst')[];
}

const isFlag = (word: string): word is 'src' | 'dst' => word === 'src' || word === 'dst';

const parseLookup = (text: string): SetLookup | Bad => {
  const blank = text.lastIndexOf(' ');
  const name = text.slice(0, blank);
  const words = text.slice(blank + 1).split(',');
  if (name === '') return { bad: 'a set needs a name' };
  if (utf8Length(name) > 31)
    return { bad: `set name "${name}" is too long`, length: name.length, help: 'an ipset name has at most 31 bytes' };
  const flags = words.filter(isFlag);
  if (flags.length !== words.length)
    return {
      bad: `"${words.find((word) => !isFlag(word)) ?? ''}" is neither src nor dst`,
      help: 'one src or dst for each dimension of the set',
    };
  if (flags.length > 6) return { bad: `${flags.length} dimensions are too many`, help: 'at most six' };
  return { name, flags };
};

/** As the set match and the SET target take it: two words. */
export const setLookup: ValueType<SetLookup> = {
  syntax: 'name src|dst[,src|dst]…',
  words: 2,
  parse: parseLookup,
  print: ({ name, flags }) => {
    const word = /[\s"\\]/.test(name) ? `"${name.replace(/["\\]/g, '\\$&')}"` : name;
    return `${word} ${flags.join(',')}`;
  },
  samples: () => ['blocked src', 'pairs src,dst', 'six src,src,dst,dst,src,dst'],
};
