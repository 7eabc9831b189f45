/** One iptables table as an nft table: its chains, the chains that single rules need, and the rules in order. */
import type { Code } from '../diagnostics/catalogue.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Difference, Registry } from '../extensions/contract.ts';
import { reachOf } from '../iptables/reach.ts';
import type { Chain, Rule, Table } from '../iptables/types.ts';
import { hookOf, isBuiltInChain, priorityOf, type Hook, type TableName } from '../netfilter/hooks.ts';
import { add, deleteTable, drop, jump, table as tableObject } from '../nftables/build.ts';
import { all, isStateful } from '../nftables/formula.ts';
import { mapName } from '../nftables/names.ts';
import type { ChainObject, ChainType, Command, CtHelperObject } from '../nftables/types.ts';
import { type Edge, tooDeep } from './depth.ts';
import { type Action, type NftRule, type Placed, place, type Scope } from './layout.ts';
import type { Entry, Status } from './report.ts';
import { planRule, type Step, type Surroundings } from './rule.ts';
import { withoutImplied } from './implied.ts';

export interface Output {
  readonly commands: Command[];
  readonly entries: Entry[];
  readonly diagnostics: Diagnostic[];
}

interface Written {
  readonly rule: NftRule;
  readonly comment: string | undefined;
  /** Positions, among the table's entries, of the input rules that it is part of. */
  readonly owners: number[];
}

interface ChainDraft {
  readonly name: string;
  readonly rules: Written[];
}

type Flags = { readonly exactLegacy: boolean; readonly counters: boolean };

const typeOf = (table: TableName, hook: Hook): ChainType =>
  table === 'nat' ? 'nat' : table === 'mangle' && hook === 'output' ? 'route' : 'filter';

const chainObject = (
  family: Table['family'],
  table: string,
  name: string,
  chain: Chain | undefined,
  source: TableName,
): ChainObject => {
  const base = { family, table, name };
  if (!chain?.policy || !isBuiltInChain(chain.name)) return base;
  const hook = hookOf[chain.name];
  return {
    ...base,
    type: typeOf(source, hook),
    hook,
    prio: priorityOf(source, hook),
    policy: chain.policy === 'DROP' ? 'drop' : 'accept',
  };
};

/** Codes that are worth saying but change nothing for any packet. */
const harmless: ReadonlySet<Code> = new Set<Code>(['comment-shortened', 'never-matches']);

const statusOf = (differences: readonly Difference[]): Status => {
  if (differences.some((d) => d.degree === 'approximate')) return 'approximate';
  return differences.some((d) => !harmless.has(d.code)) ? 'guarded' : 'exact';
};

/** Everything about the table that is being written. */
interface Writer {
  readonly chains: Map<string, ChainDraft>;
  /** Chains made for single rules, by their content: the same content is one chain. */
  readonly byContent: Map<string, string>;
  readonly helpers: Set<string>;
  readonly taken: Set<string>;
}

const freeName = (writer: Writer, wanted: string): string => {
  let name = wanted;
  for (let n = 2; writer.taken.has(name); n++) name = `${wanted}-${n}`;
  writer.taken.add(name);
  return name;
};

const newChain = (writer: Writer, wanted: string): ChainDraft => {
  const chain: ChainDraft = { name: freeName(writer, wanted), rules: [] };
  writer.chains.set(chain.name, chain);
  return chain;
};

/** Gives every rule of a helper chain, and of the helper chains that it leads to, one more owner. */
const own = (writer: Writer, name: string, owner: number): void => {
  for (const written of writer.chains.get(name)?.rules ?? []) {
    if (written.owners.includes(owner)) continue;
    written.owners.push(owner);
    const last = written.rule.at(-1);
    const target = last && 'jump' in last ? last.jump.target : last && 'goto' in last ? last.goto.target : undefined;
    if (target !== undefined && writer.helpers.has(target)) own(writer, target, owner);
  }
};

const scopeFor = (writer: Writer, base: string, owner: number): Scope => ({
  chain: (rules) => {
    const content = JSON.stringify(rules);
    const existing = writer.byContent.get(content);
    if (existing !== undefined) {
      own(writer, existing, owner);
      return existing;
    }
    const chain = newChain(writer, base);
    writer.byContent.set(content, chain.name);
    writer.helpers.add(chain.name);
    for (const rule of rules) chain.rules.push({ rule: withoutImplied(rule), comment: undefined, owners: [owner] });
    return chain.name;
  },
  rest: () => newChain(writer, `${base}-rest`).name,
});

