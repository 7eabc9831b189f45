/** u32 programs as formulas over masked 32-bit loads. Evaluation is that of net/netfilter/xt_u32.c u32_match_it. */
import { all, any, type Formula, never } from '../../nftables/formula.ts';
import type { RuleContext } from '../contract.ts';
import {
  type Header,
  beyondPackets,
  isHeaderLength,
  lastOffset,
  mostFreeBits,
  transportLoad,
  valuesOf,
} from '../header.ts';
import { type Effort, isSpent, mostTests, type Obstacle } from '../obstacle.ts';
import {
  isFirstFragment,
  mergePaths,
  type Path,
  pathFormula,
  start,
  testsOf,
  withConstraint,
  withLoad,
} from '../path.ts';
import { holds, rangesOf, top } from '../ranges.ts';
import { constrain, constant, type Constant, freeBits, type Load, loaded, operate, type Value } from '../word.ts';
import type { Step, U32Program, U32Test } from './program.ts';

/** Where a test has arrived: `at` of the kernel's loop, and what was loaded there last. */
interface Position {
  readonly at: Constant | Header;
  readonly value: Value;
  readonly path: Path;
}

interface Place {
  readonly at: number;
  readonly length: number;
}

const tooFar = ({ at, length }: Place, offset: number): Obstacle => ({
  code: 'u32-not-expressible',
  at,
  length,
  what: `this reads 4 bytes at offset ${offset}`,
  why: 'nft can address bytes up to offset 255 on kernels before 6.18',
});

/** The 4 bytes at `at` plus `offset` on every path on which they may be there. */
const load = (
  at: Constant | Header,
  offset: number,
  path: Path,
  place: Place,
  context: RuleContext,
): readonly Position[] | Obstacle => {
  if (at.kind === 'header') {
    const native = transportLoad(at, at.plus + offset, 4, context, path);
    if (native) return [{ at, value: loaded(native), path: withLoad(path, native) }];
    // The header length is one of a few: each gives a constant offset.
    const out: Position[] = [];
    const { word, plus } = at;
    for (const { masked, value } of word ? valuesOf(word, context) : []) {
      if (!word) continue;
      const branch = withConstraint(path, { load: word.load, mask: word.mask, values: [[masked, masked]] });
      const further = branch ? load(constant(value + plus), offset, branch, place, context) : [];
      if ('code' in further) return further;
      out.push(...further);
    }
    return out;
  }
  const position = at.value + offset;
  if (position >= beyondPackets) return [];
  if (position > lastOffset) return tooFar(place, position);
  const bytes: Load = { base: 'nh', offset: position, size: 4 };
  return [{ at, value: loaded(bytes), path: withLoad(path, bytes) }];
};

/** `@`: every place that `at` may become when the value is added to it. The kernel gives up where that overflows. */
const jump = (
  { at, value, path }: Position,
  step: Step,
  context: RuleContext,
): readonly Omit<Position, 'value'>[] | Obstacle => {
  const advanced = (by: number): Constant | Header | undefined => {
    if (at.kind === 'header') return at.plus + by > top ? undefined : { ...at, plus: at.plus + by };
    return at.value + by > top ? undefined : constant(at.value + by);
  };
  if (value.kind === 'constant') {
    const next = advanced(value.value);
    return next ? [{ at: next, path }] : [];
  }
  if (at.kind === 'constant' && context.family === 'ip' && isHeaderLength(value))
    return [{ at: { kind: 'header', word: value, plus: at.value }, path }];
  if (freeBits(value) > mostFreeBits)
    return {
      code: 'u32-not-expressible',
      at: step.at,
      length: step.length,
      what: `this jumps by a number from the packet that may have 2^${freeBits(value)} values`,
      why: `nft loads from constant offsets only; dnfw writes out jumps of at most 2^${mostFreeBits} values`,
      help: 'mask the number to fewer bits if it never needs them all',
    };
  return valuesOf(value, context).flatMap(({ masked, value: by }) => {
    const next = advanced(by);
    const branch = withConstraint(path, { load: value.load, mask: value.mask, values: [[masked, masked]] });
    return next && branch ? [{ at: next, path: branch }] : [];
  });
};

const operations = { '&': 'and', '<<': 'shl', '>>': 'shr' } as const;

/** Applies the steps from `index` on to one position; collects the paths on which the test holds. */
const follow = (
  test: U32Test,
  index: number,
  position: Position,
  context: RuleContext,
  found: Path[],
  effort: Effort,
): Obstacle | undefined => {
  const add = (path: Path): void => {
    found.push(path);
    effort.tests += testsOf(path);
  };
  let { value } = position;
  for (let i = index; i < test.steps.length; i++) {
    const step = test.steps[i] as Step;
    if (step.operator !== '@') {
      // Masks and shifts alone never leave the normal form.
      value = operate(value, operations[step.operator], step.number) as Value;
      continue;
    }
    const targets = jump({ ...position, value }, step, context);
    if ('code' in targets) return targets;
    for (const target of targets) {
      const positions = load(target.at, step.number, target.path, step, context);
      if ('code' in positions) return positions;
      for (const next of positions) {
        const obstacle = follow(test, i + 1, next, context, found, effort);
        if (obstacle) return obstacle;
      }
      effort.steps += positions.length;
      if (isSpent(effort))
        return {
          code: 'too-many-rules',
          at: test.at,
          length: step.at + step.length - test.at,
          what: `this jumps more ways than ${mostTests} nft tests can say`,
          why: 'nft loads from constant offsets only, so every way would be a rule',
        };
    }
    return undefined;
  }
  const ranges = rangesOf(test.ranges);
  if (value.kind === 'constant') {
    if (holds(ranges, value.value)) add(position.path);
    return undefined;
  }
  const path = withConstraint(position.path, constrain(value, ranges));
  if (path) add(path);
  return undefined;
};

/** The paths on which one test holds. */
const testPaths = (test: U32Test, context: RuleContext, effort: Effort): readonly Path[] | Obstacle => {
  const positions = load(constant(0), test.offset, start, test, context);
  if ('code' in positions) return positions;
  const found: Path[] = [];
  for (const position of positions) {
    const obstacle = follow(test, 0, position, context, found, effort);
    if (obstacle) return obstacle;
  }
  return found;
};

const jumps = (test: U32Test): boolean => test.steps.some(({ operator }) => operator === '@');

export const translateProgram = (program: U32Program, context: RuleContext): Formula | Obstacle => {
  const effort: Effort = { tests: 0, steps: 0 };
  const plain = new Map<U32Test, readonly Path[] | Obstacle>(
    program.filter((test) => !jumps(test)).map((test) => [test, testPaths(test, context, effort)]),
  );
  // Where one test rules later fragments out, the others need not care about them: all tests have to hold.
  const whole = [...plain.values()].some(
    (paths) => !('code' in paths) && paths.length > 0 && paths.every(isFirstFragment),
  );
  const narrowed: RuleContext = whole ? { ...context, fragmentsVisible: false } : context;
  const tests: Formula[] = [];
  for (const test of program) {
    const paths = plain.get(test) ?? testPaths(test, narrowed, effort);
    if ('code' in paths) return paths;
    if (paths.length === 0) return never;
    tests.push(any(mergePaths(paths).map((path) => pathFormula(path, context.family))));
  }
  return all(tests);
};
