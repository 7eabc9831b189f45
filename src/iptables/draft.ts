/** A table while it is being read: iptables commands are applied to it in order, as the kernel would have seen them. */
import { utf8Length } from '../netfilter/bytes.ts';
import type { Diagnostic, Span } from '../diagnostics/diagnostic.ts';
import type { Backend, Family } from '../netfilter/family.ts';
import { builtInChains, isBuiltInChain, type TableName } from '../netfilter/hooks.ts';
import { printRule } from './print.ts';
import type { Grammar } from './grammar.ts';
import type { Command } from './reading.ts';
import { ruleOf } from './rule.ts';
import { type Compact, compactChain, isShaped, type ShapedRule, unfold } from './shape.ts';
import type { Action, Chain, Counters, Rule, Table } from './types.ts';
import { errorAt, type Line, type Word } from './words.ts';

interface ChainDraft {
  policy: 'ACCEPT' | 'DROP' | undefined;
  counters: Counters | undefined;
  /** Rules of a dump may be of a shape until a command needs them. */
  rules: Compact[];
}

export interface TableDraft {
  readonly name: TableName;
  readonly family: Family;
  readonly backend: Backend;
  readonly file: string;
  readonly place?: Span;
  readonly chains: Map<string, ChainDraft>;
  /** Rules are compared and printed by it. */
  readonly grammar: Grammar;
  /** Whether chains may be used without having been made: in a dump their `:CHAIN` lines can be missing. */
  readonly lenient: boolean;
}

export const draftTable = (parts: Omit<TableDraft, 'chains'>): TableDraft => ({ ...parts, chains: new Map() });

/** The rules of a chain, unfolded for good. */
const rulesOf = (chain: ChainDraft): Rule[] => {
  const rules = chain.rules.map(unfold);
  chain.rules = rules;
  return rules;
};

/** The table as the kernel has it from the start. */
export const emptyTable = (parts: Omit<TableDraft, 'chains'>): TableDraft => ({
  ...parts,
  chains: new Map(builtInChains[parts.name].map((name) => [name, emptyChain('ACCEPT')])),
});

export const isBuiltIn = (draft: { readonly name: TableName }, chain: string): boolean =>
  isBuiltInChain(chain) && builtInChains[draft.name].includes(chain);

const emptyChain = (policy?: 'ACCEPT' | 'DROP', counters?: Counters): ChainDraft => ({ policy, counters, rules: [] });

/** What iptables wants of a chain name: 1 to 28 bytes, no leading `-` or `!`, no blank. */
export const chainNameProblem = (name: string): string | undefined => {
  if (name === '') return 'a chain name cannot be empty';
  if (utf8Length(name) > 28) return `chain name "${name}" is longer than 28 bytes`;
  if (name.startsWith('-') || name.startsWith('!')) return `chain name "${name}" starts with ${name[0]}`;
  return /\s/.test(name) ? 'a chain name cannot hold blanks' : undefined;
};

/** `:CHAIN POLICY [packets:bytes]` or `-N CHAIN`. A second declaration of a chain is an error. */
export const declareChain = (
  draft: TableDraft,
  name: Word,
  line: Line,
  policy?: 'ACCEPT' | 'DROP',
  counters?: Counters,
): Diagnostic | undefined => {
  const wrong = chainNameProblem(name.text);
  if (wrong) return errorAt(line, name, 'bad-chain-name', wrong);
  const existing = draft.chains.get(name.text);
  if (existing && !(draft.lenient && isBuiltIn(draft, name.text) && existing.rules.length === 0))
    return errorAt(line, name, 'duplicate-chain', `chain ${name.text} is created twice`);
  draft.chains.set(name.text, emptyChain(policy, counters));
  return undefined;
};

const findChain = (draft: TableDraft, name: Word, line: Line, found: Diagnostic[]): ChainDraft | undefined => {
  const chain = draft.chains.get(name.text);
  if (chain) return chain;
  const builtIn = isBuiltIn(draft, name.text);
  if (!builtIn && !draft.lenient) {
    found.push(
      errorAt(
        line,
        name,
        'unknown-chain',
        `there is no chain ${name.text} in table ${draft.name}`,
        'is -N missing, or -t?',
      ),
    );
    return undefined;
  }
  if (isBuiltInChain(name.text) && !builtIn) {
    found.push(
      errorAt(line, name, 'unknown-chain', `table ${draft.name} has no built-in chain ${name.text}`, 'is -t missing?'),
    );
    return undefined;
  }
  if (!builtIn) {
    const wrong = chainNameProblem(name.text);
    if (wrong) {
      found.push(errorAt(line, name, 'bad-chain-name', wrong));
      return undefined;
    }
    found.push({
      ...errorAt(
        line,
        name,
        'undeclared-chain',
        `chain ${name.text} is used without a :${name.text} line; it is added`,
      ),
      severity: 'warning',
      why: 'iptables-restore would refuse this file',
    });
  }
  const made = emptyChain(builtIn ? 'ACCEPT' : undefined);
  draft.chains.set(name.text, made);
  return made;
};

