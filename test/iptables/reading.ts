// What the tests of the readers share: texts in, rules as iptables-save prints them and diagnostics as codes out.
import { registry } from '../../src/extensions/registry.ts';
import { type ParseOptions, parse } from '../../src/iptables/parse.ts';
import { printRule } from '../../src/iptables/print.ts';
import type { Table } from '../../src/iptables/types.ts';

export type Read = ReturnType<typeof parse>;

/** Reads one text; it is of the nft backend unless the options say otherwise. */
export const read = (text: string, options: ParseOptions = {}, name = 'input'): Read =>
  parse([{ name, text }], registry, { backend: 'nft', ...options });

/** `-P` or `-N` for every chain, then `-A` for every rule. */
export const linesOf = (table: Table | undefined): readonly string[] => {
  if (!table) return [];
  const chains = table.chains.map(({ name, policy }) => (policy ? `-P ${name} ${policy}` : `-N ${name}`));
  const rules = table.chains.flatMap(({ name, rules: all }) =>
    all.map((rule) => `-A ${name} ${printRule(rule, table.family, registry)}`.trimEnd()),
  );
  return [...chains, ...rules];
};

/** Only the rules. */
export const rulesOf = ({ value }: Read): readonly string[] =>
  value.tables.flatMap((table) => linesOf(table).filter((line) => line.startsWith('-A')));

export const tableOf = ({ value }: Read, name: string, family: 'ip' | 'ip6' = 'ip'): Table | undefined =>
  value.tables.find((table) => table.name === name && table.family === family);

/** Every diagnostic as `severity code line:column "what is underlined"`; the place is left out where there is none. */
export const told = ({ diagnostics }: Read): readonly string[] =>
  diagnostics.map(({ severity, code, span }) => {
    if (!span) return `${severity} ${code}`;
    const marked = span.text.slice(span.column - 1, span.column - 1 + span.length);
    return `${severity} ${code} ${span.line}:${span.column} "${marked}"`;
  });

export const errors = (reading: Read): readonly string[] => told(reading).filter((one) => one.startsWith('error'));

/** A filter table around lines. */
export const filter = (...lines: readonly string[]): string =>
  ['*filter', ':INPUT ACCEPT [0:0]', ':FORWARD ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]', ...lines, 'COMMIT', ''].join(
    '\n',
  );

/** How lines inside `filter` are numbered: its own come first. */
export const firstLine = 5;

/** Reads one rule of a filter table. */
export const readRule = (rule: string, options: ParseOptions = {}): Read =>
  read(filter(rule), { format: 'save', family: 'ip', ...options });
