// Dumps with many rules of one shape, and the ordinary path that they are compared with.
import { expect } from 'vitest';
import type { Diagnostic } from '../../src/diagnostics/diagnostic.ts';
import { registry } from '../../src/extensions/registry.ts';
import { parse } from '../../src/iptables/parse.ts';
import { compactRules, isShaped } from '../../src/iptables/shape.ts';
import type { Rule, Ruleset } from '../../src/iptables/types.ts';
import type { Family } from '../../src/netfilter/family.ts';
import type { TableName } from '../../src/netfilter/hooks.ts';
import { jsonWriter } from '../../src/nftables/print.ts';
import { validateCommands, validateStatements } from '../../src/nftables/validate.ts';
import { translateInto, type TranslateOptions, type TranslationReport } from '../../src/translate/translate.ts';
import { dumpOf } from '../generate.ts';

export interface Dump {
  readonly family: Family;
  readonly backend: 'legacy' | 'nft';
  readonly table: TableName;
  readonly userChains: readonly string[];
  readonly lines: readonly string[];
}

const plain: Readonly<Record<'ip' | 'ip6' | 'interface' | 'port' | 'text', readonly string[]>> = {
  ip: ['10.0.0.1/32', '10.0.0.2', '172.17.0.2/32', '192.0.2.255', '1.0.0.0/32'],
  ip6: ['fd00::1/128', 'fd00::2', '2001:db8:1:2:3::ffff', '1:2:3:4:5:6:7:8/128', 'fd00:1::a'],
  interface: ['eth0', 'br-1a2b3c4d5e6f', 'docker0', 'veth1.2', 'wg-0'],
  port: ['80', '1', '65535', '8080', '443'],
  text: ['"two words"', '"ns/name:port"', '"a (b); c"', 'word', '"same"', '"x, y"', `"${'x'.repeat(120)}"`],
};

/** Values that mean something by themselves, are written in another way, or are wrong. */
const special: typeof plain = {
  ip: ['0.0.0.0', '0.0.0.0/0', '0.0.0.0/32', '10.0.0.1/24', '10.0.0.0/8', '255.255.255.255', '1.2.3', '010.0.0.1', 'host'],
  ip6: ['::', '::/0', '::1', '2001:DB8::1', '1::2:0:0', '1:0:2::3', '::ffff:1.2.3.4', 'fd00::/8', '1:2:3:4:5:6::8', 'g::1'],
  interface: ['lo', 'lo0', '+', 'eth+', 'icmpv6', 'icmpv60', 'tcp', 'docker_gwbridge', 'br-0123456789abc', 'a-*', '*', '"eth0"'],
  port: ['0', '080', '0x50', 'http', '65536', '1000:2000', '2000:1000', ':80', '0:65535', '99999', '"80"'],
  text: ['""', '"a \\"b\\""', 'a"b c"', '"ünï"', '"-x"', '"a\tb"', `"${'x'.repeat(121)}"`, `"${'y'.repeat(254)}"`, '"a < b"'],
}; // prettier-ignore

const endpoints = (family: Family, one: number, other: number): readonly string[] => {
  const values = { ...plain, ip: plain.ip.map((text) => text.replace(/\/.*/, '')), ip6: plain.ip6.map((text) => text.replace(/\/.*/, '')) };
  const address = values[family][one % 5] ?? '';
  const port = plain.port[other % 5] ?? '';
  return [family === 'ip' ? `${address}:${port}` : `[${address}]:${port}`];
}; // prettier-ignore

const placed =
  /(?<=\s(?:(?<address>-[sd]|--source|--destination)|(?<interface>-[io])|(?<port>--[sd]port|--source-port|--destination-port|--to-ports|--ctorig\w+port|--ctrepl\w+port)|(?<text>--comment)|(?<endpoint>--to-destination|--to-source))\s(?:!\s)?)(?:"(?:\\.|[^"\\])*"|[^\s!"]\S*)/g;

/** Numbers that look random and are the same in every run. */
const numbers = (start: number): (() => number) => {
  let state = start;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state >> 8;
  };
};