const targetOf = (action: Action): string | undefined =>
  action.kind === 'jump' || action.kind === 'goto' ? action.chain : undefined;

const isJumpedTo = (draft: TableDraft, chain: string): boolean =>
  [...draft.chains.values()].some((c) => rulesOf(c).some((rule) => targetOf(rule.action) === chain));

const deleteChain = (draft: TableDraft, name: Word, line: Line): Diagnostic | undefined => {
  const chain = draft.chains.get(name.text);
  if (!chain) return errorAt(line, name, 'unknown-chain', `there is no chain ${name.text} to delete`);
  if (isBuiltIn(draft, name.text))
    return errorAt(line, name, 'chain-in-use', `${name.text} is built in and cannot be deleted`);
  if (chain.rules.length > 0)
    return errorAt(line, name, 'chain-in-use', `chain ${name.text} still has rules`, 'flush it first with -F');
  if (isJumpedTo(draft, name.text))
    return errorAt(line, name, 'chain-in-use', `rules still jump to chain ${name.text}`);
  draft.chains.delete(name.text);
  return undefined;
};

const renameChain = (draft: TableDraft, from: Word, to: Word, line: Line): Diagnostic | undefined => {
  const chain = draft.chains.get(from.text);
  if (!chain) return errorAt(line, from, 'unknown-chain', `there is no chain ${from.text} to rename`);
  if (isBuiltIn(draft, from.text))
    return errorAt(line, from, 'chain-in-use', `${from.text} is built in and cannot be renamed`);
  const wrong = chainNameProblem(to.text);
  if (wrong) return errorAt(line, to, 'bad-chain-name', wrong);
  if (draft.chains.has(to.text)) return errorAt(line, to, 'duplicate-chain', `there already is a chain ${to.text}`);
  const entries = [...draft.chains];
  draft.chains.clear();
  for (const [name, value] of entries) draft.chains.set(name === from.text ? to.text : name, value);
  // The kernel knows jumps by the chain, not by its name: they follow.
  for (const other of draft.chains.values())
    other.rules = rulesOf(other).map((rule) =>
      targetOf(rule.action) === from.text ? { ...rule, action: { ...rule.action, chain: to.text } as Action } : rule,
    );
  return undefined;
};

const setPolicy = (
  draft: TableDraft,
  name: Word,
  policy: Word,
  line: Line,
  counters?: Counters,
): Diagnostic | undefined => {
  if (!isBuiltIn(draft, name.text))
    return errorAt(
      line,
      name,
      'bad-policy',
      `${name.text} is not a built-in chain of table ${draft.name}: only those have a policy`,
    );
  if (policy.text !== 'ACCEPT' && policy.text !== 'DROP')
    return errorAt(line, policy, 'bad-policy', `"${policy.text}" is no policy`, 'ACCEPT or DROP');
  const chain = draft.chains.get(name.text) ?? emptyChain();
  draft.chains.set(name.text, { ...chain, policy: policy.text, counters: counters ?? chain.counters });
  return undefined;
};

/** What two rules must share for `-D` to take one for the other: everything but counters. */
const fingerprint = (draft: TableDraft, rule: Rule): string => printRule(rule, draft.family, draft.grammar);

const indexOfRule = (draft: TableDraft, chain: ChainDraft, wanted: Rule): number => {
  const text = fingerprint(draft, wanted);
  return rulesOf(chain).findIndex((rule) => fingerprint(draft, rule) === text);
};

const deleteRules = (draft: TableDraft, chain: ChainDraft, command: Command, line: Line): Diagnostic | undefined => {
  const name = command.chain as Word;
  if (command.number !== undefined) {
    if (command.number > chain.rules.length)
      return errorAt(
        line,
        name,
        'no-such-rule',
        `chain ${name.text} has no rule ${command.number}`,
        `it has ${chain.rules.length}`,
      );
    chain.rules.splice(command.number - 1, 1);
    return undefined;
  }
  for (const draftRule of command.rules) {
    const index = indexOfRule(draft, chain, ruleOf(draftRule, line));
    if (index < 0) return errorAt(line, name, 'no-such-rule', `chain ${name.text} has no such rule to delete`);
    chain.rules.splice(index, 1);
  }
  return undefined;
};

