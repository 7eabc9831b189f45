/** The text of `--bytecode`: the number of instructions, then `code jt jf k` for each, all decimal. */
import type { Bad, ValueType } from '../../iptables/grammar.ts';
import { checkProgram } from './check.ts';
import type { Instruction } from './instruction.ts';

export type BpfProgram = readonly Instruction[];

/** XT_BPF_MAX_NUM_INSTR of include/uapi/linux/netfilter/xt_bpf.h. */
const most = 64;

const widths = [
  { name: 'code', max: 0xffff },
  { name: 'jt', max: 0xff },
  { name: 'jf', max: 0xff },
  { name: 'k', max: 0xffff_ffff },
] as const;

const readInstruction = (text: string, at: number, index: number): Instruction | Bad => {
  const numbers: number[] = [];
  const pattern = /\s*(\S+)/gy;
  for (const { name, max } of widths) {
    const found = pattern.exec(text);
    const word = found?.[1] ?? '';
    const from = at + (found ? found.index + found[0].length - word.length : text.length);
    if (!found)
      return {
        bad: `instruction ${index} has ${numbers.length} of 4 numbers`,
        at,
        length: Math.max(1, text.length),
        help: 'write code jt jf k, separated by blanks',
      };
    if (!/^\d+$/.test(word))
      return { bad: `${name} of instruction ${index} is no decimal number`, at: from, length: word.length };
    // iptables would cut a number that is too big, and run another program than the one written.
    if (BigInt(word) > BigInt(max))
      return {
        bad: `${name} of instruction ${index} is at most ${max}`,
        code: 'value-out-of-range',
        at: from,
        length: word.length,
      };
    numbers.push(Number(word));
  }
  const rest = text.slice(pattern.lastIndex);
  if (rest.trim() !== '')
    return {
      bad: `instruction ${index} has more than 4 numbers`,
      at: at + pattern.lastIndex + (rest.length - rest.trimStart().length),
      length: rest.trim().length,
    };
  const [code = 0, jt = 0, jf = 0, k = 0] = numbers;
  const blanks = text.length - text.trimStart().length;
  return { code, jt, jf, k, at: at + blanks, length: text.trim().length };
};

/** Only syntax and the count; `parseProgram` also wants a program that the kernel takes. */
const readProgram = (text: string): BpfProgram | Bad => {
  const head = /^\s*(\d+),/.exec(text);
  if (!head)
    return {
      bad: 'the program does not start with its number of instructions and a comma',
      at: 0,
      length: Math.max(1, /^\s*[^,]*/.exec(text)?.[0].length ?? 1),
      help: 'write it as nfbpf_compile prints it: count,code jt jf k,code jt jf k,…',
    };
  const countText = head[1] ?? '';
  const count = Number(countText);
  const countAt = { at: head[0].length - 1 - countText.length, length: countText.length };
  if (count < 1 || count > most)
    return { bad: `a program has 1 to ${most} instructions`, code: 'value-out-of-range', ...countAt };
  const program: Instruction[] = [];
  let at = head[0].length;
  // A comma at the very end is no instruction.
  while (at < text.length) {
    const comma = text.indexOf(',', at);
    const end = comma < 0 ? text.length : comma;
    const instruction = readInstruction(text.slice(at, end), at, program.length);
    if ('bad' in instruction) return instruction;
    program.push(instruction);
    at = end + 1;
  }
  return program.length === count
    ? program
    : { bad: `the program says ${count} instructions and has ${program.length}`, ...countAt };
};

export const parseProgram = (text: string): BpfProgram | Bad => {
  const program = readProgram(text);
  return 'bad' in program ? program : (checkProgram(program) ?? program);
};

export const printProgram = (program: BpfProgram): string =>
  [program.length, ...program.map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k}`)].join(',');

export const bytecode: ValueType<BpfProgram> = {
  syntax: 'count,code jt jf k[,code jt jf k]…',
  words: 1,
  parse: (text) => parseProgram(text),
  // iptables-save quotes a program whatever it is.
  print: (value) => `"${printProgram(value)}"`,
  samples: () => [
    '1,6 0 0 1',
    '1,22 0 0 0',
    '4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0',
    '6,177 0 0 0,64 0 0 12,84 0 0 4294967040,21 1 0 1050112,6 0 0 0,6 0 0 4294967295',
    '7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 4102,6 0 0 0,6 0 0 4294967295',
  ],
};
