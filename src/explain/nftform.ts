/** The nft form of each rule, and how true it is to what each backend does. */
import type { Registry } from '../extensions/contract.ts';
import type { Ruleset } from '../iptables/types.ts';
import type { Backend } from '../netfilter/family.ts';
import { printStatement } from '../nftables/text-statement.ts';
import type { Command, RuleObject } from '../nftables/types.ts';
import type { Entry } from '../translate/report.ts';
import { translate } from '../translate/translate.ts';
import type { ExplainedNft, ExplainedStatus } from './explanation.ts';

export interface NftForm {
  readonly explained: ExplainedNft;
  readonly rules: readonly RuleObject[];
}

const isRule = (command: Command | undefined): command is { readonly add: { readonly rule: RuleObject } } =>
  command !== undefined && 'add' in command && 'rule' in command.add;

const rulesAt = (entry: Entry, commands: readonly Command[]): readonly RuleObject[] =>
  entry.nft.flatMap((index) => {
    const command = commands[index];
    return isRule(command) ? [command.add.rule] : [];
  });

/** What text cannot carry is left to JSON. */
const ruleText = ({ expr, family }: RuleObject): string =>
  expr.map((statement) => printStatement(statement, family, () => '(only JSON can say this)')).join(' ');

const statusOf = ({ status, codes, why, refusal }: Entry, backend: Backend): ExplainedStatus => ({
  backends: [backend],
  status,
  codes,
  why: refusal ? [[refusal.what, refusal.why].filter((part) => part !== undefined).join(': ')] : why,
});

/** Backends of which the same is to be said are named together. */
const together = (statuses: readonly ExplainedStatus[]): readonly ExplainedStatus[] => {
  const found = new Map<string, ExplainedStatus>();
  for (const one of statuses) {
    const { backends, ...rest } = one;
    const key = JSON.stringify(rest);
    found.set(key, { ...one, backends: [...(found.get(key)?.backends ?? []), ...backends] });
  }
  return [...found.values()];
};

const onBackend = ({ tables }: Ruleset, backend: Backend): Ruleset => ({
  tables: tables.map((table) => ({ ...table, backend })),
});

/** One form per rule, in the order of the rules; `backends` where the statuses of several are wanted. */
export const nftForms = (
  ruleset: Ruleset,
  registry: Registry,
  backends: readonly Backend[] | undefined,
): readonly NftForm[] => {
  const { commands, entries } = translate(ruleset, registry);
  const others = (backends ?? []).map((backend) => translate(onBackend(ruleset, backend), registry).entries);
  return entries.map((entry, index): NftForm => {
    const rules = rulesAt(entry, commands);
    const all = others.length === 0 ? [entry] : others.map((one) => one[index] as Entry);
    const help = entry.refusal?.help;
    return {
      rules,
      explained: {
        rules: rules.map((rule) => ({ chain: rule.chain, text: ruleText(rule) })),
        statuses: together(all.map((one) => statusOf(one, one.backend))),
        ...(help === undefined ? {} : { help }),
      },
    };
  });
};