/**
 * Lays out the steps; packets for which a step would make ip_tables.ko drop are dropped in front of it. A step with a
 * memory must be evaluated once: what is behind it, drops included, goes to a chain of its own.
 */
const placeSteps = (steps: readonly Step[], action: Action, scope: Scope): Placed | 'not-expressible' => {
  const lastDrop = steps.findLastIndex((step) => step.hotdrop);
  const memory = steps.slice(0, Math.max(0, lastDrop)).findLastIndex((step) => isStateful(step.formula));
  if (memory >= 0) {
    if (action.ending === 'leave') return 'not-expressible';
    const inner = placeSteps(steps.slice(memory + 1), action, scope);
    if (inner === 'not-expressible') return inner;
    return placeSteps(
      steps.slice(0, memory + 1),
      { statements: [jump(scope.chain(inner.rules))], ending: 'pass' },
      scope,
    );
  }
  const rules: NftRule[] = [];
  for (const [index, step] of steps.entries()) {
    if (!step.hotdrop) continue;
    const before = all([...steps.slice(0, index).map((s) => s.formula), step.hotdrop]);
    rules.push(...place(before, { statements: [drop], ending: 'final' }, scope).rules);
  }
  const placed = place(all(steps.map((step) => step.formula)), action, scope);
  return { ...placed, rules: [...rules, ...placed.rules] };
};

const noMemory = (rule: Rule): Diagnostic => ({
  code: 'not-expressible',
  severity: 'error',
  what: 'the exact legacy form of this rule cannot be written',
  why: 'a rate limit stands before a header match, and the rule leaves its chain: both cannot be kept in order in nft',
  help: 'leave --exact-legacy out for this ruleset',
  span: {
    file: rule.origin.file,
    line: rule.origin.line,
    column: 1,
    length: rule.origin.text.length,
    text: rule.origin.text,
  },
});

/** Translates one table and appends its commands, entries and notes to the output. */
export const translateTable = (source: Table, name: string, registry: Registry, flags: Flags, output: Output): void => {
  const { family } = source;
  const reach = reachOf(source);
  const writer: Writer = { chains: new Map(), byContent: new Map(), helpers: new Set(), taken: new Set() };
  const mapped = new Map<string, string>();
  for (const chain of source.chains) {
    const native = mapName(chain.name, writer.taken);
    mapped.set(chain.name, native);
    writer.chains.set(native, { name: native, rules: [] });
    writer.taken.add(native);
    if (native !== chain.name)
      output.diagnostics.push({
        code: 'name-mapped',
        severity: 'note',
        what: `chain ${chain.name} of table ${source.name} is called ${native} in nft`,
        why: 'the text syntax of nft cannot read the original name back',
      });
  }
  const nativeOf = (chain: string): string => mapped.get(chain) ?? chain;
  const pending: PendingEntry[] = [];
  const objects = new Map<string, CtHelperObject>();
  const everywhere: ReadonlySet<Hook> = new Set();

  for (const chain of source.chains) {
    const hooks = reach.hooks.get(chain.name) ?? everywhere;
    const around: Surroundings = {
      context: {
        family,
        table: source.name,
        nftTable: name,
        chain: chain.name,
        hooks,
        backend: flags.exactLegacy ? 'legacy' : source.backend,
        exactLegacy: flags.exactLegacy,
        fragmentsVisible: family === 'ip6' || [...hooks].some((hook) => hook !== 'input'),
      },
      chainName: nativeOf,
      counters: flags.counters,
      registry,
    };
    let current = writer.chains.get(nativeOf(chain.name)) as ChainDraft;
    for (const [index, rule] of chain.rules.entries()) {
      const owner = pending.length;
      const plan = planRule(rule, around);
      if (plan.kind === 'refused') {
        pending.push({ rule, chain: chain.name, refusal: plan.diagnostic });
        continue;
      }
      const scope = scopeFor(writer, `${nativeOf(chain.name)}-rule${index + 1}`, owner);
      const placed = placeSteps(plan.steps, plan.action, scope);
      if (placed === 'not-expressible') {
        pending.push({ rule, chain: chain.name, refusal: noMemory(rule) });
        continue;
      }
      for (const object of plan.objects) objects.set(object.name, object);
      for (const written of placed.rules)
        current.rules.push({ rule: withoutImplied(written), comment: plan.comment, owners: [owner] });
      if (placed.rest !== undefined) current = writer.chains.get(placed.rest) as ChainDraft;
      pending.push({
        rule,
        chain: chain.name,
        differences: placed.rules.length === 0 ? [neverMatches, ...plan.differences] : plan.differences,
      });
    }
  }
  refuseTooDeep(source, writer, mapped, pending);
  emit(source, name, { writer, mapped, pending, objects: [...objects.values()] }, output);
};

