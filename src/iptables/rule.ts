/** One iptables command line, already split into words: which command it is, and the rule it carries. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Masked } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import type { Grammar } from './grammar.ts';
import {
  checkOptions,
  type FoundOption,
  findOption,
  findShortened,
  useOf,
  load,
  type Loading,
  ownsOption,
  takeOption,
} from './options.ts';
import { takeCore, takeVerb } from './parameters.ts';
import {
  type Command,
  type Core,
  core,
  isBang,
  isOption,
  type Reading,
  type RuleDraft,
  Stop,
  stop,
  type Verb,
  verbs,
} from './reading.ts';
import type { Action, Rule, Use } from './types.ts';
import { type Line, type Word, wordLengthAt } from './words.ts';

/** Words that follow an option of an extension dnfw has no model of: they are its values as far as one can tell. */
const skipUnmodelled = (reading: Reading): void => {
  for (
    let word = reading.words[reading.position];
    word && !isOption(word) && !isBang(word);
    word = reading.words[reading.position]
  )
    reading.position++;
};

const loadedOf = (reading: Reading): readonly Loading[] =>
  reading.target ? [...reading.loaded, reading.target] : reading.loaded;

/** `-p tcp --dport 80` without `-m tcp`: the protocol's own match is loaded by its first option. */
const loadImplicit = (reading: Reading, name: string): FoundOption | undefined => {
  const protocol = reading.selector.protocol;
  if (!protocol || protocol.inverted) return undefined;
  for (const grammar of reading.grammar.matches.values())
    if (
      grammar.implicit &&
      grammar.protocols?.includes(protocol.number) &&
      grammar.families.includes(reading.family) &&
      ownsOption(grammar, name)
    ) {
      if (reading.loaded.some((loading) => loading.grammar === grammar)) return undefined;
      const option = reading.words[reading.position - 1] as Word;
      reading.loaded.push(load(grammar, option));
      return findOption(name, reading.loaded);
    }
  return undefined;
};

const takeExtensionOption = (
  reading: Reading,
  option: Word,
  name: string,
  attached: Word | undefined,
  bang: Word | undefined,
): void => {
  let found = findOption(name, reading.loaded, reading.target) ?? loadImplicit(reading, name);
  // The options of an extension without a model are in no list: what looks shortened may be one of them, as --set is.
  if (!found && name.startsWith('--') && !reading.unmodelled) {
    const candidates = findShortened(name, loadedOf(reading));
    const cores = [
      ...new Set(
        Object.entries(core)
          .filter(([full]) => full.startsWith(name))
          .map(([, kind]) => kind),
      ),
    ];
    if (candidates.length + cores.length > 1) {
      const names = [...candidates.map((c) => c.spec.name), ...cores];
      stop(reading, option, 'ambiguous-option', `${name} could be ${names.join(' or ')}`, 'write the option in full');
    }
    if (cores[0]) return takeCore(reading, cores[0], option, bang, attached);
    found = candidates[0];
  }
  if (!found) {
    if (reading.unmodelled) return skipUnmodelled(reading);
    // A target of another package brings options that nobody here knows: the rule is kept and refused as a whole.
    if (reading.action.kind === 'jump' && reading.action.column < option.column) {
      const { chain, column } = reading.action;
      reading.unmodelled = { kind: 'target', name: chain, column, length: chain.length };
      return skipUnmodelled(reading);
    }
    return stop(
      reading,
      option,
      'unknown-option',
      `${name} is not an option of this rule`,
      'is a -m or -p missing before it?',
    );
  }
  const values: Word[] = attached ? [attached] : [];
  let inverted = bang !== undefined;
  const first = reading.words[reading.position];
  if (!attached && found.spec.value.words > 0 && first && isBang(first)) {
    if (inverted) stop(reading, first, 'stray-inversion', 'the option is inverted twice');
    inverted = true;
    reading.position++;
  }
  while (values.length < found.spec.value.words) {
    const word = reading.words[reading.position];
    if (!word) break;
    values.push(word);
    reading.position++;
  }
  const wrong = takeOption(found, option, values, inverted, reading);
  if (wrong) throw new Stop(wrong);
};

const flags: ReadonlySet<Core> = new Set(['silent', 'ipv4', 'ipv6', 'fragment']);

const takeOptionWord = (reading: Reading, word: Word, bang: Word | undefined): void => {
  const equals = word.text.startsWith('--') ? word.text.indexOf('=') : -1;
  const name = equals > 0 ? word.text.slice(0, equals) : word.text;
  const attached: Word | undefined =
    equals > 0
      ? {
          text: word.text.slice(equals + 1),
          column: word.column + equals + 1,
          length: word.length - equals - 1,
          quoted: word.quoted,
        }
      : undefined;
  if (Object.hasOwn(core, name)) return takeCore(reading, core[name] as Core, word, bang, attached);
  if (Object.hasOwn(verbs, name)) {
    if (bang) stop(reading, bang, 'stray-inversion', 'a command cannot be inverted');
    return takeVerb(reading, word, attached);
  }
  // getopt takes the value of a short option without a blank: -ptcp, -s10.0.0.1
  const short = word.text.slice(0, 2);
  if (
    !word.text.startsWith('--') &&
    word.text.length > 2 &&
    (Object.hasOwn(core, short) || Object.hasOwn(verbs, short))
  ) {
    const rest: Word = { text: word.text.slice(2), column: word.column + 2, length: word.length - 2, quoted: false };
    const option: Word = { ...word, text: short, length: 2 };
    if (!Object.hasOwn(core, short)) return takeVerb(reading, option, rest);
    const kind = core[short] as Core;
    if (!flags.has(kind)) return takeCore(reading, kind, option, bang, rest);
    // Flags can share one dash: -nvL
    takeCore(reading, kind, option, bang, undefined);
    return takeOptionWord(
      reading,
      { ...rest, text: `-${rest.text}`, column: rest.column - 1, length: rest.length + 1 },
      undefined,
    );
  }
  takeExtensionOption(reading, word, name, attached, bang);
};

