// The whole rulesets of the book: what dnfw makes of them, against figures that were not made by dnfw.
import { describe, expect, it } from 'vitest';
import { isError } from '../src/diagnostics/diagnostic.ts';
import { overlayRole } from '../src/docker/roles.ts';
import { registry } from '../src/extensions/registry.ts';
import { printRuleset } from '../src/iptables/print.ts';
import { parse } from '../src/iptables/parse.ts';
import { validateCommands } from '../src/nftables/validate.ts';
import type { RuleObject } from '../src/nftables/types.ts';
import { translate } from '../src/translate/translate.ts';
import { parseScenario, readScenarios } from './rulesets.ts';

for (const scenario of readScenarios())
  describe(scenario.name, () => {
    const { expected } = scenario;
    const { value, diagnostics } = parseScenario(scenario);
    const { commands, entries, tally } = translate(value, registry);
    const ruleAt = (index: number): RuleObject => {
      const command = commands[index];
      if (!command || !('add' in command) || !('rule' in command.add)) throw new Error(`command ${index} adds no rule`);
      return command.add.rule;
    };

    it('is read without errors', () => expect(diagnostics.filter(isError)).toEqual([]));

    it('says of which family and backend it is', () => {
      const codes = diagnostics.map(({ code }) => code);
      expect(codes.filter((code) => code === 'family-assumed' || code === 'backend-assumed')).toEqual([]);
    });

    it('prints to what reads as the same', () => {
      const printed = printRuleset(value, registry, { counters: true });
      const again = parse([{ name: 'printed', text: printed }], registry);
      expect(again.diagnostics.filter(isError)).toEqual([]);
      expect(printRuleset(again.value, registry, { counters: true })).toBe(printed);
    });

    it('has the expected tally', () => {
      const rules = Object.values(expected.tally).reduce((sum, count) => sum + count, 0);
      expect(tally).toEqual({ rules, ...expected.tally });
    });

    it('refuses exactly these rules', () => {
      const refused = entries.filter(({ status }) => status === 'refused');
      expect(refused.map(({ file, line, codes }) => ({ file, line, code: codes[0] }))).toEqual(expected.refused);
    });

    it('names exactly these differences', () => {
      const found: Record<string, number> = {};
      for (const { status, codes } of entries)
        if (status !== 'refused') for (const code of codes) found[code] = (found[code] ?? 0) + 1;
      expect(found).toEqual(expected.differences);
    });

    it('has these chains with so many rules each, in the order of the input', () => {
      const found: Record<string, Record<string, number>> = {};
      for (const table of value.tables)
        found[`${table.family} ${table.name}`] = Object.fromEntries(table.chains.map((chain) => [chain.name, 0]));
      const last = new Map<string, number>();
      for (const { file, table, chain, nft } of entries)
        for (const rule of nft.map((index) => ({ index, ...ruleAt(index) }))) {
          const counts = found[`${rule.family} ${table}`] as Record<string, number>;
          if (rule.chain !== chain) continue;
          const key = `${file} ${table} ${chain}`;
          expect(rule.index).toBeGreaterThan(last.get(key) ?? -1);
          last.set(key, rule.index);
          counts[chain] = (counts[chain] ?? 0) + 1;
        }
      expect(found).toEqual(expected.chains);
    });

    it('shows these rules of encrypted overlays', () => {
      const found: Record<string, Record<string, number[]>> = {};
      for (const { nft } of entries)
        for (const index of nft) {
          const role = overlayRole(ruleAt(index).expr);
          if (role) ((found[role.port] ??= {})[role.role] ??= []).push(role.vni);
        }
      expect(found).toEqual(expected.overlays);
    });

    it('becomes a valid document', () => expect(validateCommands(commands)).toBeUndefined());
  });
