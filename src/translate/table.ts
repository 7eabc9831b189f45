/** One iptables table as an nft table: its chains, the chains that single rules need, and the rules in order. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Difference, Registry } from '../extensions/contract.ts';
import { reachOf } from '../iptables/reach.ts';
import { compactRules, isShaped, type Shape, type ShapedRule, unfold } from '../iptables/shape.ts';
import type { Chain, Rule, Table } from '../iptables/types.ts';
import type { Hook } from '../netfilter/hooks.ts';
import { add, deleteTable, drop, jump, table as tableObject } from '../nftables/build.ts';
import { all, type Formula, isStateful, test } from '../nftables/formula.ts';
import { isTextName, mapName } from '../nftables/names.ts';
import type { Command, CtHelperObject, Statement } from '../nftables/types.ts';
import { chainObject, countRule, ruleObject, scopeFor, targetOf, type Writer, writeRule } from './chains.ts';
import { tooDeep } from './depth.ts';
import { type EntryMaker, entryMaker } from './entries.ts';
import { type Action, type NftRule, type Placed, place, type Scope } from './layout.ts';
import { isPossible } from './protocol.ts';
import type { Entry } from './report.ts';
import { planRule, type RulePlan, type Step, type Surroundings } from './rule.ts';
import type { Sink } from './sink.ts';
import { fill, type Printed, type Template, templateOf } from './template.ts';

export interface Flags {
  readonly exactLegacy: boolean;
  readonly counters: boolean;
}

/**
 * Lays out the steps; packets for which a step would make ip_tables.ko drop are dropped in front of it. A step with a
 * memory must be evaluated once: what is behind it, drops included, goes to a chain of its own.
 */
const placeSteps = (steps: readonly Step[], action: Action, scope: Scope): Placed | 'not-expressible' => {
  const lastDrop = steps.findLastIndex((step) => step.hotdrop);
  const memory = steps.slice(0, Math.max(0, lastDrop)).findLastIndex((step) => isStateful(step.formula));
  if (memory >= 0) {
    if (action.ending === 'leave') return 'not-expressible';
    const inside = (action.inside ?? []).map((statement) => ({ formula: test(statement), hotdrop: undefined }));
    const inner = placeSteps([...inside, ...steps.slice(memory + 1)], action, scope);
    if (inner === 'not-expressible') return inner;
    return placeSteps(
      steps.slice(0, memory + 1),
      { statements: [jump(scope.chain(inner.rules))], ending: 'pass', inside: undefined },
      scope,
    );
  }
  const rules: NftRule[] = [];
  for (const [index, step] of steps.entries()) {
    if (!step.hotdrop) continue;
    const before = all([...steps.slice(0, index).map((s) => s.formula), step.hotdrop]);
    rules.push(...place(before, { statements: [drop], ending: 'final', inside: undefined }, scope).rules);
  }
  const placed = place(all(steps.map((step) => step.formula)), action, scope);
  return { ...placed, rules: [...rules, ...placed.rules] };
};

const pushLiterals = (formula: Formula, statements: Statement[]): boolean => {
  switch (formula.kind) {
    case 'always':
      return true;
    case 'test':
    case 'stateful':
      statements.push(formula.statement);
      return true;
    case 'all':
      for (const part of formula.of) if (!pushLiterals(part, statements)) return false;
      return true;
    default:
      return false;
  }
};

/** Most rules are plain conjunctions: one nft rule, without a detour over formulas and chains. */
const plainRule = ({ steps, action }: RulePlan): NftRule | undefined => {
  const statements: Statement[] = [];
  for (const step of steps) if (step.hotdrop || !pushLiterals(step.formula, statements)) return undefined;
  for (const statement of action.statements) statements.push(statement);
  return isPossible(statements) ? statements : undefined;
};

const noMemory = ({ origin }: Rule): Diagnostic => ({
  code: 'not-expressible',
  severity: 'error',
  what: 'the exact legacy form of this rule cannot be written',
  why: 'a rate limit stands before a header match, and the rule leaves its chain: both cannot be kept in order in nft',
  help: 'leave --exact-legacy out for this ruleset',
  span: { file: origin.file, line: origin.line, column: 1, length: origin.text.length, text: origin.text },
});

