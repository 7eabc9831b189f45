/**
 * The part of a program that matters to packets of which something is known: rules that cannot match them are left out,
 * tests that they all meet too. A question about one protocol and port then costs what the rules about it cost.
 */
import type { Hook } from '../netfilter/hooks.ts';
import type { Condition } from '../packet/condition.ts';
import type { PayloadField } from '../packet/field.ts';
import type { Program, ProgramChain, ProgramRule, Step } from '../packet/program.ts';

/** Bits of the transport header, from its start, that are known. */
const transportBits = 128;

interface Known {
  /** Keys that no rule of a filter chain changes. */
  readonly keys: ReadonlyMap<string, bigint>;
  readonly value: bigint;
  readonly mask: bigint;
}

const lasting: ReadonlySet<string> = new Set([
  'l4proto',
  'xtproto',
  'fragoff',
  'xtfragoff',
  'secpath',
  'ct.state',
  'fib.daddr.type',
]);

const shiftOf = ({ offset, length }: PayloadField): bigint => BigInt(transportBits - offset - length);

const full = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

const isTransport = (field: PayloadField): boolean =>
  (field.base === 'th' || field.base === 'xt') && field.offset + field.length <= transportBits;

const learn = (condition: Condition, known: { keys: Map<string, bigint>; value: bigint; mask: bigint }): void => {
  if (condition.kind === 'all') for (const part of condition.of) learn(part, known);
  if (condition.kind !== 'test' || condition.ranges.length !== 1) return;
  const { field } = condition;
  const { low, high } = condition.ranges[0] ?? { low: 0n, high: 1n };
  if (low !== high) return;
  if (field.kind === 'key') {
    if (!lasting.has(field.key) || condition.mask !== undefined) return;
    known.keys.set(field.key, low);
    // They differ behind authentication headers only, which no question is about (assumption header-chains).
    if (field.key === 'l4proto') known.keys.set('xtproto', low);
    if (field.key === 'fragoff') known.keys.set('xtfragoff', low);
  } else if (isTransport(field)) {
    const mask = (condition.mask ?? full(field.length)) & full(field.length);
    known.value |= (low & mask) << shiftOf(field);
    known.mask |= mask << shiftOf(field);
  }
};

const effectsOf = ({ tables }: Program): readonly Step[] =>
  tables.flatMap(({ chains }) => [...chains.values()].flatMap(({ rules }) => rules.flatMap(({ steps }) => steps)));

/** What all packets that meet these conditions have in common, whatever rules do to them. */
const knownBy = (conditions: readonly Condition[], program: Program): Known => {
  const known = { keys: new Map<string, bigint>(), value: 0n, mask: 0n };
  for (const condition of conditions) learn(condition, known);
  const steps = effectsOf(program);
  const changes = (is: (step: Extract<Step, { kind: 'effect' }>) => boolean): boolean =>
    steps.some((step) => (step.kind === 'effect' && is(step)) || step.kind === 'choose');
  if (changes(({ effect }) => effect.kind === 'notrack')) known.keys.delete('ct.state');
  if (changes(({ effect }) => effect.kind === 'write' && effect.field.base !== 'nh'))
    return { ...known, value: 0n, mask: 0n };
  return known;
};

type Answer = boolean | undefined;

const testOf = (condition: Extract<Condition, { kind: 'test' }>, { keys, value, mask }: Known): Answer => {
  const { field, ranges } = condition;
  const isIn = (one: bigint): boolean => ranges.some(({ low, high }) => low <= one && one <= high);
  if (field.kind === 'key') {
    const own = keys.get(field.key);
    return own === undefined ? undefined : isIn(condition.mask === undefined ? own : own & condition.mask);
  }
  if (!isTransport(field)) return undefined;
  const wanted = (condition.mask ?? full(field.length)) & full(field.length);
  const has = (mask >> shiftOf(field)) & full(field.length);
  const bits = (value >> shiftOf(field)) & full(field.length);
  if ((wanted & ~has) === 0n) return isIn(bits & wanted);
  const both = wanted & has;
  // One value of a range has to agree in the bits that are known.
  return ranges.every(({ low, high }) => low === high && (low & both) !== (bits & both)) ? false : undefined;
};

/** True or false for all of the packets, or undefined. */
const answer = (condition: Condition, known: Known): Answer => {
  switch (condition.kind) {
    case 'constant':
      return condition.value;
    case 'test':
      return testOf(condition, known);
    case 'not': {
      const inner = answer(condition.of, known);
      return inner === undefined ? undefined : !inner;
    }
    case 'all':
    case 'any': {
      const decisive = condition.kind === 'any';
      let sum: Answer = !decisive;
      for (const part of condition.of) {
        const one = answer(part, known);
        if (one === decisive) return decisive;
        if (one === undefined) sum = undefined;
      }
      return sum;
    }
    case 'program':
      return condition.same ? answer(condition.same, known) : undefined;
    case 'name':
    case 'present':
    case 'opaque':
    case 'unmodelled':
      return undefined;
  }
};

/** Undefined for a rule that does nothing to any of the packets. */
const sliceRule = (rule: ProgramRule, known: Known): ProgramRule | undefined => {
  const steps: Step[] = [];
  for (const step of rule.steps) {
    const said = step.kind === 'test' || step.kind === 'hotdrop' ? answer(step.condition, known) : undefined;
    if (step.kind === 'test' && said === false) {
      if (steps.every(({ kind }) => kind === 'test')) return undefined;
      return { ...rule, steps: [...steps, step] };
    }
    if (step.kind === 'test' && said === true) continue;
    if (step.kind === 'hotdrop' && said === false) continue;
    steps.push(step);
  }
  return steps.length === 0 ? undefined : steps.length === rule.steps.length ? rule : { ...rule, steps };
};

const jumpsOf = ({ rules }: ProgramChain): readonly string[] =>
  rules.flatMap(({ steps }) =>
    steps.flatMap((step): readonly string[] => {
      const all = step.kind === 'choose' ? step.arms.flatMap((arm) => arm.steps) : [step];
      return all.flatMap((one) =>
        one.kind === 'verdict' && (one.verdict.kind === 'jump' || one.verdict.kind === 'goto')
          ? [one.verdict.chain]
          : [],
      );
    }),
  );

/** Chains of the hook with those that they ask. */
const reached = (chains: ReadonlyMap<string, ProgramChain>, hook: Hook): ReadonlyMap<string, ProgramChain> => {
  const found = new Map<string, ProgramChain>();
  const visit = (name: string): void => {
    const chain = chains.get(name);
    if (!chain || found.has(name)) return;
    found.set(name, chain);
    jumpsOf(chain).forEach(visit);
  };
  for (const [name, { base }] of chains) if (base?.hook === hook && base.type !== 'nat') visit(name);
  return found;
};

/** The program as packets of the hook meet it that meet all of the conditions. */
export const sliceFor = (program: Program, hook: Hook, conditions: readonly Condition[]): Program => {
  const here: Program = {
    ...program,
    tables: program.tables.map((table) => ({ ...table, chains: reached(table.chains, hook) })),
  };
  const known = knownBy(conditions, here);
  return {
    ...here,
    tables: here.tables.map((table) => {
      const chains = new Map(
        [...table.chains].map(([name, chain]) => [
          name,
          { ...chain, rules: chain.rules.flatMap((rule) => sliceRule(rule, known) ?? []) },
        ]),
      );
      return { ...table, chains: reached(chains, hook) };
    }),
  };
};
