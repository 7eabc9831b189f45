/** Classic BPF instructions: which codes the kernel takes and how people write them (bpf_asm, tcpdump -d). */
import type { Operation } from '../word.ts';

export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
  /** Place in the program text, in characters. */
  readonly at: number;
  readonly length: number;
}

export type Size = 1 | 2 | 4;
export type Comparison = 'eq' | 'gt' | 'ge' | 'set';

/** What an instruction does. `x`: its operand is the register X, not k. */
export type Meaning =
  | { readonly kind: 'load'; readonly into: 'a' | 'x'; readonly from: 'absolute' | 'indirect'; readonly size: Size }
  | {
      readonly kind: 'load';
      readonly into: 'a' | 'x';
      readonly from: 'constant' | 'memory' | 'length' | 'header-length';
    }
  | { readonly kind: 'store'; readonly from: 'a' | 'x' }
  | { readonly kind: 'compute'; readonly operation: Operation; readonly x: boolean }
  | { readonly kind: 'jump' }
  | { readonly kind: 'branch'; readonly comparison: Comparison; readonly x: boolean }
  | { readonly kind: 'return'; readonly what: 'a' | 'k' }
  | { readonly kind: 'copy'; readonly to: 'a' | 'x' };

const operations: readonly (readonly [number, Operation])[] = [
  [0x00, 'add'],
  [0x10, 'sub'],
  [0x20, 'mul'],
  [0x30, 'div'],
  [0x40, 'or'],
  [0x50, 'and'],
  [0x60, 'shl'],
  [0x70, 'shr'],
  [0x90, 'mod'],
  [0xa0, 'xor'],
];

const comparisons: readonly (readonly [number, Comparison])[] = [
  [0x10, 'eq'],
  [0x20, 'gt'],
  [0x30, 'ge'],
  [0x40, 'set'],
];

/** The codes of net/core/filter.c chk_code_allowed; all others are refused. */
const meanings: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  ...(
    [
      [0x00, 4],
      [0x08, 2],
      [0x10, 1],
    ] as const
  ).flatMap(([bits, size]): [number, Meaning][] => [
    [0x20 | bits, { kind: 'load', into: 'a', from: 'absolute', size }],
    [0x40 | bits, { kind: 'load', into: 'a', from: 'indirect', size }],
  ]),
  [0x00, { kind: 'load', into: 'a', from: 'constant' }],
  [0x01, { kind: 'load', into: 'x', from: 'constant' }],
  [0x60, { kind: 'load', into: 'a', from: 'memory' }],
  [0x61, { kind: 'load', into: 'x', from: 'memory' }],
  [0x80, { kind: 'load', into: 'a', from: 'length' }],
  [0x81, { kind: 'load', into: 'x', from: 'length' }],
  [0xb1, { kind: 'load', into: 'x', from: 'header-length' }],
  [0x02, { kind: 'store', from: 'a' }],
  [0x03, { kind: 'store', from: 'x' }],
  ...operations.flatMap(([bits, operation]): [number, Meaning][] => [
    [0x04 | bits, { kind: 'compute', operation, x: false }],
    [0x0c | bits, { kind: 'compute', operation, x: true }],
  ]),
  [0x84, { kind: 'compute', operation: 'neg', x: false }],
  [0x05, { kind: 'jump' }],
  ...comparisons.flatMap(([bits, comparison]): [number, Meaning][] => [
    [0x05 | bits, { kind: 'branch', comparison, x: false }],
    [0x0d | bits, { kind: 'branch', comparison, x: true }],
  ]),
  [0x06, { kind: 'return', what: 'k' }],
  [0x16, { kind: 'return', what: 'a' }],
  [0x07, { kind: 'copy', to: 'x' }],
  [0x87, { kind: 'copy', to: 'a' }],
]);

export const meaningOf = ({ code }: Instruction): Meaning | undefined => meanings.get(code);

/** Figures beside the packet that `ld` finds at -0x1000 and above (SKF_AD_OFF in include/uapi/linux/filter.h). */
const figures = [
  'protocol',
  'packet type',
  'interface index',
  'netlink attribute',
  'nested netlink attribute',
  'mark',
  'queue',
  'hardware type',
  'receive hash',
  'processor',
  'xor with X',
  'VLAN tag',
  'VLAN tag present',
  'payload offset',
  'random number',
  'VLAN protocol',
] as const;

export type Figure = (typeof figures)[number];

const firstFigure = 0xffff_f000;

/** Whether an absolute load is of a figure at all, known or not. */
export const isFigure = (k: number): boolean => k >= firstFigure;

export const figureAt = (k: number): Figure | undefined =>
  k >= firstFigure && k % 4 === 0 ? figures[(k - firstFigure) / 4] : undefined;

const letter = (size: Size): string => (size === 4 ? '' : size === 2 ? 'h' : 'b');

/** The instruction as bpf_asm writes it, for messages. */
export const mnemonic = (instruction: Instruction): string => {
  const meaning = meaningOf(instruction);
  const { code, jt, jf, k } = instruction;
  if (!meaning) return `${code} ${jt} ${jf} ${k}`;
  const operand = 'x' in meaning && meaning.x ? 'x' : `#${k}`;
  switch (meaning.kind) {
    case 'load': {
      const name = meaning.into === 'a' ? 'ld' : 'ldx';
      switch (meaning.from) {
        case 'absolute':
          return `${name}${letter(meaning.size)} [${figureAt(k) ?? (isFigure(k) ? k - 2 ** 32 : k)}]`;
        case 'indirect':
          return `${name}${letter(meaning.size)} [x + ${k}]`;
        case 'constant':
          return `${name} #${k}`;
        case 'memory':
          return `${name} M[${k}]`;
        case 'length':
          return `${name} len`;
        case 'header-length':
          return `ldxb 4*([${k}]&0xf)`;
      }
    }
    // eslint-disable-next-line no-fallthrough -- all loads return above
    case 'store':
      return `${meaning.from === 'a' ? 'st' : 'stx'} M[${k}]`;
    case 'compute':
      return meaning.operation === 'neg'
        ? 'neg'
        : `${{ shl: 'lsh', shr: 'rsh' }[meaning.operation as string] ?? meaning.operation} ${operand}`;
    case 'jump':
      return `ja ${k}`;
    case 'branch':
      return `j${meaning.comparison} ${operand},${jt},${jf}`;
    case 'return':
      return meaning.what === 'a' ? 'ret a' : `ret #${k}`;
    case 'copy':
      return meaning.to === 'x' ? 'tax' : 'txa';
  }
};
