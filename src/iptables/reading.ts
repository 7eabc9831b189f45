/** The state of reading one iptables command line, and the tables of its commands and parameters. */
import type { Code } from '../diagnostics/catalogue.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Masked } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import type { CopiedWord } from './copied.ts';
import type { Bad, Grammar } from './grammar.ts';
import type { Loading } from './options.ts';
import type { Action, Counters, Rule, Selector, StandardVerdict } from './types.ts';
import { errorAt, type Line, type Place, type Word } from './words.ts';

/** A rule before it has its place: what `-A` and `-I` add, more than one where an address is a list. */
export type RuleDraft = Omit<Rule, 'origin'>;

export type Verb =
  | 'append'
  | 'insert'
  | 'delete'
  | 'replace'
  | 'flush'
  | 'new-chain'
  | 'delete-chain'
  | 'policy'
  | 'rename'
  | 'zero'
  | 'check'
  | 'look';

export interface Command {
  readonly verb: Verb;
  /** `-t`, if it was given. */
  readonly table?: { readonly name: string; readonly word: Word };
  readonly chain?: Word;
  /** The rule number of `-I`, `-D`, `-R`; 1-based. */
  readonly number?: number;
  /** The new name of `-E`, or the policy of `-P`. */
  readonly argument?: Word;
  /** `-c`, if it was given. */
  readonly counters?: Counters;
  readonly rules: readonly RuleDraft[];
  /** Words of the rule with values that are only copied, in the order of the line. */
  readonly copied: readonly CopiedWord[];
}

export const verbs: Readonly<Record<string, readonly [Verb, min: 0 | 1 | 2, max: 0 | 1 | 2]>> = {
  '-A': ['append', 1, 1],
  '--append': ['append', 1, 1],
  '-I': ['insert', 1, 2],
  '--insert': ['insert', 1, 2],
  '-D': ['delete', 1, 2],
  '--delete': ['delete', 1, 2],
  '-R': ['replace', 2, 2],
  '--replace': ['replace', 2, 2],
  '-F': ['flush', 0, 1],
  '--flush': ['flush', 0, 1],
  '-N': ['new-chain', 1, 1],
  '--new': ['new-chain', 1, 1],
  '--new-chain': ['new-chain', 1, 1],
  '-X': ['delete-chain', 0, 1],
  '--delete-chain': ['delete-chain', 0, 1],
  '-P': ['policy', 2, 2],
  '--policy': ['policy', 2, 2],
  '-E': ['rename', 2, 2],
  '--rename-chain': ['rename', 2, 2],
  '-Z': ['zero', 0, 2],
  '--zero': ['zero', 0, 2],
  '-L': ['look', 0, 2],
  '--list': ['look', 0, 2],
  '-S': ['look', 0, 2],
  '--list-rules': ['look', 0, 2],
  '-C': ['check', 1, 1],
  '--check': ['check', 1, 1],
};

export type Core =
  | 'source'
  | 'destination'
  | 'in'
  | 'out'
  | 'protocol'
  | 'fragment'
  | 'match'
  | 'jump'
  | 'goto'
  | 'table'
  | 'counters'
  | 'ipv4'
  | 'ipv6'
  | 'silent'
  | 'wait';

export const core: Readonly<Record<string, Core>> = {
  '-s': 'source', '--source': 'source', '--src': 'source', '-d': 'destination', '--destination': 'destination', '--dst': 'destination',
  '-i': 'in', '--in-interface': 'in', '-o': 'out', '--out-interface': 'out', '-p': 'protocol', '--protocol': 'protocol',
  '-f': 'fragment', '--fragments': 'fragment', '-m': 'match', '--match': 'match', '-j': 'jump', '--jump': 'jump', '-g': 'goto', '--goto': 'goto',
  '-t': 'table', '--table': 'table', '-c': 'counters', '--set-counters': 'counters', '-4': 'ipv4', '--ipv4': 'ipv4', '-6': 'ipv6', '--ipv6': 'ipv6',
  '-n': 'silent', '--numeric': 'silent', '-v': 'silent', '--verbose': 'silent', '-x': 'silent', '--exact': 'silent', '--line-numbers': 'silent',
  '-w': 'wait', '--wait': 'wait', '-W': 'wait', '--wait-interval': 'wait',
}; // prettier-ignore

const standard: ReadonlySet<string> = new Set<StandardVerdict>(['ACCEPT', 'DROP', 'RETURN', 'QUEUE']);
/** One object per verdict: most rules of a ruleset have one of these four. */
export const verdictActions: Readonly<Record<StandardVerdict, Action>> = {
  ACCEPT: { kind: 'verdict', verdict: 'ACCEPT' },
  DROP: { kind: 'verdict', verdict: 'DROP' },
  RETURN: { kind: 'verdict', verdict: 'RETURN' },
  QUEUE: { kind: 'verdict', verdict: 'QUEUE' },
};

export const isStandard = (name: string): name is StandardVerdict => standard.has(name);

export interface Reading {
  readonly line: Line;
  readonly family: Family;
  readonly grammar: Grammar;
  readonly words: readonly Word[];
  position: number;
  command: Omit<Command, 'rules' | 'copied'> | undefined;
  table: Command['table'];
  sources: readonly Masked[] | undefined;
  destinations: readonly Masked[] | undefined;
  sourceInverted: boolean;
  destinationInverted: boolean;
  /** Filled parameter by parameter; addresses join it when the line is read. */
  readonly selector: { -readonly [K in keyof Selector]: Selector[K] };
  counters: Counters | undefined;
  readonly loaded: Loading[];
  readonly copied: CopiedWord[];
  action: Action;
  target: Loading | undefined;
  unmodelled: RuleDraft['unmodelled'];
  /** The family that `-4` or `-6` restricts the line to: iptables-restore skips lines of the other one. */
  only: Family | undefined;
}

export class Stop extends Error {
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic) {
    super(diagnostic.what);
    this.diagnostic = diagnostic;
  }
}

export const stop = (reading: Reading, word: Place, code: Code, what: string, help?: string): never => {
  throw new Stop(errorAt(reading.line, word, code, what, help));
};

/** A bare `!`; inside quotes it is a value. */
export const isBang = (word: Word): boolean => word.text === '!' && !word.quoted;

export const isOption = (word: Word): boolean => !word.quoted && word.text.length > 1 && word.text.startsWith('-');

export const next = (reading: Reading, option: Word, needs: string): Word => {
  const word = reading.words[reading.position];
  if (!word) return stop(reading, option, 'missing-value', `${option.text} needs ${needs}`);
  reading.position++;
  return word;
};

export const good = <T>(reading: Reading, word: Word, value: T | Bad): T => {
  if (typeof value === 'object' && value !== null && 'bad' in value) {
    const column = word.column + (word.quoted ? 0 : (value.at ?? 0));
    return stop(
      reading,
      { column, length: value.length ?? word.length },
      value.code ?? 'bad-value',
      value.bad,
      value.help,
    );
  }
  return value;
};

export const once = (reading: Reading, option: Word, earlier: unknown): void => {
  if (earlier !== undefined) stop(reading, option, 'option-twice', `${option.text} is given twice`);
};

export const parseCounter = (text: string): number | undefined => (/^\d{1,20}$/.test(text) ? Number(text) : undefined);
