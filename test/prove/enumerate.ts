// A third reading of programs, made for tests: every way that packets can go is gone, one after the other, with no
// diagram. A test splits what is left of its field into the values that pass and those that do not; where the ways of
// two programs end differently, so do the programs.
import type { Hook } from '../../src/netfilter/hooks.ts';
import type { Condition } from '../../src/packet/condition.ts';
import type { Effect, Verdict } from '../../src/packet/effect.ts';
import { type Field, keyInfo, payload } from '../../src/packet/field.ts';
import type { Program, ProgramTable, Step } from '../../src/packet/program.ts';
import { type Atoms, atomsOf, canonical, fragmentOffset } from './atoms.ts';
import { baseChains, instancesOf } from './stateful.ts';

export type Found =
  | { readonly kind: 'same'; readonly ways: number }
  | { readonly kind: 'differs'; readonly ways: number; readonly a: string; readonly b: string; readonly packet: string }
  /** Nothing was shown: too many ways, something that this has no reading of, or values that are only a selection. */
  | { readonly kind: 'open'; readonly why: string };

class GiveUp extends Error {}

/** A value that rules have set: (first & keep) ^ flip, of the value with which the packet came in. */
interface Changed {
  /** The key whose value it was first: another one where it was copied. */
  readonly of: string;
  readonly keep: bigint;
  readonly flip: bigint;
}

const unchanged = (of: string): Changed => ({ of, keep: -1n, flip: 0n });

const changeWords = ({ of, keep, flip }: Changed): string =>
  `${of} & 0x${(keep & 0xffffffffn).toString(16)} ^ 0x${flip.toString(16)}`;

interface End {
  readonly verdict: string;
  readonly observed: readonly string[];
  readonly asked: ReadonlySet<string>;
  readonly changed: ReadonlyMap<string, Changed>;
}

/** One way: what is left of each variable, and the decisions that led here. */
interface Way {
  readonly left: (readonly number[])[];
  readonly answers: Map<string, boolean>;
  readonly script: boolean[];
  at: number;
}

const untracked = 64n;
const tracked: ReadonlySet<bigint> = new Set([2n, 4n, 8n]);

const effectWords = (effect: Effect | Condition): string =>
  JSON.stringify(effect, (_name, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));

/** The decision at a fork: that of the script, or yes, with no to be tried later. */
const fork = (way: Way): boolean => {
  if (way.at < way.script.length) return way.script[way.at++] as boolean;
  way.script.push(true);
  way.at++;
  return true;
};

/** Splits what is left of a variable; only a question that it does not answer is a fork. */
const split = (way: Way, atoms: Atoms, variable: number, holds: (value: bigint | string) => boolean): boolean => {
  const values = atoms.variables[variable]?.atoms ?? [];
  const left = way.left[variable] as readonly number[];
  const yes = left.filter((index) => holds(values[index] as bigint | string));
  if (yes.length === left.length) return true;
  if (yes.length === 0) return false;
  const answer = fork(way);
  way.left[variable] = answer ? yes : left.filter((index) => !yes.includes(index));
  return answer;
};

const free = (way: Way, name: string): boolean => {
  const known = way.answers.get(name);
  if (known !== undefined) return known;
  const answer = fork(way);
  way.answers.set(name, answer);
  return answer;
};

interface Where {
  readonly hook: Hook;
  readonly kind: 'filter' | 'nat';
}

type Walk = (way: Way) => End;

