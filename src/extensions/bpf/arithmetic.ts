/** What the instructions of classic BPF compute, in unsigned 32-bit numbers (net/core/filter.c bpf_convert_filter). */
import type { Meaning } from './instruction.ts';

export type Arithmetic = Extract<Meaning, { readonly kind: 'compute' }>['operation'];

/** Undefined for a division by 0, which ends the program. A shift uses the low 5 bits of its operand. */
export const computeNumber = (operation: Arithmetic, a: number, b: number): number | undefined => {
  switch (operation) {
    case 'add':
      return (a + b) >>> 0;
    case 'sub':
      return (a - b) >>> 0;
    case 'mul':
      return Math.imul(a, b) >>> 0;
    case 'div':
      return b === 0 ? undefined : Math.floor(a / b);
    case 'mod':
      return b === 0 ? undefined : a % b;
    case 'or':
      return (a | b) >>> 0;
    case 'and':
      return (a & b) >>> 0;
    case 'xor':
      return (a ^ b) >>> 0;
    case 'shl':
      return (a << (b & 31)) >>> 0;
    case 'shr':
      return a >>> (b & 31);
    case 'neg':
      return -a >>> 0;
  }
};
