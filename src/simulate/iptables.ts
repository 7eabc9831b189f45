/**
 * What an iptables table does with one packet, after ip_tables.c ipt_do_table and ip6_tables.c ip6t_do_table: rules one
 * after the other, matches in order, a match that drops on the spot, a stack of the rules behind jumps.
 */
import type { Condition } from '../packet/condition.ts';
import type { Effect, Verdict } from '../packet/effect.ts';
import { compile, type Evaluate, isFalse, isTrue, isUnknown } from '../packet/evaluate.ts';
import type { BaseChain, ProgramChain, ProgramRule, ProgramTable, Step } from '../packet/program.ts';
import {
  accepted,
  type BaseRunner,
  dropped,
  type Ending,
  perform,
  type Run,
  settle,
  type Site,
  undecided,
  type Unknown,
} from './run.ts';
import type { InstanceOf, InstancesFor } from './instances.ts';

type Work =
  | { readonly kind: 'match' | 'hotdrop'; readonly holds: Evaluate; readonly condition: Condition }
  | { readonly kind: 'effect'; readonly effect: Effect }
  | { readonly kind: 'choose'; readonly arms: readonly Choice[] }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'unmodelled'; readonly what: string };

interface Choice {
  readonly holds: Evaluate;
  readonly condition: Condition;
  readonly work: readonly Work[];
}

interface Entry {
  readonly rule: ProgramRule;
  readonly work: readonly Work[];
}

const workOf = (step: Step, instanceOf: InstanceOf): Work => {
  switch (step.kind) {
    case 'test':
    case 'hotdrop':
      return {
        kind: step.kind === 'test' ? 'match' : 'hotdrop',
        holds: compile(step.condition, { instanceOf }),
        condition: step.condition,
      };
    case 'choose':
      return {
        kind: 'choose',
        arms: step.arms.map(({ condition, steps }) => ({
          holds: compile(condition, { instanceOf }),
          condition,
          work: steps.map((one) => workOf(one, instanceOf)),
        })),
      };
    case 'effect':
    case 'verdict':
    case 'unmodelled':
      return step;
  }
};

/** What a rule came to: nothing (the next rule follows), a verdict, or the end of everything. */
type Result = Verdict | Unknown | undefined;

/** `hotdrop` is acpar.hotdrop: the packet is dropped, whatever the target says. */
type Found = Result | 'mismatch' | 'hotdrop';

const testsIn = (work: readonly Work[], from: number): number =>
  work.slice(from).filter(({ kind }) => kind === 'match').length;

/** The verdict of a list of steps; undefined where nothing ends the rule and the next one follows. */
const perEntry = (work: readonly Work[], run: Run, site: Site | undefined): Found => {
  for (let i = 0; i < work.length; i++) {
    const step = work[i] as Work;
    switch (step.kind) {
      case 'match': {
        const truth = settle(run, step.condition, step.holds(run.view));
        if (truth === isTrue) break;
        if (truth === isUnknown) return undecided;
        if (site) run.recorder?.failed(site, step.condition, run.view, testsIn(work, i + 1));
        return 'mismatch';
      }
      case 'hotdrop': {
        const truth = settle(run, step.condition, step.holds(run.view));
        if (truth === isFalse) break;
        if (truth === isUnknown) return undecided;
        if (site) run.recorder?.hotdrop(site, step.condition, run.view);
        return 'hotdrop';
      }
      case 'effect':
        perform(run, step.effect);
        if (site) run.recorder?.effect(site, step.effect);
        break;
      case 'choose': {
        const result = choose(step.arms, run, site);
        if (result !== undefined) return result;
        break;
      }
      case 'verdict':
        return step.verdict;
      case 'unmodelled':
        if (site) run.recorder?.unmodelled(site, step.what);
        return { kind: 'unknown', what: step.what };
    }
  }
  return undefined;
};

const choose = (arms: readonly Choice[], run: Run, site: Site | undefined): Found => {
  for (const { holds, condition, work } of arms) {
    const truth = settle(run, condition, holds(run.view));
    if (truth === isUnknown) return undecided;
    if (truth === isTrue) return perEntry(work, run, site);
  }
  const [first] = arms;
  if (site && first) run.recorder?.failed(site, first.condition, run.view, 0);
  return 'mismatch';
};

/**
 * How deep jumps may go. xt_replace_table allocates room for as many as there are chains, so that only a circle, which
 * the kernel refuses, could overflow it; nf_tables has NFT_JUMP_STACK_SIZE. An overflow drops in both.
 */
const deepest = (table: ProgramTable): number => (table.runs === 'iptables-legacy' ? table.chains.size : 16);

interface Frame {
  readonly chain: string;
  readonly entries: readonly Entry[];
  readonly next: number;
}

type Entries = (chain: string) => readonly Entry[] | undefined;

const walk = (start: string, base: BaseChain, entries: Entries, limit: number, run: Run): Ending => {
  const { recorder } = run;
  const stack: Frame[] = [];
  let chain = start;
  let rules = entries(start) ?? [];
  let at = 0;
  for (;;) {
    if (at >= rules.length) {
      // The end of a chain is a RETURN; that of a built-in one, the rule that holds the policy.
      const back = stack.pop();
      if (!back) {
        recorder?.policy(start, base.policy);
        return base.policy === 'drop' ? dropped : accepted;
      }
      ({ chain, entries: rules, next: at } = back);
      continue;
    }
    const { rule, work } = rules[at] as Entry;
    const site = recorder && { chain, depth: stack.length, rule };
    const result = perEntry(work, run, site);
    at++;
    if (result === 'mismatch') continue;
    if (result === 'hotdrop') return dropped;
    if (result === undefined) {
      if (site) recorder?.matched(site, undefined);
      continue;
    }
    if (result.kind === 'unknown') return result;
    if (site) recorder?.matched(site, result);
    switch (result.kind) {
      case 'jump':
      case 'goto': {
        const target = entries(result.chain);
        if (!target) return { kind: 'unknown', what: `there is no chain ${result.chain}` };
        if (result.kind === 'jump') {
          if (stack.length >= limit) return dropped;
          stack.push({ chain, entries: rules, next: at });
        }
        chain = result.chain;
        rules = target;
        at = 0;
        break;
      }
      case 'return':
        at = rules.length;
        break;
      case 'continue':
        break;
      case 'accept':
      case 'drop':
      case 'reject':
      case 'queue':
      case 'taken':
        return result;
    }
  }
};

/** The built-in chains of an iptables table. Each chain is compiled when the first packet reaches it. */
export const iptablesRunners = (table: ProgramTable, instancesFor: InstancesFor): readonly BaseRunner[] => {
  const compiled = new Map<string, readonly Entry[]>();
  const compileChain = (chain: ProgramChain): readonly Entry[] => {
    const instanceOf = instancesFor(chain);
    return chain.rules.map((rule) => ({ rule, work: rule.steps.map((step) => workOf(step, instanceOf)) }));
  };
  const entries = (name: string): readonly Entry[] | undefined => {
    const known = compiled.get(name);
    if (known) return known;
    const chain = table.chains.get(name);
    if (!chain) return undefined;
    const made = compileChain(chain);
    compiled.set(name, made);
    return made;
  };
  const limit = deepest(table);
  return [...table.chains.values()].flatMap(({ name, base }) =>
    base ? [{ table, chain: name, base, run: (run: Run): Ending => walk(name, base, entries, limit, run) }] : [],
  );
};