/** An input rule between its translation and its place in the document. */
type PendingEntry = { readonly rule: Rule; readonly chain: string } & (
  { readonly refusal: Diagnostic } | { readonly differences: readonly Difference[] }
);

const neverMatches: Difference = {
  code: 'never-matches',
  from: 'both',
  degree: 'guarded',
  why: 'no packet can meet the rule, so that it has no nft rule',
};

/** Takes out the rules with which the chains would nest deeper than nft follows. */
const refuseTooDeep = (
  source: Table,
  writer: Writer,
  mapped: ReadonlyMap<string, string>,
  pending: PendingEntry[],
): void => {
  const edges: Edge[] = [];
  for (const chain of writer.chains.values())
    for (const { rule, owners } of chain.rules) {
      const last = rule.at(-1);
      const to = last && 'jump' in last ? last.jump.target : last && 'goto' in last ? last.goto.target : undefined;
      if (to !== undefined) edges.push({ from: chain.name, to, owners });
    }
  const bases = source.chains.filter((chain) => chain.policy).map((chain) => mapped.get(chain.name) ?? chain.name);
  const wrong = tooDeep(bases, edges);
  if (wrong.size === 0) return;
  for (const chain of writer.chains.values()) {
    const kept = chain.rules.filter(({ owners }) => !owners.some((owner) => wrong.has(owner)));
    chain.rules.splice(0, chain.rules.length, ...kept);
  }
  for (const owner of wrong) {
    const { rule, chain } = pending[owner] as PendingEntry;
    const column = 'column' in rule.action ? rule.action.column : 1;
    const { file, line, text } = rule.origin;
    pending[owner] = {
      rule,
      chain,
      refusal: {
        code: 'jump-depth',
        severity: 'error',
        what: 'this rule jumps deeper than nft follows',
        why: 'nf_tables follows 15 nested jumps below a base chain, ip_tables.ko many more',
        help: 'flatten the chains',
        span: { file, line, column, length: 1, text },
      },
    };
  }
};

interface Parts {
  readonly writer: Writer;
  readonly mapped: ReadonlyMap<string, string>;
  readonly pending: readonly PendingEntry[];
  readonly objects: readonly CtHelperObject[];
}

const emit = (
  source: Table,
  name: string,
  { writer, mapped, pending, objects }: Parts,
  { commands, entries }: Output,
): void => {
  const { family } = source;
  const own = tableObject(family, name);
  // Adding before deleting lets the deletion succeed the first time, so that loading twice is loading once.
  commands.push(add({ table: own }), deleteTable(own), add({ table: own }));
  for (const object of objects) commands.push(add({ 'ct helper': object }));
  const sources = new Map(source.chains.map((chain) => [mapped.get(chain.name), chain]));
  for (const chain of writer.chains.values())
    commands.push(add({ chain: chainObject(family, name, chain.name, sources.get(chain.name), source.name) }));
  const places = pending.map((): number[] => []);
  for (const chain of writer.chains.values())
    for (const { rule, comment, owners } of chain.rules) {
      for (const owner of owners) places[owner]?.push(commands.length);
      commands.push(
        add({
          rule: { family, table: name, chain: chain.name, ...(comment === undefined ? {} : { comment }), expr: rule },
        }),
      );
    }
  for (const [index, entry] of pending.entries()) entries.push(entryOf(source, entry, places[index] ?? []));
};

const entryOf = (source: Table, pending: PendingEntry, nft: readonly number[]): Entry => {
  const { origin } = pending.rule;
  const base = { file: origin.file, line: origin.line, text: origin.text, table: source.name, chain: pending.chain };
  if ('refusal' in pending) {
    const { refusal } = pending;
    return { ...base, status: 'refused', codes: [refusal.code], nft: [], why: [refusal.why ?? refusal.what], refusal };
  }
  const byCode = new Map<Code, string>(pending.differences.map((difference) => [difference.code, difference.why]));
  const codes = [...byCode.keys()].sort();
  return {
    ...base,
    status: statusOf(pending.differences),
    codes,
    nft,
    why: codes.map((code) => byCode.get(code) as string),
  };
};
