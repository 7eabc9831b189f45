/** A classic BPF program instruction by instruction, with what the registers A and X then hold as far as it is certain. */
import { payload } from '../../packet/field.ts';
import type { MeaningContext } from '../contract.ts';
import { bytesWords, comparisonWords, type ProgramLine, selectionWords } from '../programline.ts';
import { selectAll, topNumber } from '../selection.ts';
import { figureAt, type Instruction, isFigure, type Meaning, meaningOf, mnemonic } from './instruction.ts';
import type { BpfProgram } from './program.ts';
import { compute, constant, headerLength, isHeaderLength, type Register } from './register.ts';
import { networkOffset } from './run.ts';

/** Undefined: not the same on every way here, or nothing that can be said shortly. */
interface Registers {
  readonly a: Register | undefined;
  readonly x: Register | undefined;
}

const linkOffset = 2 ** 32 - 0x20_0000;

const sameRegister = (a: Register | undefined, b: Register | undefined): Register | undefined =>
  JSON.stringify(a) === JSON.stringify(b) ? a : undefined;

const joined = (a: Registers | undefined, b: Registers): Registers =>
  a ? { a: sameRegister(a.a, b.a), x: sameRegister(a.x, b.x) } : b;

const bits = (base: 'nh' | 'th', offset: number, size: number): Register => ({
  kind: 'bits',
  selection: selectAll(payload(base, offset * 8, size * 8)),
  plus: 0,
});

/** Where `x + k` points, if it points behind the IP header. */
const behindHeader = (x: Register | undefined, k: number, { family }: MeaningContext): number | undefined => {
  if (x?.kind === 'transport') return (x.plus + k) % 2 ** 32;
  return x?.kind === 'bits' && family === 'ip' && isHeaderLength(x.selection) ? (x.plus + k) % 2 ** 32 : undefined;
};

interface Said {
  readonly about: string;
  readonly value?: Register | undefined;
}

const absolute = (k: number, size: number, context: MeaningContext): Said => {
  if (k > 0x7fff_ffff && k < linkOffset) return { about: 'an offset that no packet has: the program ends, no match' };
  if (k > 0x7fff_ffff && k < networkOffset)
    return { about: `${size} bytes of the link-layer header, at the negative offset ${k - 2 ** 32}` };
  const offset = k >= networkOffset ? k - networkOffset : k;
  const how = k >= networkOffset ? `, by the negative offset ${k - 2 ** 32}` : '';
  if (offset > 0xffff) return { about: 'an offset that no packet has: the program ends, no match' };
  return {
    about: `${bytesWords(payload('nh', offset * 8, size * 8), context)}${how}`,
    value: bits('nh', offset, size),
  };
};

const figure = (k: number, { family, selector }: MeaningContext): Said => {
  const name = figureAt(k) ?? 'figure';
  const where = `at the kernel's negative offset ${k - 2 ** 32}`;
  if (name !== 'payload offset') return { about: `the ${name} of the packet, ${where}` };
  const isUdp = selector.protocol === undefined || (selector.protocol.number === 17 && !selector.protocol.inverted);
  return {
    about: `where the payload begins, for UDP 8 bytes behind the IP header, ${where}`,
    ...(isUdp ? { value: family === 'ip' ? { kind: 'bits', selection: headerLength, plus: 8 } : { kind: 'transport', plus: 8 } } : {}),
  }; // prettier-ignore
};

const load = (
  meaning: Extract<Meaning, { readonly kind: 'load' }>,
  k: number,
  { x }: Registers,
  context: MeaningContext,
): Said => {
  switch (meaning.from) {
    case 'constant':
      return { about: String(k), value: constant(k) };
    case 'memory':
      return { about: `memory word ${k}` };
    case 'length':
      return { about: 'the length of the packet' };
    case 'absolute':
      return isFigure(k) ? figure(k, context) : absolute(k, meaning.size, context);
    case 'indirect': {
      const offset = behindHeader(x, k, context);
      if (x?.kind === 'constant') return absolute((x.value + k) % 2 ** 32, meaning.size, context);
      if (offset === undefined || offset > 0xffff) return { about: `${meaning.size} bytes at X + ${k}` };
      return { about: bytesWords(payload('th', offset * 8, meaning.size * 8), context), value: bits('th', offset, meaning.size) }; // prettier-ignore
    }
    case 'header-length':
      return k === 0 && context.family === 'ip'
        ? { about: '4 times the header length field: how many bytes the IPv4 header has', value: { kind: 'bits', selection: headerLength, plus: 0 } } // prettier-ignore
        : { about: `4 times the low half of byte ${k}` };
  }
};

