// Every rule of the book can be explained: whole, in the width of a terminal, and alone as well as in its table.
import { describe, expect, it } from 'vitest';
import { isError } from '../../src/diagnostics/diagnostic.ts';
import { printExplanation } from '../../src/explain/print.ts';
import { explainRules } from '../../src/explain/rules.ts';
import { registry } from '../../src/extensions/registry.ts';
import { readSingleRule } from '../../src/iptables/single.ts';
import { parseCase, readBooks } from '../book.ts';

describe.each(readBooks().map((book) => [`${book.folder}/${book.file}`, book] as const))('%s', (_name, { cases }) => {
  it('is explained', () => {
    for (const one of cases) {
      const { value, diagnostics } = parseCase(one);
      if (diagnostics.some(isError)) continue;
      for (const explanation of explainRules(value, registry)) {
        const text = printExplanation(explanation);
        expect(text.split('\n').filter((line) => line.length > 100)).toEqual([]);
        expect(text).not.toMatch(/undefined|\[object|NaN/);
        expect(explanation.does.length).toBeGreaterThan(0);
        expect(explanation.nft.statuses).toHaveLength(1);
      }
    }
  });

  it('is read alone as in its table', () => {
    for (const { rule, family = 'ip', table = 'filter' } of cases) {
      const whole = parseCase({ name: 'again', rule, family, table });
      if (whole.diagnostics.some(isError) || typeof rule !== 'string' || rule.includes('\n')) continue;
      const wanted = explainRules(whole.value, registry).map((one) => one.rule);
      const alone = readSingleRule(rule, registry, { family, table });
      expect({ rule, wrong: alone.diagnostics.filter(isError) }).toEqual({ rule, wrong: [] });
      expect(alone.value && explainRules({ tables: [alone.value.table] }, registry).map((one) => one.rule)).toEqual(wanted); // prettier-ignore
    }
  });
});
