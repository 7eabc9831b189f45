// dnfw and the real iptables agree on random rules: what the one takes, the other takes and saves in the same words.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isError } from '../../src/diagnostics/diagnostic.ts';
import { registry } from '../../src/extensions/registry.ts';
import { parse } from '../../src/iptables/parse.ts';
import { printRule } from '../../src/iptables/print.ts';
import { translate } from '../../src/translate/translate.ts';
import { dumpOf, type GeneratedRule, rule, seed, userChainsOf } from '../generate.ts';
import {
  inNamespace,
  iptablesRestore,
  iptablesSave,
  type Result,
  savedRules,
  type Step,
  type Tool,
} from './namespace.ts';

interface Judged {
  readonly rule: GeneratedRule;
  /** `error`: dnfw says that iptables refuses it. `refused`: it is good, but has no nft form. */
  readonly verdict: 'good' | 'refused' | 'error';
  readonly codes: readonly string[];
  /** As dnfw prints it. */
  readonly printed: string;
}

/** Refusals for what the kernel refuses as well; the reader cannot know the hooks of a chain. */
const kernelRefuses: readonly string[] = ['wrong-hook', 'wrong-table', 'bpf-invalid'];

const dump = (rules: readonly GeneratedRule[]): string => {
  const [first] = rules as readonly [GeneratedRule, ...GeneratedRule[]];
  return dumpOf(
    first.table,
    rules.map(({ line }) => line),
    [...new Set(rules.flatMap(userChainsOf))],
  );
};

const judge = (one: GeneratedRule, backend: Tool['backend']): Judged => {
  const input = { name: 'generated', text: dump([one]) };
  const { value, diagnostics } = parse([input], registry, { format: 'save', family: one.family, backend });
  const errors = diagnostics.filter(isError).map(({ code }) => code);
  const rules = value.tables[0]?.chains.find(({ name }) => name === one.chain)?.rules ?? [];
  const printed = rules.map((r) => `-A ${one.chain} ${printRule(r, one.family, registry)}`.trim()).join('\n');
  if (errors.length > 0) return { rule: one, verdict: 'error', codes: errors, printed };
  const refused = translate(value, registry).entries.filter(({ status }) => status === 'refused');
  const codes = refused.flatMap((entry) => entry.codes);
  const verdict =
    refused.length === 0 ? 'good' : codes.some((code) => kernelRefuses.includes(code)) ? 'error' : 'refused';
  return { rule: one, verdict, codes, printed };
};

interface Disagreement {
  readonly rule: string;
  readonly dnfw: string;
  readonly iptables: string;
}

/** The rules of each chain, in order. */
const byChain = (lines: readonly string[]): string =>
  [...new Set(lines.map((line) => line.split(' ')[1]))]
    .toSorted()
    .flatMap((chain) => lines.filter((line) => line.split(' ')[1] === chain))
    .join('\n');

const agree = (rules: readonly Judged[], restored: Result, saved: Result): boolean =>
  restored.status === 0 &&
  byChain(rules.flatMap(({ printed }) => printed.split('\n'))) === byChain(savedRules(saved.stdout));

/** All rules are of one family and table and are not wrong for dnfw. If they are not taken as they are, each is tried alone. */
const compare = (rules: readonly Judged[], tool: Tool): readonly Disagreement[] => {
  const steps = (some: readonly Judged[]): readonly Step[] => [
    iptablesRestore(tool, dump(some.map(({ rule: one }) => one))),
    iptablesSave(tool, (some[0] as Judged).rule.table),
  ];
  const [restored, saved] = inNamespace(steps(rules)) as [Result, Result];
  if (agree(rules, restored, saved)) return [];
  const results = inNamespace(rules.flatMap((one) => steps([one])));
  return rules.flatMap((one, index) => {
    const [alone, list] = results.slice(2 * index, 2 * index + 2) as [Result, Result];
    // What dnfw does not translate may need what this kernel lacks.
    if (agree([one], alone, list) || (one.verdict === 'refused' && alone.status !== 0)) return [];
    const iptables = alone.status === 0 ? savedRules(list.stdout).join('\n') : alone.stderr.trim();
    return [{ rule: `${tool.family} ${one.rule.table}: ${one.rule.line}`, dnfw: one.printed, iptables }];
  });
};

const batchesOf = (rules: readonly Judged[]): readonly (readonly Judged[])[] => {
  const groups = new Map<string, Judged[]>();
  for (const one of rules) {
    const key = `${one.rule.family} ${one.rule.table}`;
    const group = groups.get(key) ?? [];
    group.push(one);
    groups.set(key, group);
  }
  return [...groups.values()];
};

describe.each([
  { backend: 'nft', numRuns: 3000 },
  { backend: 'legacy', numRuns: 1500 },
] as const)('generated rules, iptables-$backend', ({ backend, numRuns }) => {
  const judged = fc.sample(rule(registry), { seed, numRuns }).map((one) => judge(one, backend));

  it('takes and saves what dnfw takes', () => {
    const good = judged.filter(({ verdict }) => verdict !== 'error');
    expect(good.length).toBeGreaterThan(numRuns / 3);
    const wrong = batchesOf(good).flatMap((batch) =>
      compare(batch, { family: (batch[0] as Judged).rule.family, backend }),
    );
    expect(wrong).toEqual([]);
  });

  it('refuses what dnfw refuses', () => {
    const bad = judged.filter(({ verdict }) => verdict === 'error');
    const results = inNamespace(
      bad.map(({ rule: one }) => iptablesRestore({ family: one.family, backend }, dump([one]))),
    );
    const wrong = bad.flatMap(({ rule: one, codes }, index) =>
      (results[index] as Result).status === 0 ? [`${one.family} ${one.table}: ${one.line} (${codes.join()})`] : [],
    );
    expect(wrong).toEqual([]);
  });
});