const walker = (side: string, program: Program, atoms: Atoms, { hook, kind }: Where): Walk => {
  const all = baseChains(program);
  const instances = instancesOf(program);
  const chains = all.filter(([, { base }]) => base?.hook === hook && (base.type === 'nat') === (kind === 'nat'));
  const { family } = program;

  return (way) => {
    const observed: string[] = [];
    const asked = new Set<string>();
    const changed = new Map<string, Changed>();
    let isUntracked = false;

    const state = (): ((value: bigint | string) => boolean) => (value) => tracked.has(value as bigint);
    const isTracked = (): boolean => !isUntracked && split(way, atoms, atoms.named('ct.state'), state());

    /** The transport header of a later IPv6 fragment lies, for nft, where the packet begins. */
    const moved = (given: Field): Field => {
      const field = canonical(given, family);
      const isLater =
        family === 'ip6' &&
        field.kind === 'payload' &&
        field.base === 'th' &&
        atoms.named('fragoff') >= 0 &&
        !split(way, atoms, atoms.named('fragoff'), (value) => value === 0n);
      return isLater && field.kind === 'payload' ? { ...field, base: 'nh' } : field;
    };

    const present = (given: Field): boolean => {
      // Without a fragment header the packet is no later fragment.
      if (given.kind === 'key' && given.key === fragmentOffset)
        return !split(way, atoms, atoms.named('fragoff'), (value) => value === 0n) || free(way, 'a fragment header');
      const field = moved(given);
      if (field.kind === 'key') {
        const info = keyInfo(field.key);
        if (field.key === 'l4proto' || info?.presence === 'always') return true;
        return info?.presence === 'tracked' ? isTracked() : free(way, `${field.key} is there`);
      }
      const { base, offset, length } = field;
      const end = BigInt(Math.ceil((offset + length) / 8));
      if (base === 'th' || base === 'ih')
        return split(way, atoms, atoms.lengths[base], (value) => (value as bigint) >= end);
      if (base === 'll') return free(way, 'll is there');
      if (base !== 'nh' || end > (family === 'ip' ? 20n : 40n)) throw new GiveUp(`${base} ${offset}`);
      return true;
    };

    const holds = (condition: Condition): boolean => {
      switch (condition.kind) {
        case 'constant':
          return condition.value;
        case 'not':
          return !holds(condition.of);
        case 'all':
          return condition.of.every(holds);
        case 'any':
          return condition.of.some(holds);
        case 'present':
          return present(condition.field);
        case 'name': {
          const { key, text, prefix } = condition;
          if (keyInfo(key)?.presence !== 'always' && !free(way, `${key} is there`)) return false;
          const wanted = (value: bigint | string): boolean =>
            prefix ? String(value).startsWith(text) : value === text;
          return split(way, atoms, atoms.named(key), wanted);
        }
        case 'test': {
          const { ranges } = condition;
          const field = moved(condition.field);
          if (!present(condition.field)) return false;
          const among = (value: bigint): boolean => ranges.some(({ low, high }) => low <= value && value <= high);
          const mask = condition.mask ?? -1n;
          if (field.kind === 'key' && field.key === 'ct.state' && isUntracked) return among(untracked & mask);
          const place = atoms.locate(field, condition.mask);
          if (!place) throw new GiveUp(`no variable for ${JSON.stringify(field)}`);
          const change = field.kind === 'key' ? changed.get(field.key) : undefined;
          // Of a value that was copied, the tests of its own key did not choose the atoms.
          if (change && field.kind === 'key' && change.of !== field.key)
            return free(way, `${changeWords(change)} ${effectWords(condition)}`);
          const shift = BigInt(place.shift);
          const own = (1n << BigInt(place.bits)) - 1n;
          return split(way, atoms, place.variable, (value) => {
            const came = ((value as bigint) >> shift) & own;
            return among((change ? (came & change.keep) ^ change.flip : came) & mask);
          });
        }
        case 'opaque': {
          const { id, stateful } = condition.predicate;
          if (!stateful) return free(way, id);
          const name = `${id}#${instances.get(condition) ?? 0}`;
          asked.add(name);
          return free(way, name);
        }
        case 'program':
          if (!condition.same) throw new GiveUp(condition.text);
          return holds(condition.same);
        case 'unmodelled':
          return free(way, `${side}: ${condition.what}`);
      }
    };

    const perform = (effect: Effect): void => {
      if (effect.kind === 'set') {
        const before = changed.get(effect.key) ?? unchanged(effect.key);
        const keep = before.keep & effect.keep;
        changed.set(effect.key, { of: before.of, keep, flip: (before.flip & effect.keep) ^ effect.flip });
        return;
      }
      if (effect.kind === 'copy') {
        const bits = keyInfo(effect.key)?.bits ?? 0;
        if (effect.keep !== 0n || effect.shift !== 0 || effect.take !== (1n << BigInt(bits)) - 1n)
          throw new GiveUp(`a part of ${effect.from}`);
        changed.set(effect.key, changed.get(effect.from) ?? unchanged(effect.from));
        return;
      }
      observed.push(effectWords(effect));
      if (effect.kind === 'notrack') isUntracked = true;
    };

    /** A verdict, nothing if the rule is over or goes on to the next. */
    const steps = (list: readonly Step[]): Verdict | undefined => {
      for (const step of list)
        switch (step.kind) {
          case 'test':
            if (!holds(step.condition)) return undefined;
            break;
          case 'hotdrop':
            if (holds(step.condition)) return { kind: 'drop' };
            break;
          case 'effect':
            perform(step.effect);
            break;
          case 'choose': {
            const arm = step.arms.find((one) => holds(one.condition));
            if (!arm) return undefined;
            const verdict = steps(arm.steps);
            if (verdict) return verdict;
            break;
          }
          case 'verdict':
            return step.verdict;
          case 'unmodelled':
            throw new GiveUp(step.what);
        }
      return undefined;
    };

    /** What ends the way within a chain, nothing if the packet comes out of it. */
    const chain = (table: ProgramTable, name: string, depth: number): Verdict | undefined => {
      if (depth > 20) throw new GiveUp('depth');
      for (const rule of table.chains.get(name)?.rules ?? []) {
        const verdict = steps(rule.steps);
        if (!verdict || verdict.kind === 'continue') continue;
        if (verdict.kind === 'return') return undefined;
        if (verdict.kind !== 'jump' && verdict.kind !== 'goto') return verdict;
        const inner = chain(table, verdict.chain, depth + 1);
        if (inner) return inner;
        if (verdict.kind === 'goto') return undefined;
      }
      return undefined;
    };

    for (const [table, { name, base }] of chains) {
      const before = new Map(changed);
      const verdict = chain(table, name, 0) ?? { kind: base?.policy ?? 'accept' };
      if (verdict.kind === 'drop') return { verdict: 'drop', observed, asked, changed: new Map() };
      if (verdict.kind !== 'accept')
        return { verdict: JSON.stringify(verdict), observed, asked, changed: new Map(changed) };
      const own = changed.get('mark');
      const old = before.get('mark');
      const isMoved = own && (own.keep !== (old?.keep ?? -1n) || own.flip !== (old?.flip ?? 0n));
      if (base?.type === 'route' && isMoved) observed.push('route anew');
    }
    return { verdict: 'accept', observed, asked, changed };
  };
};