/** Checks one extension against the rule around it, as its checkentry callback would. */
const checkUse = (reading: Reading, loading: Loading): Use => {
  const wrong = checkOptions(loading, reading.line);
  if (wrong) throw new Stop(wrong);
  const { grammar } = loading;
  const protocol = reading.selector.protocol;
  if (grammar.protocols && (!protocol || protocol.inverted || !grammar.protocols.includes(protocol.number)))
    stop(
      reading,
      loading,
      'needs-protocol',
      `${grammar.name} works only with one of its protocols`,
      'put the -p in front of it',
    );
  const use = useOf(loading, reading.family);
  const problem = grammar.check(use, reading.family, reading.selector);
  if (problem) {
    const given = problem.option === undefined ? undefined : use.info[problem.option];
    stop(
      reading,
      given ? { column: given.column, length: wordLengthAt(reading.line.text, given.column) } : loading,
      problem.code,
      problem.what,
      problem.help,
    );
  }
  return use;
};

/** Adds what is there and leaves out what is not: an absent property is absent, not undefined. */
const draftOf = (
  reading: Reading,
  matches: readonly Use[],
  action: Action,
  source: Masked | undefined,
  destination: Masked | undefined,
): RuleDraft => {
  const { counters, unmodelled } = reading;
  const selector: Reading['selector'] = {};
  if (source) selector.source = { address: source.address, mask: source.mask, inverted: reading.sourceInverted };
  if (destination)
    selector.destination = {
      address: destination.address,
      mask: destination.mask,
      inverted: reading.destinationInverted,
    };
  Object.assign(selector, reading.selector);
  const draft = { selector, matches, action };
  if (!counters && !unmodelled) return draft;
  return { ...draft, ...(counters ? { counters } : {}), ...(unmodelled ? { unmodelled } : {}) };
};

const noMatches: readonly Use[] = [];

const draftsOf = (reading: Reading): readonly RuleDraft[] => {
  const { loaded, sources, destinations } = reading;
  const matches = loaded.length === 0 ? noMatches : loaded.map((loading) => checkUse(reading, loading));
  const action: Action = reading.target ? { kind: 'target', use: checkUse(reading, reading.target) } : reading.action;
  if ((sources?.length ?? 1) === 1 && (destinations?.length ?? 1) === 1)
    return [draftOf(reading, matches, action, sources?.[0], destinations?.[0])];
  const drafts: RuleDraft[] = [];
  for (const source of sources ?? [undefined])
    for (const destination of destinations ?? [undefined])
      drafts.push(draftOf(reading, matches, action, source, destination));
  return drafts;
};

const carriesRule: ReadonlySet<Verb> = new Set(['append', 'insert', 'delete', 'replace', 'check']);

const read = (reading: Reading): Command | 'other-family' => {
  let bang: Word | undefined;
  for (let word = reading.words[reading.position]; word; word = reading.words[reading.position]) {
    reading.position++;
    if (isBang(word)) {
      if (bang) stop(reading, word, 'stray-inversion', 'two ! in a row');
      bang = word;
    } else if (isOption(word)) {
      takeOptionWord(reading, word, bang);
      bang = undefined;
    } else stop(reading, word, 'bad-line', `"${word.text}" is not an option and no option takes it`);
  }
  if (bang) stop(reading, bang, 'stray-inversion', 'there is nothing behind the ! that it could invert');
  const { command } = reading;
  if (!command)
    return stop(
      reading,
      { column: 1, length: reading.line.text.length },
      'bad-line',
      'the line has no command',
      'a rule starts with -A CHAIN',
    );
  if (reading.only && reading.only !== reading.family) return 'other-family';
  const more = {
    ...(reading.table ? { table: reading.table } : {}),
    ...(reading.counters ? { counters: reading.counters } : {}),
  };
  if (!carriesRule.has(command.verb) || (command.verb === 'delete' && command.number !== undefined))
    return { ...command, ...more, rules: [], copied: reading.copied };
  return { ...command, ...more, rules: draftsOf(reading), copied: reading.copied };
};

/**
 * Reads the words of one iptables command line. Gives the command, `other-family` for a line that `-4` or `-6` keeps
 * for the other family, or the first thing that is wrong with it.
 */
export const parseCommand = (
  words: readonly Word[],
  line: Line,
  family: Family,
  grammar: Grammar,
): Command | 'other-family' | Diagnostic => {
  try {
    return read({
      line, family, grammar, words, position: 0, command: undefined, table: undefined, sources: undefined, destinations: undefined,
      sourceInverted: false, destinationInverted: false, selector: {}, counters: undefined, loaded: [], copied: [], action: { kind: 'none' },
      target: undefined, unmodelled: undefined, only: undefined,
    }); // prettier-ignore
  } catch (error) {
    if (error instanceof Stop) return error.diagnostic;
    throw error;
  }
};

/** The rule in its place. */
export const ruleOf = ({ selector, matches, action, counters, unmodelled }: RuleDraft, line: Line): Rule => {
  const origin = { file: line.file, line: line.number, text: line.text };
  if (!counters && !unmodelled) return { origin, selector, matches, action };
  return {
    origin,
    selector,
    matches,
    action,
    ...(counters ? { counters } : {}),
    ...(unmodelled ? { unmodelled } : {}),
  };
};
