/** Classic BPF as net/core/filter.c runs it for xt_bpf.c, on bytes that begin at the network header. */
import type { Family } from '../../netfilter/family.ts';
import { computeNumber } from './arithmetic.ts';
import { type Comparison, figureAt, type Instruction, isFigure, type Meaning, meaningOf } from './instruction.ts';
import { udpPayloadOffset } from './payloadoffset.ts';
import type { BpfProgram } from './program.ts';

/** SKF_NET_OFF: offsets from here up to 0 are from the network header as well. */
export const networkOffset: number = 2 ** 32 - 0x10_0000;

const etherTypes: Readonly<Record<Family, number>> = { ip: 0x0800, ip6: 0x86dd };
export const etherType = (family: Family): number => etherTypes[family];

interface Machine {
  a: number;
  x: number;
  readonly memory: Uint32Array;
  readonly bytes: Uint8Array;
  readonly family: Family;
}

const loadBytes = (bytes: Uint8Array, address: number, size: number): number | undefined => {
  // Below SKF_NET_OFF is the link layer, whose bytes are not here.
  const at = address > 0x7fff_ffff ? address - networkOffset : address;
  if (at < 0 || at + size > bytes.length) return undefined;
  let value = 0;
  for (let i = at; i < at + size; i++) value = value * 256 + (bytes[i] ?? 0);
  return value;
};

const figure = (k: number, { a, x, bytes, family }: Machine): number | undefined => {
  switch (figureAt(k)) {
    case 'protocol':
      return etherType(family);
    case 'payload offset':
      return udpPayloadOffset(bytes, family);
    case 'xor with X':
      return (a ^ x) >>> 0;
    default:
      return undefined;
  }
};

const loaded = (
  meaning: Extract<Meaning, { readonly kind: 'load' }>,
  k: number,
  machine: Machine,
): number | undefined => {
  switch (meaning.from) {
    case 'constant':
      return k;
    case 'memory':
      return machine.memory[k];
    case 'length':
      return machine.bytes.length;
    case 'absolute':
      return isFigure(k) ? figure(k, machine) : loadBytes(machine.bytes, k, meaning.size);
    case 'indirect':
      return loadBytes(machine.bytes, (machine.x + k) % 2 ** 32, meaning.size);
    case 'header-length': {
      const byte = loadBytes(machine.bytes, k, 1);
      return byte === undefined ? undefined : (byte & 15) * 4;
    }
  }
};

export const compares = (comparison: Comparison, a: number, b: number): boolean => {
  switch (comparison) {
    case 'eq':
      return a === b;
    case 'gt':
      return a > b;
    case 'ge':
      return a >= b;
    case 'set':
      return (a & b) !== 0;
  }
};

/** The place of the next instruction, or what the program returns. */
type After = { readonly next: number } | { readonly result: number };

const stop: After = { result: 0 };

const step = (instruction: Instruction, at: number, machine: Machine): After => {
  const meaning = meaningOf(instruction);
  const { jt, jf, k } = instruction;
  const next = { next: at + 1 };
  switch (meaning?.kind) {
    case undefined:
      return stop;
    case 'load': {
      // A load beyond the packet ends the program, which then returns 0.
      const value = loaded(meaning, k, machine);
      if (value === undefined) return stop;
      machine[meaning.into] = value;
      return next;
    }
    case 'store':
      machine.memory[k] = machine[meaning.from];
      return next;
    case 'compute': {
      const value = computeNumber(meaning.operation, machine.a, meaning.x ? machine.x : k);
      if (value === undefined) return stop;
      machine.a = value;
      return next;
    }
    case 'jump':
      return { next: at + 1 + k };
    case 'branch':
      return { next: at + 1 + (compares(meaning.comparison, machine.a, meaning.x ? machine.x : k) ? jt : jf) };
    case 'return':
      return { result: meaning.what === 'a' ? machine.a : k };
    case 'copy':
      if (meaning.to === 'x') machine.x = machine.a;
      else machine.a = machine.x;
      return next;
  }
};

/**
 * Whether the program returns something other than 0. Only for programs of which `needs` in same.ts says that bytes
 * are all they read; a load at a computed place is taken to read a packet in one piece, and no link layer.
 */
export const runProgram = (program: BpfProgram, bytes: Uint8Array, family: Family): boolean => {
  const machine: Machine = { a: 0, x: 0, memory: new Uint32Array(16), bytes, family };
  for (let at = 0; at < program.length;) {
    const after = step(program[at] as Instruction, at, machine);
    if ('result' in after) return after.result !== 0;
    at = after.next;
  }
  return false;
};
