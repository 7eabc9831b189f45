/**
 * Rules of one shape: lines that differ in nothing but values that are copied. A large dump has thousands of rules of a
 * few shapes; a line of a known shape is known to be right and needs no reading until somebody asks for its rule, and
 * `translate/template.ts` knows its nft text.
 *
 * The ordinary path stays the specification: a shape is made from lines that it has read, it is asked with examples of
 * all values before the shape counts, and a rule of a shape is made by it.
 */
import type { Family } from '../netfilter/family.ts';
import { type CopiedWord, exampleCount, exampleValues, type Hole, holePatterns, holesIn } from './copied.ts';
import type { Grammar } from './grammar.ts';
import type { Command } from './reading.ts';
import { parseCommand, ruleOf } from './rule.ts';
import type { Chain, Origin, Rule } from './types.ts';
import { type Line, splitWords } from './words.ts';

/** A rule of the shape with values of our own. */
interface Example {
  readonly values: readonly string[];
  readonly rule: Rule;
}

export interface Shape {
  /** Takes the lines of the shape, with a group for each value. */
  readonly pattern: RegExp;
  readonly examples: readonly [Example, ...Example[]];
  /** The rule of a line of the shape. */
  readonly read: (line: Line) => Rule;
}

/** A line of a shape: where it was read is all that is kept of it. */
export interface ShapedRule extends Origin {
  readonly shape: Shape;
}

export type Compact = Rule | ShapedRule;

export const isShaped = (rule: Compact): rule is ShapedRule => 'shape' in rule;

/** The rule itself. */
export const unfold = (rule: Compact): Rule =>
  isShaped(rule) ? rule.shape.read({ file: rule.file, number: rule.line, text: rule.text }) : rule;

/** A rule that is like this one in everything but copied values and places in the line. */
export const likenessOf = (rule: Compact): Rule => (isShaped(rule) ? rule.shape.examples[0].rule : rule);

/** By the chain itself: a copy with other rules has none. */
const compacts = new WeakMap<Chain, readonly Compact[]>();

/** A chain whose rules are made when somebody asks for them. */
export const compactChain = (chain: Omit<Chain, 'rules'>, rules: readonly Compact[]): Chain => {
  let made: readonly Rule[] | undefined;
  const whole: Chain = {
    ...chain,
    get rules() {
      made ??= rules.map(unfold);
      return made;
    },
  };
  compacts.set(whole, rules);
  return whole;
};

/** The rules of a chain, those of a shape not unfolded. */
export const compactRules = (chain: Chain): readonly Compact[] => compacts.get(chain) ?? chain.rules;

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

/** The parts of a line between its values. */
const piecesOf = (text: string, holes: readonly Hole[]): readonly string[] => {
  const pieces: string[] = [];
  let end = 0;
  for (const { at, length } of holes) {
    pieces.push(text.slice(end, at));
    end = at + length;
  }
  return [...pieces, text.slice(end)];
};

const joined = (pieces: readonly string[], between: (index: number) => string): string =>
  pieces.map((piece, index) => (index === 0 ? piece : between(index - 1) + piece)).join('');

/** The one rule that the line appends; undefined if it is anything else. */
const readLine = (line: Line, family: Family, grammar: Grammar): Rule | undefined => {
  const words = splitWords(line);
  const command = 'code' in words ? words : parseCommand(words, line, family, grammar);
  if (typeof command === 'string' || 'code' in command || !isPlain(command)) return undefined;
  const [rule] = command.rules;
  return rule && ruleOf(rule, line);
};

/** An -A with one rule, of which everything is in the words of its line. */
const isPlain = ({ verb, table, counters, rules }: Command): boolean =>
  verb === 'append' && !table && !counters && rules.length === 1 && !rules[0]?.unmodelled;

const shapeOf = (line: Line, holes: readonly Hole[], family: Family, grammar: Grammar): Shape | undefined => {
  const pieces = piecesOf(line.text, holes);
  const kinds = holes.map((hole) => hole.kind);
  const examples: Example[] = [];
  for (let number = 0; number < exampleCount; number++) {
    const values = exampleValues(number, kinds, family);
    const text = joined(pieces, (index) => values[index] ?? '');
    const rule = readLine({ file: line.file, number: line.number, text }, family, grammar);
    if (!rule) return undefined;
    examples.push({ values, rule });
  }
  const patterns = holePatterns(family);
  const groups = kinds.map((kind) => `(${patterns[kind]})`);
  const [first, ...others] = examples as [Example, ...Example[]];
  return {
    pattern: new RegExp(`^${joined(pieces.map(escaped), (index) => groups[index] ?? '')}$`),
    examples: [first, ...others],
    read: (from) => {
      const rule = readLine(from, family, grammar);
      if (!rule) throw new Error(`a line of a known shape is no rule: ${from.text}`);
      return rule;
    },
  };
};

/** So many lines of the same kind, and a shape is worth its making. */
const worthwhile = 4;
/** So many kinds of lines without a shape are remembered for each chain. */
const mostKinds = 256;
/** After so many lines without a new shape only some are looked at: a dump may have none. */
const patience = 256;
/** Prime, so that lines of different kinds that stand in turn are all looked at. */
const seldom = 11;
/** A line is compared with so many shapes of its chain: those that were met last. */
const mostShapes = 32;

interface ChainShapes {
  /** The one that was met last comes first. */
  readonly shapes: Shape[];
  readonly counts: Map<string, number>;
}

/** The shapes of one table, as its lines show them. */
export interface Shapes {
  /** The shape of a line that appends to the chain, if it has a known one. */
  readonly find: (chain: string, text: string) => Shape | undefined;
  /** Takes note of a line that was read on the ordinary path. */
  readonly learn: (line: Line, command: Command) => void;
}

export const shapesOf = (family: Family, grammar: Grammar): Shapes => {
  const chains = new Map<string, ChainShapes>();
  let seen = 0;
  const holesOf = (line: Line, words: readonly CopiedWord[]): readonly Hole[] =>
    words.flatMap((word) => holesIn(line.text, word, family));
  return {
    find: (name, text) => {
      const shapes = chains.get(name)?.shapes;
      if (!shapes) return undefined;
      for (const [index, shape] of shapes.entries()) {
        if (!shape.pattern.test(text)) continue;
        if (index > 0) {
          shapes.copyWithin(1, 0, index);
          shapes[0] = shape;
        }
        return shape;
      }
      return undefined;
    },
    learn: (line, command) => {
      if (seen++ > patience && seen % seldom !== 0) return;
      if (!command.chain || !isPlain(command)) return;
      const name = command.chain.text;
      let chain = chains.get(name);
      if (!chain) chains.set(name, (chain = { shapes: [], counts: new Map() }));
      const holes = holesOf(line, command.copied);
      if (holes.length === 0) return;
      const kind = joined(piecesOf(line.text, holes), (index) => `\0${holes[index]?.kind}\0`);
      const count = (chain.counts.get(kind) ?? 0) + 1;
      if (chain.counts.size >= mostKinds) chain.counts.clear();
      chain.counts.set(kind, count);
      if (count !== worthwhile) return;
      const shape = shapeOf(line, holes, family, grammar);
      if (!shape) return;
      if (chain.shapes.length >= mostShapes) chain.shapes.pop();
      chain.shapes.unshift(shape);
      seen = 0;
    },
  };
};
