/**
 * The operator's own rules of INPUT, told apart from Docker's, as one list without jumps: chains that INPUT asks are
 * written out where they are asked.
 */
import { recognise } from '../docker/recognise.ts';
import { registry } from '../extensions/registry.ts';
import { printRule } from '../iptables/print.ts';
import type { Chain, Rule, Selector, Table } from '../iptables/types.ts';
import type { Condition } from '../packet/condition.ts';
import type { ProgramRule, Step } from '../packet/program.ts';
import { iptablesProgram } from '../simulate/iptables-program.ts';
import type { Statement } from '../nftables/types.ts';
import { translate } from '../translate/translate.ts';
import { ruleText } from './iptables-save.ts';

export interface Provenance {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** A rule that was taken. `wider`: it had to be taken without a part of what it asks, because nothing else can say it. */
export interface TakenOver {
  readonly rule: Rule;
  readonly text: string;
  readonly origin: Provenance;
  readonly wider?: string;
}

export interface LeftOver {
  readonly origin: Provenance;
  readonly why: string;
  /** Whether it lets packets in that a policy without it may keep out. */
  readonly mayAccept?: boolean;
}

export interface OperatorRules {
  readonly taken: readonly TakenOver[];
  readonly docker: readonly LeftOver[];
  readonly left: readonly LeftOver[];
  /** Rules of the table, with what stands for them in a comparison: nothing for one that was left. */
  readonly standIns: ReadonlyMap<Rule, Rule | undefined>;
}

const nobody: ReadonlySet<string> = new Set();

/** A rule by itself in the place where it stands. */
const alone = (table: Table, rule: Rule): Table => ({
  ...table,
  name: 'filter',
  chains: [{ name: 'INPUT', policy: 'ACCEPT', rules: [rule] }],
});

interface Native {
  readonly statements: readonly (readonly Statement[])[];
  readonly refusal: string | undefined;
}

const nativeOf = (table: Table, rule: Rule): Native => {
  const { commands, entries } = translate({ tables: [alone(table, rule)] }, registry);
  const [entry] = entries;
  const statements = (entry?.nft ?? []).flatMap((index) => {
    const command = commands[index];
    return command && 'add' in command && 'rule' in command.add ? [command.add.rule.expr] : [];
  });
  return { statements, refusal: entry?.refusal?.what };
};

const conditionUnknown = (condition: Condition): string | undefined => {
  switch (condition.kind) {
    case 'unmodelled':
      return condition.what;
    case 'not':
      return conditionUnknown(condition.of);
    case 'all':
    case 'any':
      return condition.of.map(conditionUnknown).find((what) => what !== undefined);
    default:
      return undefined;
  }
};

const unknownIn = (steps: readonly Step[]): string | undefined => {
  for (const step of steps) {
    const found =
      step.kind === 'unmodelled'
        ? step.what
        : step.kind === 'test' || step.kind === 'hotdrop'
          ? conditionUnknown(step.condition)
          : step.kind === 'choose'
            ? step.arms.map((arm) => conditionUnknown(arm.condition) ?? unknownIn(arm.steps)).find((what) => what)
            : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
};

const meaningOf = (table: Table, rule: Rule): ProgramRule | undefined => {
  const [program] = iptablesProgram({ tables: [alone(table, rule)] }, registry, table.family).tables;
  return program?.chains.get('INPUT')?.rules[0];
};

/** Why a rule cannot be taken as it is. */
const obstacle = (table: Table, rule: Rule): string | undefined => {
  if (rule.unmodelled) return `dnfw does not know ${rule.unmodelled.kind} ${rule.unmodelled.name}`;
  const { refusal } = nativeOf(table, rule);
  if (refusal !== undefined) return `it has no nft form: ${refusal}`;
  const unknown = unknownIn(meaningOf(table, rule)?.steps ?? []);
  return unknown === undefined ? undefined : `dnfw cannot prove what becomes of it: it has no model of ${unknown}`;
};

/** How a rule ends a packet's way. */
export const endOf = (table: Table, rule: Rule): 'accept' | 'refuse' | undefined => {
  if (rule.action.kind === 'verdict')
    return rule.action.verdict === 'ACCEPT' ? 'accept' : rule.action.verdict === 'DROP' ? 'refuse' : undefined;
  const isRefusal = (statement: Statement): boolean => 'reject' in statement || 'drop' in statement;
  return nativeOf(table, rule).statements.some((expr) => expr.some(isRefusal)) ? 'refuse' : undefined;
};

export const isPlain = ({ selector, matches }: Rule): boolean =>
  Object.keys(selector).length === 0 && matches.length === 0;

/** Both at once; undefined where one of them asks otherwise than the other. */
const both = (a: Selector, b: Selector): Selector | undefined => {
  const same = (x: unknown, y: unknown): boolean =>
    JSON.stringify(x, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)) ===
    JSON.stringify(y, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  for (const key of Object.keys(a)) {
    const [left, right] = [a[key as keyof Selector], b[key as keyof Selector]];
    if (left !== undefined && right !== undefined && !same(left, right)) return undefined;
  }
  return { ...a, ...b };
};

/** A rule of a chain as it is for packets that come through `jump`. */
const behind = (jump: Rule, rule: Rule): Rule | undefined => {
  if (isPlain(jump)) return rule;
  // What an unknown match asks is not among the matches.
  if (jump.unmodelled) return undefined;
  const selector = both(jump.selector, rule.selector);
  return selector && { ...rule, selector, matches: [...jump.matches, ...rule.matches] };
};

/** Chains that other programs fill and empty as they see fit: what is in them now is no policy. */
const filledByOthers = /^(?:f2b-|fail2ban|CROWDSEC|crowdsec|sshguard|KUBE-|cali-|CILIUM|ts-|LIBVIRT_)/;

/** A rule written out: as it is for packets that come to it, or why it cannot be said there. `stands` is where it stands. */
type Item = { readonly stands: Rule; readonly rule: Rule } | { readonly stands: Rule; readonly why: string };

const decidesNothing = (table: Table, chain: Chain, byName: ReadonlyMap<string, Chain>, depth: number): boolean =>
  depth <= deepest &&
  chain.rules.every((rule) => {
    const { action } = rule;
    if (action.kind === 'verdict') return action.verdict === 'RETURN';
    if (action.kind !== 'jump' && action.kind !== 'goto') return endOf(table, rule) === undefined;
    const target = byName.get(action.chain);
    return target !== undefined && decidesNothing(table, target, byName, depth + 1);
  });

const deepest = 8;
const nothing = 'it decides nothing: it counts, logs or marks';

/** What a jump comes to. */
const writtenJump = (
  table: Table,
  jump: Rule,
  name: string,
  byName: ReadonlyMap<string, Chain>,
  depth: number,
): readonly Item[] => {
  // prettier-ignore
  const target = byName.get(name);
  const leave = (why: string): readonly Item[] => [{ stands: jump, why }];
  if (!target) return leave(`there is no chain ${name}`);
  if (filledByOthers.test(name)) return leave(`another program fills and empties chain ${name}; it stays where it is`);
  if (decidesNothing(table, target, byName, depth)) return leave(nothing);
  if (jump.unmodelled) return leave(`dnfw does not know ${jump.unmodelled.kind} ${jump.unmodelled.name}`);
  const inner = written(table, target, byName, depth + 1);
  if (typeof inner === 'string') return leave(inner);
  return inner.map((item): Item => {
    if ('why' in item) return item;
    const joined = behind(jump, item.rule);
    return joined ? { stands: item.stands, rule: joined } : { stands: item.stands, why: `it contradicts the jump to chain ${name}` }; // prettier-ignore
  });
};

/** A chain without jumps, or why it has to be left as a whole. */
const written = (
  table: Table,
  chain: Chain,
  byName: ReadonlyMap<string, Chain>,
  depth: number,
): readonly Item[] | string => {
  // prettier-ignore
  if (depth > deepest) return `the jumps to chain ${chain.name} are nested too deep`;
  const out: Item[] = [];
  for (const [index, rule] of chain.rules.entries()) {
    const { action } = rule;
    const isLast = index === chain.rules.length - 1;
    if (action.kind === 'verdict' && action.verdict === 'RETURN') {
      if (isPlain(rule)) break;
      if (isLast) continue;
      return `chain ${chain.name} has a way back (RETURN) that a list of rules cannot say`;
    }
    if (action.kind === 'jump' || action.kind === 'goto') {
      if (action.kind === 'goto' && !isLast && !isPlain(rule))
        return `chain ${chain.name} goes elsewhere for good (-g), which a list of rules cannot say`;
      out.push(...writtenJump(table, rule, action.chain, byName, depth));
      if (action.kind === 'goto') break;
    } else out.push({ stands: rule, rule });
  }
  return out;
};

/** An accept without the parts that cannot be said: it lets more through here, and the rule itself still decides later. */
const widened = (table: Table, rule: Rule): { readonly rule: Rule; readonly without: string } | undefined => {
  if (rule.unmodelled || endOf(table, rule) !== 'accept') return undefined;
  const kept = rule.matches.filter((use) => obstacle(table, { ...rule, matches: [use] }) === undefined);
  const lost = rule.matches.filter((use) => !kept.includes(use));
  const wider: Rule = { ...rule, matches: kept };
  if (lost.length === 0 || obstacle(table, wider) !== undefined) return undefined;
  return { rule: wider, without: lost.map(({ name }) => `-m ${name}`).join(', ') };
};

const mayAccept = ({ action, unmodelled }: Rule, byName: ReadonlyMap<string, Chain>, depth = 0): boolean => {
  if (unmodelled?.kind === 'target' || depth > 8) return true;
  if (action.kind === 'verdict') return action.verdict === 'ACCEPT';
  if (action.kind !== 'jump' && action.kind !== 'goto') return false;
  return byName.get(action.chain)?.rules.some((rule) => mayAccept(rule, byName, depth + 1)) ?? false;
};

const originOf = (rule: Rule): Provenance => ({ ...rule.origin, text: ruleText(rule.origin.text) });

const behindAccept = 'it stands behind a rule that lets packets in and could not be taken: it would stop those here';

export const operatorRules = (table: Table): OperatorRules => {
  const byName = new Map(table.chains.map((chain) => [chain.name, chain]));
  const taken: TakenOver[] = [];
  const docker: LeftOver[] = [];
  const left: LeftOver[] = [];
  const standIns = new Map<Rule, Rule | undefined>();
  const take = (rule: Rule, origin: Provenance, wider?: string): void => {
    const text = printRule(rule, table.family, registry);
    taken.push({ rule, text, origin, ...(wider === undefined ? {} : { wider }) });
  };
  const leave = (rule: Rule, why: string): void => {
    left.push({ origin: originOf(rule), why, mayAccept: mayAccept(rule, byName) });
    standIns.set(rule, undefined);
  };
  const judge = (stands: Rule, rule: Rule): void => {
    const end = endOf(table, rule);
    const why = end === undefined ? nothing : obstacle(table, rule);
    if (end === 'refuse' && left.some((one) => one.mayAccept)) return leave(stands, behindAccept);
    if (why === undefined) return take(rule, originOf(stands));
    const wider = widened(table, rule);
    // What comes through a jump with conditions of its own is not what stands in the chain.
    if (!wider || stands !== rule) return leave(stands, why);
    take(wider.rule, originOf(stands), wider.without);
    standIns.set(stands, wider.rule);
  };
  for (const rule of byName.get('INPUT')?.rules ?? []) {
    const { action } = rule;
    const text = printRule(rule, table.family, registry);
    const native = nativeOf(table, rule).statements;
    const found = recognise({ family: table.family, table: 'filter', chain: 'INPUT', rule: text, nft: native }, nobody);
    if (found) {
      docker.push({ origin: originOf(rule), why: found.about });
      standIns.set(rule, undefined);
    } else if (action.kind !== 'jump' && action.kind !== 'goto') judge(rule, rule);
    else
      for (const item of writtenJump(table, rule, action.chain, byName, 0))
        if ('why' in item) leave(item.stands, item.why);
        else judge(item.stands, item.rule);
  }
  return { taken, docker, left, standIns };
};
