/** `number[:number]` with open ends, as length, tcpmss, ah and esp take it (xtables_parse_interval and XTTYPE_UINT…RC). */
import { type Bad, isBad, type ValueType } from '../iptables/grammar.ts';
import { wholeNumber } from './value.ts';

/** Equal ends for a single number. `low > high` holds no number. */
export interface NumberRange {
  readonly low: number;
  readonly high: number;
}

const parseRange = (text: string, min: number, max: number): NumberRange | Bad => {
  const { parse } = wholeNumber(min, max);
  const colon = text.indexOf(':');
  if (colon < 0) {
    const value = parse(text, 'ip');
    return isBad(value) ? value : { low: value, high: value };
  }
  const low = colon === 0 ? min : parse(text.slice(0, colon), 'ip');
  if (isBad(low)) return { ...low, at: 0, length: colon };
  const high = colon === text.length - 1 ? max : parse(text.slice(colon + 1), 'ip');
  return isBad(high) ? { ...high, at: colon + 1 } : { low, high };
};

/** A range that ends before it starts is taken, as iptables does. */
export const numberRange = (min: number, max: number, syntax: string): ValueType<NumberRange> => ({
  syntax,
  words: 1,
  parse: (text) => parseRange(text, min, max),
  print: ({ low, high }) => (low === high ? String(low) : `${low}:${high}`),
  samples: () => [
    String(min),
    String(max),
    String(min + 1),
    `${min}:${max}`,
    `${min}:${max - 1}`,
    `${min + 1}:${max}`,
    ':500',
    '500:',
    '500:600',
  ],
});
