/** Packet conditions as diagrams: the space of all packets of one family, and what two rulesets ask about them. */
import type { Family } from '../netfilter/family.ts';
import type { Condition, Interval } from '../packet/condition.ts';
import { type Field, keyInfo } from '../packet/field.ts';
import type { Assumption } from '../packet/assumption.ts';
import { balanced, inRanges } from './bits.ts';
import type { Diagrams, Node } from './diagram.ts';
import { type Case, createFields, type Fields, isAmong, isCode } from './fields.ts';
import { levels, totalLengthBits } from './layout.ts';
import type { NameTests } from './names.ts';

/** What stands at a level below all fields: a predicate, or something without a model. */
export type Unknown =
  | { readonly kind: 'predicate'; readonly id: string; readonly instance: number }
  | { readonly kind: 'unmodelled'; readonly what: string };

export interface Space {
  readonly d: Diagrams;
  readonly family: Family;
  readonly fields: Fields;
  /** `instance` is the number of the stateful predicates that the condition asks. */
  readonly encode: (condition: Condition, side: string, instance?: number) => Node;
  /** The predicate's variable; `instance` tells apart stateful ones with the same parameters. */
  readonly predicate: (id: string, instance: number) => Node;
  /** A variable for something without a model, one for each text. */
  readonly unmodelled: (what: string) => Node;
  /** What the variable at an opaque level is. */
  readonly unknownAt: (level: number) => Unknown | undefined;
  readonly unknowns: () => readonly Unknown[];
  /** Assumptions that the encoding rests on, and the way to name one more. */
  readonly assumed: ReadonlySet<Assumption>;
  /** False if the assumption may not be made. */
  readonly assume: (assumption: Assumption) => boolean;
}

/** An IPv6 packet is 40 bytes longer than its payload length says. */
const ipv6Header = 40n;
const shifted = (ranges: readonly Interval[]): readonly Interval[] =>
  ranges
    .filter(({ high }) => high >= ipv6Header)
    .map(({ low, high }) => ({ low: low > ipv6Header ? low - ipv6Header : 0n, high: high - ipv6Header }));

/** Predicates that rest on an assumption outside `allowed` are not the same on both sides. */
export const createSpace = (
  d: Diagrams,
  family: Family,
  nameTests: NameTests,
  allowed: ReadonlySet<Assumption>,
): Space => {
  const fields = createFields(d, family, nameTests);
  const unknownLevels = new Map<string, number>();
  const unknowns: Unknown[] = [];
  const assumed = new Set<Assumption>();

  const unknown = (key: string, what: Unknown): Node => {
    let level = unknownLevels.get(key);
    if (level === undefined) {
      level = levels.opaque + unknowns.length;
      unknownLevels.set(key, level);
      unknowns.push(what);
    }
    return d.variable(level);
  };

  const predicate = (id: string, instance: number): Node =>
    unknown(`${id}#${instance}`, { kind: 'predicate', id, instance });
  const unmodelled = (what: string): Node => unknown(`unmodelled ${what}`, { kind: 'unmodelled', what });

  /** One case after another: where its guard holds, `of` it. */
  const byCase = (cases: readonly Case[], of: (one: Case) => Node): Node => {
    const [first] = cases as readonly [Case];
    if (cases.length === 1 && first.guard === d.yes) return of(first);
    return balanced(
      cases.map((one) => d.and(one.guard, of(one))),
      d.no,
      d.or,
    );
  };

  const test = (field: Field, ranges: readonly Interval[], mask: bigint | undefined): Node => {
    if (field.kind === 'key') {
      const info = keyInfo(field.key);
      if (info?.kind === 'choice') {
        const codes = fields.choices(field.key);
        const wanted = isAmong(d, codes, (value) => {
          const masked = mask === undefined ? BigInt(value) : BigInt(value) & mask;
          return ranges.some(({ low, high }) => low <= masked && masked <= high);
        });
        return d.and(codes.present, wanted);
      }
      if (field.key === 'length' && family === 'ip6') {
        fields.cases(field);
        return mask === undefined
          ? inRanges(d, totalLengthBits, shifted(ranges))
          : unmodelled('a mask on the length of an IPv6 packet');
      }
    }
    return byCase(fields.cases(field), ({ present, bits }) => d.and(present, inRanges(d, bits, ranges, mask)));
  };

  const present = (field: Field): Node => {
    const info = field.kind === 'key' ? keyInfo(field.key) : undefined;
    if (field.kind === 'key' && info?.kind === 'choice') return fields.choices(field.key).present;
    if (field.kind === 'key' && info?.kind === 'name') return fields.names(field.key).present;
    return byCase(fields.cases(field), (one) => one.present);
  };

  const encodeAnew = (condition: Condition, side: string, instance: number): Node => {
    switch (condition.kind) {
      case 'constant':
        return condition.value ? d.yes : d.no;
      case 'test':
        return test(condition.field, condition.ranges, condition.mask);
      case 'name': {
        const { key, text, prefix } = condition;
        const codes = fields.names(key);
        const index = prefix ? undefined : nameTests.get(key)?.indexOf.get(text);
        // A ruleset may name thousands of devices, each in a few rules.
        if (index !== undefined) return d.and(codes.present, isCode(d, codes, index));
        return d.and(
          codes.present,
          isAmong(d, codes, (name) => (prefix ? name.startsWith(text) : name === text)),
        );
      }
      case 'present':
        return present(condition.field);
      case 'not':
        return d.not(encode(condition.of, side, instance));
      case 'all':
        return balanced(
          condition.of.map((part) => encode(part, side, instance)),
          d.yes,
          d.and,
        );
      case 'any':
        return balanced(
          condition.of.map((part) => encode(part, side, instance)),
          d.no,
          d.or,
        );
      case 'opaque': {
        const { id, stateful, assumption } = condition.predicate;
        if (assumption !== undefined && !allowed.has(assumption)) return unmodelled(`${side}: ${id}`);
        if (assumption !== undefined) assumed.add(assumption);
        return predicate(id, stateful ? instance : 0);
      }
      case 'program': {
        const { text, same, assumptions } = condition;
        const missing = assumptions?.find((name) => !allowed.has(name));
        if (!same) return unmodelled(`${side}: ${text}`);
        if (missing !== undefined) return unmodelled(`${side}: ${text}, unless ${missing}`);
        for (const name of assumptions ?? []) assumed.add(name);
        return encode(same, side, instance);
      }
      case 'unmodelled': {
        const { what, granted } = condition;
        if (!granted) return unmodelled(`${side}: ${what}`);
        if (!allowed.has(granted.assumption)) return unmodelled(`${side}: ${what}, unless ${granted.assumption}`);
        assumed.add(granted.assumption);
        return encode(granted.condition, side, instance);
      }
    }
  };

  // Rules of one ruleset share many conditions as objects; the sides share none that names an unknown.
  const done = new WeakMap<Condition, Node>();
  const encode = (condition: Condition, side: string, instance = 0): Node => {
    const found = instance === 0 ? done.get(condition) : undefined;
    if (found !== undefined) return found;
    const node = encodeAnew(condition, side, instance);
    if (instance === 0) done.set(condition, node);
    return node;
  };

  return {
    d,
    family,
    fields,
    encode,
    predicate,
    unmodelled,
    unknownAt: (level) => unknowns[level - levels.opaque],
    unknowns: () => unknowns,
    assumed,
    assume: (assumption) => {
      if (allowed.has(assumption)) assumed.add(assumption);
      return allowed.has(assumption);
    },
  };
};
