/** Whether a hook lets a packet of some kind through, and which one. */
import type { Hook } from '../netfilter/hooks.ts';
import type { Condition } from '../packet/condition.ts';
import type { Program, ProgramChain, ProgramRule, ProgramTable, Step } from '../packet/program.ts';
import { assignmentOf, preferred } from './assignment.ts';
import { decode, type Decoded } from './decode.ts';
import type { Node } from './diagram.ts';
import { namedIn, preferencesOf } from './preferences.ts';
import type { QuestionOptions, Where } from './questions.ts';
import { type Reach, reachOf } from './reach.ts';
import { sliceFor } from './slice.ts';
import { createWorkbench, pairOf, type Workbench } from './workbench.ts';

/** Packets that come through all base chains of a hook. */
export const throughAll = (bench: Workbench, { visits, policies }: Reach, where: Where): Node => {
  const { d } = bench;
  const lost = [
    ...visits.flatMap(({ decided }) => [...decided].filter(([end]) => end !== 'accept').map(([, packets]) => packets)),
    ...policies.filter(({ chain }) => chain.base?.policy === 'drop').map(({ packets }) => packets),
  ];
  return d.and(bench.care(where.hook), d.not(lost.reduce<Node>((all, packets) => d.or(all, packets), d.no)));
};

export const exampleOf = (
  { space }: Workbench,
  packets: Node,
  hook: Hook,
  named: ReturnType<typeof namedIn>,
): Decoded | undefined =>
  decode(space, assignmentOf(space, preferred(space, packets, preferencesOf(space, named))), hook);

/** The program with one more chain, in a table of its own. */
export const beside = (program: Program, chain: ProgramChain): Program => ({
  ...program,
  tables: [...program.tables, { name: '', runs: 'nft', label: 'question', chains: new Map([[chain.name, chain]]) }],
});

/** A rule that nobody has written. */
export const ruleOf = (steps: readonly Step[]): ProgramRule => ({ origin: { file: '', line: 0, text: '' }, steps });

/** The program with a rule that no packet meets and that asks the conditions, so that the names in them are told apart. */
export const asking = (program: Program, conditions: readonly Condition[]): Program =>
  beside(program, { name: 'question', rules: [ruleOf(conditions.map((condition) => ({ kind: 'test', condition })))] });

/**
 * A packet that meets all conditions and that all chains of the hook let through (`passes`) or that one of them keeps
 * out (`stops`); undefined if there is none.
 */
export const packetThat = (
  does: 'passes' | 'stops',
  program: Program,
  where: Where,
  conditions: readonly Condition[],
  options: QuestionOptions,
): Decoded | undefined => {
  const asked = asking(program, conditions);
  const bench = createWorkbench(pairOf(asked, asked, options.budget, options.work), options.assume);
  const { d, space } = bench;
  const passes = throughAll(bench, reachOf(bench, 'a', program, where), where);
  const start = does === 'passes' ? passes : d.and(bench.care(where.hook), d.not(passes));
  const packets = conditions.reduce((all, one) => d.and(all, space.encode(one, 'a')), start);
  return packets === d.no ? undefined : exampleOf(bench, packets, where.hook, namedIn([program]));
};

export interface LetIn {
  /** One such packet; undefined if there is none. */
  readonly example: Decoded | undefined;
  /** Every rule that accepts some of them, in the order in which packets meet the rules. */
  readonly by: readonly {
    readonly table: ProgramTable;
    readonly rule: ProgramRule;
    readonly example: Decoded | undefined;
  }[];
}

const letThroughOne = (
  program: Program,
  where: Where,
  conditions: readonly Condition[],
  options: QuestionOptions,
): LetIn => {
  const asked = asking(program, conditions);
  const bench = createWorkbench(pairOf(asked, asked, options.budget, options.work), options.assume);
  const { d, space } = bench;
  const reach = reachOf(bench, 'a', program, where);
  const wanted = conditions.reduce((all, one) => d.and(all, space.encode(one, 'a')), throughAll(bench, reach, where));
  if (wanted === d.no) return { example: undefined, by: [] };
  const named = namedIn([program]);
  return {
    example: exampleOf(bench, wanted, where.hook, named),
    by: reach.visits.flatMap(({ table, rule, decided }) => {
      const some = d.and(wanted, decided.get('accept') ?? d.no);
      return some === d.no ? [] : [{ table, rule, example: exampleOf(bench, some, where.hook, named) }];
    }),
  };
};

/** Conditions that all of the questions have: what they leave of the program is found once. */
const common = (questions: readonly (readonly Condition[])[]): readonly Condition[] =>
  (questions[0] ?? []).filter((one) => questions.every((question) => question.includes(one)));

/** For each question: which packets that meet all its conditions the hook lets through, and which rules accept them. */
export const letThrough = (
  program: Program,
  where: Where,
  questions: readonly (readonly Condition[])[],
  options: QuestionOptions,
): readonly LetIn[] => {
  const first = sliceFor(program, where.hook, common(questions));
  return questions.map((conditions) =>
    letThroughOne(sliceFor(first, where.hook, conditions), where, conditions, options),
  );
};
