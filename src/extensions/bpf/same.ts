/**
 * A classic BPF program as a condition: the same as run.ts says of every packet with a sound IP header. Programs have
 * no loops, so that what is left to do at an instruction with certain registers is one condition.
 */
import { udp } from '../../netfilter/protocols.ts';
import {
  all,
  any,
  type Condition,
  interval,
  is,
  no,
  present,
  unmodelled,
  within,
  yes,
} from '../../packet/condition.ts';
import type { Assumption } from '../../packet/assumption.ts';
import { bitsOf, type Field, key, payload } from '../../packet/field.ts';
import type { MeaningContext } from '../contract.ts';
import { fragmentOffset, transportBase } from '../meaning.ts';
import { selectAll, topNumber } from '../selection.ts';
import { figureAt, type Instruction, isFigure, type Meaning, meaningOf, type Size } from './instruction.ts';
import type { BpfProgram } from './program.ts';
import {
  compare,
  compute,
  constant,
  forEachNumber,
  headerLength,
  isAmong,
  isHeaderLength,
  type Register,
  surely,
  type Way,
  type Ways,
} from './register.ts';
import { etherType, networkOffset } from './run.ts';

export interface Same {
  /** Undefined where the program has too many ways, or computes with too many bits. */
  readonly condition: Condition | undefined;
  /** What the condition takes for granted. */
  readonly assumptions: readonly Assumption[];
  /** Whether the packet's bytes are all that the program reads: only then can it be run on them. */
  readonly onlyBytes: boolean;
}

interface Machine {
  readonly a: Register;
  readonly x: Register;
  readonly memory: readonly (Register | undefined)[];
}

/** A register's value, or a condition that is all there is to say from here on. */
type Loaded = Register | { readonly kind: 'end'; readonly condition: Condition };

/** No packet is longer, so that a load from beyond it fails. */
const longest = 2 ** 17;
/** More instructions, counting each way by itself, are left to the interpreter. */
const mostSteps = 4096;
/** Nor are conditions with more tests, each counted as often as it stands there. */
const mostTests = 20_000;
const linkOffset = 2 ** 32 - 0x20_0000;

const isUdp = ({ selector: { protocol } }: MeaningContext): boolean => protocol?.number === udp && !protocol.inverted;

const ended = (condition: Condition): Ways<Loaded> => surely<Loaded>({ kind: 'end', condition });
const unknown = (what: string): Ways<Loaded> => ended(unmodelled(`bpf: ${what}`));

const fromField = (field: Field): Ways<Loaded> => [
  { condition: present(field), value: { kind: 'bits', selection: selectAll(field), plus: 0 } },
];

/** What no bytes from the network header on say, if `k` is the address of such a thing. */
const beside = (k: number, size: number, { family }: MeaningContext): string | undefined => {
  if (k <= 0x7fff_ffff || k < linkOffset) return undefined;
  if (k < networkOffset) return 'bytes of the link layer';
  return k - networkOffset + size > (family === 'ip' ? 20 : 40)
    ? 'a negative offset, which reaches only what the network card put in one piece'
    : undefined;
};

const loadAt = (address: number, size: Size, context: MeaningContext): Ways<Loaded> => {
  const outside = beside(address, size, context);
  if (outside !== undefined) return unknown(outside);
  const offset = address >= networkOffset ? address - networkOffset : address;
  return offset + size > longest ? [] : fromField(payload('nh', offset * 8, size * 8));
};

const loadIndirect = (at: Register, k: number, size: Size, context: MeaningContext): Ways<Loaded> => {
  if (at.kind !== 'constant') {
    const offset = (at.plus + k) % 2 ** 32;
    const isPlace = at.kind === 'transport' || (context.family === 'ip' && isHeaderLength(at.selection));
    if (isPlace && offset <= longest) {
      const base = at.kind === 'transport' ? transportBase(context) : 'th';
      return fromField(payload(base, offset * 8, size * 8));
    }
  }
  return forEachNumber(at, (value) => loadAt((value + k) % 2 ** 32, size, context));
};

