// The book's cases as data, and how a case is turned into a ruleset. Used by cases.test.ts and by the kernel tests.
import { readdirSync, readFileSync } from 'node:fs';
import type { Outcome } from '../src/diagnostics/diagnostic.ts';
import { registry } from '../src/extensions/registry.ts';
import { parse } from '../src/iptables/parse.ts';
import type { Ruleset } from '../src/iptables/types.ts';
import type { TableName } from '../src/netfilter/hooks.ts';
import type { Command, Statement } from '../src/nftables/types.ts';
import { type RulesetTranslation, translate } from '../src/translate/translate.ts';

export interface Case {
  readonly name: string;
  readonly rule: string;
  readonly table?: TableName;
  readonly family?: 'ip' | 'ip6';
  readonly backend?: 'legacy' | 'nft';
  readonly exactLegacy?: boolean;
  readonly counters?: boolean;
  readonly chains?: readonly string[];
  /** What iptables-save prints, where it differs; a list where one command makes several rules. */
  readonly saved?: string | readonly string[];
  readonly nft?: readonly (readonly Statement[])[];
  readonly subchains?: Readonly<Record<string, readonly (readonly Statement[])[]>>;
  readonly comment?: string;
  readonly status?: 'exact' | 'guarded' | 'approximate';
  readonly codes?: readonly string[];
  readonly error?: { readonly code: string; readonly at: string };
  readonly refused?: { readonly code: string; readonly at: string };
  readonly iptables?: 'accepts' | 'refuses' | 'unavailable' | 'alters';
  readonly why?: string;
}

export interface Book {
  readonly folder: 'matches' | 'targets';
  /** The file's name without `.json`. */
  readonly file: string;
  readonly extension: string;
  readonly cases: readonly Case[];
}

export const translations: URL = new URL('../translations/', import.meta.url);

/** Every case file, in the order of their names. */
export const readBooks = (): readonly Book[] =>
  (['matches', 'targets'] as const).flatMap((folder) =>
    readdirSync(new URL(folder, translations))
      .filter((name) => name.endsWith('.json'))
      .toSorted()
      .map((name) => ({
        ...(JSON.parse(readFileSync(new URL(`${folder}/${name}`, translations), 'utf8')) as Omit<
          Book,
          'folder' | 'file'
        >),
        folder,
        file: name.slice(0, -'.json'.length),
      })),
  );

const builtIn: Readonly<Record<string, readonly string[]>> = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
};

/** The case as an iptables-save dump. */
export const caseInput = (one: Case): string => {
  const table = one.table ?? 'filter';
  const chains = [
    ...(builtIn[table] ?? []).map((name) => `:${name} ACCEPT [0:0]`),
    ...(one.chains ?? []).map((name) => `:${name} - [0:0]`),
  ];
  return `*${table}\n${chains.join('\n')}\n${one.rule}\nCOMMIT\n`;
};

export const parseCase = (one: Case): Outcome<Ruleset> =>
  parse([{ name: 'case', text: caseInput(one) }], registry, {
    format: 'save',
    family: one.family ?? 'ip',
    backend: one.exactLegacy ? 'legacy' : (one.backend ?? 'nft'),
  });

export const translateCase = (
  one: Case,
  tablePrefix?: string,
): { readonly parsed: Outcome<Ruleset>; readonly result: RulesetTranslation } => {
  const parsed = parseCase(one);
  const result = translate(parsed.value, registry, {
    exactLegacy: one.exactLegacy ?? false,
    counters: one.counters ?? false,
    ...(tablePrefix === undefined ? {} : { tablePrefix }),
  });
  return { parsed, result };
};

export interface Chains {
  /** The rules of the chain that the case's rule stands in. */
  readonly own: readonly (readonly Statement[])[];
  /** Rules of chains that were made for it. */
  readonly others: Readonly<Record<string, readonly (readonly Statement[])[]>>;
  readonly comments: readonly string[];
}

export const nftChainsOf = (one: Case, commands: readonly Command[]): Chains => {
  const chain = /-[AI] (\S+)/.exec(one.rule)?.[1];
  const own: (readonly Statement[])[] = [];
  const others: Record<string, (readonly Statement[])[]> = {};
  const comments: string[] = [];
  for (const command of commands) {
    if (!('add' in command) || !('rule' in command.add)) continue;
    const { rule } = command.add;
    if (rule.comment !== undefined) comments.push(rule.comment);
    if (rule.chain === chain) own.push(rule.expr);
    else (others[rule.chain] ??= []).push(rule.expr);
  }
  return { own, others, comments };
};