const jumpsTooDeep = ({ origin, action }: Rule): Diagnostic => ({
  code: 'jump-depth',
  severity: 'error',
  what: 'this rule jumps deeper than nft follows',
  why: 'nf_tables follows 15 nested jumps below a base chain, ip_tables.ko many more',
  help: 'flatten the chains',
  span: {
    file: origin.file,
    line: origin.line,
    column: 'column' in action ? action.column : 1,
    length: 1,
    text: origin.text,
  },
});

const neverMatches: Difference = {
  code: 'never-matches',
  from: 'both',
  degree: 'guarded',
  why: 'no packet can meet the rule, so that it has no nft rule',
};

/** What stays the same while a table is translated. */
interface Work {
  readonly source: Table;
  readonly writer: Writer;
  readonly mapped: ReadonlyMap<string, string>;
  readonly objects: Map<string, CtHelperObject>;
  readonly entries: Entry[];
  readonly make: EntryMaker;
  /** The positions that entries refer to, counted from the table's first rule until the declarations are known. */
  readonly positions: number[][];
  /** Input rules that nest too deep, by their number in the table; found by an earlier attempt. */
  readonly deep: ReadonlySet<number>;
  /** By shape: the template, and the nft chain that it is for. */
  readonly templates: Map<Shape, { readonly chain: string; readonly template: Template | undefined }>;
}

/** Translates one rule at the end of the nft chain `current`; gives the chain in which the next rule stands. */
const translateRule = (
  work: Work,
  rule: Rule,
  chain: Chain,
  index: number,
  current: string,
  around: Surroundings,
): string => {
  const { entries, make, writer } = work;
  const owner = entries.length;
  const plan = work.deep.has(owner)
    ? { kind: 'refused' as const, diagnostic: jumpsTooDeep(rule) }
    : planRule(rule, around);
  if (plan.kind === 'refused') {
    entries.push(make.refused(rule, chain.name, plan.diagnostic));
    return current;
  }
  for (const object of plan.objects) work.objects.set(object.name, object);
  const plain = plainRule(plan);
  if (plain) {
    const positions = [writeRule(writer, current, plain, owner, plan.comment)];
    work.positions.push(positions);
    entries.push(make.translated(rule.origin, chain.name, plan.differences, positions));
    return current;
  }
  const found = new Set<number>();
  const scope = scopeFor(writer, `${work.mapped.get(chain.name)}-rule${index + 1}`, owner, found);
  const placed = placeSteps(plan.steps, plan.action, scope);
  if (placed === 'not-expressible') {
    entries.push(make.refused(rule, chain.name, noMemory(rule)));
    return current;
  }
  for (const written of placed.rules) found.add(writeRule(writer, current, written, owner, plan.comment));
  const differences = placed.rules.length === 0 ? [neverMatches, ...plan.differences] : plan.differences;
  const positions = [...found].toSorted((a, b) => a - b);
  work.positions.push(positions);
  entries.push(make.translated(rule.origin, chain.name, differences, positions));
  return placed.rest ?? current;
};

const templateFor = (work: Work, shape: Shape, current: string, around: Surroundings): Template | undefined => {
  const { writer, templates } = work;
  const { text } = writer.sink;
  if (!text) return undefined;
  const known = templates.get(shape);
  if (known?.chain === current) return known.template;
  const template = templateOf(shape, (rule): Printed | undefined => {
    const plan = planRule(rule, around);
    if (plan.kind === 'refused' || plan.objects.length > 0) return undefined;
    const plain = plainRule(plan);
    return (
      plain && {
        text: text.of(ruleObject(writer, current, plain, plan.comment)),
        differences: plan.differences,
        target: targetOf(plain),
      }
    );
  });
  templates.set(shape, { chain: current, template });
  return template;
};

/** Translates a rule of a shape by its template; false if it has to be unfolded. */
const translateShaped = (
  work: Work,
  rule: ShapedRule,
  chain: Chain,
  current: string,
  around: Surroundings,
): boolean => {
  const { entries, make, writer, positions } = work;
  const template = work.deep.has(entries.length) ? undefined : templateFor(work, rule.shape, current, around);
  const values = template && rule.shape.pattern.exec(rule.text);
  if (!values) return false;
  writer.sink.text?.write(fill(template, values));
  const written = [countRule(writer, current, template.target, entries.length)];
  positions.push(written);
  entries.push(make.translated(rule, chain.name, template.differences, written));
  return true;
};