/** payloadoffset.ts says where that is; for IPv6, of the packets that 'whole-headers' leaves. */
const payloadOffset = (context: MeaningContext): Ways<Loaded> => {
  if (context.family === 'ip6') return surely<Loaded>({ kind: 'transport', plus: 8 });
  const offset = fragmentOffset(context);
  return [
    { condition: is(offset, 0), value: { kind: 'bits', selection: headerLength, plus: 8 } },
    { condition: within(offset, [interval(1, 0x1fff)]), value: { kind: 'bits', selection: headerLength, plus: 0 } },
  ];
};

const loadFigure = (k: number, { a, x }: Machine, context: MeaningContext): Ways<Loaded> => {
  const figure = figureAt(k);
  switch (figure) {
    case 'protocol':
      return surely<Loaded>(constant(etherType(context.family)));
    case 'mark':
      return fromField(key('mark'));
    case 'xor with X':
      return compute('xor', a, x);
    case 'payload offset':
      return isUdp(context) ? payloadOffset(context) : unknown('the payload offset of any protocol');
    default:
      return unknown(`the figure ${figure ?? k}`);
  }
};

const load = (
  meaning: Extract<Meaning, { readonly kind: 'load' }>,
  k: number,
  machine: Machine,
  context: MeaningContext,
): Ways<Loaded> => {
  switch (meaning.from) {
    case 'constant':
      return surely<Loaded>(constant(k));
    case 'memory':
      return surely<Loaded>(machine.memory[k] ?? constant(0));
    case 'length':
      return fromField(key('length'));
    case 'absolute':
      return isFigure(k) ? loadFigure(k, machine, context) : loadAt(k, meaning.size, context);
    case 'indirect':
      return loadIndirect(machine.x, k, meaning.size, context);
    case 'header-length':
      return loadAt(k, 1, context)?.map(({ condition, value }): Way<Loaded> => {
        if (value.kind !== 'bits') return { condition, value };
        return { condition, value: { ...value, selection: { ...value.selection, mask: 0x0f, shift: -2 } } };
      });
  }
};

const describe = (register: Register | undefined): string => {
  if (!register) return '';
  if (register.kind === 'constant') return String(register.value);
  if (register.kind === 'transport') return `t${register.plus}`;
  const { field, mask, shift } = register.selection;
  const where = field.kind === 'key' ? field.key : `${field.base}${field.offset}/${bitsOf(field)}`;
  return `${where}&${mask}>${shift}+${register.plus}`;
};

interface Reader {
  readonly program: BpfProgram;
  readonly context: MeaningContext;
  readonly known: Map<string, Condition | undefined>;
  steps: number;
}

const joined = (
  ways: Ways<Loaded> | undefined,
  then: (register: Register) => Condition | undefined,
): Condition | undefined => {
  if (!ways) return undefined;
  const out: Condition[] = [];
  for (const { condition, value } of ways) {
    if (condition === no) continue;
    const rest = value.kind === 'end' ? value.condition : then(value);
    if (!rest) return undefined;
    out.push(all([condition, rest]));
  }
  return any(out);
};

const branched = (ways: Ways<boolean>, then: (taken: boolean) => Condition | undefined): Condition | undefined =>
  ways &&
  joined(
    ways.map(({ condition, value }) => ({ condition, value: constant(value ? 1 : 0) })),
    (taken) => then(taken.kind === 'constant' && taken.value === 1),
  );

const stored = (memory: Machine['memory'], at: number, value: Register): Machine['memory'] =>
  Array.from({ length: 16 }, (_, i) => (i === at ? value : memory[i]));

