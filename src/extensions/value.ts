import { utf8Length } from '../netfilter/bytes.ts';
import type { ValueType } from '../iptables/grammar.ts';

/** How iptables quotes a string (xtables_save_string): bare if it is all word characters, else in quotes with `"`, `'` and `\` escaped. */
export const quoted = (text: string): string =>
  /^[-_0-9a-zA-Z]+$/.test(text) ? text : `"${text.replace(/["'\\]/g, '\\$&')}"`;

export const flag: ValueType<true> = { syntax: '', words: 0, parse: () => true, print: () => '', samples: () => [''] };

/** A number as strtoul(3) with base 0 reads it: decimal, 0x hexadecimal, 0 octal. */
export const parseNumber = (text: string): bigint | undefined => {
  if (/^0x[0-9a-f]+$/i.test(text)) return BigInt(text);
  if (/^0[0-7]+$/.test(text)) return BigInt(`0o${text.slice(1)}`);
  return /^(?:0|[1-9]\d*)$/.test(text) ? BigInt(text) : undefined;
};

/** A whole number between `min` and `max`, printed in base 10 or 16. */
export const wholeNumber = (min: number, max: number, base: 10 | 16 = 10): ValueType<number> => ({
  syntax: 'number',
  words: 1,
  parse: (text) => {
    const value = parseNumber(text);
    if (value === undefined)
      return { bad: `"${text}" is not a whole number`, help: `give a number from ${min} to ${max}` };
    if (value < BigInt(min) || value > BigInt(max))
      return {
        bad: `${text} is out of range`,
        code: 'value-out-of-range',
        help: `give a number from ${min} to ${max}`,
      };
    return Number(value);
  },
  print: (value) => (base === 16 ? `0x${value.toString(16)}` : String(value)),
  samples: () => [...new Set([min, Math.min(min + 1, max), max])].map(String),
});

/** One word of a fixed list. `values` maps what may be written to what it means; the first spelling of a meaning is printed. */
export const oneOf = <T>(values: Readonly<Record<string, T>>, syntax?: string): ValueType<T> => ({
  syntax: syntax ?? `{${Object.keys(values).join('|')}}`,
  words: 1,
  parse: (text) =>
    Object.hasOwn(values, text)
      ? (values[text] as T)
      : { bad: `"${text}" is not known here`, help: `one of ${Object.keys(values).join(', ')}` },
  print: (value) => Object.keys(values).find((name) => values[name] === value) ?? String(value),
  samples: () => Object.keys(values),
});

/** Any string of at most `max` bytes of UTF-8. */
export const string = (max: number, syntax: string): ValueType<string> => ({
  syntax,
  words: 1,
  parse: (text) => {
    const length = utf8Length(text);
    return length > max
      ? { bad: `${length} bytes are too many`, code: 'value-out-of-range', help: `at most ${max} bytes` }
      : text;
  },
  print: quoted,
  samples: () => ['a', 'two words', 'quote " and \\ backslash', "it's"].filter((s) => s.length <= max),
});
