/** Where two diagrams of outcomes differ, pair by pair of outcomes. */
import type { Literal, Node } from './diagram.ts';
import { ended, type Outcome } from './outcome.ts';
import type { Workbench } from './workbench.ts';

export interface Region {
  readonly a: Outcome;
  readonly b: Outcome;
  /** The packets for which the sides end with these outcomes. */
  readonly packets: Node;
}

export interface Difference {
  /** Regions that differ whatever the things without a model do; empty if there are none. */
  readonly sure: readonly Region[];
  /** What stands in the way of knowing more, one sentence each; empty if everything is known. */
  readonly unknown: readonly string[];
}

const isUnknown = ({ end }: Outcome): boolean => end.startsWith('unknown ');

/** The bit that a literal gives, as a condition. */
const valueOf = ({ d }: Workbench, literal: Literal): Node => {
  if ('value' in literal) return literal.value === 1 ? d.yes : d.no;
  const variable = d.variable(literal.level);
  return literal.negated ? d.not(variable) : variable;
};

/**
 * The packets of `packets` for which outcomes that end alike really leave different values: setting a mark that the
 * packet has already is no difference. Of several bits that differ one is enough, and all of them together could be
 * more than memory holds: whether two words are equal takes a node for every value of one of them.
 */
const changedApart = (bench: Workbench, a: Outcome, b: Outcome, packets: Node): Node => {
  const { d } = bench;
  const [left, right] = [new Map(a.changes), new Map(b.changes)];
  for (const level of new Set([...left.keys(), ...right.keys()])) {
    const same: Literal = { level, negated: false };
    const [x, y] = [valueOf(bench, left.get(level) ?? same), valueOf(bench, right.get(level) ?? same)];
    const apart = d.and(packets, d.choose(x, d.not(y), y));
    if (apart !== d.no) return apart;
  }
  return d.no;
};

const sameBut = (a: Outcome, b: Outcome): boolean =>
  a.end === b.end && a.observed.join('\n') === b.observed.join('\n') && a.asked.join('\n') === b.asked.join('\n');

/** A dropped packet takes what was changed of it along. */
const settled = (outcome: Outcome): Outcome => (outcome.end === 'drop' ? { ...outcome, changes: [] } : outcome);

export const differenceOf = (bench: Workbench, fa: Node, fb: Node, care: Node): Difference => {
  const { d, outcomes, space } = bench;
  if (fa === fb) return { sure: [], unknown: [] };
  const pairs: { readonly a: Outcome; readonly b: Outcome; readonly mark: Node }[] = [];
  const numbers = new Map<string, Node>();
  const joined = d.join(fa, fb, (x, y) => {
    if (x === y) return outcomes.pass;
    const key = `${x} ${y}`;
    const found = numbers.get(key);
    if (found !== undefined) return found;
    const mark = outcomes.node(ended(`pair ${pairs.length}`));
    numbers.set(key, mark);
    pairs.push({ a: outcomes.of(x), b: outcomes.of(y), mark });
    return mark;
  });
  const regions: Region[] = [];
  const unknown = new Set<string>();
  let sure = d.no;
  for (const { a, b, mark } of pairs) {
    const [left, right] = [settled(a), settled(b)];
    let packets = d.and(
      care,
      d.map(joined, (terminal) => (terminal === mark ? d.yes : d.no)),
    );
    if (sameBut(left, right)) packets = changedApart(bench, left, right, packets);
    if (packets === d.no) continue;
    if (isUnknown(a) || isUnknown(b)) {
      for (const outcome of [a, b]) if (isUnknown(outcome)) unknown.add(outcome.end.slice('unknown '.length));
      continue;
    }
    regions.push({ a: left, b: right, packets });
    sure = d.or(sure, packets);
  }
  const isUnmodelled = (level: number): boolean => space.unknownAt(level)?.kind === 'unmodelled';
  const certain = d.forAll(sure, isUnmodelled);
  if (certain !== sure) for (const what of space.unknowns()) if (what.kind === 'unmodelled') unknown.add(what.what);
  return {
    sure: regions
      .map((region) => ({ ...region, packets: d.and(region.packets, certain) }))
      .filter(({ packets }) => packets !== d.no),
    unknown: [...unknown],
  };
};
