/** The option parser that the extensions' option tables guide. It knows the core options of iptables(8) and no extension by name. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Family } from '../netfilter/family.ts';
import { type CopiedWord, noteCopied } from './copied.ts';
import { type ExtensionGrammar, isBad, type OptionSpec } from './grammar.ts';
import type { Given, Info, Use } from './types.ts';
import { errorAt, type Line, type Place, spanOf, type Word, wordLengthAt } from './words.ts';

/** One extension as it collects its options. */
export interface Loading {
  readonly grammar: ExtensionGrammar;
  readonly column: number;
  readonly length: number;
  readonly groups: Record<string, Given<unknown>>[];
}

export interface FoundOption {
  readonly owner: Loading;
  readonly key: string;
  readonly spec: OptionSpec<unknown>;
}

interface NamedOption {
  readonly key: string;
  readonly spec: OptionSpec<unknown>;
}

const tables = new WeakMap<ExtensionGrammar, ReadonlyMap<string, NamedOption>>();

/** Every spelling of every option of an extension. */
const namesOf = (grammar: ExtensionGrammar): ReadonlyMap<string, NamedOption> => {
  const known = tables.get(grammar);
  if (known) return known;
  const names = new Map<string, NamedOption>();
  for (const [key, spec] of Object.entries(grammar.options))
    for (const name of [spec.name, ...(spec.aliases ?? [])]) names.set(name, { key, spec });
  tables.set(grammar, names);
  return names;
};

export const load = (grammar: ExtensionGrammar, word: Word): Loading => ({
  grammar,
  column: word.column,
  length: word.length,
  groups: [{}],
});

/** The option of that exact name; the extension loaded last is asked first, as getopt_long's merged table does. */
export const findOption = (name: string, loaded: readonly Loading[], target?: Loading): FoundOption | undefined => {
  for (let i = target ? loaded.length : loaded.length - 1; i >= 0; i--) {
    const owner = (i === loaded.length ? target : loaded[i]) as Loading;
    const found = namesOf(owner.grammar).get(name);
    if (found) return { owner, key: found.key, spec: found.spec };
  }
  return undefined;
};

/** All options of loaded extensions that a shortened name could mean, one per meaning. */
export const findShortened = (name: string, loaded: readonly Loading[]): readonly FoundOption[] => {
  const found = new Map<OptionSpec<unknown>, FoundOption>();
  for (const owner of loaded)
    for (const [full, option] of namesOf(owner.grammar))
      if (full.startsWith(name)) found.set(option.spec, { owner, ...option });
  return [...found.values()];
};

export const ownsOption = (grammar: ExtensionGrammar, name: string): boolean => namesOf(grammar).has(name);

interface Around {
  readonly line: Line;
  readonly family: Family;
  readonly copied: CopiedWord[];
}

/**
 * Stores one option with its value words; returns what is wrong with it, if anything. `option` is the word of the
 * option itself.
 */
export const takeOption = (
  { owner, key, spec }: FoundOption,
  option: Word,
  values: readonly Word[],
  inverted: boolean,
  around: Around,
): Diagnostic | undefined => {
  const { line, family } = around;
  if (inverted && !spec.invertible)
    return errorAt(line, option, 'not-invertible', `${spec.name} cannot be inverted with !`);
  if (spec.separator) {
    owner.groups.push({});
    return undefined;
  }
  const group = owner.groups.at(-1) as Record<string, Given<unknown>>;
  if (group[key])
    return errorAt(line, option, 'option-twice', `${spec.name} is given twice`, 'iptables takes it once per extension');
  if (values.length < spec.value.words)
    return errorAt(
      line,
      option,
      'missing-value',
      `${spec.name} needs a value`,
      `write ${spec.name} ${spec.value.syntax}`,
    );
  const first = values[0];
  const text = first && values.length === 1 ? first.text : values.map((word) => word.text).join(' ');
  const value = spec.value.parse(text, family);
  if (isBad(value)) {
    const word = first ?? option;
    // Inside a quoted or escaped word the characters of the value do not stand where they are counted.
    const exact = value.at !== undefined && word.length === word.text.length + (word.quoted ? 2 : 0);
    const start = word.column + (exact ? (value.at ?? 0) + (word.quoted ? 1 : 0) : 0);
    const whole =
      values.length > 1 ? (values.at(-1) as Word).column + (values.at(-1) as Word).length - word.column : word.length;
    const length = exact ? (value.length ?? Math.max(1, word.text.length - (value.at ?? 0))) : (value.length ?? whole);
    return {
      code: value.code ?? 'bad-value',
      severity: 'error',
      what: `${spec.name}: ${value.bad}`,
      ...(value.help === undefined ? {} : { help: value.help }),
      span: spanOf(line, start, length),
    };
  }
  if (first && spec.value.copied) noteCopied(around, first, spec.value.copied);
  group[key] = { value, inverted, column: first?.column ?? option.column };
  return undefined;
};

interface Demand {
  readonly key: string;
  readonly spec: OptionSpec<unknown>;
}

/** The options of a grammar that demand something of others or of the rule: few, so that most rules check nothing. */
const demands = new WeakMap<ExtensionGrammar, readonly Demand[]>();

const demandsOf = (grammar: ExtensionGrammar): readonly Demand[] => {
  const known = demands.get(grammar);
  if (known) return known;
  const found = Object.entries(grammar.options)
    .filter(([, spec]) => spec.mandatory || (spec.excludes && spec.excludes.length > 0))
    .map(([key, spec]) => ({ key, spec }));
  demands.set(grammar, found);
  return found;
};

const placeAt = (line: Line, column: number): Place => ({ column, length: wordLengthAt(line.text, column) });

/** What the extension's declaration demands of its options together: mandatory ones, exclusive ones, at least one. */
export const checkOptions = (loading: Loading, line: Line): Diagnostic | undefined => {
  const { grammar, groups } = loading;
  for (const { key, spec } of demandsOf(grammar))
    for (const [index, group] of groups.entries()) {
      const given = group[key];
      if (!given) {
        if (spec.mandatory && index === 0)
          return errorAt(
            line,
            loading,
            'option-required',
            `${grammar.name} needs ${spec.name}`,
            `write ${spec.name} ${spec.value.syntax}`,
          );
        continue;
      }
      for (const other of spec.excludes ?? [])
        if (group[other])
          return errorAt(
            line,
            placeAt(line, Math.max(given.column, group[other].column)),
            'options-exclusive',
            `${spec.name} and ${grammar.options[other]?.name ?? other} exclude each other`,
          );
    }
  const needed = grammar.atLeastOne;
  if (needed && !needed.some((key) => groups[0]?.[key]))
    return errorAt(
      line,
      loading,
      'option-required',
      `${grammar.name} needs one of its options`,
      `one of ${needed.map((key) => grammar.options[key]?.name ?? key).join(', ')}`,
    );
  return undefined;
};

/** One use of the extension with the options it was given. */
export const useOf = ({ grammar, groups, column }: Loading, family: Family): Use => {
  const first = groups[0] ?? {};
  const info: Info = grammar.canonical ? grammar.canonical(first, family, column) : first;
  return groups.length > 1
    ? { name: grammar.name, info, more: groups.slice(1), column }
    : { name: grammar.name, info, column };
};