const signs = { eq: '=', gt: '>', ge: '>=', set: '&' } as const;

const branch = (
  { comparison, x }: Extract<Meaning, { readonly kind: 'branch' }>,
  { k, jt, jf }: Instruction,
  at: number,
  { a }: Registers,
  context: MeaningContext,
): string => {
  const operand = x ? 'X' : `${k} (0x${k.toString(16)})`;
  const isPlain = a?.kind === 'bits' && a.plus === 0 && !x;
  const ranges = { eq: [[k, k]], gt: [[k + 1, topNumber]], ge: [[k, topNumber]], set: undefined }[comparison] as [number, number][] | undefined; // prettier-ignore
  const meant = isPlain && ranges ? `, that is ${comparisonWords(a.selection, ranges, context)}` : '';
  return `if A ${signs[comparison]} ${operand}${meant}: goes on at ${at + 1 + jt}, otherwise at ${at + 1 + jf}`;
};

const computed = (
  { operation, x }: Extract<Meaning, { readonly kind: 'compute' }>,
  k: number,
  registers: Registers,
  context: MeaningContext,
): Said => {
  const by = x ? registers.x : constant(k);
  const ways = registers.a && by ? compute(operation, registers.a, by) : undefined;
  const value = ways?.length === 1 ? ways[0]?.value : undefined;
  const isSelection = value?.kind === 'bits' && value.plus === 0 && !isHeaderLength(value.selection);
  const how = `A ${operation} ${x ? 'X' : `0x${k.toString(16)}`}`;
  return { about: isSelection ? `${how}: ${selectionWords(value.selection, context)}` : how, value };
};

interface Explained {
  readonly about: string;
  /** Where it goes on, with what in the registers. */
  readonly next: readonly (readonly [number, Registers])[];
}

const explain = (instruction: Instruction, at: number, before: Registers, context: MeaningContext): Explained => {
  const meaning = meaningOf(instruction);
  const { k, jt, jf } = instruction;
  const on = (registers: Registers = before): Explained['next'] => [[at + 1, registers]];
  switch (meaning?.kind) {
    case undefined:
      return { about: 'no instruction of classic BPF', next: [] };
    case 'load': {
      const { about, value } = load(meaning, k, before, context);
      return { about: `${meaning.into.toUpperCase()} = ${about}`, next: on({ ...before, [meaning.into]: value }) };
    }
    case 'store':
      return { about: `memory word ${k} = ${meaning.from.toUpperCase()}`, next: on() };
    case 'compute': {
      const { about, value } = computed(meaning, k, before, context);
      return { about: `A = ${about}`, next: on({ ...before, a: value }) };
    }
    case 'jump':
      return { about: `goes on at ${at + 1 + k}`, next: [[at + 1 + k, before]] };
    case 'branch':
      return {
        about: branch(meaning, instruction, at, before, context),
        next: [jt, jf].map((distance) => [at + 1 + distance, before]),
      };
    case 'return':
      return { about: meaning.what === 'a' ? 'matches unless A is 0' : k === 0 ? 'no match' : 'match', next: [] };
    case 'copy':
      return meaning.to === 'x'
        ? { about: 'X = A', next: on({ ...before, x: before.a }) }
        : { about: 'A = X', next: on({ ...before, a: before.x }) };
  }
};

/** Programs only jump forwards, so that every way to an instruction has been walked when it is reached. */
export const explainProgram = (program: BpfProgram, context: MeaningContext): readonly ProgramLine[] => {
  const states: (Registers | undefined)[] = [{ a: constant(0), x: constant(0) }];
  const lines = program.map((instruction, at): ProgramLine => {
    const text = `${at}: ${mnemonic(instruction)}`;
    const before = states[at];
    if (!before) return { text, about: 'is never reached' };
    const { about, next } = explain(instruction, at, before, context);
    for (const [to, registers] of next) states[to] = joined(states[to], registers);
    return { text, about };
  });
  return [...lines, { text: '', about: 'Where a byte that it loads is not there, the program ends without a match.' }];
};
