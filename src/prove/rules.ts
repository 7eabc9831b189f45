/** One rule as a diagram: for every packet, what the rule makes of it. */
import type { Condition } from '../packet/condition.ts';
import type { Effect, NatRange, Verdict } from '../packet/effect.ts';
import { keyInfo } from '../packet/field.ts';
import type { ProgramRule, Step } from '../packet/program.ts';
import type { Literal, Node } from './diagram.ts';
import { type Instances, statefulIn } from '../simulate/instances.ts';
import { onBit } from './bits.ts';
import { type Bit, one, transportBit, zero } from './layout.ts';
import { ended, type Outcome, type Outcomes } from './outcome.ts';
import type { Space } from './space.ts';

export interface RuleEncoder {
  /** `call` gives what a chain makes of a packet; where it passes, the packet comes back. */
  readonly encode: (rule: ProgramRule, call: (chain: string) => Node) => Node;
}

const printRange = (values: readonly [unknown, unknown] | undefined): string =>
  values === undefined ? '' : values[0] === values[1] ? String(values[0]) : `${String(values[0])}-${String(values[1])}`;

const printNat = ({ address, port }: NatRange): string => `${printRange(address)}:${printRange(port)}`;

/** One spelling for an effect that is compared but changes nothing that a later rule asks. */
export const observedAs = (effect: Exclude<Effect, { kind: 'set' | 'copy' | 'write' }>): string => {
  switch (effect.kind) {
    case 'nat':
      return `${effect.type} ${printNat(effect.to)} ${effect.flags.join(',')} ${effect.basePort ?? ''}`.trim();
    case 'log': {
      const { group, prefix, level, flags, snaplen, threshold } = effect;
      const parts = [group, level, flags.toSorted().join(','), snaplen, threshold].map((part) => part ?? '');
      return `log ${parts.join(' ')} ${JSON.stringify(prefix)}`;
    }
    case 'notrack':
      return 'notrack';
    case 'other':
      return effect.text;
  }
};

export const verdictWords = (verdict: Exclude<Verdict, { kind: 'jump' | 'goto' | 'continue' | 'return' }>): string => {
  switch (verdict.kind) {
    case 'reject':
      return `reject ${verdict.with}`;
    case 'queue':
      return `queue ${verdict.from}-${verdict.to} ${verdict.flags.toSorted().join(',')}`.trim();
    case 'taken':
      return `taken ${verdict.by}`;
    case 'accept':
    case 'drop':
      return verdict.kind;
  }
};

type Nat = Extract<Effect, { kind: 'nat' }>;

/** A mapping that shifts ports, for a packet to one port. */
export const mappedFrom = (effect: Nat, port: number): Nat => {
  const { basePort, to, ...rest } = effect;
  if (basePort === undefined || !to.port) return effect;
  const [low, high] = to.port;
  const mapped = low + (((port - basePort) & 0xffff) % (high - low + 1));
  return { ...rest, to: { ...to, port: [mapped, mapped] } };
};

const transportPorts = Array.from({ length: 16 }, (_, i) => transportBit(16 + i));

const bitOf = (value: bigint, index: number): boolean => ((value >> BigInt(index)) & 1n) === 1n;

/** How one bit changes by (old & keep) ^ flip; nothing if it stays. */
const changed = (bit: Bit, keep: boolean, flip: boolean): Literal | undefined => {
  if (!keep) return { value: flip ? 1 : 0 };
  return flip ? { level: bit, negated: true } : undefined;
};

/** A change that variables cannot say, such as the sum of two marks. */
const unsayable = 'unsayable';
type Changes = Outcome['changes'] | typeof unsayable;

const rewrite = (bits: readonly Bit[], keep: bigint, flip: bigint): Changes => {
  const changes: (readonly [number, Literal])[] = [];
  for (const [i, bit] of bits.entries()) {
    const index = bits.length - 1 - i;
    const literal = changed(bit, bitOf(keep, index), bitOf(flip, index));
    if (!literal) continue;
    if (bit === zero || bit === one) return unsayable;
    changes.push([bit, literal]);
  }
  return changes;
};

