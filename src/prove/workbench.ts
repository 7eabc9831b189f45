/** Two programs of one family in one arena of diagrams, ready to be compared. */
import type { Assumption } from '../packet/assumption.ts';
import { type Field, keyInfo } from '../packet/field.ts';
import type { Program } from '../packet/program.ts';
import { packetsAt, unbrokenChains, wholeTransportHeaders } from './care.ts';
import { type Chains, createChains, type Shortcut } from './chains.ts';
import { createDiagrams, type Diagrams, type Node } from './diagram.ts';
import { type Instances, numberInstances } from '../simulate/instances.ts';
import { fieldsOf, nameTestsOf, type NameTests } from './names.ts';
import { createOutcomes, ended, type Outcomes } from './outcome.ts';
import { createRuleEncoder, type RuleEncoder } from './rules.ts';
import { createSpace, type Space } from './space.ts';
import type { Hook } from '../netfilter/hooks.ts';

/** What is compared, and what is common to every arena that the comparison uses. */
export interface Pair {
  readonly a: Program;
  readonly b: Program;
  readonly names: NameTests;
  readonly fields: readonly Field[];
  readonly instances: { readonly a: Instances; readonly b: Instances };
  readonly budget: number;
  /** Bounds the time: see diagram.ts. */
  readonly work: number;
}

export const pairOf = (a: Program, b: Program, budget = 12_000_000, work: number = Infinity): Pair => ({
  a,
  b,
  names: nameTestsOf([a, b]),
  fields: fieldsOf([a, b]),
  instances: { a: numberInstances(a), b: numberInstances(b) },
  budget,
  work,
});

export interface Workbench {
  readonly d: Diagrams;
  readonly space: Space;
  readonly outcomes: Outcomes;
  readonly a: Chains;
  readonly b: Chains;
  /** What single rules make of packets. */
  readonly encoders: { readonly a: RuleEncoder; readonly b: RuleEncoder };
  /** The packets that count at a hook. */
  readonly care: (hook: Hook) => Node;
}

/** `sharedChain` numbers the chains that are known to be the same on both sides. */
export const createWorkbench = (
  pair: Pair,
  assume: ReadonlySet<Assumption>,
  sharedChain?: (side: 'a' | 'b', ...chain: Parameters<Shortcut>) => number | undefined,
  expected?: number,
): Workbench => {
  const d = createDiagrams(pair.budget, expected, pair.work);
  const space = createSpace(d, pair.a.family, pair.names, assume);
  const outcomes = createOutcomes(d);
  // Which relations between fields matter has to be known before the first rule.
  for (const field of pair.fields) {
    const kind = field.kind === 'key' ? keyInfo(field.key)?.kind : 'word';
    if (kind === 'word') space.fields.cases(field);
  }
  const cares = new Map<Hook, Node>();
  const encoderOf = (side: 'a' | 'b'): RuleEncoder => createRuleEncoder(space, outcomes, pair.instances[side], side);
  const encoders = { a: encoderOf('a'), b: encoderOf('b') };
  const chains = (side: 'a' | 'b'): Chains =>
    createChains(space, outcomes, encoders[side], (table, name) => {
      const number = sharedChain?.(side, table, name);
      return number === undefined ? undefined : outcomes.node(ended(`call ${number}`));
    });
  return {
    d,
    space,
    outcomes,
    a: chains('a'),
    b: chains('b'),
    encoders,
    care: (hook) => {
      const found = cares.get(hook);
      if (found !== undefined) return found;
      const packets = packetsAt(space, hook, pair.names);
      const chained = assume.has('header-chains') ? d.and(packets, unbrokenChains(space)) : packets;
      const care = assume.has('whole-headers') ? d.and(chained, wholeTransportHeaders(space)) : chained;
      cares.set(hook, care);
      return care;
    },
  };
};
