/** Rules that never match, each with whose it is and what stands in its way, for the findings about them. */
import { shellPlace, shellRule, shellWord } from './shell-words.ts';
import type { Family } from '../netfilter/family.ts';
import type { ProgramChain, ProgramRule, ProgramTable } from '../packet/program.ts';
import type { Blocker, Unreached } from '../prove/questions.ts';
import { ownerOfTable } from '../guard/ladder.ts';
import type { Evidence, Fix, Found, Severity } from './finding.ts';
import type { AuditHost } from './host.ts';
import { groupBy } from './group.ts';
import { deleting, evidenceAt, type HostRule, programFor } from './host-rules.ts';
import { ownerOf } from './places.ts';

export interface Dead {
  readonly family: Family;
  readonly found: Unreached;
  /** None for a native one. */
  readonly rule: HostRule | undefined;
  readonly owner: string;
}

const labelled = ({ label }: ProgramTable): readonly [family: string, name: string] => {
  const [family = '', ...name] = label.split(' ');
  return [family, name.join(' ')];
};

export const whose = (host: AuditHost, rule: ProgramRule, table: ProgramTable): string => {
  const made = host.ruleOf(rule);
  if (made) return ownerOf(made);
  const owner = ownerOfTable(...labelled(table));
  return owner === 'unknown' ? 'operator' : owner;
};

/** A rule of an inet table stands in the programs of both families. */
const keyOf = ({ table, chain, rule }: Pick<Unreached, 'table' | 'chain' | 'rule'>): string | undefined =>
  table.label.startsWith('inet ') ? `${table.label} ${chain.name} ${chain.rules.indexOf(rule)}` : undefined;

/** What an unmodelled rule takes is not known, and then nothing is known of those behind it. */
const isSure = ({ blockers }: Unreached): boolean => blockers.every(({ end }) => !end.startsWith('unknown'));

const known = new WeakMap<AuditHost, readonly Dead[]>();

const find = (host: AuditHost): readonly Dead[] => {
  const both = host.families().map((family) => ({ family, all: host.proof(family).unreached() }));
  const dead = new Map<string, number>();
  for (const { all } of both)
    for (const one of all ?? []) {
      const key = keyOf(one);
      if (key !== undefined) dead.set(key, (dead.get(key) ?? 0) + 1);
    }
  const told = new Set<string>();
  return both.flatMap(({ family, all }) =>
    (all ?? []).filter(isSure).flatMap((found): readonly Dead[] => {
      const key = keyOf(found);
      // What no IPv4 packet meets may be there for IPv6.
      if (key !== undefined && (dead.get(key) !== 2 || told.has(key))) return [];
      if (key !== undefined) told.add(key);
      return [{ family, found, rule: host.ruleOf(found.rule), owner: whose(host, found.rule, found.table) }];
    }),
  );
};

/** In the order of hooks, tables and chains. */
export const deadRules = (host: AuditHost): readonly Dead[] => {
  const found = known.get(host) ?? find(host);
  known.set(host, found);
  return found;
};

/** What one program has made is left as it is: it has its reasons for rules that never match. */
export const isOwnMatter = (host: AuditHost, { found: { blockers }, owner }: Dead): boolean =>
  owner !== 'operator' && blockers.every(({ rule, table }) => whose(host, rule, table) === owner);

const textOf = ({ found, rule }: Dead): string => rule?.text ?? found.rule.origin.text.trim();

export const placeWords = (table: ProgramTable, chain: ProgramChain): string => `${table.label} ${chain.name}`;

/** `ip filter INPUT: -p tcp -j DROP`; rules of legacy tables say so. */
export const subjectOf = (dead: Dead): string => {
  const { table, chain } = dead.found;
  return `${placeWords(table, chain)}${table.runs === 'iptables-legacy' ? ' (legacy)' : ''}: ${textOf(dead)}`;
};

const nftHandle = (host: AuditHost, { found: { table, chain, rule } }: Dead): number | undefined =>
  host.host.nft.tables.find(({ family, name }) => `${family} ${name}` === table.label)?.chains.get(chain.name)?.rules[
    chain.rules.indexOf(rule)
  ]?.handle;

export const removing = (host: AuditHost, dead: Dead): readonly string[] => {
  if (dead.rule) return [deleting(dead.rule)];
  const { table, chain } = dead.found;
  const place = shellPlace(placeWords(table, chain));
  const handle = nftHandle(host, dead);
  return handle === undefined
    ? [`nft -a list chain ${place}`, `nft delete rule ${place} handle NUMBER`]
    : [`nft delete rule ${place} handle ${handle}`];
};

const ends: Readonly<Record<string, string>> = { accept: 'accepts', drop: 'drops', return: 'returns' };

export const endWords = (end: string): string => ends[end] ?? (end.startsWith('reject') ? 'rejects' : `ends with ${end}`); // prettier-ignore

export const blockerEvidence = ({ rule, end }: Blocker): Evidence => evidenceAt(rule.origin, `takes its packets: ${end}`); // prettier-ignore

/** Puts the rule in front of the first one in its way. */
export const moving = (host: AuditHost, { rule, found }: Dead): Fix | undefined => {
  const [first] = found.blockers;
  const other = first && host.ruleOf(first.rule);
  if (!rule || !other || other.table !== rule.table) return undefined;
  const program = `${programFor(rule.table)} -t ${rule.table.name}`;
  return {
    what: 'if it is meant to take effect, put it first',
    commands: [
      deleting(rule),
      `${program} -I ${shellWord(other.chain.name)} ${other.position} ${shellRule(rule.text)}`,
    ],
  };
};

/** More of one chain are told together. */
const mostOfChain = 20;
const shownOfChain = 6;

export interface Telling {
  readonly severity?: (dead: Dead) => Severity | undefined;
  readonly each: (dead: Dead, all: readonly Dead[]) => Omit<Found, 'subject' | 'severity'>;
  readonly many: string;
}

/** One finding for each rule, those of the same text together, and one for a chain with very many. */
export const tell = (all: readonly Dead[], { each, many, severity }: Telling): readonly Found[] => {
  const chains = groupBy(all, ({ found }) => placeWords(found.table, found.chain));
  return [...chains].flatMap(([place, some]): readonly Found[] => {
    const [first] = some;
    if (!first) return [];
    if (some.length > mostOfChain) {
      const told = each(first, [first]);
      return [
        {
          ...told,
          subject: place,
          what: `${place}: ${some.length} rules ${many}.`,
          evidence: some.slice(0, shownOfChain).map((dead) => evidenceAt(dead.found.rule.origin, 'never matches')),
          fix: [{ what: 'look at the chain', commands: [first.rule ? `${programFor(first.rule.table)} -t ${first.rule.table.name} -vnL ${shellWord(first.rule.chain.name)}` : `nft list chain ${shellPlace(place)}`] }], // prettier-ignore
        },
      ];
    }
    return [...groupBy(some, subjectOf)].flatMap(([subject, same]): readonly Found[] => {
      const [one] = same;
      if (!one) return [];
      const level = severity?.(one);
      return [{ subject, ...(level ? { severity: level } : {}), ...each(one, same) }];
    });
  });
};