export const createRuleEncoder = (
  space: Space,
  outcomes: Outcomes,
  instances: Instances,
  /** Whose rule it is: what two sides have no model for is not the same thing. */
  side: string,
): RuleEncoder => {
  const { d, fields } = space;
  const { pass } = outcomes;
  const effected = (more: Partial<Outcome>): Outcome => ({ ...ended('pass'), ...more });
  const unknown = (what: string): Node => outcomes.node(ended(`unknown ${side}: ${what}`));

  const keyBits = (key: string): readonly Bit[] => fields.cases({ kind: 'key', key })[0]?.bits ?? [];

  const untracked = (): Changes => {
    const { values, bits } = fields.choices('ct.state');
    const code = values.indexOf(64);
    return bits.map((bit, i) => [bit, { value: ((code >> (bits.length - 1 - i)) & 1) as 0 | 1 }] as const);
  };

  const copied = ({ key, from, keep, take, shift }: Extract<Effect, { kind: 'copy' }>): Changes => {
    const to = keyBits(key);
    const source = keyBits(from);
    const changes: (readonly [number, Literal])[] = [];
    for (const [i, bit] of to.entries()) {
      const index = to.length - 1 - i;
      const other = index - shift;
      const takes = other >= 0 && other < source.length && bitOf(take, other);
      if (!takes) {
        const literal = changed(bit, bitOf(keep, index), false);
        if (literal) changes.push([bit, literal]);
      } else if (bitOf(keep, index)) return unsayable;
      else changes.push([bit, { level: source[source.length - 1 - other] as Bit, negated: false }]);
    }
    return changes;
  };

  const changesOf = (effect: Effect): Changes => {
    switch (effect.kind) {
      case 'set':
        return keyInfo(effect.key)?.kind === 'word'
          ? rewrite(keyBits(effect.key), effect.keep, effect.flip)
          : unsayable;
      case 'copy':
        return copied(effect);
      case 'write': {
        const [only, ...more] = fields.cases(effect.field);
        return only && more.length === 0 ? rewrite(only.bits, effect.keep, effect.flip) : unsayable;
      }
      case 'notrack':
        return untracked();
      default:
        return [];
    }
  };

  const effectOf = (effect: Effect): Outcome | typeof unsayable => {
    const changes = changesOf(effect);
    if (changes === unsayable) return unsayable;
    const isChange = effect.kind === 'set' || effect.kind === 'copy' || effect.kind === 'write';
    if (effect.kind === 'other' && effect.assumption !== undefined && !space.assume(effect.assumption))
      return unsayable;
    return effected({
      changes: changes.toSorted(([a], [b]) => a - b),
      observed: isChange ? [] : [observedAs(effect)],
    });
  };

  /** Every destination port is mapped to a port of its own (nf_nat_core.c, NF_NAT_RANGE_PROTO_OFFSET). */
  const shifted = (effect: Nat, rest: Node): Node => {
    const bits = transportPorts;
    const known = new Map<string, Node>();
    const from = (i: number, port: number): Node => {
      if (i === bits.length) {
        const observed = observedAs(mappedFrom(effect, port));
        const found = known.get(observed) ?? outcomes.after(effected({ observed: [observed] }), rest);
        known.set(observed, found);
        return found;
      }
      return onBit(d, bits[i] as Bit, from(i + 1, port * 2 + 1), from(i + 1, port * 2));
    };
    return from(0, 0);
  };

  const verdictNode = (verdict: Verdict, call: (chain: string) => Node): Node => {
    switch (verdict.kind) {
      case 'continue':
        return pass;
      case 'return':
        return outcomes.node(ended('return'));
      case 'jump':
        return call(verdict.chain);
      case 'goto':
        // Behind the chain, the caller of this one goes on.
        return outcomes.ends(call(verdict.chain), ({ end }) =>
          end === 'pass' ? 'return' : end.replace(/^call /, 'goto '),
        );
      default:
        return outcomes.node(ended(verdictWords(verdict)));
    }
  };

  /** From the last step to the first: `rest` is what happens behind the step. */
  const step = (current: Step, rest: Node, call: (chain: string) => Node): Node => {
    switch (current.kind) {
      case 'test': {
        const instance = instances.get(current) ?? 0;
        const node = d.choose(space.encode(current.condition, side, instance), rest, pass);
        const asked = statefulIn(current.condition).map(({ id }) => `${id}#${instance}`);
        return asked.length === 0 ? node : outcomes.after(effected({ asked: asked.toSorted() }), node);
      }
      case 'hotdrop':
        return d.choose(
          space.encode(current.condition, side, instances.get(current)),
          outcomes.node(ended('drop')),
          rest,
        );
      case 'effect': {
        if (current.effect.kind === 'nat' && current.effect.basePort !== undefined)
          return shifted(current.effect, rest);
        const effect = effectOf(current.effect);
        return effect === unsayable
          ? unknown(`${current.effect.kind} that no model covers`)
          : outcomes.after(effect, rest);
      }
      case 'choose':
        return current.arms.reduceRight<Node>(
          (otherwise, arm) =>
            d.choose(space.encode(arm.condition, side, instances.get(arm)), steps(arm.steps, rest, call), otherwise),
          pass,
        );
      case 'verdict':
        return verdictNode(current.verdict, call);
      case 'unmodelled':
        return unknown(current.what);
    }
  };

  /** The condition of a step that does nothing but test. */
  const pureTest = (current: Step): Condition | undefined =>
    current.kind === 'test' && statefulIn(current.condition).length === 0 ? current.condition : undefined;

  /** Tests side by side, from the one that asks the lowest variables up: each then only adds to what is there. */
  const tests = (conditions: readonly Condition[], rest: Node): Node =>
    conditions
      .map((condition) => space.encode(condition, side))
      .toSorted((x, y) => d.level(y) - d.level(x))
      .reduce<Node>((behind, holds) => d.choose(holds, behind, pass), rest);

  const steps = (list: readonly Step[], rest: Node, call: (chain: string) => Node): Node => {
    let behind = rest;
    let waiting: Condition[] = [];
    const settle = (): void => {
      if (waiting.length > 0) behind = tests(waiting, behind);
      waiting = [];
    };
    for (const current of list.toReversed()) {
      const condition = pureTest(current);
      if (condition) waiting.push(condition);
      else {
        settle();
        behind = step(current, behind, call);
      }
    }
    settle();
    return behind;
  };

  return { encode: (rule, call) => steps(rule.steps, pass, call) };
};
