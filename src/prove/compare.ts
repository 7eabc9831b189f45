/**
 * Whether two programs of one family do the same, hook by hook: first base chain by base chain in pieces, then as
 * whole chains, then all base chains of the hook together. What one way cannot show, the next may.
 */
import type { Assumption } from '../packet/assumption.ts';
import { type Hook, hooks } from '../netfilter/hooks.ts';
import type { Family } from '../netfilter/family.ts';
import type { Program } from '../packet/program.ts';
import { startsConnection } from './care.ts';
import type { Chains } from './chains.ts';
import { BudgetError, type Node } from './diagram.ts';
import { differenceOf, type Difference } from './difference.ts';
import { baseChainsOf, type Place } from '../simulate/instances.ts';
import { fold } from './chains.ts';
import { createSegmentProof } from './segments.ts';
import { isConcerned, worksAt } from './stages.ts';
import { createWorkbench, type Pair, pairOf, type Workbench } from './workbench.ts';

/** `filter`: every chain that lets packets through or not, raw and mangle among them. `nat`: chains that map addresses. */
export type Kind = 'filter' | 'nat';

export interface Question {
  readonly family: Family;
  readonly hook: Hook;
  readonly kind: Kind;
}

export interface Answer extends Question {
  readonly verdict: 'proven' | 'refuted' | 'unknown';
  /** `pieces`: rule by rule. `hook`: whole chains, joined in the order of their priority. */
  readonly method: 'pieces' | 'hook';
  readonly assumed: readonly Assumption[];
  readonly reasons: readonly string[];
  readonly nodes: number;
  /** Where they differ, and the arena to find packets in; only for `refuted`. */
  readonly found?: { readonly difference: Difference; readonly bench: Workbench; readonly care: Node };
}

export interface CompareOptions {
  /** What may be assumed; `whole-headers` is tried without first. */
  readonly assume: ReadonlySet<Assumption>;
  readonly hooks?: ReadonlySet<Hook>;
  /** Compare whole chains at once, even where a comparison in pieces would do. */
  readonly atOnce?: boolean;
  /** Diagram nodes per arena, of about 30 bytes with their tables. */
  readonly budget?: number;
}

const placesOf = (program: Program, { hook, kind }: Question): readonly Place[] =>
  baseChainsOf(program).filter(
    ({ chain }) => chain.base?.hook === hook && (chain.base.type === 'nat') === (kind === 'nat'),
  );

const sortsAlike = (a: Place, b: Place): boolean =>
  a.chain.base?.priority === b.chain.base?.priority &&
  a.chain.base?.policy === b.chain.base?.policy &&
  (a.chain.base?.type === 'route') === (b.chain.base?.type === 'route');

const priorities = (places: readonly Place[]): readonly (number | undefined)[] =>
  places.map(({ chain }) => chain.base?.priority);

const isAmbiguous = (places: readonly Place[]): boolean => new Set(priorities(places)).size < places.length;

/** A base chain without rules that lets everything through is as good as none. */
const isNothing = ({ chain }: Place): boolean => chain.rules.length === 0 && chain.base?.policy === 'accept';

const inPieces = (pair: Pair, question: Question, assume: ReadonlySet<Assumption>): Answer | undefined => {
  const that = (program: Program): readonly Place[] => placesOf(program, question).filter((place) => !isNothing(place));
  const [as, bs] = [that(pair.a), that(pair.b)];
  if (as.length !== bs.length || isAmbiguous(as) || isAmbiguous(bs)) return undefined;
  const proof = createSegmentProof(pair, question.hook, assume);
  for (const [i, a] of as.entries()) {
    const b = bs[i] as Place;
    if (!sortsAlike(a, b) || !proof.same(a, b)) return undefined;
  }
  return {
    ...question,
    verdict: 'proven',
    method: 'pieces',
    assumed: [...proof.assumed],
    reasons: [],
    nodes: proof.nodes(),
  };
};

interface Composed {
  readonly node: Node;
  /** Base chains of the same priority whose order matters. */
  readonly unordered: readonly string[];
}

/** All base chains of a hook one after the other: a packet that one accepts goes on to the next. */
const compose = ({ outcomes }: Workbench, chains: Chains, places: readonly Place[]): Composed => {
  const nodes = places.map(({ table, chain }) =>
    outcomes.ends(chains.base(table, chain), ({ end }) => (end === 'accept' ? 'pass' : end)),
  );
  const unordered = places.flatMap((place, i) => {
    const next = places[i + 1];
    if (!next || next.chain.base?.priority !== place.chain.base?.priority) return [];
    const [f, g] = [nodes[i] as Node, nodes[i + 1] as Node];
    return outcomes.sequence(f, g) === outcomes.sequence(g, f)
      ? []
      : [
          `${place.table.label} ${place.chain.name} and ${next.table.label} ${next.chain.name} have the same priority, so that their order is not known`,
        ];
  });
  const node = outcomes.ends(fold(nodes, outcomes), ({ end }) => (end === 'pass' ? 'accept' : end));
  return { node, unordered };
};