/** What a packet can be at the hook, before any rule has asked. */
const startAt = (atoms: Atoms, program: Program, { hook, kind }: Where): (readonly number[])[] => {
  const keep = (variable: number, holds: (value: bigint | string) => boolean): void => {
    const { atoms: values } = atoms.variables[variable] ?? { atoms: [] };
    if (variable >= 0)
      left[variable] = (left[variable] ?? []).filter((index) => holds(values[index] as bigint | string));
  };
  const left: (readonly number[])[] = atoms.variables.map(({ atoms: values }) => values.map((_value, index) => index));
  const inner = hook !== 'output' && hook !== 'postrouting';
  if (inner) keep(atoms.named('iifname'), (name) => name !== '');
  if (hook === 'output') keep(atoms.named('iifname'), (name) => name === '');
  keep(atoms.named('oifname'), (name) => (name === '') === (hook === 'prerouting' || hook === 'input'));
  if (kind === 'nat') keep(atoms.named('ct.state'), (value) => value === 8n || value === 4n);
  const keepBits = (offset: number, length: number, wanted: bigint): void => {
    const place = atoms.locate(payload('nh', offset, length));
    const bits = (1n << BigInt(length)) - 1n;
    if (place) keep(place.variable, (value) => (((value as bigint) >> BigInt(place.shift)) & bits) === wanted);
  };
  if (program.family === 'ip6') keepBits(0, 4, 6n);
  else if (hook === 'input') {
    keepBits(50, 1, 0n);
    keepBits(51, 13, 0n);
  }
  return left;
};

