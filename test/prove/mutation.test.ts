// A translation with one thing wrong must be refuted, or shown to be right by an argument that is not the prover's.
import { describe, expect, it } from 'vitest';
import { isError } from '../../src/diagnostics/diagnostic.ts';
import { registry } from '../../src/extensions/registry.ts';
import type { Family } from '../../src/netfilter/family.ts';
import { readNftables } from '../../src/nftables/read.ts';
import type { NftRuleset } from '../../src/nftables/ruleset.ts';
import { type Assumption, assumptions } from '../../src/packet/assumption.ts';
import type { Program } from '../../src/packet/program.ts';
import { type Check, check } from '../../src/prove/check.ts';
import { questionsOf } from '../../src/prove/compare.ts';
import { hooksOf } from '../../src/prove/focus.ts';
import { iptablesProgram } from '../../src/simulate/iptables-program.ts';
import { nftProgram } from '../../src/simulate/nft-program.ts';
import { translate } from '../../src/translate/translate.ts';
import { parseScenario, readScenarios } from '../rulesets.ts';
import { enumerate } from './enumerate.ts';
import { type Json, kindAt, kinds, type Mutant, mutate } from './mutants.ts';
import { pick, random } from './programs.ts';
import { isMovedPast } from './priorities.ts';
import { replay } from './replay.ts';

const seed = Number(process.env['DNFW_TEST_SEED'] ?? 20260817);
const wanted = Number(process.env['DNFW_MUTANTS'] ?? 1020);

/** Rulesets small enough for every way through them to be gone. */
const scenarios = readScenarios();
/** Also in the form that emulates ip_tables.ko, with its chains of guards. */
const exact: ReadonlySet<string> = new Set(['docker-17.03', 'listing-first-era']);

interface Translation {
  readonly name: string;
  readonly commands: readonly Json[];
  readonly nft: NftRuleset;
  /** The iptables rules that were translated, if all of them were. */
  readonly original: ((family: Family) => Program) | undefined;
}

const read = (commands: readonly Json[]): ReturnType<typeof readNftables> =>
  readNftables('mutant.json', JSON.stringify({ nftables: commands }));

const translations: readonly Translation[] = scenarios.flatMap((scenario) => {
  const { value } = parseScenario(scenario);
  return [false, true].flatMap((exactLegacy): Translation[] => {
    if (exactLegacy && !exact.has(scenario.name)) return [];
    const { commands, tally } = translate(value, registry, { exactLegacy });
    const json = JSON.parse(JSON.stringify(commands)) as readonly Json[];
    return [
      {
        name: exactLegacy ? `${scenario.name} (exact)` : scenario.name,
        commands: json,
        nft: read(json).value,
        original: tally.refused > 0 ? undefined : (family) => iptablesProgram(value, registry, family),
      },
    ];
  });
});

const isAssumption = (name: string): name is Assumption => Object.hasOwn(assumptions, name);
const all = new Set(Object.keys(assumptions).filter(isAssumption));
/** Both sides are nft: nothing has to be assumed about packets. */
const aboutNothing = new Set([...all].filter((name) => name !== 'whole-headers' && name !== 'header-chains'));

interface Outcome {
  readonly result: Check | undefined;
  readonly a: Program;
  readonly b: Program;
  /** What the walk over all ways says. */
  readonly walked: string;
}

const compare = (translation: Translation, mutant: Mutant, nft: NftRuleset): Outcome => {
  const family: Family = mutant.family === 'ip6' ? 'ip6' : 'ip';
  const [a, b] = [nftProgram(translation.nft, family), nftProgram(nft, family)];
  const hooks = new Set([...hooksOf(a, mutant.chain), ...hooksOf(b, mutant.chain)]);
  if (hooks.size === 0) return { result: undefined, a, b, walked: 'same' };
  const without = check([[a, b]], { assume: aboutNothing, hooks, witnesses: 3 });
  // A packet on which they differ is one of many; under an assumption the search may find one that bytes can be.
  const onWhole = without.verdict === 'unknown' ? check([[a, b]], { assume: all, hooks, witnesses: 3 }) : without;
  const ways = questionsOf(a, b, hooks).map((question) => enumerate(a, b, question));
  const open = ways.find(({ kind }) => kind === 'open');
  const other = ways.find(({ kind }) => kind === 'differs');
  const walked = other ? JSON.stringify(other) : open?.kind === 'open' ? open.why : 'same';
  return { result: onWhole.verdict === 'refuted' ? onWhole : without, a, b, walked };
};

