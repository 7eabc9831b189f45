// Rules of one shape take a short way through reader and translator. The ordinary one says what has to come of them:
// the same rules, diagnostics, report and document, for every rule of the book and for generated ones.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { registry } from '../../src/extensions/registry.ts';
import { parse } from '../../src/iptables/parse.ts';
import { printRuleset } from '../../src/iptables/print.ts';
import { readBooks } from '../book.ts';
import { dumpOf, rule, seed, userChainsOf } from '../generate.ts';
import { compare, type Comparison, type Dump, variantsOf } from './shapes.ts';

const variants = 24;

describe('rules of one shape', () => {
  for (const { folder, extension, cases } of readBooks())
    it(`are what the ordinary path makes of them: ${folder}/${extension}`, () => {
      for (const { rule: text, table = 'filter', family = 'ip', chains = [], ...one } of cases)
        if (/^-A \S+ [^\n]+$/.test(text))
          compare(
            {
              family,
              backend: one.exactLegacy ? 'legacy' : (one.backend ?? 'nft'),
              table,
              userChains: chains,
              lines: variantsOf(text, family, variants),
            },
            [{ exactLegacy: one.exactLegacy ?? false, counters: one.counters ?? false }],
          );
    });

  it('are what the ordinary path makes of them: generated rules', () => {
    let shaped = 0;
    let filled = 0;
    fc.assert(
      fc.property(rule(registry), fc.constantFrom('nft' as const, 'legacy' as const), (one, backend) => {
        const { family, table, line } = one;
        const dump = {
          family,
          backend,
          table,
          userChains: userChainsOf(one),
          lines: variantsOf(line, family, variants),
        };
        const found = compare(dump, [{}, { counters: true }, ...(backend === 'legacy' ? [{ exactLegacy: true }] : [])]);
        shaped += found.shaped;
        filled += found.filled;
      }),
      { seed, numRuns: 400 },
    );
    // A short way that nobody takes would pass as well.
    expect(shaped).toBeGreaterThan(1_000);
    expect(filled).toBeGreaterThan(1_000);
  });

  const filter: Omit<Dump, 'lines'> = { family: 'ip', backend: 'nft', table: 'filter', userChains: ['A', 'B'] };
  const many = (line: (index: number) => string): readonly string[] => Array.from({ length: 20 }, (_, i) => line(i));
  const compareIn = (dump: Partial<Dump> & Pick<Dump, 'lines'>): Comparison => compare({ ...filter, ...dump }, [{}]);

  it('of which several stand in turn all take the short way', () => {
    const found = compareIn({
      lines: many((i) => `-A A -s 10.0.0.${i}/32 -i eth${i} -j DROP`).flatMap((line, i) => [
        line,
        `-A A -d 10.0.0.${i}/32 ! -i br-${i} -o br-${i} -p tcp -m tcp --dport ${8000 + i} -j ACCEPT`,
        `-A A -s 10.0.0.${i} -p udp -m udp --sport ${i + 1} --dport ${i + 1} -m comment --comment "a \\"quoted\\" one" -j B`,
      ]),
    });
    expect(found).toEqual({ shaped: 48, filled: 48 });
  });

  it('has no template where a value decides about the translation', () => {
    const nat = { table: 'nat', userChains: [] } as const;
    const shifted = many((i) => `-A PREROUTING -p tcp -m tcp --dport ${3000 + i} -j DNAT --to-destination :80-90/3000`);
    expect(compareIn({ ...nat, lines: shifted })).toEqual({ shaped: 16, filled: 0 });
    const mapped = many(
      (i) => `-A PREROUTING -p tcp -m tcp --dport ${3000 + i} -j DNAT --to-destination 10.0.0.${i}:80`,
    );
    expect(compareIn({ ...nat, lines: mapped })).toEqual({ shaped: 16, filled: 16 });
  });

  it('is refused rule by rule where it jumps too deep', () => {
    const userChains = Array.from({ length: 18 }, (_, i) => `C${i}`);
    const lines = userChains.slice(1).flatMap((name, i) => many((n) => `-A C${i} -i eth${n} -j ${name}`));
    const found = compareIn({ userChains, lines: ['-A INPUT -j C0', ...lines] });
    // Of each chain the first four are read in the ordinary way; the rules of the last jumps are refused.
    expect(found.shaped).toBe(17 * 16);
    expect(found.filled).toBeGreaterThan(0);
  });

  it('is not a shape where a value is in quotes', () => {
    expect(compareIn({ lines: many((i) => `-A A -i "eth${i}" -j DROP`) }).shaped).toBe(0);
  });
});

const read = (rules: readonly string[]): ReturnType<typeof parse> =>
  parse([{ name: 'dump', text: dumpOf('filter', rules, ['A', 'B']) }], registry, { format: 'save', family: 'ip' });

/** The same rules; with a blank in front no line is taken for one of a shape. */
const readIndented = (rules: readonly string[]): ReturnType<typeof parse> => read(rules.map((line) => ` ${line}`));

describe('what comes behind rules of one shape', () => {
  const lines = Array.from({ length: 9 }, (_, i) => `-A A -i eth${i} -j B`);

  it.each([
    ['-I A 3 -j DROP'],
    ['-D A 7'],
    ['-D A -i eth8 -j B'],
    ['-R A 8 -i eth0 -j RETURN'],
    ['-E B C'],
    ['-F A'],
    ['-X B'],
    ['-C A -i eth7 -j B'],
    ['-D A -i eth9 -j B'],
  ])('finds them in place: %s', (command) => {
    const [short, ordinary] = [read([...lines, command]), readIndented([...lines, command])];
    expect(printRuleset(short.value, registry)).toBe(printRuleset(ordinary.value, registry));
    expect(short.diagnostics.map(({ code, span }) => [code, span?.line])).toEqual(
      ordinary.diagnostics.map(({ code, span }) => [code, span?.line]),
    );
  });

  it('finds what is wrong with each of them', () => {
    const nowhere = Array.from({ length: 9 }, (_, i) => `-A A -s 10.0.0.${i} -j NOWHERE`);
    const inCircles = [...lines, '-A B -j A'];
    for (const wrong of [nowhere, inCircles]) {
      const places = (indent: number, { diagnostics }: ReturnType<typeof parse>): unknown =>
        diagnostics.map(({ code, span }) => [code, span?.line, span && span.column - indent]);
      expect(places(0, read(wrong))).toEqual(places(1, readIndented(wrong)));
    }
    expect(read(nowhere).diagnostics.filter(({ code }) => code === 'unknown-chain')).toHaveLength(9);
  });
});
