/** The report's entries: what became of each input rule. */
import type { Code } from '../diagnostics/catalogue.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Difference } from '../extensions/contract.ts';
import type { Origin, Rule, Table } from '../iptables/types.ts';
import type { Entry, Status } from './report.ts';

/** Codes that are worth saying but change nothing for any packet. */
const harmless: ReadonlySet<Code> = new Set<Code>(['comment-shortened', 'counters-rounded', 'never-matches']);

interface Verdict {
  readonly status: Status;
  readonly codes: readonly Code[];
  readonly why: readonly string[];
}

const exact: Verdict = { status: 'exact', codes: [], why: [] };

const verdictOf = (differences: readonly Difference[]): Verdict => {
  if (differences.length === 0) return exact;
  const byCode = new Map(differences.map((difference) => [difference.code, difference.why]));
  const codes = [...byCode.keys()].toSorted();
  const status: Status = differences.some((d) => d.degree === 'approximate')
    ? 'approximate'
    : differences.some((d) => !harmless.has(d.code))
      ? 'guarded'
      : 'exact';
  return { status, codes, why: codes.map((code) => byCode.get(code) as string) };
};

/** Thousands of rules differ in the same way: the same differences give the same three values. */
const verdicts = (): ((differences: readonly Difference[]) => Verdict) => {
  const known = new Map<string, Verdict>();
  const same = new WeakMap<readonly Difference[], Verdict>();
  return (differences) => {
    if (differences.length === 0) return exact;
    const list = same.get(differences);
    if (list) return list;
    let key = '';
    for (const difference of differences) key += `${difference.code} ${difference.degree} ${difference.why}\n`;
    const found = known.get(key) ?? verdictOf(differences);
    known.set(key, found);
    same.set(differences, found);
    return found;
  };
};

export interface EntryMaker {
  readonly translated: (
    origin: Origin,
    chain: string,
    differences: readonly Difference[],
    nft: readonly number[],
  ) => Entry;
  readonly refused: (rule: Rule, chain: string, refusal: Diagnostic) => Entry;
}

export const entryMaker = (table: Table): EntryMaker => {
  const verdict = verdicts();
  return {
    translated: (origin, chain, differences, nft) => {
      const { status, codes, why } = verdict(differences);
      return {
        file: origin.file,
        line: origin.line,
        text: origin.text,
        family: table.family,
        backend: table.backend,
        table: table.name,
        chain,
        status,
        codes,
        nft,
        why,
      };
    },
    refused: ({ origin }, chain, refusal) => ({
      file: origin.file,
      line: origin.line,
      text: origin.text,
      family: table.family,
      backend: table.backend,
      table: table.name,
      chain,
      status: 'refused',
      codes: [refusal.code],
      nft: [],
      why: [refusal.why ?? refusal.what],
      refusal,
    }),
  };
};
