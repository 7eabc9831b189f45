/** What xt_u32.c u32_match_it makes of a packet. */
import type { Step, U32Program, U32Test } from './program.ts';

const limit = 2 ** 32;

/** Four bytes at a place in the packet, or undefined where they are not all there. */
const load = (bytes: Uint8Array, at: number): number | undefined => {
  if (at + 4 > bytes.length) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(at, at + 4);
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
};

const apply = (value: number, { operator, number }: Exclude<Step, { readonly operator: '@' }>): number => {
  switch (operator) {
    case '&':
      return (value & number) >>> 0;
    case '<<':
      return (value << number) >>> 0;
    case '>>':
      return value >>> number;
    case '@':
      return value;
  }
};

/** One number of the program, or undefined where a load goes beyond the packet or a sum beyond 32 bits. */
const locate = ({ offset, steps }: U32Test, bytes: Uint8Array): number | undefined => {
  let base = 0;
  let value = load(bytes, offset);
  for (const step of steps) {
    if (value === undefined) return undefined;
    if (step.operator === '@') {
      base += value;
      if (base + 4 >= limit) return undefined;
      value = load(bytes, base + step.number);
    } else value = apply(value, step);
  }
  return value;
};

/** Whether every test holds; where a byte is missing none does. `bytes` begin at the network header. */
export const runProgram = (program: U32Program, bytes: Uint8Array): boolean =>
  program.every((test) => {
    const value = locate(test, bytes);
    return value !== undefined && test.ranges.some(([low, high]) => value >= low && value <= high);
  });
