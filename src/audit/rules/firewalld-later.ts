/** firewalld's chains are asked after those of iptables. */
import type { Hook } from '../../netfilter/hooks.ts';
import { hookOf, isBuiltInChain } from '../../netfilter/hooks.ts';
import type { NftChain, NftTable } from '../../nftables/ruleset.ts';
import type { FindingRule } from '../contract.ts';
import type { Evidence, Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { counted } from '../places.ts';

const wheres: readonly Hook[] = ['input', 'forward'];

const isAfter = ({ base }: NftChain): boolean =>
  base !== undefined && wheres.some((hook) => hook === base.hook) && base.type === 'filter' && base.priority > 0;

const placed = ({ family, name: table }: NftTable, { place, name, base }: NftChain): Evidence => ({
  file: place.file,
  line: place.line,
  text: `chain ${family} ${table} ${name} { type filter hook ${base?.hook ?? ''} priority ${base?.priority ?? 0}; policy ${base?.policy ?? 'accept'}; }`,
  note: 'asked after iptables',
});

const find = ({ host }: AuditHost): readonly Found[] =>
  host.nft.tables
    .filter(({ name, dormant }) => name === 'firewalld' && !dormant)
    .flatMap((table): readonly Found[] => {
      const later = [...table.chains.values()].filter(isAfter);
      const hooks = new Set<string>(later.flatMap(({ base }) => (base ? [base.hook] : [])));
      const rules = host.iptables.tables
        .filter(({ name, family }) => name === 'filter' && (table.family === 'inet' || table.family === family))
        .flatMap(({ chains }) => chains.filter(({ name }) => isBuiltInChain(name) && hooks.has(hookOf[name])))
        .reduce((sum, chain) => sum + chain.rules.length, 0);
      if (later.length === 0 || rules === 0) return [];
      return [
        {
          subject: `${table.family} firewalld`,
          what: `${counted(later.length, 'base chain')} of firewalld ${later.length === 1 ? 'is' : 'are'} asked after iptables, whose INPUT and FORWARD hold ${counted(rules, 'rule')}.`,
          means:
            'What iptables or Docker drops never comes to firewalld, and what they accept firewalld may still drop. An accept of firewalld opens nothing that iptables has closed.',
          evidence: later.map((chain) => placed(table, chain)),
          fix: [
            {
              what: 'see what firewalld decides of the zones of Docker and of the host',
              commands: ['firewall-cmd --list-all-zones', 'firewall-cmd --info-policy docker-forwarding'],
            },
          ],
        },
      ];
    });

export const firewalldLater: FindingRule = {
  code: 'firewalld-later',
  severity: 'info',
  job: 'ordering',
  title: "firewalld is asked after iptables and after Docker's rules",
  about:
    "firewalld's native backend hooks its chains ten behind those of iptables. Both have to let a packet through: firewalld's drops apply to what iptables has accepted, and its accepts come too late for what iptables has dropped. Releases before 0.6, and those with FirewallBackend=iptables, write rules of iptables instead.",
  silent: 'iptables has no rules in INPUT and FORWARD, or firewalld has no native table.',
  references: ['firewalld#534', 'firewalld#844'],
  needs: ['nft'],
  find,
};
