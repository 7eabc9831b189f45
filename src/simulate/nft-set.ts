/** Membership in sets and maps, anonymous and named. */
import { expressionText } from '../nftables/describe.ts';
import { count, isList, type Json, listOf, property } from '../nftables/json.ts';
import type { NftSet } from '../nftables/ruleset.ts';
import {
  all,
  any,
  type Condition,
  type Interval,
  interval,
  not,
  opaque,
  unmodelled,
  yes,
} from '../packet/condition.ts';
import type { Arm, Step } from '../packet/program.ts';
import type { NftContext } from './nft-context.ts';
import { type Datatype, datatypeNamed, readConstant } from './nft-datatype.ts';
import {
  type Bits,
  guardOf,
  inRanges,
  isDevice,
  isText,
  loaded,
  ones,
  otherwise,
  type Register,
} from './nft-register.ts';

/** An element without what it carries beside its key: a timeout, a comment, a counter. */
const keyOf = (element: Json): Json => {
  const inner = property(element, 'elem');
  return inner === undefined ? element : (property(inner, 'val') ?? null);
};

/** The values of a constant, a prefix or a range; undefined for what dnfw cannot read. */
export const rangeOf = (value: Json, register: Bits, declared?: Datatype): Interval | undefined => {
  const read = (item: Json | undefined): bigint | undefined =>
    readConstant(item, register.type) ?? (declared && readConstant(item, declared));
  const range = property(value, 'range');
  if (isList(range)) {
    const [low, high] = range.map(read);
    return low === undefined || high === undefined || low > high ? undefined : { low, high };
  }
  const prefix = property(value, 'prefix');
  if (prefix !== undefined) {
    const [address, length] = [read(property(prefix, 'addr')), count(property(prefix, 'len'))];
    if (address === undefined || length === undefined || length < 0 || length > register.bits) return undefined;
    const rest = ones(register.bits - length);
    return { low: address & ~rest, high: address | rest };
  }
  const constant = read(value);
  return constant === undefined ? undefined : interval(constant);
};

const bitsMember = (register: Bits, elements: readonly Json[], declared?: Datatype): Condition | undefined => {
  const ranges: Interval[] = [];
  for (const element of elements) {
    const range = rangeOf(element, register, declared);
    if (!range) return undefined;
    ranges.push(range);
  }
  return inRanges(register, ranges);
};

const every = (conditions: readonly (Condition | undefined)[]): readonly Condition[] | undefined =>
  conditions.every((condition) => condition !== undefined) ? conditions : undefined;

const concatMember = (
  parts: readonly Register[],
  elements: readonly Json[],
  declared: readonly string[],
): Condition | undefined => {
  const found = every(
    elements.map((element) => {
      const values = property(element, 'concat');
      if (!isList(values) || values.length !== parts.length) return undefined;
      const each = every(
        parts.map((part, index) => member(part, [values[index] ?? null], declared.slice(index, index + 1))),
      );
      return each && all(each);
    }),
  );
  return found && any(found);
};

/** The register has one of the elements; false where a load fails. Undefined for elements that dnfw cannot read. */
export const member = (
  register: Register,
  given: readonly Json[],
  declared: readonly string[] = [],
): Condition | undefined => {
  const elements = given.map(keyOf);
  if (elements.includes('*')) return yes;
  switch (register.kind) {
    case 'bits':
      return bitsMember(register, elements, datatypeNamed(declared[0] ?? ''));
    case 'concat':
      return concatMember(register.parts, elements, declared);
    case 'name': {
      const names = every(elements.map((item) => (typeof item === 'string' ? isText(register.key, item) : undefined)));
      return names && any(names);
    }
    case 'device': {
      const devices = every(
        elements.map((item) => {
          if (typeof item === 'string') return isDevice(register, item);
          return typeof item === 'number' && Number.isSafeInteger(item) ? isDevice(register, BigInt(item)) : undefined;
        }),
      );
      return devices && any(devices);
    }
    case 'draw':
    case 'unmodelled':
      return undefined;
  }
};

/** Whether a named set's elements change without the ruleset: then the listing is a moment of it. */
const isChanging = (set: NftSet, context: NftContext): boolean =>
  set.timeout ||
  set.flags.has('timeout') ||
  set.flags.has('dynamic') ||
  context.changing.has(set.name) ||
  set.elements.some((element) => {
    const key = set.data !== undefined && isList(element) ? (element[0] ?? null) : element;
    return ['timeout', 'expires'].some((part) => property(property(key, 'elem'), part) !== undefined);
  });

/** Whether a lookup runs statements that can end the rule (nft_set_elem_expr, nft_lookup.c). */
const hasLimits = (set: NftSet): boolean =>
  [...set.statements, ...set.elements.map((element) => property(element, 'elem') ?? null)].some((item) =>
    ['limit', 'quota', 'ct count'].some((name) => property(item, name) !== undefined),
  );

/** Which side of the packet a part of a key is, as ipset counts dimensions; else what nft calls it. */
const dimension = (register: Register): string => {
  if (register.kind === 'concat') return register.parts.map(dimension).join(',');
  if (register.kind === 'unmodelled') return register.what.replaceAll(' ', '-');
  if (/(?:^iifname|[ ]s(?:addr|port))$/.test(register.label)) return 'src';
  return /(?:^oifname|[ ]d(?:addr|port))$/.test(register.label) ? 'dst' : register.label.replaceAll(' ', '-');
};

