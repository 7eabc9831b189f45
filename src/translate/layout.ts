/**
 * Lays a formula and what follows it out in nft rules. A conjunction of tests is one rule; what needs more becomes a
 * chain of its own, in which falling off the end means: the rule did not match.
 */
import { goto, jump, returnVerdict } from '../nftables/build.ts';
import { all, any, type Formula, isStateful } from '../nftables/formula.ts';
import type { Match, Statement } from '../nftables/types.ts';
import { isPossible } from './protocol.ts';

export type NftRule = readonly Statement[];

/** What happens to a packet that meets the formula. */
export interface Action {
  readonly statements: NftRule;
  /**
   * `final`: no rule after it sees the packet. `leave`: it leaves the chain (return, goto) and so cannot be moved to
   * a chain that is jumped to. `pass`: the packet goes on to the next rule.
   */
  readonly ending: 'final' | 'leave' | 'pass';
  /** Tests that are repeated in front of the statements where these stand in another rule than the formula. */
  readonly inside: readonly Match[] | undefined;
}

/** Where chains for one input rule are made. The same content in one table is one chain, unless it counts. */
export interface Scope {
  /** Adds a chain with these rules and gives its name; or that of one with the same rules. */
  readonly chain: (rules: readonly NftRule[]) => string;
  /** Reserves a chain that the rest of the input chain will be written to, and gives its name. */
  readonly rest: () => string;
}

/** More alternatives than this are not written into the input's own chain, which every packet walks. */
const inlineAlternatives = 16;

type Literal = Extract<Formula, { kind: 'test' | 'stateful' }>;

const isLiteral = (formula: Formula): formula is Literal => formula.kind === 'test' || formula.kind === 'stateful';

const partsOf = (formula: Formula): readonly Formula[] =>
  formula.kind === 'all' ? formula.of : formula.kind === 'always' ? [] : [formula];

const statementsOf = (literals: readonly Formula[]): NftRule =>
  literals.filter(isLiteral).map((literal) => literal.statement);

const isConjunction = (formula: Formula): boolean => partsOf(formula).every(isLiteral);

interface Split {
  readonly literals: readonly Formula[];
  readonly rest: readonly Formula[];
}

/**
 * The literals that may stand in front, and the rest in order. A test has no effect, so it may be asked before its
 * turn, but not before a statement with a memory: that one must see exactly the packets that passed what is in front.
 */
const split = (formula: Formula): Split => {
  const literals: Formula[] = [];
  const rest: Formula[] = [];
  let open = true;
  for (const part of partsOf(formula)) {
    if (isStateful(part) && (rest.length > 0 || !isLiteral(part))) open = false;
    if (open && isLiteral(part)) literals.push(part);
    else rest.push(part);
  }
  return { literals, rest };
};

const closes = (leaf: NftRule): boolean => {
  const last = leaf.at(-1);
  return last !== undefined && ['accept', 'drop', 'return', 'goto'].some((verdict) => verdict in last);
};

/** A leaf after which no rule of the same chain runs. */
const closed = (leaf: NftRule, scope: Scope): NftRule =>
  leaf.length === 0 ? [returnVerdict] : closes(leaf) ? leaf : [goto(scope.chain([leaf]))];

/**
 * The rules of a chain that does `yes` if the formula holds and `no` if not, written at the end of a chain: an empty
 * leaf is the return to where the chain was called.
 */
const lay = (formula: Formula, yes: NftRule, no: NftRule, scope: Scope): readonly NftRule[] => {
  const otherwise: readonly NftRule[] = no.length > 0 ? [no] : [];
  switch (formula.kind) {
    case 'always':
      return yes.length > 0 ? [yes] : [];
    case 'never':
      return otherwise;
    case 'not':
      return lay(formula.of, no, yes, scope);
    case 'test':
    case 'stateful':
    case 'all': {
      const { literals, rest } = split(formula);
      if (!isPossible(statementsOf(literals))) return otherwise;
      if (rest.length === 0) {
        if (yes.length === 0 && no.length === 0) return [];
        return [[...statementsOf(literals), ...(no.length > 0 ? closed(yes, scope) : yes)], ...otherwise];
      }
      if (literals.length > 0)
        return [[...statementsOf(literals), goto(scope.chain(lay(all(rest), yes, no, scope)))], ...otherwise];
      const [first, ...later] = rest as [Formula, ...Formula[]];
      if (later.length === 0) return lay(first, yes, no, scope);
      return lay(first, [goto(scope.chain(lay(all(later), yes, no, scope)))], no, scope);
    }
    case 'any': {
      const leaf = closed(yes, scope);
      const rules: NftRule[] = [];
      for (const [index, alternative] of formula.of.entries()) {
        if (isConjunction(alternative)) {
          const tests = statementsOf(partsOf(alternative));
          if (isPossible(tests)) rules.push([...tests, ...leaf]);
          continue;
        }
        const later = formula.of.slice(index + 1);
        if (later.length === 0) return [...rules, ...lay(alternative, leaf, no, scope)];
        const next = goto(scope.chain(lay(any(later), leaf, no, scope)));
        return [...rules, ...lay(alternative, leaf, [next], scope)];
      }
      return [...rules, ...otherwise];
    }
  }
};

/** Rules for the input's own chain; `rest` names the chain in which the input chain goes on. */
export interface Placed {
  readonly rules: readonly NftRule[];
  readonly rest?: string;
}

/** Writes `formula → action` into the middle of a chain: a packet that does not match goes on behind it. */
export const place = (formula: Formula, action: Action, scope: Scope): Placed => {
  if (formula.kind === 'never') return { rules: [] };
  const { literals, rest } = split(formula);
  const lead = statementsOf(literals);
  if (!isPossible(lead)) return { rules: [] };
  const [first] = rest;
  if (!first) return { rules: [[...lead, ...action.statements]] };
  if (
    rest.length === 1 &&
    first.kind === 'any' &&
    action.ending !== 'pass' &&
    first.of.length <= inlineAlternatives &&
    !isStateful(formula) &&
    first.of.every(isConjunction)
  )
    return {
      rules: first.of
        .map((alternative) => [...lead, ...statementsOf(partsOf(alternative)), ...action.statements])
        .filter(isPossible),
    };
  const apart = action.inside ? [...action.inside, ...action.statements] : action.statements;
  if (action.ending !== 'leave') return { rules: [[...lead, jump(scope.chain(lay(all(rest), apart, [], scope)))]] };
  // A chain that is jumped to cannot leave its caller: the caller's remaining rules move to a chain of their own instead.
  const onward = scope.rest();
  const decide = scope.chain(lay(all(rest), apart, [goto(onward)], scope));
  return { rules: [[...lead, goto(decide)], ...(lead.length > 0 ? [[goto(onward)]] : [])], rest: onward };
};