const checkRules = (draft: TableDraft, chain: ChainDraft, command: Command, line: Line): Diagnostic | undefined => {
  const name = command.chain as Word;
  return command.rules.every((rule) => indexOfRule(draft, chain, ruleOf(rule, line)) >= 0)
    ? undefined
    : errorAt(line, name, 'no-such-rule', `chain ${name.text} has no such rule`);
};

const none: readonly Diagnostic[] = [];

/** Appends a line of a known shape to a chain that is there. */
export const appendShaped = (draft: TableDraft, chain: string, rule: ShapedRule): boolean => {
  const known = draft.chains.get(chain);
  known?.rules.push(rule);
  return known !== undefined;
};

/** Applies one command; tells what is wrong with it. A command with an error changes nothing. */
export const applyCommand = (draft: TableDraft, command: Command, line: Line): readonly Diagnostic[] => {
  const only = command.rules.length === 1 ? command.rules[0] : undefined;
  const known = command.verb === 'append' && only ? draft.chains.get(command.chain?.text ?? '') : undefined;
  if (known && only) {
    known.rules.push(ruleOf(only, line));
    return none;
  }
  const found: Diagnostic[] = [];
  const push = (diagnostic: Diagnostic | undefined): void => {
    if (diagnostic) found.push(diagnostic);
  };
  const rules = (): Rule[] => command.rules.map((rule) => ruleOf(rule, line));
  const { chain: name, number } = command;
  switch (command.verb) {
    case 'new-chain':
      push(declareChain({ ...draft, lenient: false }, name as Word, line));
      break;
    case 'policy':
      push(setPolicy(draft, name as Word, command.argument as Word, line, command.counters));
      break;
    case 'rename':
      push(renameChain(draft, name as Word, command.argument as Word, line));
      break;
    case 'delete-chain':
      if (name) push(deleteChain(draft, name, line));
      else
        for (const [key, chain] of draft.chains)
          if (!isBuiltIn(draft, key) && chain.rules.length === 0 && !isJumpedTo(draft, key)) draft.chains.delete(key);
      break;
    case 'flush':
      if (!name) for (const chain of draft.chains.values()) chain.rules = [];
      else {
        const chain = findChain(draft, name, line, found);
        if (chain) chain.rules = [];
      }
      break;
    case 'append': {
      const chain = findChain(draft, name as Word, line, found);
      if (chain) for (const rule of rules()) chain.rules.push(rule);
      break;
    }
    case 'insert': {
      const chain = findChain(draft, name as Word, line, found);
      if (!chain) break;
      const position = number ?? 1;
      if (position > chain.rules.length + 1)
        push(
          errorAt(
            line,
            name as Word,
            'no-such-rule',
            `chain ${name?.text} has ${chain.rules.length} rules: nothing can be inserted at ${position}`,
          ),
        );
      else chain.rules.splice(position - 1, 0, ...rules());
      break;
    }
    case 'replace': {
      const chain = findChain(draft, name as Word, line, found);
      if (!chain) break;
      if (number === undefined || number > chain.rules.length)
        push(errorAt(line, name as Word, 'no-such-rule', `chain ${name?.text} has no rule ${number ?? ''} to replace`));
      else chain.rules.splice(number - 1, 1, ...rules());
      break;
    }
    case 'delete': {
      const chain = findChain(draft, name as Word, line, found);
      if (chain) push(deleteRules(draft, chain, command, line));
      break;
    }
    case 'check': {
      const chain = findChain(draft, name as Word, line, found);
      if (chain) push(checkRules(draft, chain, command, line));
      break;
    }
    case 'zero':
    case 'look':
      break;
  }
  return found;
};

const finishChain = (draft: TableDraft, name: string, { policy, counters, rules }: ChainDraft): Chain => {
  const chain = {
    name,
    ...(policy ? { policy } : isBuiltIn(draft, name) ? { policy: 'ACCEPT' as const } : {}),
    ...(counters ? { counters } : {}),
  };
  return rules.some(isShaped) ? compactChain(chain, rules) : { ...chain, rules: rules.map(unfold) };
};

/** The finished table. Chains are in the order in which they were made, rules in evaluation order. */
export const finishTable = (draft: TableDraft): Table => ({
  name: draft.name,
  family: draft.family,
  backend: draft.backend,
  file: draft.file,
  ...(draft.place ? { place: draft.place } : {}),
  chains: [...draft.chains].map(([name, chain]) => finishChain(draft, name, chain)),
});
