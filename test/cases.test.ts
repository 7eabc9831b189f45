// Runs the book: every case is a rule and what becomes of it.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isError } from '../src/diagnostics/diagnostic.ts';
import { registry } from '../src/extensions/registry.ts';
import { printRule } from '../src/iptables/print.ts';
import { validateCommands } from '../src/nftables/validate.ts';
import { type Case, caseInput, nftChainsOf, parseCase, translateCase } from './book.ts';

const folders = ['matches', 'targets'] as const;
const root = new URL('../translations/', import.meta.url);

/** What the caret stands under. */
const marked = (
  span: { readonly text: string; readonly column: number; readonly length: number } | undefined,
): string | undefined => span?.text.slice(span.column - 1, span.column - 1 + span.length);

const checkTranslated = (one: Case): void => {
  const { parsed, result } = translateCase(one);
  expect(parsed.diagnostics.filter(isError)).toEqual([]);
  const entry = result.entries.at(-1);
  expect(entry?.refusal).toBeUndefined();
  const chains = nftChainsOf(one, result.commands);
  expect(chains.own).toEqual(one.nft);
  expect(chains.others).toEqual(one.subchains ?? {});
  expect({ status: entry?.status, codes: entry?.codes }).toEqual({
    status: one.status ?? 'exact',
    codes: one.codes ?? [],
  });
  if (one.comment !== undefined) expect(chains.comments).toContain(one.comment);
  expect(validateCommands(result.commands)).toBeUndefined();
};

/** iptables-save prints a rule in one way only; what it prints reads as the same rule. */
const checkPrinted = (one: Case): void => {
  const { value } = parseCase(one);
  const table = value.tables[0];
  const rules = table?.chains.find((chain) => chain.rules.length > 0)?.rules ?? [];
  if (rules.some((rule) => rule.unmodelled)) return;
  const chain = table?.chains.find((c) => c.rules.length > 0)?.name;
  const saved = rules.map((rule) => `-A ${chain} ${printRule(rule, one.family ?? 'ip', registry)}`.trim());
  expect(saved).toEqual([one.saved ?? one.rule].flat());
  const again = parseCase({ ...one, rule: saved.join('\n') });
  const printed = again.value.tables[0]?.chains
    .find((c) => c.rules.length > 0)
    ?.rules.map((rule) => `-A ${chain} ${printRule(rule, one.family ?? 'ip', registry)}`.trim());
  expect(printed).toEqual(saved);
};

for (const folder of folders)
  for (const file of readdirSync(new URL(folder, root)).filter((name) => name.endsWith('.json'))) {
    const book = JSON.parse(readFileSync(new URL(`${folder}/${file}`, root), 'utf8')) as {
      readonly extension: string;
      readonly cases: readonly Case[];
    };
    describe(`${folder}/${book.extension}`, () => {
      for (const one of book.cases)
        it(one.name, () => {
          if (one.nft) {
            checkTranslated(one);
            checkPrinted(one);
          } else if (one.refused) {
            const { parsed, result } = translateCase(one);
            expect(parsed.diagnostics.filter(isError)).toEqual([]);
            const refusal = result.entries.at(-1)?.refusal;
            expect({ code: refusal?.code, at: marked(refusal?.span) }).toEqual(one.refused);
            checkPrinted(one);
          } else {
            expect(one.error).toBeDefined();
            const error = parseCase(one).diagnostics.find(isError);
            expect({ code: error?.code, at: marked(error?.span) }).toEqual(one.error);
          }
          expect(caseInput(one)).toContain(one.table ?? 'filter');
        });
    });
  }