/** What is left of a changed key can be the same number on both sides even where it came about differently. */
const sameChanges = (way: Way, atoms: Atoms, a: End, b: End): boolean => {
  for (const key of new Set([...a.changed.keys(), ...b.changed.keys()])) {
    const [x, y] = [a.changed.get(key) ?? unchanged(key), b.changed.get(key) ?? unchanged(key)];
    const bits = (1n << BigInt(keyInfo(key)?.bits ?? 1)) - 1n;
    const isAlike = ((x.keep ^ y.keep) & bits) === 0n && ((x.flip ^ y.flip) & bits) === 0n;
    if (isAlike && (x.of === y.of || (x.keep & bits) === 0n)) continue;
    if (x.of !== key || y.of !== key) return false;
    const place = atoms.locate({ kind: 'key', key });
    if (!place) return false;
    const values = (way.left[place.variable] ?? []).map((index) => atoms.variables[place.variable]?.atoms[index]);
    const value = (came: bigint, { keep, flip }: Changed): bigint => ((came & keep) ^ flip) & bits;
    if (values.some((came) => value(came as bigint, x) !== value(came as bigint, y))) return false;
    // One value of many that have the same answers says nothing about the others.
    throw new GiveUp(`whether ${key} is left the same`);
  }
  return true;
};

const same = (way: Way, atoms: Atoms, a: End, b: End): boolean =>
  a.verdict === b.verdict &&
  a.observed.join('\n') === b.observed.join('\n') &&
  [...a.asked].toSorted().join('\n') === [...b.asked].toSorted().join('\n') &&
  sameChanges(way, atoms, a, b);

const endWords = ({ verdict, observed, asked, changed }: End): string =>
  [verdict, ...observed, ...asked, ...[...changed].map(([key, change]) => `${key} is ${changeWords(change)}`)].join(
    '; ',
  );

const packetWords = (way: Way, atoms: Atoms): string =>
  [
    ...way.left.flatMap((left, variable) => {
      const one = atoms.variables[variable];
      if (!one || left.length === one.atoms.length) return [];
      return [
        `${one.name}=${left
          .slice(0, 3)
          .map((index) => one.atoms[index])
          .join('|')}`,
      ];
    }),
    ...[...way.answers].map(([name, answer]) => `${name}: ${answer}`),
  ].join(' ');

export const enumerate = (a: Program, b: Program, where: Where, limit = 200_000): Found => {
  const atoms = atomsOf([a, b], a.family);
  const [left, right] = [walker('a', a, atoms, where), walker('b', b, atoms, where)];
  const start = startAt(atoms, a, where);
  const inexact = new Set<string>();
  let script: boolean[] = [];
  try {
    for (let ways = 1; ways <= limit; ways++) {
      const way: Way = { left: [...start], answers: new Map(), script, at: 0 };
      const [x, y] = [left(way), right(way)];
      if (!same(way, atoms, x, y))
        return { kind: 'differs', ways, a: endWords(x), b: endWords(y), packet: packetWords(way, atoms) };
      for (const [variable, one] of atoms.variables.entries())
        if (!one.exact && (way.left[variable] as readonly number[]).length < one.atoms.length) inexact.add(one.name);
      const last = script.lastIndexOf(true);
      if (last < 0)
        return inexact.size === 0
          ? { kind: 'same', ways }
          : { kind: 'open', why: `values of ${[...inexact].join(', ')}` };
      script = [...script.slice(0, last), false];
    }
  } catch (error) {
    if (error instanceof GiveUp) return { kind: 'open', why: error.message };
    throw error;
  }
  return { kind: 'open', why: 'too many ways' };
};
