/**
 * Strings as numbers: a rule can only tell apart the names that some rule names, so that all others are one. Each name
 * and each prefix that both rulesets use stands for a class of strings, with a string of that class to show.
 */
import type { Condition } from '../packet/condition.ts';
import type { Field } from '../packet/field.ts';
import type { Program, Step } from '../packet/program.ts';

/** The names of one key that the rules can tell apart. */
export interface NameClasses {
  /** One name of each class, in the order in which rules name them. */
  readonly values: readonly string[];
  readonly indexOf: ReadonlyMap<string, number>;
  /** Names that stand for all that no rule names, with the prefix that they have in common; '' for any other. */
  readonly strangers: ReadonlyMap<string, string>;
}

/** By key; a key that no rule compares with a name is not there. */
export type NameTests = ReadonlyMap<string, NameClasses>;

/** A prefix is kept apart from the equal whole name by a mark that no name can hold. */
const prefixMark = '\0';
const spell = (text: string, prefix: boolean): string => (prefix ? prefixMark + text : text);

const visitCondition = (condition: Condition, see: (condition: Condition) => void): void => {
  see(condition);
  switch (condition.kind) {
    case 'not':
      visitCondition(condition.of, see);
      break;
    case 'all':
    case 'any':
      for (const part of condition.of) visitCondition(part, see);
      break;
    case 'program':
      if (condition.same) visitCondition(condition.same, see);
      break;
    default:
  }
};

const visitSteps = (steps: readonly Step[], see: (condition: Condition) => void): void => {
  for (const step of steps) {
    if (step.kind === 'test' || step.kind === 'hotdrop') visitCondition(step.condition, see);
    else if (step.kind === 'choose')
      for (const arm of step.arms) {
        visitCondition(arm.condition, see);
        visitSteps(arm.steps, see);
      }
  }
};

/** Calls `see` with every condition of the programs, parts included. */
export const visitConditions = (programs: readonly Program[], see: (condition: Condition) => void): void => {
  for (const { tables } of programs)
    for (const { chains } of tables)
      for (const { rules } of chains.values()) for (const { steps } of rules) visitSteps(steps, see);
};

/** The fields that the programs ask about, each once. */
export const fieldsOf = (programs: readonly Program[]): readonly Field[] => {
  const found = new Map<string, Field>();
  visitConditions(programs, (condition) => {
    if (condition.kind !== 'test' && condition.kind !== 'present') return;
    const { field } = condition;
    found.set(field.kind === 'key' ? field.key : `${field.base} ${field.offset} ${field.length}`, field);
  });
  return [...found.values()];
};

const testsIn = (programs: readonly Program[]): ReadonlyMap<string, ReadonlySet<string>> => {
  const found = new Map<string, Set<string>>();
  visitConditions(programs, (condition) => {
    if (condition.kind !== 'name') return;
    const texts = found.get(condition.key) ?? new Set();
    texts.add(spell(condition.text, condition.prefix));
    found.set(condition.key, texts);
  });
  return found;
};

/** The kernel's names end at 15 bytes (IFNAMSIZ). */
const longest = 15;

/** A string that begins with `prefix` and with none of the longer prefixes, and that nobody names. */
const stranger = (prefix: string, named: ReadonlySet<string>, prefixes: readonly string[]): string | undefined => {
  const longer = prefixes.filter((other) => other.length > prefix.length && other.startsWith(prefix));
  for (const ending of ['0', '1', '9', 'x', 'z7', 'q5', '_', ...Array.from({ length: 90 }, (_, i) => `o${i}`)]) {
    const text = prefix + ending;
    if (text.length <= longest && !named.has(text) && !longer.some((other) => text.startsWith(other))) return text;
  }
  return undefined;
};

/** One representative string per class of names that the tests can tell apart, in the order in which rules name them. */
const representatives = (tests: ReadonlySet<string>): Pick<NameClasses, 'values' | 'strangers'> => {
  const strangers = new Map<string, string>();
  const named = new Set<string>(['']);
  const prefixes: string[] = [];
  for (const test of tests) {
    if (test.startsWith(prefixMark)) prefixes.push(test.slice(1));
    else named.add(test);
  }
  const strings = new Set(named);
  for (const prefix of prefixes) {
    // The prefix itself is a name of its class, and the longest one has no other.
    if (prefix.length <= longest) strings.add(prefix);
    const other = stranger(prefix, named, prefixes);
    if (other !== undefined) {
      strings.add(other);
      strangers.set(other, prefix);
    }
  }
  const nobody = stranger('eth', named, [...prefixes, ...named]) ?? stranger('other', named, prefixes);
  const isFree = (text: string): boolean => !prefixes.some((prefix) => text.startsWith(prefix)) && !named.has(text);
  // A prefix that every string has leaves no stranger.
  const free = nobody !== undefined && isFree(nobody) ? nobody : ['other0', 'zz0', 'net7'].find(isFree);
  if (free !== undefined) {
    strings.add(free);
    strangers.set(free, '');
  }
  return { values: [...strings], strangers };
};

const classesOf = (tests: ReadonlySet<string>): NameClasses => {
  const { values, strangers } = representatives(tests);
  return { values, strangers, indexOf: new Map(values.map((name, index) => [name, index])) };
};

export const unnamed: NameClasses = classesOf(new Set());

export const nameTestsOf = (programs: readonly Program[]): NameTests =>
  new Map([...testsIn(programs)].map(([key, tests]) => [key, classesOf(tests)]));
