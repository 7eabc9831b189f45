/** Where chains and policies stand, and in which words they are named. */
import type { Family } from '../netfilter/family.ts';
import type { ProgramChain, ProgramTable } from '../packet/program.ts';
import type { Table } from '../iptables/types.ts';
import { ownerOfChain } from '../guard/ladder.ts';
import type { Evidence } from './finding.ts';
import type { AuditHost } from './host.ts';
import type { HostRule } from './host-rules.ts';

export const familyWords: Readonly<Record<Family, string>> = { ip: 'IPv4', ip6: 'IPv6' };

const backendOf = ({ runs }: ProgramTable): Table['backend'] => (runs === 'iptables-legacy' ? 'legacy' : 'nft');

/** The table of iptables that a program's table was made from; undefined for a native one. */
export const iptablesTable = ({ host }: AuditHost, table: ProgramTable): Table | undefined =>
  table.runs === 'nft'
    ? undefined
    : host.iptables.tables.find(
        ({ family, name, backend }) => `${family} ${name}` === table.label && backend === backendOf(table),
      );

/** Where a table of iptables begins: its chains have no lines of their own. */
export const tableEvidence = (table: Table, note: string): Evidence => ({
  file: table.file,
  line: table.place?.line ?? 0,
  // A listing has no line that opens its table.
  text: table.place?.text ?? `table ${table.family} ${table.name}`,
  note,
});

/** A chain of any kind, where it is declared. */
export const chainEvidence = (host: AuditHost, table: ProgramTable, { name, base }: ProgramChain, note: string): Evidence => {
  const made = iptablesTable(host, table);
  if (made) return tableEvidence(made, note);
  const native = host.host.nft.tables.find(({ family, name: other }) => `${family} ${other}` === table.label);
  const place = native?.chains.get(name)?.place;
  const said = base ? ` { type ${base.type} hook ${base.hook} priority ${base.priority}; policy ${base.policy}; }` : '';
  return { file: place?.file ?? '', line: place?.line ?? 0, text: `chain ${table.label} ${name}${said}`, note };
}; // prettier-ignore

const targetOf = ({ rule: { action } }: HostRule): string | undefined =>
  action.kind === 'jump' || action.kind === 'goto' ? action.chain : undefined;

export const isDockers = ({ docker }: HostRule): boolean =>
  docker !== undefined && docker.part !== 'operator' && docker.part !== 'unknown';

/** `Docker`, the program that made the chain or the one that the rule jumps to, or `operator`. */
export const ownerOf = (rule: HostRule): string =>
  isDockers(rule) ? 'Docker' : (ownerOfChain(rule.chain.name) ?? ownerOfChain(targetOf(rule) ?? '') ?? 'operator');

/** `ip filter FORWARD`. */
export const chainWords = ({ table, chain }: HostRule): string => `${table.family} ${table.name} ${chain.name}`;

/** `a, b and 3 more`. */
export const some = (names: readonly string[], most = 4): string =>
  names.length <= most
    ? names.join(', ').replace(/, ([^,]*)$/, ' and $1')
    : `${names.slice(0, most).join(', ')} and ${names.length - most} more`;

export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
