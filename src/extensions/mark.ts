/** Mark values with a mask, as the mark and connmark matches and the MARK and CONNMARK targets take them. */
import { type Bad, isBad, type ListingReader, type ValueType } from '../iptables/grammar.ts';
import type { Given } from '../iptables/types.ts';
import { and, match } from '../nftables/build.ts';
import { always, type Formula, never, test } from '../nftables/formula.ts';
import type { Expression } from '../nftables/types.ts';
import { parseNumber } from './value.ts';

/** `value` may have bits outside of `mask`: such a match holds for no packet. */
export interface MarkMask {
  readonly value: number;
  readonly mask: number;
}

export const fullMask = 0xffffffff;

const hex = (number: number): string => `0x${number.toString(16)}`;

/** A word of 32 bits as strtoul(3) reads it; `what` names it in the error. */
export const parseWord = (text: string, what: string): number | Bad => {
  const number = parseNumber(text);
  if (number === undefined) return { bad: `"${text}" is not a ${what}`, help: 'give a number from 0 to 0xffffffff' };
  if (number > 0xffffffffn)
    return { bad: `${what} ${text} has more than 32 bits`, code: 'value-out-of-range', help: 'at most 0xffffffff' };
  return Number(number);
};

export const parseMarkMask = (text: string): MarkMask | Bad => {
  const slash = text.indexOf('/');
  const value = parseWord(slash < 0 ? text : text.slice(0, slash), 'mark');
  if (isBad(value)) return slash < 0 ? value : { ...value, length: slash };
  const mask = slash < 0 ? fullMask : parseWord(text.slice(slash + 1), 'mask');
  return isBad(mask) ? { ...mask, at: Math.min(slash + 1, text.length - 1) } : { value, mask };
};

/** `0x1` under a full mask, else `0x1/0xff`. */
export const printMarkMask = ({ value, mask }: MarkMask): string =>
  mask === fullMask ? hex(value) : `${hex(value)}/${hex(mask)}`;

/** `value[/mask]` as the mark and connmark matches print it. */
export const markMask: ValueType<MarkMask> = {
  syntax: 'value[/mask]',
  words: 1,
  parse: parseMarkMask,
  print: (value) => printMarkMask(value),
  samples: () => ['0', '1', '0xffffffff', '0x1/0xff', '0/0', '0x10/0xf', '4/0xffffffff', '010/0x3'],
};

/** `expression & mask`, or the expression itself under a full mask. */
export const masked = (expression: Expression, mask: number): Expression =>
  mask === fullMask ? expression : and(expression, mask);

/** Whether no value under the mask can be the wanted one. */
export const isImpossible = ({ value, mask }: MarkMask): boolean => (value & ~mask) !== 0;

/** Whether the mark at `expression`, under the mask, is the wanted one. Right only where the load of it cannot fail. */
export const markTest = (expression: Expression, { value: wanted, inverted }: Given<MarkMask>): Formula => {
  if (isImpossible(wanted)) return inverted ? always : never;
  if (wanted.mask === 0) return inverted ? never : always;
  return test(match(masked(expression, wanted.mask), inverted ? '!=' : '==', wanted.value));
};

/** `mark match 0x1/0xff`, with `!` before the value. The connmark match prints one blank more. */
export const markListing = (name: string): ListingReader => {
  const form = new RegExp(`^${name} match +(! )?(0x[0-9a-f]+(?:/0x[0-9a-f]+)?)(?= |$)`);
  return (text) => {
    const found = form.exec(text);
    if (!found) return undefined;
    const [whole, inverted, value = ''] = found;
    return { words: [...(inverted ? ['!'] : []), '--mark', value], length: whole.length };
  };
};