/** The line with other values in it: first usual ones, so that a shape is found, then all kinds. */
export const variantsOf = (line: string, family: Family, count: number): readonly string[] => {
  const next = numbers(line.length);
  const pick = (values: readonly string[]): string => values[next() % values.length] ?? '';
  return Array.from({ length: count }, (_, index) => {
    const usual = index < count / 2 || index % 3 === 0;
    return line.replaceAll(placed, (value, ...rest) => {
      const { address, interface: device, text, endpoint } = rest.at(-1) as Record<string, string | undefined>;
      if (index === 0) return value;
      if (endpoint) return usual && value.includes(':') ? pick(endpoints(family, next(), next())) : value;
      const kind = address ? family : device ? 'interface' : text ? 'text' : 'port';
      return pick(usual ? plain[kind] : [...plain[kind], ...special[kind]]);
    });
  });
};

const read = ({ family, backend }: Dump, text: string): ReturnType<typeof parse> =>
  parse([{ name: 'dump', text }], registry, { format: 'save', family, backend });

/** Every line is read in a dump of its own, in which it stands at the same place. */
const readApart = (dump: Dump): { readonly rules: readonly Rule[]; readonly diagnostics: readonly Diagnostic[] } => {
  const rules: Rule[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const [index, line] of dump.lines.entries()) {
    const padded = [...Array.from({ length: index }, () => ''), line];
    const { value, diagnostics: found } = read(dump, dumpOf(dump.table, padded, dump.userChains));
    for (const table of value.tables) for (const chain of table.chains) rules.push(...chain.rules);
    diagnostics.push(...found);
  }
  return { rules, diagnostics };
};

interface Written extends TranslationReport {
  readonly document: string;
  /** How many rules came as text made from a template. */
  readonly filled: number;
}

const write = (ruleset: Ruleset, options: TranslateOptions): Written => {
  let filled = 0;
  const fail = (wrong: unknown): void => expect(wrong).toBeUndefined();
  const writer = jsonWriter({
    command: (command) => fail(validateCommands([command])),
    statements: (statements) => fail(validateStatements(statements)),
  });
  const made = translateInto(ruleset, registry, options, () => {
    const sink = writer.table();
    const put = (text: string): void => {
      filled++;
      sink.text.write(text);
    };
    return { ...sink, text: { of: sink.text.of, write: put } };
  });
  return { ...made, document: Buffer.concat(writer.chunks()).toString(), filled };
};

const order = (diagnostics: readonly Diagnostic[]): readonly string[] =>
  diagnostics.map((diagnostic) => JSON.stringify(diagnostic)).toSorted();

export interface Comparison {
  /** Lines that were of a known shape. */
  readonly shaped: number;
  readonly filled: number;
}

/** Reads and translates a dump as it is and line by line, and expects the same of both. */
export const compare = (dump: Dump, options: readonly TranslateOptions[]): Comparison => {
  const apart = readApart(dump);
  const whole = read(dump, dumpOf(dump.table, dump.lines, dump.userChains));
  expect(order(whole.diagnostics.filter(({ span }) => span))).toEqual(
    order(apart.diagnostics.filter(({ span }) => span)),
  );
  const wrong = new Set(apart.diagnostics.flatMap(({ severity, span }) => (severity === 'error' ? span?.line : [])));
  if (wrong.size > 0) {
    const first = dumpOf(dump.table, [''], dump.userChains).split('\n').indexOf('') + 1;
    const lines = dump.lines.filter((_, index) => !wrong.has(first + index));
    return lines.length === 0 ? { shaped: 0, filled: 0 } : compare({ ...dump, lines }, options);
  }
  const shaped = whole.value.tables.flatMap((table) => table.chains.flatMap(compactRules)).filter(isShaped).length;
  const ordinary: Ruleset = {
    tables: whole.value.tables.map((table) => ({
      ...table,
      chains: table.chains.map((chain) => ({
        ...chain,
        rules: apart.rules.filter(({ origin }) => origin.text.split(' ')[1] === chain.name),
      })),
    })),
  };
  let filled = 0;
  for (const option of options) {
    const { filled: short, ...made } = write(whole.value, option);
    const { filled: none, ...expected } = write(ordinary, option);
    expect(none).toBe(0);
    expect(made).toEqual(expected);
    filled += short;
  }
  // Last, because asking for the rules makes them.
  expect(whole.value).toEqual(ordinary);
  return { shaped, filled };
};