/** What the iptables rules themselves say of the mutant: the same as their translation does, of whole packets. */
const againstOriginal = (translation: Translation, mutant: Mutant, a: Program, b: Program): string | undefined => {
  const original = translation.original?.(a.family);
  if (!original) return undefined;
  const hooks = new Set([...hooksOf(a, mutant.chain), ...hooksOf(b, mutant.chain)]);
  const [fromRules, fromTranslation] = [original, a].map((one) =>
    check([[one, b]], { assume: all, hooks, witnesses: 1 }),
  );
  if (fromRules?.verdict !== fromTranslation?.verdict)
    return `${fromRules?.verdict} against the iptables rules, ${fromTranslation?.verdict} against their translation`;
  for (const witness of fromRules?.hooks.flatMap(({ witnesses }) => witnesses) ?? []) {
    const seen = replay(original, b, witness);
    if (!seen.differs) return `not seen by the simulator of hosts (${seen.words}; ${seen.a}; ${seen.b})`;
  }
  return undefined;
};

/** Whether anything would be different without the base chain. */
const doesSomething = (program: Program, { table, chain }: Mutant): boolean => {
  const without: Program = {
    ...program,
    tables: program.tables.map((one) => ({
      ...one,
      chains: new Map([...one.chains].filter(([name]) => one.name !== table || name !== chain)),
    })),
  };
  return questionsOf(program, program).some((question) => enumerate(program, without, question).kind !== 'same');
};

/** One in so many is also compared with the iptables rules. */
const share = 6;

describe(`translations with one thing wrong, seed ${seed}`, () => {
  const next = random(seed);
  const counts = new Map<string, { refuted: number; same: number }>(
    kinds.map((kind) => [kind, { refuted: 0, same: 0 }]),
  );
  let made = 0;

  it(`${wanted} of them are refuted, or are not wrong`, { timeout: 600_000 }, () => {
    const wrong: string[] = [];
    let tries = 0;
    let unknown = 0;
    while (made < wanted && tries++ < wanted * 20) {
      const translation = pick(next, translations);
      const mutant = mutate(kindAt(made), translation.commands, next);
      if (!mutant) continue;
      const { value, diagnostics } = read(mutant.commands);
      // What nft would not load is no translation.
      if (diagnostics.some(isError)) continue;
      made++;
      const { result, a, b, walked } = compare(translation, mutant, value);
      const say = (what: string): void => {
        wrong.push(
          `${what}: ${translation.name}, ${mutant.family} ${mutant.table} ${mutant.chain}, ${mutant.kind}: ${mutant.what}`,
        );
      };
      const isPast =
        mutant.kind === 'priority' &&
        isMovedPast(translation.commands, mutant.commands, mutant) &&
        doesSomething(a, mutant);
      const count = counts.get(mutant.kind);
      const other = made % share === 0 ? againstOriginal(translation, mutant, a, b) : undefined;
      if (other !== undefined) say(other);
      switch (result?.verdict) {
        case undefined:
        case 'proven':
          if (count) count.same++;
          if (isPast) say('proven, but the chain stands on the other side of what the kernel does');
          if (walked !== 'same') say(`proven, but the walk over all ways says ${walked}`);
          break;
        case 'unknown':
          // Another packet comes to the rules, of which nobody knows how it would have been: not proven is all there is.
          if (isPast && result.hooks.some(({ reasons }) => reasons.some((one) => one.includes('before and behind')))) {
            if (count) count.refuted++;
            break;
          }
          // Less than could be said, but nothing wrong.
          if (walked === 'same') {
            if (count) count.same++;
            unknown++;
          } else say(`unknown (${result.hooks.flatMap(({ reasons }) => reasons).join('; ')}; the walk says ${walked})`);
          break;
        case 'refuted':
          if (count) count.refuted++;
          if (walked === 'same') say('refuted, but all ways end the same');
          for (const witness of result.hooks.flatMap(({ witnesses }) => witnesses)) {
            const seen = replay(a, b, witness);
            if (!seen.differs) say(`not seen by the simulator of hosts (${seen.words}; ${seen.a}; ${seen.b})`);
          }
      }
    }
    expect(wrong).toEqual([]);
    expect(made).toBe(wanted);
    expect(unknown).toBeLessThan(wanted / 100);
  });

  it('every kind of change was made, and most of them matter', () => {
    for (const [kind, { refuted, same }] of counts)
      expect({ kind, made: refuted + same >= wanted / kinds.length - 1 }).toEqual({ kind, made: true });
    const refuted = [...counts.values()].reduce((sum, one) => sum + one.refuted, 0);
    expect(refuted).toBeGreaterThan(wanted / 2);
  });
});