const readInstruction = (
  instruction: Instruction,
  at: number,
  machine: Machine,
  reader: Reader,
): Condition | undefined => {
  const meaning = meaningOf(instruction);
  const { jt, jf, k } = instruction;
  const { a, x, memory } = machine;
  const go = (to: number, change: Partial<Machine> = {}): Condition | undefined =>
    readFrom(to, { ...machine, ...change }, reader);
  switch (meaning?.kind) {
    case undefined:
      return no;
    case 'load': {
      const { into } = meaning;
      return joined(load(meaning, k, machine, reader.context), (value) => go(at + 1, { [into]: value }));
    }
    case 'store':
      return go(at + 1, { memory: stored(memory, k, meaning.from === 'a' ? a : x) });
    case 'compute':
      return joined(compute(meaning.operation, a, meaning.x ? x : constant(k)), (value) => go(at + 1, { a: value }));
    case 'jump':
      return go(at + 1 + k);
    case 'branch':
      return branched(compare(meaning.comparison, a, meaning.x ? x : constant(k)), (taken) =>
        go(at + 1 + (taken ? jt : jf)),
      );
    case 'return':
      return meaning.what === 'a' ? isAmong(a, [[1, topNumber]]) : k === 0 ? no : yes;
    case 'copy':
      return go(at + 1, meaning.to === 'x' ? { x: a } : { a: x });
  }
};

/** Whether the program matches, from an instruction on. */
const readFrom = (at: number, machine: Machine, reader: Reader): Condition | undefined => {
  const { a, x, memory } = machine;
  const state = [String(at), describe(a), describe(x), ...memory.map(describe)].join(' ');
  if (reader.known.has(state)) return reader.known.get(state);
  reader.steps += 1;
  const instruction = reader.program[at];
  if (reader.steps > mostSteps) return undefined;
  const condition = instruction ? readInstruction(instruction, at, machine, reader) : no;
  reader.known.set(state, condition);
  return condition;
};

/** How large a condition is where it is written out: the same part may stand at many places of it. */
const sizeOf = (condition: Condition, known: Map<Condition, number>): number => {
  if (condition.kind === 'not') return sizeOf(condition.of, known);
  if (condition.kind !== 'all' && condition.kind !== 'any') return 1;
  const found = known.get(condition);
  if (found !== undefined) return found;
  const size = condition.of.reduce((sum, part) => sum + sizeOf(part, known), 0);
  known.set(condition, size);
  return size;
};

/** Whether some packet leads to a load that has no model. */
const hasUnknown = (condition: Condition, known: Map<Condition, boolean>): boolean => {
  if (condition.kind !== 'all' && condition.kind !== 'any') return condition.kind === 'unmodelled';
  const found = known.get(condition);
  if (found !== undefined) return found;
  const result = condition.of.some((part) => hasUnknown(part, known));
  known.set(condition, result);
  return result;
};

const readsBeside = (instruction: Instruction, context: MeaningContext): boolean => {
  const meaning = meaningOf(instruction);
  const { k } = instruction;
  if (meaning?.kind !== 'load') return false;
  if (meaning.from === 'header-length') return beside(k, 1, context) !== undefined;
  if (meaning.from !== 'absolute') return false;
  if (!isFigure(k)) return beside(k, meaning.size, context) !== undefined;
  const figure = figureAt(k);
  return !(figure === 'protocol' || figure === 'xor with X' || (figure === 'payload offset' && isUdp(context)));
};

const asksPayloadOffset = (instruction: Instruction): boolean => {
  const meaning = meaningOf(instruction);
  return meaning?.kind === 'load' && meaning.from === 'absolute' && figureAt(instruction.k) === 'payload offset';
};

/** What the program says of packets that meet the rule's selector. */
export const sameAsProgram = (program: BpfProgram, context: MeaningContext): Same => {
  const start: Machine = { a: constant(0), x: constant(0), memory: [] };
  const condition = readFrom(0, start, { program, context, known: new Map(), steps: 0 });
  const isLarge = condition !== undefined && sizeOf(condition, new Map()) > mostTests;
  return {
    condition: isLarge ? undefined : condition,
    assumptions: context.family === 'ip6' && program.some(asksPayloadOffset) ? ['whole-headers'] : [],
    onlyBytes:
      !(condition && hasUnknown(condition, new Map())) &&
      !program.some((instruction) => readsBeside(instruction, context)),
  };
};
