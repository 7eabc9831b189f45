/** What the kernel demands of a classic program before it takes it: net/core/filter.c bpf_check_classic. */
import type { Bad } from '../../iptables/grammar.ts';
import { figureAt, type Instruction, isFigure, meaningOf, mnemonic } from './instruction.ts';

const memorySize = 16;

const invalid = (instruction: Instruction, index: number, why: string): Bad => ({
  bad: `instruction ${index} (${mnemonic(instruction)}) ${why}`,
  code: 'bpf-invalid',
  at: instruction.at,
  length: instruction.length,
});

/** What is wrong with one instruction by itself. */
const alone = (instruction: Instruction, index: number, count: number): string | undefined => {
  const meaning = meaningOf(instruction);
  const { jt, jf, k } = instruction;
  const left = count - index - 1;
  if (!meaning) return 'is no instruction of classic BPF';
  switch (meaning.kind) {
    case 'compute':
      if ((meaning.operation === 'div' || meaning.operation === 'mod') && !meaning.x && k === 0) return 'divides by 0';
      return (meaning.operation === 'shl' || meaning.operation === 'shr') && !meaning.x && k >= 32
        ? 'shifts by more than 31'
        : undefined;
    case 'load':
      if (meaning.from === 'memory' && k >= memorySize) return `uses a memory word beyond M[${memorySize - 1}]`;
      return meaning.from === 'absolute' && isFigure(k) && !figureAt(k)
        ? 'loads a figure that the kernel does not have'
        : undefined;
    case 'store':
      return k >= memorySize ? `uses a memory word beyond M[${memorySize - 1}]` : undefined;
    case 'jump':
      return k >= left ? 'jumps behind the end of the program' : undefined;
    case 'branch':
      return jt >= left || jf >= left ? 'jumps behind the end of the program' : undefined;
    case 'copy':
    case 'return':
      return undefined;
  }
};

/**
 * The first read of a memory word that not every way there has written. Like the kernel, it takes what follows a
 * return for reachable from it.
 */
const readBeforeWritten = (program: readonly Instruction[]): number | undefined => {
  const every = (1 << memorySize) - 1;
  const arriving = program.map(() => every);
  let written = 0;
  for (const [index, instruction] of program.entries()) {
    const meaning = meaningOf(instruction);
    const { jt, jf, k } = instruction;
    written &= arriving[index] ?? every;
    const leave = (distance: number): void => {
      arriving[index + 1 + distance] = (arriving[index + 1 + distance] ?? every) & written;
    };
    if (meaning?.kind === 'store') written |= 1 << k;
    else if (meaning?.kind === 'load' && meaning.from === 'memory' && !(written & (1 << k))) return index;
    else if (meaning?.kind === 'jump') {
      leave(k);
      written = every;
    } else if (meaning?.kind === 'branch') {
      leave(jt);
      leave(jf);
      written = every;
    }
  }
  return undefined;
};

export const checkProgram = (program: readonly Instruction[]): Bad | undefined => {
  for (const [index, instruction] of program.entries()) {
    const why = alone(instruction, index, program.length);
    if (why !== undefined) return invalid(instruction, index, why);
  }
  const last = program.at(-1);
  if (last && meaningOf(last)?.kind !== 'return')
    return invalid(last, program.length - 1, 'is the last one and no return');
  const early = readBeforeWritten(program);
  return early === undefined
    ? undefined
    : invalid(program[early] as Instruction, early, 'reads a memory word that may not have been written');
};
