// The whole rulesets of the book, each a folder with dumps of one host and what is expected of them.
import { readdirSync, readFileSync } from 'node:fs';
import { registry } from '../src/extensions/registry.ts';
import { type Input, parse } from '../src/iptables/parse.ts';
import type { Tally } from '../src/translate/report.ts';
import { translations } from './book.ts';

/** VNIs in the order of the rules, by what Docker wants with the rule. */
export type Overlay = Readonly<Record<'mark' | 'accept' | 'drop' | 'drop-any', readonly number[]>>;

export interface Expected {
  readonly about: string;
  /** From a real host, or written by hand in the form in which iptables-save would print it. */
  readonly origin: 'captured' | 'composed';
  readonly files: readonly string[];
  /** Where the dump does not say it itself. */
  readonly backend?: 'nft' | 'legacy';
  readonly tally: Omit<Tally, 'rules'>;
  readonly refused: readonly { readonly file: string; readonly line: number; readonly code: string }[];
  /** How many rules carry each code of a difference. */
  readonly differences: Readonly<Record<string, number>>;
  /** How many nft rules stand in each chain, by family and table. */
  readonly chains: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Rules of encrypted overlays by data path port. */
  readonly overlays: Readonly<Record<string, Overlay>>;
}

export interface Scenario {
  readonly name: string;
  readonly expected: Expected;
  readonly inputs: readonly Input[];
}

const root = new URL('rulesets/', translations);

export const readScenarios = (): readonly Scenario[] =>
  readdirSync(root)
    .toSorted()
    .map((name) => {
      const read = (file: string): string => readFileSync(new URL(`${name}/${file}`, root), 'utf8');
      const expected = JSON.parse(read('expected.json')) as Expected;
      return { name, expected, inputs: expected.files.map((file) => ({ name: file, text: read(file) })) };
    });

export const parseScenario = ({ inputs, expected }: Scenario): ReturnType<typeof parse> =>
  parse(inputs, registry, expected.backend ? { backend: expected.backend } : {});
