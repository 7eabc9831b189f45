/**
 * Rules that were taken over from iptables INPUT, translated as a chain of its own per family. What they accept leaves
 * the guard; what they drop is dropped; what they return goes on behind them.
 */
import { type Diagnostic, isError, type Span } from '../diagnostics/diagnostic.ts';
import { registry } from '../extensions/registry.ts';
import { parse } from '../iptables/parse.ts';
import { families, type Family } from '../netfilter/family.ts';
import { counter, jump } from '../nftables/build.ts';
import type { Command, RuleObject, Statement } from '../nftables/types.ts';
import type { Entry } from '../translate/report.ts';
import { translate } from '../translate/translate.ts';
import { refuseChain } from './names.ts';
import type { Mode, Policy, TakenRule } from './policy.ts';
import { isFamily } from './ruleset-sources.ts';
import { commentText, type GuardRule, placeText } from './ruleset-writer.ts';

export const takenChain = (family: Family): string => (family === 'ip' ? 'rules4' : 'rules6');

export interface Taken {
  /** Chains in the order in which they are declared; none if there are no rules. */
  readonly chains: readonly string[];
  readonly rules: readonly GuardRule[];
  readonly diagnostics: readonly Diagnostic[];
}

const file = '<rules>';
const head = (chain: string): readonly string[] => [
  '*filter',
  ':INPUT ACCEPT [0:0]',
  `:${chain} - [0:0]`,
  `-A INPUT -j ${chain}`,
];
const firstLine = 5;

/** With or without the `-A INPUT` that iptables-save prints. */
const bare = ({ rule }: TakenRule): string => rule.replace(/^\s*-A\s+INPUT(?=\s|$)\s*/, '').trim();

const spanOf = (taken: TakenRule, column: number, length: number): Span => {
  const text = bare(taken);
  const start = Math.min(Math.max(1, column), text.length + 1);
  return { ...taken.place, column: start, length: Math.max(1, Math.min(length, text.length + 1 - start)), text };
};

const manyLines = (taken: TakenRule): Diagnostic => ({
  code: 'bad-line',
  severity: 'error',
  what: 'a taken rule is one line without control characters',
  span: { ...taken.place, column: 1, length: 1, text: taken.rule },
});

/** Messages about the text that was put together speak of the policy instead. */
const moved = (diagnostic: Diagnostic, rules: readonly TakenRule[], lead: number): Diagnostic => {
  const { span, ...rest } = diagnostic;
  const taken = span && rules[span.line - firstLine];
  return span && taken ? { ...rest, span: spanOf(taken, span.column - lead, span.length) } : rest;
};

const wordsOf = (entry: Entry, taken: TakenRule): readonly Diagnostic[] => {
  const span = spanOf(taken, 1, Number.MAX_SAFE_INTEGER);
  if (entry.refusal) return [{ ...entry.refusal, severity: 'error', span }];
  if (entry.status !== 'approximate') return [];
  return entry.codes.map((code, index) => ({
    code,
    severity: 'warning',
    what: 'the rule does not do the same in the guard',
    ...(entry.why[index] === undefined ? {} : { why: entry.why[index] }),
    span,
  }));
};

const isRefusal = (statement: Statement): boolean => 'drop' in statement || 'reject' in statement;
const isFinal = (statement: Statement): boolean => isRefusal(statement) || 'accept' in statement;

/** Final verdicts are counted; in observe mode what would be dropped goes where the default's drops go. */
const asGuard = (statements: readonly Statement[], mode: Mode): readonly Statement[] => {
  const isCounted = statements.some((statement) => 'counter' in statement);
  return statements.flatMap((statement) => {
    if (!isFinal(statement)) return [statement];
    const verdict = mode === 'observe' && isRefusal(statement) ? jump(refuseChain) : statement;
    return isCounted ? [verdict] : [counter(), verdict];
  });
};

const ruleOf = (command: Command | undefined): RuleObject | undefined =>
  command && 'add' in command && 'rule' in command.add ? command.add.rule : undefined;

const nothing: Taken = { chains: [], rules: [], diagnostics: [] };

const takenOf = (all: readonly TakenRule[], family: Family, mode: Mode): Taken => {
  const own = all.filter((taken) => taken.family === family);
  const broken = own.filter(({ rule }) => /[\p{Cc}\u2028\u2029]/u.test(rule));
  if (own.length === 0) return nothing;
  if (broken.length > 0) return { ...nothing, diagnostics: broken.map(manyLines) };
  const chain = takenChain(family);
  const lead = `-A ${chain} `;
  const lines = [...head(chain), ...own.map((taken) => lead + bare(taken)), 'COMMIT', ''];
  const read = parse([{ name: file, text: lines.join('\n') }], registry, { family, backend: 'nft', format: 'save' });
  const said = read.diagnostics.map((diagnostic) => moved(diagnostic, own, lead.length));
  if (said.some(isError)) return { ...nothing, diagnostics: said };
  const { commands, entries, diagnostics } = translate(read.value, registry);
  const rules = new Map<number, GuardRule>();
  for (const entry of entries) {
    const taken = own[entry.line - firstLine];
    if (!taken) continue;
    said.push(...wordsOf(entry, taken));
    for (const position of entry.nft) {
      const rule = ruleOf(commands[position]);
      if (!rule) continue;
      const comment = commentText(`${placeText(taken.place)}${rule.comment === undefined ? '' : ` ${rule.comment}`}`);
      rules.set(position, { chain: rule.chain, expr: asGuard(rule.expr, mode), comment, place: taken.place });
    }
  }
  const chains = commands.flatMap((command) =>
    'add' in command && 'chain' in command.add && command.add.chain.hook === undefined ? [command.add.chain.name] : [],
  );
  return {
    chains,
    rules: [...rules].toSorted(([a], [b]) => a - b).map(([, rule]) => rule),
    diagnostics: [...said, ...diagnostics],
  };
};

/** The rules of both families; with an error among the diagnostics the policy cannot be used. */
export const takenRules = ({ rules, mode }: Policy): Taken => {
  const each = families.map((family) => takenOf(rules, family, mode));
  return {
    chains: each.flatMap(({ chains }) => chains),
    rules: each.flatMap((one) => one.rules),
    diagnostics: each.flatMap(({ diagnostics }) => diagnostics),
  };
};

/** From the chain that both families share into that of each. */
export const takenJumps = (chain: string, { chains }: Taken): readonly GuardRule[] =>
  families
    .filter((family) => chains.includes(takenChain(family)))
    .map((family) => ({ chain, expr: [isFamily(family), jump(takenChain(family))] }));
