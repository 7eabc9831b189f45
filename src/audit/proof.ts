/** What the prover says of a host's rules, asked once for all findings that want to know. */
import { type Hook, hooks } from '../netfilter/hooks.ts';
import { type Assumption, everyAssumption } from '../packet/assumption.ts';
import type { Condition } from '../packet/condition.ts';
import type { Program, ProgramRule, ProgramTable } from '../packet/program.ts';
import type { Decoded } from '../prove/decode.ts';
import { BudgetError } from '../prove/diagram.ts';
import { type Accept, type LostAccept, lostAccepts } from '../prove/lost.ts';
import { type LetIn, letThrough, packetThat } from '../prove/passing.ts';
import { matchesAt, type Overridden, overridden, type Unreached, type Where } from '../prove/questions.ts';
import { lazy } from './lazy.ts';

/** Questions whose answer would take more memory than this are answered with nothing, and the report says so. */
const budget = 3_000_000;

/** … or more than some seconds. */
const work = 15_000_000;

const options = { assume: everyAssumption, budget, work };

/** Rules of a family. A host with as many takes seconds and some hundred megabytes only to be read. */
const mostRules = 40_000;

/** A rule for fragments or broken headers does match something: nothing is taken for granted of what packets are. */
const ofPackets: readonly Assumption[] = ['whole-headers', 'header-chains', 'well-formed-options', 'mss-present', 'soon-expired']; // prettier-ignore
const anyPacket = { ...options, assume: new Set([...everyAssumption].filter((one) => !ofPackets.includes(one))) };

export interface Proof {
  /** Rules that match no packet at any hook that reaches them. Undefined: not known. */
  readonly unreached: () => readonly Unreached[] | undefined;
  /** See prove/questions.ts. Undefined: not known. */
  readonly overridden: (
    isTheirs: (rule: ProgramRule) => boolean,
    hook: 'input' | 'forward',
    conditions?: readonly Condition[],
  ) => readonly Overridden[] | undefined;
  /** See prove/lost.ts. Undefined: not known. */
  readonly lostAccepts: (
    table: ProgramTable,
    accepts: readonly Accept[],
    hook: 'input' | 'forward',
  ) => readonly LostAccept[] | undefined;
  /** A packet that the hook does this with and that meets all conditions; null if there is none, undefined: not known. */
  readonly packetThat: (
    does: 'passes' | 'stops',
    hook: Hook,
    conditions: readonly Condition[],
  ) => Decoded | null | undefined;
  /** For each question, what the hook lets through of it and by which rules. Undefined: not known. */
  readonly letThrough: (
    hook: Hook,
    questions: readonly (readonly Condition[])[],
    of?: Program,
  ) => readonly LetIn[] | undefined;
}

const wheres: readonly Where[] = hooks.flatMap((hook): readonly Where[] =>
  hook === 'forward'
    ? [{ hook, kind: 'filter' }]
    : [
        { hook, kind: 'filter' },
        { hook, kind: 'nat' },
      ],
);

/** `why` of a rule that several hooks reach is the one nearest to a match. */
const nearest = ['blocked', 'impossible', 'uncalled'] as const;

const isAsked = ({ tables }: Program, { hook, kind }: Where): boolean =>
  tables.some(({ chains }) =>
    [...chains.values()].some(({ base }) => base?.hook === hook && (base.type === 'nat') === (kind === 'nat')),
  );

/** A chain that several hooks reach: its rule is dead where it matches at none of them. */
const deadEverywhere = (program: Program): readonly Unreached[] => {
  const found = new Map<ProgramRule, Unreached>();
  const alive = new Set<ProgramRule>();
  for (const where of wheres.filter((one) => isAsked(program, one))) {
    const { unreached, matched } = matchesAt(program, where, anyPacket);
    for (const rule of matched) alive.add(rule);
    for (const one of unreached) {
      const known = found.get(one.rule);
      if (!known || nearest.indexOf(one.why) < nearest.indexOf(known.why)) found.set(one.rule, one);
    }
  }
  return [...found.values()].filter(({ rule }) => !alive.has(rule));
};

/** `count`: how many rules it has. `unsure` is told when an answer would have taken too much. */
export const proofOf = (program: Program, count: number, unsure: (question: string) => void): Proof => {
  const guarded = <T>(question: string, ask: () => T): T | undefined => {
    try {
      return ask();
    } catch (error) {
      if (!(error instanceof BudgetError)) throw error;
      unsure(question);
      return undefined;
    }
  };
  /** About all rules at once: of very many, the answer is not even begun. */
  const bounded = <T>(question: string, ask: () => T): T | undefined => {
    if (count <= mostRules) return guarded(question, ask);
    unsure(question);
    return undefined;
  };
  return {
    unreached: lazy(() => bounded('which rules never match', () => deadEverywhere(program))),
    overridden: (isTheirs, hook, conditions) =>
      bounded("which packets Docker's rules let in", () =>
        overridden(program, isTheirs, { hook, kind: 'filter' }, options, conditions),
      ),
    lostAccepts: (table, accepts, hook) =>
      bounded('which accepts open nothing', () =>
        lostAccepts(program, table, accepts, { hook, kind: 'filter' }, options),
      ),
    packetThat: (does, hook, conditions) =>
      guarded(
        `which packets the ${hook} hook lets through`,
        () =>
        packetThat(does, program, { hook, kind: 'filter' }, conditions, options) ?? null, // prettier-ignore
      ),
    letThrough: (hook, questions, of = program) =>
      guarded(`what the ${hook} hook lets through`, () => letThrough(of, { hook, kind: 'filter' }, questions, options)),
  };
};
