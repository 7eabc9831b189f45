// The book against the real tools: iptables takes and saves each rule as the book says, or refuses it; nft loads what
// the rule becomes, from JSON and from text, and lists it in a form that loads to the same again.
import { beforeAll, describe, expect, it } from 'vitest';
import { printText } from '../../src/nftables/text.ts';
import type { Command } from '../../src/nftables/types.ts';
import { type Case, readBooks, translateCase } from '../book.ts';
import { type Outcome, type Sample, tryAll } from './iptables.ts';
import { additions, kernelHas, type Loaded, loadUnits, type Unit } from './nft.ts';

const books = readBooks();
const cases = books.flatMap((book) => book.cases);

const forEveryCase = (filter: (one: Case) => boolean, check: (one: Case) => void): void => {
  for (const { folder, extension, cases: own } of books) {
    const wanted = own.filter(filter);
    if (wanted.length > 0)
      describe(`${folder}/${extension}`, () => {
        for (const one of wanted) it(one.name, () => check(one));
      });
  }
};

describe('iptables', () => {
  interface CaseSample extends Sample {
    readonly one: Case;
  }
  const outcomes = new Map<Case, Outcome>();

  beforeAll(() => {
    const samples = cases.map((one): CaseSample => {
      const { table = 'filter', family = 'ip', chains = [], rule, error, iptables } = one;
      const backend = one.exactLegacy ? 'legacy' : (one.backend ?? 'nft');
      const saved = error || iptables ? {} : { saved: [one.saved ?? rule].flat() };
      return { one, tool: { family, backend }, table, chains, rule, ...saved };
    });
    for (const [{ one }, outcome] of tryAll(samples)) outcomes.set(one, outcome);
  });

  forEveryCase(
    () => true,
    (one) => {
      const { accepted, stderr, saved } = outcomes.get(one) as Outcome;
      // A module that this kernel may lack: the reason is written down, and where it is there, the rule is checked.
      if (one.iptables === 'unavailable') expect(one.why).toBeDefined();
      else {
        const told = one.iptables === 'alters' ? 'accepts' : one.iptables;
        const wanted = told ?? (one.error ? 'refuses' : 'accepts');
        expect({ iptables: accepted ? 'accepts' : 'refuses', stderr }).toEqual({ iptables: wanted, stderr });
      }
      // Which other rule it is depends on the version.
      if (accepted && !one.error && one.iptables !== 'alters') expect(saved).toEqual([one.saved ?? one.rule].flat());
    },
  );
});

describe('nft', () => {
  const translatedCases = cases.filter((one) => one.nft);
  const prefixOf = (one: Case): string => `c${translatedCases.indexOf(one)}-`;
  const loaded = new Map<Case, Loaded>();
  const fromText = new Map<Case, Loaded>();
  const again = new Map<Case, Loaded>();
  const third = new Map<Case, Loaded>();
  let hasQueue = true;

  /** Bytes of the IP header by their offset: nft lists them as a field, and the reloaded field in other words again. */
  const namesLate = (one: Case): boolean => /"base":"nh"/.test(JSON.stringify([one.nft, one.subchains]));

  const asText = (commands: readonly Command[]): string => {
    const { chunks, refusals } = printText(commands, new Map());
    return refusals.length > 0 ? '' : chunks.join('');
  };

  beforeAll(() => {
    hasQueue = kernelHas('queue num 0');
    const units = translatedCases.map((one): Unit => {
      const prefix = prefixOf(one);
      return { prefix, body: translateCase(one, prefix).result.commands };
    });
    const texts = units.map((unit): Unit => ({ ...unit, body: asText(unit.body as readonly Command[]) }));
    const first = loadUnits(units, 'json');
    const text = loadUnits(texts, 'text');
    const reload = (loads: readonly Loaded[]): readonly Loaded[] =>
      loadUnits(
        units.map(({ prefix }, index) => ({ prefix, body: additions((loads[index] as Loaded).listing) })),
        'json',
      );
    const second = reload(first);
    const last = reload(second);
    for (const [index, one] of translatedCases.entries()) {
      loaded.set(one, first[index] as Loaded);
      fromText.set(one, text[index] as Loaded);
      again.set(one, second[index] as Loaded);
      third.set(one, last[index] as Loaded);
    }
  });

  forEveryCase(
    (one) => one.nft !== undefined,
    (one) => {
      const native = loaded.get(one) as Loaded;
      if (!hasQueue && JSON.stringify(one.nft).includes('{"queue":')) {
        // The last word is the kernel's: nft itself has read the rule and sent it off.
        expect(native.error).toContain('Could not process rule: No such file or directory');
        return;
      }
      expect(native.error).toBe('');
      expect([...native.listing.keys()]).toEqual([`${one.family ?? 'ip'} ${prefixOf(one)}${one.table ?? 'filter'}`]);
      const reloaded = again.get(one) as Loaded;
      expect(reloaded.error).toBe('');
      if (namesLate(one)) expect(third.get(one)).toEqual(reloaded);
      else expect(reloaded.listing).toEqual(native.listing);
      const text = fromText.get(one) as Loaded;
      expect(text.error).toBe('');
      if (text.listing.size > 0) expect(text.listing).toEqual(native.listing);
    },
  );
});
