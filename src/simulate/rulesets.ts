/** Rulesets of either kind from files: iptables in each of its forms, and nftables JSON. */
import { type Diagnostic, isError, type Outcome } from '../diagnostics/diagnostic.ts';
import { registry } from '../extensions/registry.ts';
import { apartFrom } from './twins.ts';
import type { Format } from '../iptables/detect.ts';
import { type Input, parse } from '../iptables/parse.ts';
import type { Ruleset } from '../iptables/types.ts';
import type { Backend, Family } from '../netfilter/family.ts';
import type { TableName } from '../netfilter/hooks.ts';
import { readNftables } from '../nftables/read.ts';
import { meetsIp, type NftRuleset, type NftTable } from '../nftables/ruleset.ts';
import type { Program } from '../packet/program.ts';
import { iptablesProgram } from './iptables-program.ts';
import { nftProgram } from './nft-program.ts';

/** What the command line says of inputs that do not say it themselves. */
export interface RulesetFlags {
  readonly from?: Format;
  readonly family?: Family;
  readonly backend?: Backend;
  readonly table?: TableName;
}

export type LoadedRuleset =
  | { readonly kind: 'iptables'; readonly ruleset: Ruleset }
  | {
      readonly kind: 'nft';
      readonly ruleset: NftRuleset;
      /** With the tables of iptables-nft, which are not in the ruleset where iptables shows them. */
      readonly listed?: NftRuleset;
    }
  /** Both of one host, side by side. */
  | { readonly kind: 'host'; readonly iptables: Ruleset; readonly nft: NftRuleset };

/** JSON begins with a bracket; so does no form of iptables rules. */
const isJson = ({ text }: Input): boolean => /^\ufeff?\s*[{[]/.test(text);

/** nft's text form, which the reader of its JSON knows how to refuse. */
const isNftText = ({ text }: Input): boolean =>
  /^(?:\s|#[^\n]*\n)*(?:table|(?:add|create|flush) (?:table|ruleset))\b/.test(text);

const isNft = (input: Input, { from }: RulesetFlags): boolean =>
  from === undefined && (isJson(input) || isNftText(input));

const readIptables = (inputs: readonly Input[], { from, ...rest }: RulesetFlags): Outcome<LoadedRuleset> => {
  const { value, diagnostics } = parse(inputs, registry, { ...rest, ...(from ? { format: from } : {}) });
  return { value: { kind: 'iptables', ruleset: value }, diagnostics };
};

/** One file as a ruleset of its own. With an error among the diagnostics, the value must not be acted upon. */
export const readRuleset = (input: Input, flags: RulesetFlags): Outcome<LoadedRuleset> => {
  if (!isNft(input, flags)) return readIptables([input], flags);
  const { value, diagnostics } = readNftables(input.name, input.text, undefined, input.firstLine);
  return { value: { kind: 'nft', ruleset: value }, diagnostics };
};

/** See twins.ts; says where the twins are read instead. */
const withoutTwins = (nft: NftRuleset, iptables: Ruleset): Outcome<NftRuleset> => {
  const { own, twins } = apartFrom(nft, iptables);
  const fileOf = ({ family, name }: NftTable): string | undefined =>
    iptables.tables.find((table) => table.backend === 'nft' && table.family === family && table.name === name)?.file;
  const diagnostics = twins.map((twin): Diagnostic => ({
    code: 'duplicate-table',
    severity: 'note',
    what: `${twin.place.file} shows table ${twin.family} ${twin.name} of iptables-nft: it is read from ${fileOf(twin)}`,
  }));
  return { value: own, diagnostics };
};

/** All files as the rulesets of one host, side by side; later nftables documents are loaded on top of earlier ones. */
export const readHost = (inputs: readonly Input[], flags: RulesetFlags): Outcome<readonly LoadedRuleset[]> => {
  const loaded: LoadedRuleset[] = [];
  const diagnostics: Diagnostic[] = [];
  const dumps = inputs.filter((input) => !isNft(input, flags));
  const iptables = dumps.length > 0 ? readIptables(dumps, flags) : undefined;
  if (iptables) {
    loaded.push(iptables.value);
    diagnostics.push(...iptables.diagnostics);
  }
  let nft: NftRuleset | undefined;
  for (const input of inputs.filter((one) => isNft(one, flags))) {
    const read = readNftables(input.name, input.text, nft, input.firstLine);
    nft = read.value;
    diagnostics.push(...read.diagnostics);
  }
  if (nft) {
    const alone =
      iptables?.value.kind === 'iptables' ? withoutTwins(nft, iptables.value.ruleset) : { value: nft, diagnostics: [] };
    loaded.push({ kind: 'nft', ruleset: alone.value, listed: nft });
    diagnostics.push(...alone.diagnostics);
  }
  return { value: diagnostics.some(isError) ? [] : loaded, diagnostics };
};

const nftFamilies = ({ tables }: NftRuleset): readonly Family[] =>
  tables
    .map(({ family }) => family)
    .filter(meetsIp)
    .flatMap((family): Family[] => (family === 'inet' ? ['ip', 'ip6'] : [family]));

/** The families of which a ruleset has tables that meet packets. */
export const familiesOf = (loaded: LoadedRuleset): ReadonlySet<Family> => {
  const ofIptables = ({ tables }: Ruleset): readonly Family[] => tables.map(({ family }) => family);
  if (loaded.kind === 'iptables') return new Set(ofIptables(loaded.ruleset));
  return new Set(loaded.kind === 'nft' ? nftFamilies(loaded.ruleset) : [...ofIptables(loaded.iptables), ...nftFamilies(loaded.nft)]); // prettier-ignore
};

/** A ruleset as the steps that packets of one family meet. */
export const programOf = (loaded: LoadedRuleset, family: Family): Program => {
  if (loaded.kind === 'iptables') return iptablesProgram(loaded.ruleset, registry, family);
  if (loaded.kind === 'nft') return nftProgram(loaded.ruleset, family);
  const both = [iptablesProgram(loaded.iptables, registry, family), nftProgram(loaded.nft, family)];
  return { family, tables: both.flatMap(({ tables }) => tables) };
};
