/** Bare rules as a host to audit: dumps and listings, all of them of one host. */
import { type Diagnostic, isError, type Outcome } from '../diagnostics/diagnostic.ts';
import { detectFormat } from '../iptables/detect.ts';
import type { Input } from '../iptables/parse.ts';
import type { Ruleset, Table } from '../iptables/types.ts';
import { builtInChains } from '../netfilter/hooks.ts';
import type { NftRuleset } from '../nftables/ruleset.ts';
import { readHost, type RulesetFlags } from '../simulate/rulesets.ts';
import { apartFrom } from '../simulate/twins.ts';
import type { Source } from './source.ts';

/** `iptables-save -t filter` and `iptables -nvL` show a part only; a dump with several tables shows all that there are. */
const isWhole = (inputs: readonly Input[], { tables }: Ruleset, file: string): boolean =>
  tables.filter((table) => table.file === file).length > 1 &&
  inputs.some((input) => input.name === file && detectFormat(input) === 'save');

const chainsIn = (inputs: readonly Input[], ruleset: Ruleset): ReadonlySet<string> => {
  const known = new Set<string>();
  for (const { family, name, file, chains } of ruleset.tables) {
    const tables = isWhole(inputs, ruleset, file) ? Object.entries(builtInChains) : [];
    for (const [table, all] of tables) for (const chain of all) known.add(`${family} ${table} ${chain}`);
    for (const chain of chains) known.add(`${family} ${name} ${chain.name}`);
  }
  return known;
};

/** Up to 1.8.7 a dump does not say which backend it is of. If nft lists the very same chains, it is of that one. */
const withBackends = (tables: readonly Table[], listed: NftRuleset | undefined): Ruleset => {
  const isTwin = (table: Table): boolean => {
    const twin = listed?.tables.find(({ family, name }) => family === table.family && name === table.name);
    const hasRules = table.chains.some(({ rules }) => rules.length > 0);
    return twin !== undefined && hasRules && table.chains.every(({ name, rules }) => (twin.chains.get(name)?.rules.length ?? 0) === rules.length); // prettier-ignore
  };
  const isNft = tables.some((table) => table.backend === 'legacy' && isTwin(table));
  return { tables: tables.map((table) => (isNft && table.backend === 'legacy' && isListed(table, listed) ? { ...table, backend: 'nft' } : table)) }; // prettier-ignore
};

const isListed = (table: Table, listed: NftRuleset | undefined): boolean =>
  listed?.tables.some(({ family, name }) => family === table.family && name === table.name) === true;

const advice: Readonly<Record<string, string>> = {
  'backend-assumed': 'a capture tells, and so does what nft lists',
  'family-assumed': 'a capture tells, and so does a name such as HOST.ip6tables-save',
};

/** Not where nft's listing has told the backend after all. */
const supposedOf = (diagnostics: readonly Diagnostic[], { tables }: Ruleset): readonly string[] =>
  diagnostics.flatMap(({ code, what }) => {
    const help = advice[code];
    const isTold =
      code === 'backend-assumed' &&
      !tables.some(({ backend, file }) => backend === 'legacy' && what.startsWith(`${file} `));
    return help === undefined || isTold ? [] : [`${what}; ${help}`];
  });

/** A listing does not say whose rules it shows. */
const withDoubt = ({ tables }: Ruleset, diagnostics: readonly Diagnostic[]): Ruleset => ({
  tables: tables.map((table) => {
    const isSupposed = diagnostics.some(({ code, what }) => code === 'backend-assumed' && what.startsWith(`${table.file} `)); // prettier-ignore
    return isSupposed && table.backend === 'legacy' ? { ...table, isBackendSupposed: true } : table;
  }),
});

const nothing: NftRuleset = { tables: [] };

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** With an error among the diagnostics, the value must not be audited. */
export const bareSource = (inputs: readonly Input[], flags: RulesetFlags = {}): Outcome<Source | undefined> => {
  const { value, diagnostics } = readHost(inputs, flags);
  const said = diagnostics.filter(({ severity }) => severity !== 'note');
  if (diagnostics.some(isError)) return { value: undefined, diagnostics: said };
  const iptables = value.flatMap((one) => (one.kind === 'iptables' ? [one.ruleset] : []));
  const native = value.find((one) => one.kind === 'nft');
  const listed = native?.listed ?? native?.ruleset;
  const told = withBackends(iptables.flatMap(({ tables }) => tables), listed); // prettier-ignore
  const ruleset = withDoubt(told, diagnostics);
  const nft = native && apartFrom(native.ruleset, ruleset).own;
  const supposed = supposedOf(diagnostics, ruleset);
  const families = new Set(ruleset.tables.map(({ family }) => family));
  return {
    value: {
      name: baseName(inputs[0]?.name ?? ''),
      kind: 'rules',
      files: inputs.map(({ name }) => name),
      host: {
        iptables: ruleset,
        nft: nft ?? nothing,
        listed: listed ?? nothing,
        sockets: [],
        addresses: [],
        routes: [],
        callers: [],
        docker: undefined,
        overlays: undefined,
        tunnels: [],
        gaps: [],
        diagnostics: said,
      },
      around: {},
      ...(supposed.length === 0 ? {} : { supposed }),
      chains: chainsIn(inputs, ruleset),
      absent: new Set([
        ...(families.has('ip') ? [] : (['iptables'] as const)),
        ...(families.has('ip6') ? [] : (['ip6tables'] as const)),
        ...(nft === undefined ? (['nft'] as const) : []),
        'engine',
        'sockets',
        'addresses',
      ]),
    },
    diagnostics: said,
  };
};
