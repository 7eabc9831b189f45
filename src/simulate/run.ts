/** What both walkers share: one packet on one way through the rules, and what they ask of the world around them. */
import type { Condition } from '../packet/condition.ts';
import type { Effect, Verdict } from '../packet/effect.ts';
import { isFalse, isTrue, isUnknown, type Truth } from '../packet/evaluate.ts';
import { ctStates } from '../packet/field.ts';
import type { BaseChain, ProgramRule, ProgramTable } from '../packet/program.ts';
import { type Applied, applyEffect } from '../packet/rewrite.ts';
import { slotOf, valueAt, type View } from '../packet/view.ts';

/** How a base chain, a hook or the whole way ends. */
export type Ending = Extract<Verdict, { readonly kind: 'accept' | 'drop' | 'reject' | 'queue' | 'taken' }> | Unknown;

/** Nothing can be said: something without a model was reached, or nobody was there to decide. */
export interface Unknown {
  readonly kind: 'unknown';
  readonly what: string;
}

export const accepted: Ending = { kind: 'accept' };
export const dropped: Ending = { kind: 'drop' };
/** Without `decide`, the first thing that is unknown ends the way. */
export const undecided: Unknown = { kind: 'unknown', what: 'not everything about the packet is known' };

/** Settles a question that the packet does not answer, for this one way: a condition, or one in words. */
export type Decide = (question: Condition | string, run: Run) => boolean;

/** Where a rule stands, for the trace. */
export interface Site {
  readonly chain: string;
  readonly depth: number;
  readonly rule: ProgramRule;
}

/** Told what happens, in the order in which it happens. */
export interface Recorder {
  /** A test failed: the rule is over. `left` is how many more tests the rule had. */
  readonly failed: (site: Site, condition: Condition, view: View, left: number) => void;
  readonly effect: (site: Site, effect: Effect) => void;
  /** All of the rule was true; without a verdict the next rule follows. */
  readonly matched: (site: Site, verdict: Verdict | undefined) => void;
  readonly hotdrop: (site: Site, condition: Condition, view: View) => void;
  readonly unmodelled: (site: Site, what: string) => void;
  readonly policy: (chain: string, policy: 'accept' | 'drop') => void;
}

/** One way of one packet. */
export interface Run {
  readonly view: View;
  readonly decide: Decide | undefined;
  readonly recorder: Recorder | undefined;
  /** Counts what rules have changed about the packet: while it stays the same, questions have the same answer. */
  changes: number;
  /** The mapping that a chain of type nat has made, for the hook to carry out. */
  mapping: Extract<Effect, { readonly kind: 'nat' }> | undefined;
}

export const newRun = (view: View, decide?: Decide, recorder?: Recorder): Run => ({
  view,
  decide,
  recorder,
  changes: 0,
  mapping: undefined,
});

/** The answer to a condition: its own, or the decision of this way where it has none; `isUnknown` if nobody decides. */
export const settle = (run: Run, condition: Condition, truth: Truth): Truth => {
  if (truth !== isUnknown || !run.decide) return truth;
  return run.decide(condition, run) ? isTrue : isFalse;
};

const stateSlot = slotOf('ct.state');

/**
 * Does an effect to the packet. A mapping is only noted down: the hook of NAT carries it out when the chain is over
 * (nf_nat_core.c nf_nat_inet_fn). A packet that conntrack has seen stays tracked (xt_CT.c notrack_tg).
 */
export const perform = (run: Run, effect: Effect): Applied => {
  switch (effect.kind) {
    case 'log':
    case 'other':
      return 'done';
    case 'nat':
      run.changes++;
      run.mapping = effect;
      return 'done';
    case 'notrack':
      if (valueAt(run.view, stateSlot) !== ctStates.invalid) return 'done';
      run.changes++;
      return applyEffect(run.view, effect);
    case 'set':
    case 'copy':
    case 'write':
      run.changes++;
      return applyEffect(run.view, effect);
  }
};

/** One base chain, ready to be run. */
export interface BaseRunner {
  readonly table: ProgramTable;
  readonly chain: string;
  readonly base: BaseChain;
  readonly run: (run: Run) => Ending;
}
