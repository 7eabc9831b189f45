/** Classic BPF by symbolic execution: programs have no loops, so every way to a match is a conjunction of nft tests. */
import { any, type Formula } from '../../nftables/formula.ts';
import type { Difference, RuleContext } from '../contract.ts';
import { type Effort, isSpent, mostTests, type Obstacle } from '../obstacle.ts';
import { mergePaths, type Path, pathFormula, start, testsOf } from '../path.ts';
import { constant } from '../word.ts';
import { compare, compute } from './compute.ts';
import { figureAt, type Instruction, type Meaning, meaningOf, mnemonic } from './instruction.ts';
import { load, type State } from './loads.ts';
import { payloadDifferences } from './payload.ts';
import type { BpfProgram } from './program.ts';
import { type Blocked, isBlocked, type Outcome, type Register } from './registers.ts';

interface Run {
  readonly program: BpfProgram;
  readonly context: RuleContext;
  readonly found: Path[];
  readonly effort: Effort;
}

const blocked = (index: number, instruction: Instruction, { why, help }: Blocked): Obstacle => ({
  code: 'bpf-not-expressible',
  at: instruction.at,
  length: instruction.length,
  what: `instruction ${index} (${mnemonic(instruction)}) cannot be said in nft`,
  why,
  ...(help === undefined ? {} : { help }),
});

/** Follows the program from one instruction; collects the paths that return a match. */
const follow = (index: number, state: State, run: Run): Obstacle | undefined => {
  const { program, context, found, effort } = run;
  const instruction = program[index] as Instruction;
  const meaning = meaningOf(instruction) as Meaning;
  const { jt, jf, k } = instruction;
  const { a, x, path } = state;
  effort.steps += 1;
  if (isSpent(effort))
    return {
      code: 'too-many-rules',
      at: 0,
      length: (program.at(-1) ?? instruction).at + (program.at(-1) ?? instruction).length,
      what: `the program goes more ways than ${mostTests} nft tests can say`,
      why: 'every way through the program to a match is an nft rule of its own',
    };
  const each = <T>(
    results: readonly Outcome<T>[] | Blocked,
    next: (value: T, path: Path) => Obstacle | undefined,
  ): Obstacle | undefined => {
    if (isBlocked(results)) return blocked(index, instruction, results);
    for (const { value, path: branch } of results) {
      const obstacle = next(value, branch);
      if (obstacle) return obstacle;
    }
    return undefined;
  };
  const put = (into: 'a' | 'x', results: readonly Outcome<Register>[] | Blocked): Obstacle | undefined =>
    each(results, (value, branch) => follow(index + 1, { ...state, [into]: value, path: branch }, run));
  const match = (branch: Path): undefined => {
    found.push(branch);
    effort.tests += testsOf(branch);
  };
  switch (meaning.kind) {
    case 'load':
      return put(meaning.into, load(meaning, instruction, state, context));
    case 'store':
      return follow(index + 1, { ...state, memory: state.memory.with(k, meaning.from === 'a' ? a : x) }, run);
    case 'compute':
      return put('a', compute(meaning.operation, a, meaning.x ? x : constant(k), path, context));
    case 'copy':
      return follow(index + 1, meaning.to === 'x' ? { ...state, x: a } : { ...state, a: x }, run);
    case 'jump':
      return follow(index + 1 + k, state, run);
    case 'branch':
      if (jt === jf) return follow(index + 1 + jt, state, run);
      return each(compare(meaning.comparison, a, meaning.x ? x : constant(k), path, context), (taken, branch) =>
        follow(index + 1 + (taken ? jt : jf), { ...state, path: branch }, run),
      );
    case 'return':
      if (meaning.what === 'k') return k === 0 ? undefined : match(path);
      return each(compare('eq', a, constant(0), path, context), (zero, branch) => (zero ? undefined : match(branch)));
  }
};

export interface BpfTranslation {
  readonly formula: Formula;
  readonly differences: readonly Difference[];
}

export const translateProgram = (program: BpfProgram, context: RuleContext): BpfTranslation | Obstacle => {
  const run: Run = { program, context, found: [], effort: { tests: 0, steps: 0 } };
  const zero = constant(0);
  const memory = Array.from({ length: 16 }, () => undefined);
  const obstacle = follow(0, { a: zero, x: zero, memory, path: start }, run);
  if (obstacle) return obstacle;
  const asksPayload = program.some(
    (instruction) => (instruction.code & 0xe7) === 0x20 && figureAt(instruction.k) === 'payload offset',
  );
  return {
    formula: any(mergePaths(run.found).map((path) => pathFormula(path, context.family))),
    differences: asksPayload ? payloadDifferences(context) : [],
  };
};
