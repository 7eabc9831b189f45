// What holds for every rule: tried on random ones. DNFW_TEST_SEED gives other rules.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isError } from '../src/diagnostics/diagnostic.ts';
import { registry } from '../src/extensions/registry.ts';
import { parse } from '../src/iptables/parse.ts';
import { printRuleset } from '../src/iptables/print.ts';
import type { Ruleset } from '../src/iptables/types.ts';
import type { Family } from '../src/netfilter/family.ts';
import { validateCommands } from '../src/nftables/validate.ts';
import { translate } from '../src/translate/translate.ts';
import { dumpOf, type GeneratedRule, rule, seed, tableOf, userChainsOf } from './generate.ts';

const read = (text: string, family: Family): ReturnType<typeof parse> =>
  parse([{ name: 'generated', text }], registry, { format: 'save', family, backend: 'nft' });

/** Worth saying, but no difference in what happens to packets. */
const harmless: readonly string[] = ['never-matches', 'comment-shortened'];

const dumpOfRule = (one: GeneratedRule): string => dumpOf(one.table, [one.line], userChainsOf(one));

/** The dump without the lines that the reader refuses; what is refused can depend on other lines. */
const withoutErrors = (text: string, family: Family): string => {
  const wrong = new Set(
    read(text, family)
      .diagnostics.filter(isError)
      .map(({ span }) => span?.line),
  );
  if (wrong.size === 0) return text;
  return withoutErrors(
    text
      .split('\n')
      .filter((_, index) => !wrong.has(index + 1))
      .join('\n'),
    family,
  );
};

const checkPrinted = (ruleset: Ruleset, family: Family): void => {
  const printed = printRuleset(ruleset, registry);
  const again = read(printed, family);
  expect(again.diagnostics.filter(isError)).toEqual([]);
  expect(printRuleset(again.value, registry)).toBe(printed);
};

const checkTranslated = (ruleset: Ruleset, exactLegacy: boolean, counters: boolean): void => {
  const { commands, entries, tally } = translate(ruleset, registry, { exactLegacy, counters });
  expect(validateCommands(commands)).toBeUndefined();
  const rules = ruleset.tables.flatMap((table) => table.chains.flatMap((chain) => chain.rules));
  expect(entries.map(({ line }) => line)).toEqual(rules.map(({ origin }) => origin.line));
  expect(tally.rules).toBe(rules.length);
  const owned = new Set<number>();
  for (const { nft, status, codes, why, refusal } of entries) {
    expect(why).toHaveLength(codes.length);
    expect(refusal === undefined).toBe(status !== 'refused');
    expect(codes.every((code) => harmless.includes(code))).toBe(status === 'exact');
    if (status === 'refused') expect(nft).toEqual([]);
    for (const index of nft) {
      owned.add(index);
      expect(commands[index]).toHaveProperty('add.rule');
    }
  }
  // A rule of the document that no input rule owns could not be explained to anyone.
  const orphans = commands.flatMap((command, index) =>
    'add' in command && 'rule' in command.add && !owned.has(index) ? [command.add.rule] : [],
  );
  expect(orphans).toEqual([]);
};

describe('every generated rule', () => {
  it('is read and printed the same again, and translated to a valid document', () => {
    fc.assert(
      fc.property(rule(registry), fc.boolean(), fc.boolean(), (one, exactLegacy, counters) => {
        const { value, diagnostics } = read(dumpOfRule(one), one.family);
        const errors = diagnostics.filter(isError);
        for (const { span } of errors) expect(span?.text).toBe(one.line);
        if (errors.length > 0) return;
        checkPrinted(value, one.family);
        checkTranslated(value, exactLegacy, counters);
      }),
      { seed, numRuns: 4000 },
    );
  });

  it('is often good, whatever extension is in it', () => {
    const good = new Map([...registry.matches.keys(), ...registry.targets.keys()].map((name) => [name, 0]));
    for (const one of fc.sample(rule(registry), { seed, numRuns: 4000 }))
      if (!read(dumpOfRule(one), one.family).diagnostics.some(isError))
        for (const name of one.extensions) if (good.has(name)) good.set(name, (good.get(name) ?? 0) + 1);
    expect([...good].filter(([, count]) => count < 5)).toEqual([]);
  });
});

describe('every generated table', () => {
  it('is read and printed the same again, and translated to a valid document', () => {
    fc.assert(
      fc.property(
        tableOf(registry),
        fc.boolean(),
        fc.boolean(),
        ({ family, table, userChains, lines }, exactLegacy, counters) => {
          const { value } = read(withoutErrors(dumpOf(table, lines, userChains), family), family);
          checkPrinted(value, family);
          checkTranslated(value, exactLegacy, counters);
        },
      ),
      { seed, numRuns: 300 },
    );
  });
});
