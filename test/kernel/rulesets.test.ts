// The whole rulesets of the book against the real tools: the originals load where they come from, and what they become
// loads from JSON and from text to the same ruleset, which is listed in a form that loads to the same again.
import { beforeAll, describe, expect, it } from 'vitest';
import { registry } from '../../src/extensions/registry.ts';
import { printRuleset } from '../../src/iptables/print.ts';
import { printJson } from '../../src/nftables/print.ts';
import { printText } from '../../src/nftables/text.ts';
import { translate } from '../../src/translate/translate.ts';
import { parseScenario, readScenarios } from '../rulesets.ts';
import { inNamespace, iptablesRestore, iptablesSave, type Result, savedRules } from './namespace.ts';
import { additions, jsonOf, loadEach, type Loaded } from './nft.ts';

const scenarios = readScenarios().map((scenario) => {
  const { value } = parseScenario(scenario);
  const { commands } = translate(value, registry);
  return { ...scenario, ruleset: value, commands };
});

/** What only a host with IP sets or IPVS takes, as iptables names it. */
const missing = /Set \S+ doesn't exist|Extension ipvs revision 0 not supported/;

interface Loads {
  readonly json: Loaded;
  readonly text: Loaded;
  readonly again: Loaded;
}

const loaded = new Map<string, Loads>();

beforeAll(() => {
  const json = loadEach(
    scenarios.map(({ commands }) => printJson(commands).join('')),
    'json',
  );
  const text = loadEach(
    scenarios.map(({ commands }) => printText(commands).chunks.join('')),
    'text',
  );
  const again = loadEach(
    json.map(({ listing }) => jsonOf(additions(listing))),
    'json',
  );
  for (const [index, { name }] of scenarios.entries())
    loaded.set(name, {
      json: json[index] as Loaded,
      text: text[index] as Loaded,
      again: again[index] as Loaded,
    });
});

describe.each(scenarios)('$name', ({ name, ruleset, commands, expected }) => {
  const loads = (): Loads => loaded.get(name) as Loads;

  it('loads from JSON', () => {
    const { error, listing } = loads().json;
    expect(error).toBe('');
    const rules = [...listing.values()].flat().filter((object) => 'rule' in object);
    expect(rules).toHaveLength(commands.filter((command) => 'add' in command && 'rule' in command.add).length);
  });

  it('loads from text to the same', () => {
    expect(printText(commands).refusals).toEqual([]);
    const { error, listing } = loads().text;
    expect(error).toBe('');
    expect(listing).toEqual(loads().json.listing);
  });

  it('loads again from its listing', () => {
    const { error, listing } = loads().again;
    expect(error).toBe('');
    expect(listing).toEqual(loads().json.listing);
  });

  it('loads in iptables, which saves the same rules', () => {
    for (const table of ruleset.tables) {
      const dump = printRuleset({ tables: [table] }, registry);
      const rules = savedRules(dump);
      const [restored, saved] = inNamespace([iptablesRestore(table, dump), iptablesSave(table, table.name)]) as [
        Result,
        Result,
      ];
      if (missing.test(restored.stderr)) expect(expected.tally.refused).toBeGreaterThan(0);
      else {
        expect(restored).toMatchObject({ status: 0 });
        expect(savedRules(saved.stdout).toSorted()).toEqual(rules.toSorted());
      }
    }
  });
});
