/** iptables-save and nft do not show the same rules of one table. */
import type { Chain, Table } from '../../iptables/types.ts';
import { type Json, property } from '../../nftables/json.ts';
import { ruleText } from '../../nftables/describe.ts';
import type { NftChain, NftRule, NftTable } from '../../nftables/ruleset.ts';
import type { FindingRule } from '../contract.ts';
import type { Evidence, Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { programFor } from '../host-rules.ts';
import { counted, tableEvidence } from '../places.ts';
import { shellPlace } from '../shell-words.ts';

const shown = 4;

/** iptables-nft never writes sets, verdict maps or lookups: it has its own matches for them. */
const isForeign = (json: Json): boolean => {
  if (typeof json === 'string') return json.startsWith('@');
  if (json === null || typeof json !== 'object') return false;
  if (Array.isArray(json)) return json.some(isForeign);
  if (property(json, 'xt') !== undefined) return false;
  return Object.entries(json).some(([key, value]) => key === 'set' || key === 'vmap' || key === 'map' || key === 'fib' || key === 'ct' || key === 'ct helper' || (value !== undefined && isForeign(value))); // prettier-ignore
};

const ruleEvidence = (rule: NftRule, note: string): Evidence => ({ ...rule.place, text: ruleText(rule), note });

interface Differing {
  readonly chain: string;
  readonly why: string;
  readonly evidence: readonly Evidence[];
}

const compare = (chain: NftChain, shownChain: Chain | undefined): Differing | undefined => {
  const { name, rules } = chain;
  const foreign = rules.filter(({ statements }) => statements.some(isForeign));
  if (!shownChain)
    return rules.length === 0 ? undefined : { chain: name, why: `${counted(rules.length, 'rule')} in nft, and no such chain in iptables`, evidence: rules.slice(0, shown).map((rule) => ruleEvidence(rule, 'only nft shows it')) }; // prettier-ignore
  if (rules.length !== shownChain.rules.length)
    return {
      chain: name,
      why: `${counted(rules.length, 'rule')} in nft, ${shownChain.rules.length} in iptables`,
      evidence: foreign.slice(0, shown).map((rule) => ruleEvidence(rule, 'native: iptables cannot show it')),
    };
  if (foreign.length === 0) return undefined;
  return {
    chain: name,
    why: `${counted(foreign.length, 'native rule')} that iptables cannot show as ${foreign.length === 1 ? 'it is' : 'they are'}`,
    evidence: foreign.slice(0, shown).flatMap((rule) => {
      const other = shownChain.rules[rules.indexOf(rule)];
      return [
        ruleEvidence(rule, 'native, as nft shows it'),
        ...(other ? [{ file: other.origin.file, line: other.origin.line, text: other.origin.text.trim(), note: 'what iptables makes of it' }] : []), // prettier-ignore
      ];
    }),
  };
};

const inTable = (table: Table, listed: NftTable): readonly Found[] => {
  const differing = [...listed.chains.values()].flatMap((chain) => compare(chain, table.chains.find(({ name }) => name === chain.name)) ?? []); // prettier-ignore
  const missing = table.chains.flatMap(({ name, rules }): readonly Differing[] =>
    rules.length > 0 && !listed.chains.has(name)
      ? [{ chain: name, why: `${counted(rules.length, 'rule')} in iptables, and no such chain in nft`, evidence: [] }]
      : [],
  );
  const all = [...differing, ...missing];
  if (all.length === 0) return [];
  const place = `${table.family} ${table.name}`;
  const evidence = all.flatMap((one) => one.evidence).slice(0, 2 * shown);
  return [
    {
      subject: place,
      what: `nft and iptables disagree about table ${place}: ${all.slice(0, shown).map(({ chain, why }) => `${chain} has ${why}`).join('; ')}${all.length > shown ? `; and ${counted(all.length - shown, 'more chain')}` : ''}.`,
      means:
        'What iptables lists is not what the kernel does, and a dump of iptables that is loaded again leaves the native rules out, or makes others of them. This report took the rules as iptables shows them.',
      evidence: evidence.length > 0 ? evidence : [tableEvidence(table, 'as iptables shows it')],
      fix: [
        {
          what: 'look at both, and move native rules into a table of their own',
          commands: [`nft -a list table ${shellPlace(place)}`, `${programFor(table)}-save -t ${table.name}`],
        },
      ],
    },
  ];
}; // prettier-ignore

const find = ({ host }: AuditHost): readonly Found[] =>
  host.iptables.tables
    .filter(({ backend }) => backend === 'nft')
    .flatMap((table) => {
      const listed = host.listed.tables.find(({ family, name }) => family === table.family && name === table.name);
      return listed ? inTable(table, listed) : [];
    });

export const viewsDisagree: FindingRule = {
  code: 'views-disagree',
  severity: 'medium',
  job: 'hygiene',
  title: 'iptables and nft show different rules of one table',
  about:
    'iptables-nft keeps its rules in nftables, in tables that nft can change as well. A native rule in them is shown by iptables without what it does not know: a rule with a set becomes one that accepts everything, in the listing and in every dump that is restored later. Chains are compared by the number of their rules, and rules by expressions that iptables never writes.',
  silent: 'The rules were not read with both programs, or the table is of the legacy backend, which nft does not show.',
  needs: ['nft'],
  find,
};
