/** The language of `--u32`: `location = ranges`, joined by `&&`. Limits are those of struct xt_u32 as iptables fills it. */
import type { Bad, ValueType } from '../../iptables/grammar.ts';

export type Operator = '&' | '<<' | '>>' | '@';

/** An operator and its number; where they stand in the program text, in characters. */
export interface Step {
  readonly operator: Operator;
  readonly number: number;
  readonly at: number;
  readonly length: number;
}

export interface U32Test {
  /** The first number: where the first 4 bytes are loaded from. */
  readonly offset: number;
  readonly at: number;
  readonly length: number;
  readonly steps: readonly Step[];
  readonly ranges: readonly (readonly [number, number])[];
}

export type U32Program = readonly U32Test[];

const most = 10;

/** As strtoul(3) reads it: blanks and a plus sign may stand before it. */
const numberPattern = /\s*\+?(0x[0-9a-f]+|0[0-7]*|[1-9]\d*)/iy;

const operators: readonly Operator[] = ['<<', '>>', '&', '@'];

interface Found {
  readonly value: number;
  readonly at: number;
  readonly end: number;
}

const skipBlanks = (text: string, at: number): number => at + (/^\s*/.exec(text.slice(at))?.[0].length ?? 0);

const readNumber = (text: string, from: number): Found | Bad => {
  numberPattern.lastIndex = from;
  const found = numberPattern.exec(text);
  if (!found) {
    const at = skipBlanks(text, from);
    return at >= text.length
      ? { bad: 'the program ends where a number is expected', at: text.length, length: 1 }
      : { bad: 'a number is expected here', at, length: 1, help: 'numbers are decimal, 0x hexadecimal or 0 octal' };
  }
  const digits = found[1] ?? '';
  const end = from + found[0].length;
  const at = end - digits.length;
  const value = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return value > 0xffff_ffffn
    ? {
        bad: `${digits} is more than 32 bits hold`,
        code: 'value-out-of-range',
        at,
        length: digits.length,
        help: 'numbers go up to 4294967295 (0xffffffff)',
      }
    : { value: Number(value), at, end };
};

interface Reading<T> {
  readonly value: T;
  readonly end: number;
}

const readLocation = (text: string, from: number): Reading<Omit<U32Test, 'ranges'>> | Bad => {
  const offset = readNumber(text, from);
  if ('bad' in offset) return offset;
  const steps: Step[] = [];
  let end = skipBlanks(text, offset.end);
  while (text[end] !== '=') {
    if (end >= text.length) return { bad: 'the program ends before the = and its values', at: text.length, length: 1 };
    const operator = operators.find((candidate) => text.startsWith(candidate, end));
    if (!operator)
      return { bad: 'an operator or = is expected here', at: end, length: 1, help: 'operators are & << >> and @' };
    const number = readNumber(text, end + operator.length);
    if ('bad' in number) return number;
    if (steps.length === most - 1)
      return { bad: 'a location takes at most 10 numbers', at: end, length: number.end - end };
    // net/netfilter/xt_u32.c refuses it when the rule is inserted; older kernels left the result to the processor.
    if ((operator === '<<' || operator === '>>') && number.value >= 32)
      return {
        bad: `a shift by ${number.value} is refused by the kernel`,
        code: 'value-out-of-range',
        at: number.at,
        length: number.end - number.at,
        help: 'shift by 0 to 31',
      };
    steps.push({ operator, number: number.value, at: end, length: number.end - end });
    end = skipBlanks(text, number.end);
  }
  return { value: { offset: offset.value, at: offset.at, length: offset.end - offset.at, steps }, end: end + 1 };
};

/** Ranges up to the end of the text or the `&&` behind them. */
const readRanges = (text: string, from: number): Reading<U32Test['ranges']> | Bad => {
  const ranges: [number, number][] = [];
  let end = from;
  for (;;) {
    const low = readNumber(text, end);
    if ('bad' in low) return low;
    end = skipBlanks(text, low.end);
    let high: Found | Bad = low;
    if (text[end] === ':') {
      high = readNumber(text, end + 1);
      if ('bad' in high) return high;
      end = skipBlanks(text, high.end);
    }
    if (ranges.length === most) return { bad: 'a test takes at most 10 ranges', at: low.at, length: high.end - low.at };
    ranges.push([low.value, high.value]);
    if (end >= text.length || text.startsWith('&&', end)) return { value: ranges, end };
    if (text[end] !== ',')
      return {
        bad: 'a comma, && or the end is expected here',
        at: end,
        length: 1,
        help: 'write value,value or low:high',
      };
    end += 1;
  }
};

export const parseProgram = (text: string): U32Program | Bad => {
  const tests: U32Test[] = [];
  for (let from = 0; ;) {
    const location = readLocation(text, from);
    if ('bad' in location) return location;
    const ranges = readRanges(text, location.end);
    if ('bad' in ranges) return ranges;
    if (tests.length === most)
      return { bad: 'a program takes at most 10 tests', at: from, length: Math.max(1, ranges.end - from) };
    tests.push({ ...location.value, ranges: ranges.value });
    if (ranges.end >= text.length) return tests;
    from = ranges.end + 2;
  }
};

const hex = (value: number): string => `0x${value.toString(16)}`;

export const printProgram = (program: U32Program): string =>
  program
    .map(({ offset, steps, ranges }) => {
      const location = hex(offset) + steps.map((step) => step.operator + hex(step.number)).join('');
      return `${location}=${ranges.map(([low, high]) => (low === high ? hex(low) : `${hex(low)}:${hex(high)}`)).join(',')}`;
    })
    .join('&&');

export const u32Program: ValueType<U32Program> = {
  syntax: 'offset[&mask|<<shift|>>shift|@offset]…=value[:value][,value[:value]]…[&&…]',
  words: 1,
  parse: (text) => parseProgram(text),
  // iptables-save quotes a program whatever it is.
  print: (value) => `"${printProgram(value)}"`,
  samples: () => [
    '0=0',
    '6>>8&0xff=17',
    '0>>22&0x3C@12&0xFFFFFF00=1048832',
    '4 & 0x1FFF = 0 && 0 >> 22 & 0x3C @ 0 >> 16 = 53 , 1024:65535',
    '0>>22&0x3C@12>>26&0x3C@0=0:0xffffffff',
    '010=5:1',
  ],
};
