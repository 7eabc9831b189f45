/** The way of one packet as data: what was asked, in the kernel's order, with the reason why each rule did not match. */
import type { Condition } from '../packet/condition.ts';
import type { Verdict } from '../packet/effect.ts';
import type { Family } from '../netfilter/family.ts';
import type { Hook } from '../netfilter/hooks.ts';
import type { ProgramTable } from '../packet/program.ts';
import type { View } from '../packet/view.ts';
import type { BaseRunner, Recorder, Site } from './run.ts';
import { describeEffect, describeVerdict, dropReason, type Reason, reasonOf } from './words.ts';

/** What this way takes for true although the packet does not say it. */
export interface Supposition {
  readonly what: string;
  readonly answer: boolean;
}

export interface RuleEvent {
  readonly kind: 'rule';
  readonly chain: string;
  /** How many jumps below the base chain. */
  readonly depth: number;
  readonly file: string;
  readonly line: number;
  readonly text: string;
  /** `dropped`: a match dropped the packet on the spot. `unmodelled`: nothing is known of what follows. */
  readonly result: 'matched' | 'failed' | 'dropped' | 'unmodelled';
  /** Why the rule did not match, or dropped. */
  readonly why?: Reason;
  /** How many tests the rule has, and how many of them came behind the one that failed. */
  readonly tests: number;
  readonly left?: number;
  readonly effects: readonly string[];
  readonly verdict?: string;
  readonly supposed: readonly Supposition[];
}

export type TraceEvent =
  | { readonly kind: 'hook'; readonly hook: Hook }
  | {
      readonly kind: 'chain';
      readonly table: string;
      readonly runs: ProgramTable['runs'];
      readonly type: 'filter' | 'nat' | 'route';
      readonly chain: string;
      readonly hook: Hook;
      readonly priority: number;
    }
  | RuleEvent
  | { readonly kind: 'policy'; readonly chain: string; readonly verdict: 'accept' | 'drop' }
  /** What the kernel does between chains: conntrack, the routing decision, NAT. */
  | { readonly kind: 'kernel'; readonly text: string; readonly supposed: readonly Supposition[] };

export interface Trace {
  readonly events: TraceEvent[];
  readonly recorder: Recorder;
  readonly hook: (hook: Hook) => void;
  readonly chain: (runner: BaseRunner) => void;
  readonly suppose: (supposition: Supposition) => void;
  readonly kernel: (text: string) => void;
}

/** An empty trace and the recorder that fills it. */
export const newTrace = (family: Family): Trace => {
  const events: TraceEvent[] = [];
  let effects: string[] = [];
  let supposed: Supposition[] = [];
  const take = (): { readonly effects: readonly string[]; readonly supposed: readonly Supposition[] } => {
    const taken = { effects, supposed };
    effects = [];
    supposed = [];
    return taken;
  };
  const rule = (
    { chain, depth, rule: { origin, steps } }: Site,
    result: RuleEvent['result'],
    more: Partial<RuleEvent>,
  ): void => {
    const { file, line, text } = origin;
    const tests = steps.filter(({ kind }) => kind === 'test').length;
    events.push({ kind: 'rule', chain, depth, file, line, text, result, tests, ...take(), ...more });
  };
  const recorder: Recorder = {
    failed: (site: Site, condition: Condition, view: View, left: number): void =>
      rule(site, 'failed', { why: reasonOf(condition, view), left }),
    effect: (_site, effect): void => {
      effects.push(describeEffect(effect, family));
    },
    matched: (site: Site, verdict: Verdict | undefined): void =>
      rule(site, 'matched', verdict ? { verdict: describeVerdict(verdict) } : {}),
    hotdrop: (site: Site, condition: Condition, view: View): void =>
      rule(site, 'dropped', { why: dropReason(condition, view), verdict: 'drop' }),
    unmodelled: (site: Site, what: string): void =>
      rule(site, 'unmodelled', { why: { field: what, wanted: 'a model', got: 'none' } }),
    policy: (chain, verdict): void => {
      events.push({ kind: 'policy', chain, verdict });
    },
  };
  return {
    events,
    recorder,
    hook: (hook): void => {
      events.push({ kind: 'hook', hook });
    },
    chain: ({ table: { label, runs }, chain, base: { type, hook, priority } }): void => {
      events.push({ kind: 'chain', table: label, runs, type, chain, hook, priority });
    },
    suppose: (supposition): void => {
      supposed.push(supposition);
    },
    kernel: (text): void => {
      const { supposed: taken } = take();
      events.push({ kind: 'kernel', text, supposed: taken });
    },
  };
};
