/**
 * What a rule, a chain or a hook makes of a packet: how it ends, what it leaves changed, and what can be observed. Each
 * distinct outcome is one terminal of the diagrams.
 */
import type { Diagrams, Literal, Node } from './diagram.ts';

export interface Outcome {
  /**
   * `pass`: undecided, the next rule follows. `return`: undecided, the calling chain goes on. Otherwise a verdict's
   * words (`accept`, `drop`, `reject icmp port-unreachable`), `call N` or `goto N` for a chain that both sides have, or
   * `unknown …`.
   */
  readonly end: string;
  /** New values of variables, ascending by level; what keeps its value is not there. */
  readonly changes: readonly (readonly [level: number, literal: Literal])[];
  /** What others see, in order: log lines, address translation, connection tracking. */
  readonly observed: readonly string[];
  /** Stateful predicates that were asked, in any order: sorted. */
  readonly asked: readonly string[];
}

export interface Outcomes {
  readonly pass: Node;
  readonly node: (outcome: Outcome) => Node;
  readonly of: (terminal: Node) => Outcome;
  /** `f`, and where it leaves a packet undecided, `g` on what `f` made of it. */
  readonly sequence: (f: Node, g: Node) => Node;
  /** `effect` first, then `f` on what it made of the packet. */
  readonly after: (effect: Outcome, f: Node) => Node;
  /**
   * Whether a sequence put anything behind a chain that both sides have and that may come back: what it says is not
   * what the kernel does. Asking clears it.
   */
  readonly calledInTheMiddle: () => boolean;
  /** Every outcome replaced by another one with the same effects. */
  readonly ends: (f: Node, end: (outcome: Outcome) => string) => Node;
}

export const ended = (end: string): Outcome => ({ end, changes: [], observed: [], asked: [] });

const isSame = (level: number, literal: Literal): boolean =>
  'level' in literal && literal.level === level && !literal.negated;

/** A literal after the changes that were made before. */
const later = (literal: Literal, before: ReadonlyMap<number, Literal>): Literal => {
  if ('value' in literal) return literal;
  const source = before.get(literal.level);
  if (!source) return literal;
  if (!literal.negated) return source;
  return 'value' in source ? { value: source.value === 0 ? 1 : 0 } : { level: source.level, negated: !source.negated };
};

const union = (a: readonly string[], b: readonly string[]): readonly string[] =>
  a.length === 0 ? b : b.length === 0 ? a : [...new Set([...a, ...b])].toSorted();

export const composed = (first: Outcome, second: Outcome): Outcome => {
  const before = new Map(first.changes);
  const changes = new Map(before);
  for (const [level, literal] of second.changes) changes.set(level, later(literal, before));
  return {
    end: second.end,
    changes: [...changes].filter(([level, literal]) => !isSame(level, literal)).toSorted(([a], [b]) => a - b),
    observed: [...first.observed, ...second.observed],
    asked: union(first.asked, second.asked),
  };
};

const keyOf = ({ end, changes, observed, asked }: Outcome): string =>
  changes.length + observed.length + asked.length === 0 ? end : JSON.stringify([end, changes, observed, asked]);

export const createOutcomes = (d: Diagrams): Outcomes => {
  // Terminals 0 and 1 are false and true.
  const first = 2;
  const known = new Map<string, Node>();
  const outcomes: Outcome[] = [];
  let anyChangedPass = false;
  let anyCall = false;
  let middle = false;

  const node = (outcome: Outcome): Node => {
    const key = keyOf(outcome);
    const found = known.get(key);
    if (found !== undefined) return found;
    const made = d.terminal(first + outcomes.length);
    outcomes.push(outcome);
    if (key !== 'pass' && outcome.end === 'pass') anyChangedPass = true;
    if (outcome.end.startsWith('call ')) anyCall = true;
    known.set(key, made);
    return made;
  };
  const of = (terminal: Node): Outcome => outcomes[(d.numberOf(terminal) as number) - first] as Outcome;
  const pass = node(ended('pass'));

  const after = (effect: Outcome, f: Node): Node =>
    d.map(d.substitute(f, new Map(effect.changes)), (terminal) => node(composed(effect, of(terminal))));

  /** Terminals that leave a packet undecided but changed. Most rules have none, which is remembered per node. */
  const leaves = new Map<Node, readonly Node[]>();
  const changedPasses = (f: Node): readonly Node[] => {
    if (!anyChangedPass) return [];
    const found = leaves.get(f);
    if (found) return found;
    const made = d.terminalsOf(f).filter((terminal) => terminal !== pass && of(terminal).end === 'pass');
    leaves.set(f, made);
    return made;
  };

  const sequence = (f: Node, g: Node): Node => {
    if (g === pass) return f;
    // The same again changes nothing, unless the packet came back changed: from a rule, or from a chain that is called.
    const isOnce = f === g && changedPasses(f).length === 0 && !(anyCall && calling(f) !== d.no);
    return isOnce ? f : repeated(f, g);
  };

  const calls = new Map<Node, Node>();
  /** Where `f` calls a chain that both sides have. */
  const calling = (f: Node): Node => {
    const found = calls.get(f);
    if (found !== undefined) return found;
    const made = d.map(f, (terminal) => (of(terminal).end.startsWith('call ') ? d.yes : d.no));
    calls.set(f, made);
    return made;
  };

  const repeated = (f: Node, g: Node): Node => {
    if (anyCall && d.choose(calling(f), g, pass) !== pass) middle = true;
    let result = d.override(f, g, pass);
    for (const terminal of changedPasses(f)) {
      const here = d.map(f, (other) => (other === terminal ? d.yes : d.no));
      result = d.choose(here, after(of(terminal), g), result);
    }
    return result;
  };

  const ends = (f: Node, end: (outcome: Outcome) => string): Node =>
    d.map(f, (terminal) => {
      const outcome = of(terminal);
      const next = end(outcome);
      return next === outcome.end ? terminal : node({ ...outcome, end: next });
    });

  const calledInTheMiddle = (): boolean => {
    const was = middle;
    middle = false;
    return was;
  };

  return { pass, node, of, sequence, after, calledInTheMiddle, ends };
};