/** `src,dst`: the packet's part in a set, one spelling for both sides of a comparison. */
export const dimensions = (register: Register): string => dimension(register);

const namedMember = (register: Register, name: string, context: NftContext): Condition => {
  const set = context.table.sets.get(name);
  if (!set) return unmodelled(`the set @${name}, which is not in table ${context.table.name}`);
  if (hasLimits(set)) return unmodelled(`the set @${name}, whose elements carry limits`);
  if (isChanging(set, context))
    return opaque({ id: `set ${name} ${dimensions(register)}`, stateful: false, assumption: 'same-set' });
  const elements =
    set.data === undefined ? set.elements : set.elements.map((pair) => (isList(pair) ? (pair[0] ?? null) : pair));
  return member(register, elements, set.types) ?? unmodelled(`the elements of the set @${name}`);
};

/** What the right side of a match names: a set of its own, or one of the table. Undefined for anything else. */
export const lookup = (register: Register, right: Json, context: NftContext): Condition | undefined => {
  if (typeof right === 'string' && right.startsWith('@')) return namedMember(register, right.slice(1), context);
  const set = property(right, 'set');
  if (set === undefined) return undefined;
  if (typeof set === 'string' && set.startsWith('@')) return namedMember(register, set.slice(1), context);
  const elements = listOf(set);
  return member(register, elements) ?? unmodelled(`the set ${expressionText(right)}`);
};

/** Goes on only if the set has what is loaded, or with `inverted` only if it has not. */
export const lookupCondition = (register: Register, found: Condition, inverted: boolean): Condition =>
  inverted
    ? otherwise(register, found)
    : // The answer of a set that is not known says nothing of the load.
      all([found.kind === 'opaque' ? loaded(register) : guardOf(register), found]);

interface Pairs {
  readonly pairs: readonly (readonly [key: Json, data: Json])[];
  readonly declared: readonly string[];
}

const pairsOf = (data: Json, context: NftContext): Pairs | string => {
  const name = typeof data === 'string' && data.startsWith('@') ? data.slice(1) : undefined;
  const set = name === undefined ? undefined : context.table.sets.get(name);
  if (name !== undefined && !set) return `the map @${name}, which is not in table ${context.table.name}`;
  if (set && isChanging(set, context)) return `the map @${name}, whose elements change`;
  if (set && hasLimits(set)) return `the map @${name}, whose elements carry limits`;
  const elements = set ? set.elements : listOf(property(data, 'set'));
  const pairs: (readonly [Json, Json])[] = [];
  for (const element of elements) {
    const [key, value] = isList(element) ? element : [];
    if (key === undefined || value === undefined) return `the map ${expressionText(data)}`;
    pairs.push([keyOf(key), value]);
  }
  return { pairs, declared: set?.types ?? [] };
};

/**
 * A map lookup: goes on with the steps of the element that the key has, and breaks the rule where there is none
 * (nft_lookup.c nft_lookup_eval). Elements with the same steps become one arm.
 */
export const mapSteps = (
  register: Register,
  data: Json,
  context: NftContext,
  stepsFor: (data: Json) => readonly Step[],
): readonly Step[] => {
  if (register.kind === 'unmodelled') return [{ kind: 'unmodelled', what: `a map by ${register.what}` }];
  const found = pairsOf(data, context);
  if (typeof found === 'string') return [{ kind: 'unmodelled', what: found }];
  const groups = new Map<string, { readonly data: Json; readonly keys: Json[] }>();
  for (const [key, value] of found.pairs) {
    // A catch-all is every other key and can be no part of a union.
    const name = `${key === '*' ? '*' : ''}${JSON.stringify(value)}`;
    const group = groups.get(name);
    if (group) group.keys.push(key);
    else groups.set(name, { data: value, keys: [key] });
  }
  const arms: Arm[] = [];
  let rest: Json | undefined;
  for (const { data: value, keys } of groups.values()) {
    if (keys[0] === '*') {
      rest = value;
      continue;
    }
    const condition = member(register, keys, found.declared);
    if (!condition) {
      const label = register.kind === 'concat' ? dimensions(register) : register.label;
      return [{ kind: 'unmodelled', what: `a map by ${label} of values that dnfw cannot read` }];
    }
    arms.push({ condition, steps: stepsFor(value) });
  }
  if (rest !== undefined)
    arms.push({ condition: not(any(arms.map(({ condition }) => condition))), steps: stepsFor(rest) });
  const guard = loaded(register);
  const test: readonly Step[] = guard.kind === 'constant' && guard.value ? [] : [{ kind: 'test', condition: guard }];
  return [...test, { kind: 'choose', arms }];
};

/** Whether the map that `data` is has an element for the key: all that a map of objects such as counters decides. */
export const mapMember = (register: Register, data: Json, context: NftContext): Condition => {
  const found = pairsOf(data, context);
  if (typeof found === 'string') return unmodelled(found);
  const condition = member(
    register,
    found.pairs.map(([key]) => key),
    found.declared,
  );
  return condition ? lookupCondition(register, condition, false) : unmodelled(`the map ${expressionText(data)}`);
};