/** Names that nft takes stay; the others get one that no chain of the table has. */
const mapNames = (source: Table, writer: Writer, diagnostics: Diagnostic[]): ReadonlyMap<string, string> => {
  const mapped = new Map<string, string>();
  for (const { name } of source.chains) if (isTextName(name)) writer.taken.add(name);
  for (const { name } of source.chains) {
    const native = isTextName(name) ? name : mapName(name, writer.taken);
    mapped.set(name, native);
    writer.taken.add(native);
    writer.names.push(native);
    if (native !== name)
      diagnostics.push({
        code: 'name-mapped',
        severity: 'note',
        what: `chain ${name} of table ${source.name} is called ${native} in nft`,
        why: 'the text syntax of nft cannot read the original name back',
      });
  }
  return mapped;
};

const surroundings = (
  work: Work,
  chain: Chain,
  hooks: ReadonlySet<Hook>,
  registry: Registry,
  flags: Flags,
): Surroundings => ({
  context: {
    family: work.source.family,
    table: work.source.name,
    nftTable: work.writer.table,
    chain: chain.name,
    hooks,
    backend: flags.exactLegacy ? 'legacy' : work.source.backend,
    exactLegacy: flags.exactLegacy,
    fragmentsVisible: work.source.family === 'ip6' || [...hooks].some((hook) => hook !== 'input'),
  },
  chainName: (name) => work.mapped.get(name) ?? name,
  counters: flags.counters,
  registry,
});

const declarations = (work: Work): readonly Command[] => {
  const { source, writer, mapped, objects } = work;
  const own = tableObject(source.family, writer.table);
  const chains = new Map(source.chains.map((chain) => [mapped.get(chain.name), chain]));
  return [
    // Adding before deleting lets the deletion succeed the first time, so that loading twice is loading once.
    add({ table: own }),
    deleteTable(own),
    add({ table: own }),
    ...[...objects.values()].map((object) => add({ 'ct helper': object })),
    ...writer.names.map((name) => add({ chain: chainObject(writer, name, chains.get(name), source.name) })),
  ];
};

export interface TableResult {
  readonly entries: readonly Entry[];
  readonly diagnostics: readonly Diagnostic[];
  /** How many commands the table became. */
  readonly length: number;
}

const attempt = (
  source: Table,
  name: string,
  registry: Registry,
  flags: Flags,
  sink: Sink,
  start: number,
  deep: ReadonlySet<number>,
): TableResult | ReadonlySet<number> => {
  const diagnostics: Diagnostic[] = [];
  const writer: Writer = {
    family: source.family,
    table: name,
    names: [],
    taken: new Set(),
    byContent: new Map(),
    helpers: new Map(),
    edges: [],
    sink,
    count: 0,
  };
  const mapped = mapNames(source, writer, diagnostics);
  const work: Work = {
    source,
    writer,
    mapped,
    objects: new Map(),
    entries: [],
    make: entryMaker(source),
    positions: [],
    deep,
    templates: new Map(),
  };
  const reach = reachOf(source);
  const nowhere: ReadonlySet<Hook> = new Set();
  for (const chain of source.chains) {
    const around = surroundings(work, chain, reach.hooks.get(chain.name) ?? nowhere, registry, flags);
    let current = mapped.get(chain.name) ?? chain.name;
    for (const [index, rule] of compactRules(chain).entries())
      if (!isShaped(rule) || !translateShaped(work, rule, chain, current, around))
        current = translateRule(work, unfold(rule), chain, index, current, around);
  }
  const bases = source.chains.filter((chain) => chain.policy).map((chain) => mapped.get(chain.name) ?? chain.name);
  const wrong = tooDeep(bases, writer.edges);
  if (wrong.size > 0) return new Set([...deep, ...wrong]);
  const declared = declarations(work);
  sink.declare(declared);
  for (const positions of work.positions)
    for (let i = 0; i < positions.length; i++) positions[i] = (positions[i] as number) + start + declared.length;
  return { entries: work.entries, diagnostics, length: declared.length + writer.count };
};

/**
 * Translates one table. `sinkFor` makes the sink; it is asked again, and what the earlier sink took is void, when some
 * rules turn out to nest too deep and are refused in a second attempt. `start` is the position of the table's first
 * command in the document.
 */
export const translateTable = (
  source: Table,
  name: string,
  registry: Registry,
  flags: Flags,
  sinkFor: () => Sink,
  start: number,
): TableResult => {
  let deep: ReadonlySet<number> = new Set();
  for (;;) {
    const result = attempt(source, name, registry, flags, sinkFor(), start, deep);
    if ('entries' in result && 'length' in result) return result;
    deep = result;
  }
};
