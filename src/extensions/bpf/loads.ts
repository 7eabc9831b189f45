/** What load instructions find: bytes of the packet, or figures that the kernel keeps beside it. */
import type { RuleContext } from '../contract.ts';
import { asHeader, beyondPackets, lastOffset, transportLoad } from '../header.ts';
import { type Path, withLoad } from '../path.ts';
import { top } from '../ranges.ts';
import { constant, type Load, loaded, operate, type Word } from '../word.ts';
import { compute } from './compute.ts';
import { figureAt, type Instruction, isFigure, type Meaning, type Size } from './instruction.ts';
import { payloadOffsets } from './payload.ts';
import { type Blocked, forEach, isBlocked, type Outcome, type Register } from './registers.ts';

/** Everything that an instruction sees. */
export interface State {
  readonly a: Register;
  readonly x: Register;
  readonly memory: readonly (Register | undefined)[];
  readonly path: Path;
}

const made = (load: Load, path: Path): readonly Outcome<Register>[] => [
  { value: loaded(load), path: withLoad(path, load) },
];

/** Bytes at an offset from the network header; beyond the packet the program ends without a match, so no outcome. */
const absolute = (k: number, size: Size, path: Path, context: RuleContext): readonly Outcome<Register>[] | Blocked => {
  let offset = k;
  // Negative offsets: from the network header (SKF_NET_OFF) or the link layer (SKF_LL_OFF), linear part only.
  if (k > 0x7fff_ffff) {
    if (k < 2 ** 32 - 0x20_0000) return [];
    if (k < 2 ** 32 - 0x10_0000)
      return { why: 'bytes of the link layer are not where nft looks for them on all hooks' };
    offset = k - (2 ** 32 - 0x10_0000);
    if (offset + size > (context.family === 'ip' ? 20 : 40))
      return { why: 'a negative offset reads only what the network card put in one piece; nft has no such limit' };
  }
  if (offset >= beyondPackets) return [];
  if (offset > lastOffset) return { why: 'nft can address bytes up to offset 255 on kernels before 6.18' };
  return made({ base: 'nh', offset, size }, path);
};

const indirect = (
  at: Register,
  k: number,
  size: Size,
  path: Path,
  context: RuleContext,
): readonly Outcome<Register>[] | Blocked => {
  const header = at.kind === 'header' ? at : context.family === 'ip' ? asHeader(at) : undefined;
  if (header) {
    const offset = (header.plus + k) % (top + 1);
    const native = transportLoad(header, offset, size, context, path);
    if (native) return made(native, path);
    if (!header.word) return { why: 'nft can address bytes up to offset 255 on kernels before 6.18' };
  }
  return forEach(at, path, context, (value, branch) => absolute((value + k) % (top + 1), size, branch, context));
};

const figure = (k: number, path: Path, context: RuleContext): readonly Outcome<Register>[] | Blocked => {
  const name = figureAt(k);
  if (name === 'mark') return made({ base: 'mark', offset: 0, size: 4 }, path);
  // ip_rcv and __ip_local_out see to it that every packet at these hooks has the family's EtherType.
  if (name === 'protocol') return [{ value: constant(context.family === 'ip' ? 0x0800 : 0x86dd), path }];
  if (name === 'payload offset') return payloadOffsets(context, path);
  return { why: `nft has no expression that gives the same ${name ?? 'figure'} on all hooks` };
};

export const load = (
  meaning: Extract<Meaning, { kind: 'load' }>,
  { k }: Instruction,
  { x, a, memory, path }: State,
  context: RuleContext,
): readonly Outcome<Register>[] | Blocked => {
  switch (meaning.from) {
    case 'constant':
      return [{ value: constant(k), path }];
    case 'memory':
      return [{ value: memory[k] ?? constant(0), path }];
    case 'length':
      return made({ base: 'length', offset: 0, size: 4 }, path);
    case 'absolute':
      if (!isFigure(k)) return absolute(k, meaning.size, path, context);
      return figureAt(k) === 'xor with X' ? compute('xor', a, x, path, context) : figure(k, path, context);
    case 'indirect':
      return indirect(x, k, meaning.size, path, context);
    case 'header-length': {
      const bytes = absolute(k, 1, path, context);
      if (isBlocked(bytes)) return bytes;
      return bytes.map(({ value, path: branch }) => ({
        value: operate(operate(value as Word, 'and', 0x0f) as Word, 'shl', 2) as Word,
        path: branch,
      }));
    }
  }
};
