// Rules as iptables takes them, and what their meaning says of a packet: for the tests of `meaning`.
import type { MatchMeaning, MeaningContext } from '../../src/extensions/contract.ts';
import { registry } from '../../src/extensions/registry.ts';
import { parse } from '../../src/iptables/parse.ts';
import type { Rule } from '../../src/iptables/types.ts';
import type { Backend, Family } from '../../src/netfilter/family.ts';
import { builtInChains, type Hook, hookOf, isBuiltInChain, type TableName } from '../../src/netfilter/hooks.ts';
import type { Condition } from '../../src/packet/condition.ts';
import { compile } from '../../src/packet/evaluate.ts';
import { type CtState, ctStates } from '../../src/packet/field.ts';
import type { KeyValue } from '../../src/packet/packet.ts';
import type { Step } from '../../src/packet/program.ts';
import { viewOf } from '../../src/packet/view.ts';

export interface Place {
  readonly family?: Family;
  readonly table?: TableName;
  readonly backend?: Backend;
  readonly chain?: string;
  readonly hooks?: readonly Hook[];
}

const ruleOf = (text: string, { family = 'ip', table = 'filter', backend = 'legacy', chain }: Place): Rule => {
  const name = chain ?? builtInChains[table][0] ?? 'INPUT';
  const save = `*${table}\n${builtInChains[table].map((one) => `:${one} ACCEPT [0:0]`).join('\n')}\n-A ${name} ${text}\nCOMMIT\n`;
  const { value, diagnostics } = parse([{ name: 'test', text: save }], registry, { family, backend, format: 'save' });
  const error = diagnostics.find(({ severity }) => severity === 'error');
  if (error) throw new Error(`${text}: ${error.what}`);
  const rule = value.tables.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules))[0];
  if (!rule) throw new Error(`${text}: no rule`);
  return rule;
};

const contextOf = (rule: Rule, place: Place): MeaningContext => {
  const { family = 'ip', table = 'filter', backend = 'legacy', chain, hooks } = place;
  const name = chain ?? builtInChains[table][0] ?? '';
  const own = isBuiltInChain(name) ? [hookOf[name]] : [];
  return { family, table, backend, selector: rule.selector, hooks: new Set(hooks ?? own) };
};

/** What the last match of `text`, e.g. `-m mark --mark 1`, declares. */
export const meaningOf = (text: string, place: Place = {}): MatchMeaning => {
  const rule = ruleOf(text, place);
  const use = rule.matches.at(-1);
  const match = use && registry.matches.get(use.name);
  if (!match) throw new Error(`${text}: no match`);
  return match.meaning(use, contextOf(rule, place));
};

/** The condition of the last match of `text`. */
export const conditionOf = (text: string, place: Place = {}): Condition => meaningOf(text, place).condition;

/** The steps of the target of `text`, e.g. `-j MARK --set-mark 1`. */
export const stepsOf = (text: string, place: Place = {}): readonly Step[] => {
  const rule = ruleOf(text, place);
  const target = rule.action.kind === 'target' ? registry.targets.get(rule.action.use.name) : undefined;
  if (rule.action.kind !== 'target' || !target) throw new Error(`${text}: no target`);
  return target.meaning(rule.action.use, contextOf(rule, place));
};

export interface Facts {
  readonly keys?: Readonly<Record<string, KeyValue>>;
  /** Of a packet without an entry nothing but the state has to be said. */
  readonly state?: CtState;
  readonly bytes?: Uint8Array;
  readonly link?: Uint8Array;
  readonly oracle?: Readonly<Record<string, boolean>>;
}

const headers: Readonly<Record<Family, readonly number[]>> = {
  ip: [0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1],
  ip6: [
    0x60,
    0,
    0,
    0,
    0,
    20,
    6,
    64,
    ...Array.from({ length: 32 }, (_, i) => (i % 16 === 0 ? 0xfd : i % 16 === 15 ? 1 : 0)),
  ],
};

/** A TCP packet of 20 bytes behind the header, with bytes changed at offsets from the network header. */
export const packet = (family: Family, changes: Readonly<Record<number, number>> = {}, length?: number): Uint8Array => {
  const bytes = Uint8Array.from([...headers[family], ...Array.from({ length: 20 }, (_, i) => (i === 12 ? 0x50 : 0))]);
  for (const [at, value] of Object.entries(changes)) bytes[Number(at)] = value;
  return bytes.slice(0, length ?? bytes.length);
};

const words = ['no', 'yes', 'unknown'] as const;

export const answer = (condition: Condition, facts: Facts, family: Family = 'ip'): (typeof words)[number] => {
  const keys = new Map<string, KeyValue>(Object.entries(facts.keys ?? {}));
  if (facts.state) keys.set('ct.state', ctStates[facts.state]);
  const view = viewOf(
    { family, bytes: facts.bytes ?? packet(family), ...(facts.link ? { link: facts.link } : {}), keys },
    new Map(Object.entries(facts.oracle ?? {})),
  );
  return words[compile(condition)(view)];
};

/** What a match says of a packet. */
export const says = (text: string, facts: Facts, place: Place = {}): (typeof words)[number] =>
  answer(conditionOf(text, place), facts, place.family);

/** The steps that a target takes for a packet, those of the arms that apply among them. */
export const does = (text: string, facts: Facts = {}, place: Place = {}): readonly Step[] => {
  const follow = (steps: readonly Step[]): readonly Step[] =>
    steps.flatMap((step) => {
      if (step.kind !== 'choose') return [step];
      const arms = step.arms.filter(({ condition }) => answer(condition, facts, place.family) === 'yes');
      if (arms.length !== 1) throw new Error(`${text}: ${arms.length} arms apply`);
      return follow(arms[0]?.steps ?? []);
    });
  return follow(stepsOf(text, place));
};
