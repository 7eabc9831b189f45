/**
 * What a base chain of nf_tables does with one packet, after nf_tables_core.c nft_do_chain: the expressions of a rule
 * from left to right until one breaks the rule or sets a verdict; what was done before a break stays done.
 */
import type { Condition } from '../packet/condition.ts';
import type { Verdict } from '../packet/effect.ts';
import { compile, isTrue, isUnknown } from '../packet/evaluate.ts';
import type { ProgramChain, ProgramRule, ProgramTable, Step } from '../packet/program.ts';
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

/** The verdict register: `go on` is NFT_CONTINUE, `break` NFT_BREAK, `dropped` the NF_DROP of a match in nft_compat.c. */
type Register = 'go on' | 'break' | 'dropped' | Verdict | Unknown;

type Expression = (run: Run, site: Site | undefined) => Register;

interface CompiledRule {
  readonly rule: ProgramRule;
  readonly expressions: readonly Expression[];
}

type Ask = (run: Run) => 0 | 1 | 2;

const asking = (condition: Condition, instanceOf: InstanceOf): Ask => {
  const holds = compile(condition, { instanceOf });
  return (run) => {
    const truth = holds(run.view);
    return truth === isUnknown ? settle(run, condition, truth) : truth;
  };
};

const inOrder = (expressions: readonly Expression[], run: Run, site: Site | undefined): Register => {
  for (const expression of expressions) {
    const register = expression(run, site);
    if (register !== 'go on') return register;
  }
  return 'go on';
};

/** A lookup in a map: the element's statements, or a break where there is no element (nft_lookup.c). */
const lookup = (step: Extract<Step, { readonly kind: 'choose' }>, instanceOf: InstanceOf): Expression => {
  const elements = step.arms.map(({ condition, steps }) => ({
    ask: asking(condition, instanceOf),
    expressions: steps.map((one) => expressionOf(one, 0, instanceOf)),
  }));
  return (run, site) => {
    for (const { ask, expressions } of elements) {
      const truth = ask(run);
      if (truth === isUnknown) return undecided;
      if (truth === isTrue) return inOrder(expressions, run, site);
    }
    const [first] = step.arms;
    if (site && first) run.recorder?.failed(site, first.condition, run.view, 0);
    return 'break';
  };
};

/** `left`: how many tests follow in the rule, for the trace. */
const expressionOf = (step: Step, left: number, instanceOf: InstanceOf): Expression => {
  switch (step.kind) {
    case 'test': {
      const { condition } = step;
      const ask = asking(condition, instanceOf);
      return (run, site) => {
        const truth = ask(run);
        if (truth === isTrue) return 'go on';
        if (truth === isUnknown) return undecided;
        if (site) run.recorder?.failed(site, condition, run.view, left);
        return 'break';
      };
    }
    case 'hotdrop': {
      const { condition } = step;
      const ask = asking(condition, instanceOf);
      return (run, site) => {
        const truth = ask(run);
        if (truth === isUnknown) return undecided;
        if (truth !== isTrue) return 'go on';
        if (site) run.recorder?.hotdrop(site, condition, run.view);
        return 'dropped';
      };
    }
    case 'effect': {
      const { effect } = step;
      return (run, site) => {
        // What the packet does not have cannot be read or written: the rule breaks (nft_payload.c, nft_meta.c).
        if (perform(run, effect) === 'absent') return 'break';
        if (site) run.recorder?.effect(site, effect);
        return 'go on';
      };
    }
    case 'choose':
      return lookup(step, instanceOf);
    case 'verdict': {
      const { verdict } = step;
      const register: Register = verdict.kind === 'continue' ? 'go on' : verdict;
      return () => register;
    }
    case 'unmodelled': {
      const { what } = step;
      return (run, site) => {
        if (site) run.recorder?.unmodelled(site, what);
        return { kind: 'unknown', what };
      };
    }
  }
};

const compileRule = (rule: ProgramRule, instanceOf: InstanceOf): CompiledRule => {
  const { steps } = rule;
  let left = steps.filter(({ kind }) => kind === 'test').length;
  const expressions = steps.map((step) => expressionOf(step, step.kind === 'test' ? --left : left, instanceOf));
  return { rule, expressions };
};

/** NFT_JUMP_STACK_SIZE of nf_tables.h. */
const stackSize = 16;

interface Saved {
  readonly name: string;
  readonly rules: readonly CompiledRule[];
  readonly next: number;
}

type Chains = (name: string) => readonly CompiledRule[] | undefined;

/** The rest of one chain: the register that ended it, and the rule behind the one that set it. */
const doRules = (
  name: string,
  rules: readonly CompiledRule[],
  from: number,
  depth: number,
  run: Run,
): readonly [Register, number] => {
  const { recorder } = run;
  for (let i = from; i < rules.length; i++) {
    const { rule, expressions } = rules[i] as CompiledRule;
    const site = recorder && { chain: name, depth, rule };
    const register = inOrder(expressions, run, site);
    if (register === 'break') continue;
    if (register === 'dropped') return ['dropped', i + 1];
    if (register === 'go on') {
      if (site) recorder?.matched(site, undefined);
      continue;
    }
    if (site && register.kind !== 'unknown') recorder?.matched(site, register);
    return [register, i + 1];
  }
  return ['go on', rules.length];
};

const doChain = (base: ProgramChain, policy: 'accept' | 'drop', chains: Chains, run: Run): Ending => {
  const jumpStack: Saved[] = [];
  let name = base.name;
  let rules = chains(name) ?? [];
  let from = 0;
  for (;;) {
    const [register, next] = doRules(name, rules, from, jumpStack.length, run);
    if (register === 'dropped') return dropped;
    if (typeof register === 'object') {
      switch (register.kind) {
        case 'accept':
        case 'drop':
        case 'reject':
        case 'queue':
        case 'taken':
        case 'unknown':
          return register;
        case 'jump':
        case 'goto': {
          const target = chains(register.chain);
          if (!target) return { kind: 'unknown', what: `there is no chain ${register.chain}` };
          if (register.kind === 'jump') {
            if (jumpStack.length >= stackSize) return dropped;
            jumpStack.push({ name, rules, next });
          }
          [name, rules, from] = [register.chain, target, 0];
          continue;
        }
        case 'return':
        case 'continue':
          break;
      }
    }
    // The end of the chain, or `return`: behind the last jump, or the policy.
    const saved = jumpStack.pop();
    if (!saved) {
      run.recorder?.policy(base.name, policy);
      return policy === 'drop' ? dropped : accepted;
    }
    ({ name, rules, next: from } = saved);
  }
};

/** The base chains of a table of nf_tables. Each chain is compiled when the first packet reaches it. */
export const nftablesRunners = (table: ProgramTable, instancesFor: InstancesFor): readonly BaseRunner[] => {
  const compiled = new Map<string, readonly CompiledRule[]>();
  const chains: Chains = (name) => {
    const chain = table.chains.get(name);
    if (!chain) return undefined;
    const known = compiled.get(name);
    if (known) return known;
    const instanceOf = instancesFor(chain);
    const made = chain.rules.map((rule) => compileRule(rule, instanceOf));
    compiled.set(name, made);
    return made;
  };
  return [...table.chains.values()].flatMap((chain) => {
    const { base } = chain;
    if (!base) return [];
    return [{ table, chain: chain.name, base, run: (run: Run): Ending => doChain(chain, base.policy, chains, run) }];
  });
};
