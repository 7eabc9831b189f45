/** How MARK and CONNMARK change a mark: `(mark & ~mask) ^ value` (net/netfilter/xt_mark.c, xt_connmark.c). */
import type { OptionSpec, ValueType } from '../iptables/grammar.ts';
import type { Given } from '../iptables/types.ts';
import { and, or, xor } from '../nftables/build.ts';
import type { Expression } from '../nftables/types.ts';
import { type InfoOf, option } from './contract.ts';
import { fullMask, type MarkMask, markMask, parseWord } from './mark.ts';

const hex = (number: number): string => `0x${number.toString(16)}`;
const complement = (mask: number): number => ~mask >>> 0;

/** One mark or mask without a slash. */
export const markWord: ValueType<number> = {
  syntax: 'value',
  words: 1,
  parse: (text) => parseWord(text, 'mark'),
  print: hex,
  samples: () => ['0', '1', '0xff', '0xffffffff', '010'],
};

/** Printed with its mask, full or not. */
const markAndMask: ValueType<MarkMask> = {
  ...markMask,
  print: ({ value, mask }) => `${hex(value)}/${hex(mask)}`,
};

// Not an interface: those have no index signature, and could not be an option table.
export type MarkOptions = {
  readonly xmark: OptionSpec<MarkMask>;
  readonly mark: OptionSpec<MarkMask>;
  readonly and: OptionSpec<number>;
  readonly or: OptionSpec<number>;
  readonly xor: OptionSpec<number>;
};

/** The five spellings of one operation; iptables keeps and prints the first. */
export const markOptions: MarkOptions = {
  xmark: option({
    name: '--set-xmark',
    value: markAndMask,
    excludes: ['mark', 'and', 'or', 'xor'],
    about: 'clear the bits of the mask, then flip those of the value',
  }),
  mark: option({
    name: '--set-mark',
    value: markMask,
    excludes: ['and', 'or', 'xor'],
    about: 'clear the bits of the mask and of the value, then set those of the value',
  }),
  and: option({
    name: '--and-mark',
    value: markWord,
    excludes: ['or', 'xor'],
    about: 'keep the bits of the value only',
  }),
  or: option({ name: '--or-mark', value: markWord, excludes: ['xor'], about: 'set the bits of the value' }),
  xor: option({ name: '--xor-mark', value: markWord, about: 'flip the bits of the value' }),
};

const spelling = (given: Given<unknown>, value: number, mask: number): Given<MarkMask> => ({
  ...given,
  value: { value, mask },
});

/** The operation as `--set-xmark`, whichever of the five it was given as. */
export const asXmark = (info: InfoOf<MarkOptions>): Given<MarkMask> | undefined => {
  if (info.xmark) return info.xmark;
  if (info.mark)
    return spelling(info.mark, info.mark.value.value, (info.mark.value.mask | info.mark.value.value) >>> 0);
  if (info.and) return spelling(info.and, 0, complement(info.and.value));
  if (info.or) return spelling(info.or, info.or.value, info.or.value);
  return info.xor && spelling(info.xor, info.xor.value, 0);
};

/** What becomes of the mark `old`: undefined if it stays as it is. */
export const changedMark = (old: Expression, { value, mask }: MarkMask): Expression | undefined => {
  if (mask === fullMask) return value;
  const kept = complement(mask);
  if (value === 0) return mask === 0 ? undefined : and(old, kept);
  if (mask === 0) return xor(old, value);
  if (value === mask) return or(old, value);
  return (value & kept) === 0 ? or(and(old, kept), value) : xor(and(old, kept), value);
};

const word = '(0x[0-9a-f]+)';

/** `MARK set 0x1`, `and`, `or`, `xor` or `xset 0x1/0xff`, as both targets list them. */
export const readMarkListing = (
  name: string,
  text: string,
): { readonly words: readonly string[]; readonly length: number } | undefined => {
  const found = new RegExp(`^${name} (?:(set|and|or|xor) ${word}|xset (0x[0-9a-f]+/0x[0-9a-f]+))(?= |$)`).exec(text);
  if (!found) return undefined;
  const [whole, verb, value = '', both] = found;
  const words = verb === undefined ? ['--set-xmark', both ?? ''] : [`--${verb}-mark`, value];
  return { words, length: whole.length };
};
