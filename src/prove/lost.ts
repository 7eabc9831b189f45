/** Accepts that open nothing: all packets of a rule's that its own table lets through end in another base chain. */
import type { Condition } from '../packet/condition.ts';
import type { Program, ProgramChain, ProgramRule, ProgramTable } from '../packet/program.ts';
import type { Decoded } from './decode.ts';
import type { Node } from './diagram.ts';
import { asking, exampleOf, throughAll } from './passing.ts';
import { namedIn } from './preferences.ts';
import type { QuestionOptions, Where } from './questions.ts';
import { reachOf } from './reach.ts';
import { createWorkbench, pairOf } from './workbench.ts';

/** An accept, and the packets of it that count. */
export interface Accept {
  readonly rule: ProgramRule;
  readonly conditions: readonly Condition[];
}

export interface Killer {
  readonly table: ProgramTable;
  /** The base chain. */
  readonly chain: ProgramChain;
  /** None where it is the policy. */
  readonly rule?: ProgramRule;
}

export interface LostAccept {
  readonly rule: ProgramRule;
  readonly by: readonly Killer[];
  readonly example: Decoded | undefined;
}

/**
 * Those of a table's accepts of which nothing comes through the hook, although the table lets all of it through. Accepts
 * that meet no packet, or of which anything comes through, are not among them.
 */
export const lostAccepts = (
  program: Program,
  table: ProgramTable,
  accepts: readonly Accept[],
  where: Where,
  options: QuestionOptions,
): readonly LostAccept[] => {
  const alone: Program = { ...program, tables: [table] };
  const asked = asking(program, accepts.flatMap(({ conditions }) => conditions)); // prettier-ignore
  const bench = createWorkbench(pairOf(asked, alone, options.budget, options.work), options.assume);
  const { d, space } = bench;
  const own = reachOf(bench, 'b', alone, where);
  const wanted = new Map(accepts.map(({ rule, conditions }) => [rule, conditions]));
  const accepted = new Map<ProgramRule, Node>();
  for (const { rule, decided } of own.visits)
    if (wanted.has(rule)) accepted.set(rule, d.or(accepted.get(rule) ?? d.no, decided.get('accept') ?? d.no));
  if (accepted.size === 0) return [];
  const all = reachOf(bench, 'a', program, where);
  const passes = throughAll(bench, all, where);
  const passesOwn = throughAll(bench, own, where);
  const named = namedIn([program]);
  const killers: { readonly killer: Killer; readonly packets: Node; readonly end: string }[] = [
    ...all.visits
      .filter((visit) => visit.table !== table)
      .flatMap((visit) =>
        [...visit.decided]
          .filter(([end]) => end !== 'accept')
          .map(([end, packets]) => ({ end, killer: { table: visit.table, chain: visit.base, rule: visit.rule }, packets })),
      ),
    ...all.policies
      .filter((one) => one.table !== table && one.chain.base?.policy === 'drop')
      .map((one) => ({ killer: { table: one.table, chain: one.chain }, packets: one.packets, end: 'drop' })),
  ]; // prettier-ignore
  return [...accepted].flatMap(([rule, accept]): readonly LostAccept[] => {
    const packets = (wanted.get(rule) ?? []).reduce((some, one) => d.and(some, space.encode(one, 'a')), d.and(accept, passesOwn)); // prettier-ignore
    if (packets === d.no || d.and(packets, passes) !== d.no) return [];
    const by = killers.filter((one) => d.and(one.packets, packets) !== d.no);
    // Where nothing is known of a rule, nothing is known of its packets.
    if (by.length === 0 || by.some(({ end }) => !/^(?:drop|reject)/.test(end))) return [];
    return [{ rule, by: by.map(({ killer }) => killer), example: exampleOf(bench, packets, where.hook, named) }];
  });
};
