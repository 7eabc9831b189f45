/** Rules with their jumps left open: what each makes of packets, without what the chains that it calls would do. */
import type { ProgramRule, Step } from '../packet/program.ts';
import type { Node } from './diagram.ts';
import type { Outcome } from './outcome.ts';
import type { Workbench } from './workbench.ts';

/** Where a rule sends packets. */
export interface Call {
  readonly kind: 'jump' | 'goto';
  readonly chain: string;
}

export interface Shape {
  /** Every packet's outcome; jumps end with the key of their call. */
  readonly node: Node;
  /** Where the outcome is not that the packet goes on. */
  readonly any: Node;
  readonly calls: ReadonlyMap<string, Call>;
  /** Of a rule that lets packets go on: those that meet its tests do not `pass`. */
  readonly onward: Node | undefined;
}

/** The packets of one outcome. */
export interface Region {
  readonly outcome: Outcome;
  readonly packets: Node;
}

export interface Shapes {
  readonly of: (rule: ProgramRule) => Shape;
  readonly regions: (node: Node) => readonly Region[];
  readonly met: (rule: ProgramRule) => Node;
}

const taken = (by: string): Step => ({ kind: 'verdict', verdict: { kind: 'taken', by } });

/** What others see of a packet is of no use here, and a shifted port range has an outcome for each port. */
const isSeenOnly = (step: Step): boolean =>
  step.kind === 'effect' && (step.effect.kind === 'nat' || step.effect.kind === 'log');

const opened = (steps: readonly Step[], calls: Map<string, Call>): readonly Step[] =>
  steps
    .filter((step) => !isSeenOnly(step))
    .map((step) => {
      // An arm that stays as it is keeps its identity, by which stateful predicates are told apart.
      if (step.kind === 'choose')
        return { ...step, arms: step.arms.map((arm) => (needsOpening(arm.steps) ? { ...arm, steps: opened(arm.steps, calls) } : arm)) }; // prettier-ignore
      if (step.kind !== 'verdict' || (step.verdict.kind !== 'jump' && step.verdict.kind !== 'goto')) return step;
      const key = `call ${calls.size}`;
      calls.set(`taken ${key}`, { kind: step.verdict.kind, chain: step.verdict.chain });
      return taken(key);
    });

const needsOpening = (steps: readonly Step[]): boolean =>
  steps.some(
    (step) =>
      isSeenOnly(step) ||
      (step.kind === 'choose' && step.arms.some((arm) => needsOpening(arm.steps))) ||
      (step.kind === 'verdict' && (step.verdict.kind === 'jump' || step.verdict.kind === 'goto')),
  );

/** Whether packets that meet the rule's tests may go on to the next rule. */
const goesOn = (steps: readonly Step[]): boolean => {
  const last = steps.at(-1);
  return last?.kind !== 'verdict' || last.verdict.kind === 'continue';
};

export const createShapes = ({ d, outcomes, encoders }: Workbench, side: 'a' | 'b'): Shapes => {
  const known = new Map<ProgramRule, Shape>();
  const parts = new Map<Node, readonly Region[]>();
  const encode = (rule: ProgramRule, steps: readonly Step[]): Node =>
    encoders[side].encode({ ...rule, steps }, () => outcomes.pass);

  const anyEnd = (node: Node): Node => d.map(node, (terminal) => (outcomes.of(terminal).end === 'pass' ? d.no : d.yes));

  const of = (rule: ProgramRule): Shape => {
    const found = known.get(rule);
    if (found) return found;
    const calls = new Map<string, Call>();
    const steps = opened(rule.steps, calls);
    const node = encode(rule, steps);
    const before = steps.at(-1)?.kind === 'verdict' ? steps.slice(0, -1) : steps;
    const onward = goesOn(steps) ? encode(rule, [...before, taken('rule')]) : undefined;
    const shape = { node, any: anyEnd(node), calls, onward };
    known.set(rule, shape);
    return shape;
  };

  const regions = (node: Node): readonly Region[] => {
    const found = parts.get(node);
    if (found) return found;
    const made = d.terminalsOf(node).map((terminal) => ({
      outcome: outcomes.of(terminal),
      packets: d.map(node, (other) => (other === terminal ? d.yes : d.no)),
    }));
    parts.set(node, made);
    return made;
  };

  const met = (rule: ProgramRule): Node => {
    const { any, onward } = of(rule);
    return onward === undefined ? any : d.or(any, anyEnd(onward));
  };
  return { of, regions, met };
};
