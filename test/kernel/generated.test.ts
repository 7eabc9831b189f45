// What random rules become is loaded by the real nft, from JSON and from text to the same ruleset.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isError } from '../../src/diagnostics/diagnostic.ts';
import { registry } from '../../src/extensions/registry.ts';
import { parse } from '../../src/iptables/parse.ts';
import { printText } from '../../src/nftables/text.ts';
import type { Command } from '../../src/nftables/types.ts';
import { translate } from '../../src/translate/translate.ts';
import { dumpOf, rule, seed, userChainsOf } from '../generate.ts';
import { jsonOf, kernelHas, type Loaded, loadUnits } from './nft.ts';

interface Translated {
  readonly line: string;
  readonly prefix: string;
  readonly body: readonly Command[];
}

interface Trouble {
  readonly line: string;
  readonly json: string;
  readonly text: string;
}

const samples = (numRuns: number, exactLegacy: boolean): readonly Translated[] =>
  fc.sample(rule(registry), { seed, numRuns }).flatMap((one, index) => {
    const input = { name: 'generated', text: dumpOf(one.table, [one.line], userChainsOf(one)) };
    const backend = exactLegacy ? 'legacy' : 'nft';
    const { value, diagnostics } = parse([input], registry, { format: 'save', family: one.family, backend });
    if (diagnostics.some(isError)) return [];
    const prefix = `g${index}-`;
    const { commands, tally } = translate(value, registry, { tablePrefix: prefix, exactLegacy });
    return tally.refused > 0 ? [] : [{ line: `${one.family} ${one.table}: ${one.line}`, prefix, body: commands }];
  });

const hasQueue = (body: readonly Command[]): boolean => JSON.stringify(body).includes('{"queue":');

describe.each([
  { form: 'clean', exactLegacy: false, numRuns: 2000 },
  { form: 'exact legacy', exactLegacy: true, numRuns: 1000 },
])('generated rules in their $form form', ({ exactLegacy, numRuns }) => {
  it('load from JSON, and from text to the same', () => {
    const queues = kernelHas('queue num 0');
    const units = samples(numRuns, exactLegacy).filter(({ body }) => queues || !hasQueue(body));
    expect(units.length).toBeGreaterThan(numRuns / 3);
    const json = loadUnits(units, 'json');
    const texts = units.map(({ body }) => printText(body));
    const text = loadUnits(
      units.map(({ prefix }, index) => {
        const { chunks, refusals } = texts[index] as (typeof texts)[number];
        return { prefix, body: refusals.length > 0 ? '' : chunks.join('') };
      }),
      'text',
    );
    const wrong = units.flatMap(({ line }, index): readonly Trouble[] => {
      const [fromJson, fromText] = [json[index] as Loaded, text[index] as Loaded];
      if (fromJson.error !== '' || fromText.error !== '') return [{ line, json: fromJson.error, text: fromText.error }];
      if (texts[index]?.refusals.length !== 0) return [];
      const same = jsonOf([...fromJson.listing.values()]) === jsonOf([...fromText.listing.values()]);
      return same
        ? []
        : [{ line, json: jsonOf([...fromJson.listing.values()]), text: jsonOf([...fromText.listing.values()]) }];
    });
    expect(wrong).toEqual([]);
  });
});
