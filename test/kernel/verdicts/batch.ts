// Some rules at one hook, each with a bit of the mark of its own, as every way loads them.
import { registry } from '../../../src/extensions/registry.ts';
import { parse } from '../../../src/iptables/parse.ts';
import type { Ruleset } from '../../../src/iptables/types.ts';
import type { Backend, Family } from '../../../src/netfilter/family.ts';
import type { BuiltInChain, Hook, TableName } from '../../../src/netfilter/hooks.ts';
import { type RulesetTranslation, translate } from '../../../src/translate/translate.ts';
import { dumpOf } from '../../generate.ts';
import type { Place } from './packets.ts';
import type { Loads } from './receivers.ts';
import type { Tested } from './rules.ts';

export interface Batch {
  readonly family: Family;
  readonly place: Place;
  readonly rules: readonly Tested[];
}

export const chainOf: Readonly<Record<Hook, BuiltInChain>> = {
  prerouting: 'PREROUTING',
  input: 'INPUT',
  forward: 'FORWARD',
  output: 'OUTPUT',
  postrouting: 'POSTROUTING',
};

/** The tables in which batches and rulesets put rules: a load replaces all of them. */
export const tables = ['raw', 'mangle', 'filter'] as const satisfies readonly TableName[];

/** A whole dump of the three tables with these rules in one of them. */
const dumpWith = (table: TableName, lines: readonly string[]): string =>
  tables.map((name) => dumpOf(name, name === table ? lines : [], [])).join('');

const bitOf = (index: number): string => `0x${(2 ** index).toString(16)}`;

export const dumpOfBatch = ({ place, rules }: Batch): string =>
  dumpWith(
    'mangle',
    rules.map(({ text }, index) =>
      [`-A ${chainOf[place.hook]}`, text, `-j MARK --set-xmark ${bitOf(index)}/${bitOf(index)}`]
        .filter((part) => part !== '')
        .join(' '),
    ),
  );

export interface Forms {
  readonly dump: string;
  readonly rulesets: Readonly<Record<Backend, Ruleset>>;
  readonly translations: Readonly<Record<'native' | 'exact', RulesetTranslation>>;
}

const read = (dump: string, family: Family, backend: Backend): Ruleset => {
  const { value, diagnostics } = parse([{ name: 'batch', text: dump }], registry, { format: 'save', family, backend });
  const error = diagnostics.find(({ severity }) => severity === 'error');
  if (error) throw new Error(`${error.what}: ${error.span?.text ?? dump}`);
  return value;
};

/** A rule that has no native form is left out of the documents; the simulator of nft then knows nothing of it either. */
export const formsOf = (dump: string, family: Family): Forms => {
  const rulesets = { legacy: read(dump, family, 'legacy'), nft: read(dump, family, 'nft') };
  return {
    dump,
    rulesets,
    translations: {
      native: translate(rulesets.nft, registry),
      exact: translate(rulesets.legacy, registry, { exactLegacy: true }),
    },
  };
};

export const loadsOf = ({ dump, translations }: Forms): Loads => ({
  legacy: dump,
  nft: dump,
  native: JSON.stringify({ nftables: translations.native.commands }),
  exact: JSON.stringify({ nftables: translations.exact.commands }),
});
