// Packets that u32 and BPF programs want: random bytes would hardly ever have the word that a program compares. Values
// are written where the program loads them, as far as that can be seen without running it; nothing depends on success.
import type { Instruction } from '../../../src/extensions/bpf/instruction.ts';
import type { U32Program, U32Test } from '../../../src/extensions/u32/program.ts';
import { checksum, write16 } from './bytes.ts';
import type { Family } from '../../../src/netfilter/family.ts';
import type { Random } from './random.ts';
import type { Tested } from './rules.ts';

/** Bytes that may change without the stack refusing the packet, and without its number being lost. */
const isFree = (family: Family, at: number, headers: number): boolean =>
  family === 'ip' ? at === 1 || at === 8 || at === 9 || (at >= 12 && at < 20) || at >= headers : at >= 7;

const read32 = (bytes: Uint8Array, at: number): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);

/** The bits of `mask` at `at` become those of `value`; both have `size` bytes. */
const put = (bytes: Uint8Array, family: Family, at: number, size: number, value: number, mask: number): void => {
  const headers = family === 'ip' ? ((bytes[0] ?? 0) & 15) * 4 : 40;
  for (let i = 0; i < size; i++) {
    const shift = 8 * (size - 1 - i);
    const [bits, keep] = [(mask >>> shift) & 255, (value >>> shift) & 255];
    if (at + i < bytes.length && isFree(family, at + i, headers))
      bytes[at + i] = ((bytes[at + i] ?? 0) & ~bits) | (keep & bits);
  }
};

/** Backwards through the operators behind the last load: what the word has to be for the result to be `wanted`. */
const undone = ({ steps }: U32Test, wanted: number): readonly [value: number, mask: number] => {
  let [value, mask] = [wanted, 0xffffffff];
  for (const { operator, number } of steps
    .slice(steps.findLastIndex((step) => step.operator === '@') + 1)
    .toReversed()) {
    if (operator === '&') mask = (mask & number) >>> 0;
    else if (operator === '>>') [value, mask] = [value << number, mask << number];
    else [value, mask] = [value >>> number, mask >>> number];
  }
  return [value, mask];
};

const meetU32 = (bytes: Uint8Array, family: Family, program: U32Program, random: Random): void => {
  for (const test of program) {
    let [at, position] = [0, test.offset];
    let word = position + 4 <= bytes.length ? read32(bytes, position) : 0;
    for (const { operator, number } of test.steps) {
      if (operator === '&') word = (word & number) >>> 0;
      else if (operator === '<<') word = (word << number) >>> 0;
      else if (operator === '>>') word >>>= number;
      else {
        at += word;
        position = at + number;
        word = position + 4 <= bytes.length ? read32(bytes, position) : 0;
      }
    }
    const [low, high] = test.ranges.length > 0 ? random.pick(test.ranges) : [0, 0];
    const wanted = random.pick([low, high, low + random.below(Math.max(1, high - low))]);
    const [value, mask] = undone(test, wanted);
    put(bytes, family, position, 4, value, mask);
  }
};

/** Instructions of classic BPF (linux/bpf_common.h): loads by size, at a place or behind the IPv4 header; and, jeq. */
const loads: ReadonlyMap<number, readonly [size: number, behind: boolean]> = new Map([
  [0x20, [4, false]],
  [0x28, [2, false]],
  [0x30, [1, false]],
  [0x40, [4, true]],
  [0x48, [2, true]],
  [0x50, [1, true]],
]);
const [and, jeq] = [0x54, 0x15];

const meetBpf = (bytes: Uint8Array, family: Family, program: readonly Instruction[]): void => {
  const headers = ((bytes[0] ?? 0) & 15) * 4;
  let place: readonly [at: number, size: number] | undefined;
  let mask = 0xffffffff;
  for (const { code, k } of program) {
    const load = loads.get(code);
    if (load) {
      place = [k + (load[1] ? headers : 0), load[0]];
      mask = 0xffffffff;
    } else if (code === and) mask = k;
    else if (code === jeq && place) put(bytes, family, place[0], place[1], k, mask);
  }
};

/** Changes the packet so that the programs of the rule may be true of it. */
export const meetPrograms = (bytes: Uint8Array, { rule, family }: Tested, random: Random): void => {
  for (const { info } of rule.matches) {
    // The options are those of the extension's table.
    const program = info['u32']?.value as U32Program | undefined;
    const bytecode = info['bytecode']?.value as readonly Instruction[] | undefined;
    if (program) meetU32(bytes, family, program, random);
    if (bytecode) meetBpf(bytes, family, bytecode);
  }
  if (family !== 'ip') return;
  write16(bytes, 10, 0);
  write16(bytes, 10, checksum(bytes.subarray(0, ((bytes[0] ?? 0) & 15) * 4)));
};