/** Chains that do the same, but with what a packet is before the kernel has worked on it on one side only. */
const movedPast = (bench: Workbench, pair: Pair, question: Question, care: Node): readonly string[] =>
  (question.kind === 'nat' ? [] : worksAt(question.hook)).flatMap((work) => {
    const composed = (side: 'a' | 'b', early: boolean): Node => {
      const places = placesOf(pair[side], question).filter(
        (place) => (place.chain.base?.priority ?? 0) <= work.priority === early && isConcerned(place, work),
      );
      return compose(bench, bench[side], places).node;
    };
    const isSame = [true, false].every((early) => {
      const { sure, unknown } = differenceOf(bench, composed('a', early), composed('b', early), care);
      return sure.length + unknown.length === 0;
    });
    return isSame ? [] : [`the same rules stand before and behind the place where ${work.what}`];
  });

const asWhole = (pair: Pair, question: Question, assume: ReadonlySet<Assumption>): Answer => {
  const bench = createWorkbench(pair, assume);
  try {
    const a = compose(bench, bench.a, placesOf(pair.a, question));
    const b = compose(bench, bench.b, placesOf(pair.b, question));
    const packets = bench.care(question.hook);
    const care = question.kind === 'nat' ? bench.d.and(packets, startsConnection(bench.space)) : packets;
    const difference = differenceOf(bench, a.node, b.node, care);
    const reasons = [...a.unordered, ...b.unordered, ...difference.unknown];
    const common = {
      ...question,
      method: 'hook' as const,
      assumed: [...bench.space.assumed],
      nodes: bench.d.size(),
      reasons,
    };
    if (a.unordered.length + b.unordered.length > 0) return { ...common, verdict: 'unknown' };
    if (difference.sure.length > 0) return { ...common, verdict: 'refuted', found: { difference, bench, care } };
    const moved = reasons.length > 0 ? [] : movedPast(bench, pair, question, care);
    return {
      ...common,
      reasons: [...reasons, ...moved],
      verdict: reasons.length + moved.length > 0 ? 'unknown' : 'proven',
    };
  } catch (error) {
    // Too many nodes, or more variables on one path than the stack holds.
    if (!(error instanceof BudgetError || error instanceof RangeError)) throw error;
    return {
      ...question,
      verdict: 'unknown',
      method: 'hook',
      assumed: [],
      reasons: [`the rules need more memory than the budget allows (${error.message})`],
      nodes: bench.d.size(),
    };
  }
};

const quietly = <T>(work: () => T): T | undefined => {
  try {
    return work();
  } catch (error) {
    if (error instanceof BudgetError || error instanceof RangeError) return undefined;
    throw error;
  }
};

/** Assumptions about packets, in the order in which they are taken up when nothing can be proven without. */
const aboutPackets: readonly Assumption[] = ['header-chains', 'whole-headers'];

/** What may be assumed, from the least on. */
const levelsOf = (assume: ReadonlySet<Assumption>, { family }: Question): readonly ReadonlySet<Assumption>[] => {
  const about = aboutPackets.filter((name) => assume.has(name) && (family === 'ip6' || name !== 'header-chains'));
  const others = [...assume].filter((name) => !aboutPackets.includes(name));
  return Array.from({ length: about.length + 1 }, (_, count) => new Set([...others, ...about.slice(0, count)]));
};

const resting = (answer: Answer, level: ReadonlySet<Assumption>): Answer => ({
  ...answer,
  assumed: [...new Set([...aboutPackets.filter((name) => level.has(name)), ...answer.assumed])],
});

/** Answers one question; nothing is assumed about packets if it can be proven without. */
export const compareAt = (pair: Pair, question: Question, options: CompareOptions): Answer => {
  const levels = levelsOf(options.assume, question);
  for (const level of options.atOnce === true ? [] : levels) {
    const answer = quietly(() => inPieces(pair, question, level));
    if (answer) return resting(answer, level);
  }
  // What differs on whole packets differs; what is proven on them may hold for more.
  let best: Answer | undefined;
  for (const level of levels.toReversed()) {
    const answer = asWhole(pair, question, level);
    if (answer.verdict === 'proven') best = resting(answer, level);
    else return best ?? answer;
  }
  return best as Answer;
};

/** Every question that one of the programs gives reason to ask. */
export const questionsOf = (a: Program, b: Program, wanted: ReadonlySet<Hook> = new Set(hooks)): readonly Question[] =>
  hooks
    .filter((hook) => wanted.has(hook))
    .flatMap((hook) => (['filter', 'nat'] as const).map((kind): Question => ({ family: a.family, hook, kind })))
    .filter((question) => placesOf(a, question).length + placesOf(b, question).length > 0);

export const comparePrograms = (a: Program, b: Program, options: CompareOptions): readonly Answer[] => {
  const pair = pairOf(a, b, options.budget);
  return questionsOf(a, b, options.hooks).map((question) => compareAt(pair, question, options));
};
