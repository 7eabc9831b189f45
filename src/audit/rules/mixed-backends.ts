/** Rules of iptables-legacy and of iptables-nft beside each other. */
import { families } from '../../netfilter/family.ts';
import type { FindingRule } from '../contract.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceOf, type HostRule } from '../host-rules.ts';

const familyWords = { ip: 'IPv4', ip6: 'IPv6' } as const;

/** Enough to see what they are. */
const shown = 4;

const policies = ({ host }: AuditHost, family: string, backend: string): number =>
  host.iptables.tables
    .filter((table) => table.family === family && table.backend === backend)
    .flatMap(({ chains }) => chains.filter(({ policy }) => policy === 'DROP')).length;

const find = (host: AuditHost): readonly Found[] =>
  families.flatMap((family): readonly Found[] => {
    const of = (backend: string): readonly HostRule[] =>
      host.rules().filter(({ table }) => table.family === family && table.backend === backend);
    const [legacy, nft] = [of('legacy'), of('nft')];
    const isEmpty = (rules: readonly HostRule[], backend: string): boolean =>
      rules.length + policies(host, family, backend) === 0;
    if (isEmpty(legacy, 'legacy') || isEmpty(nft, 'nft')) return [];
    return [
      {
        subject: familyWords[family],
        what: `${familyWords[family]}: ${legacy.length} rules of iptables-legacy and ${nft.length} of iptables-nft are in force at the same time.`,
        means:
          'Every packet meets both. Whoever lists the rules with one of the two programs does not see those of the other, and a drop in either is final.',
        evidence: [
          ...legacy.slice(0, shown).map((rule) => evidenceOf(rule, 'iptables-legacy')),
          ...nft.slice(0, shown).map((rule) => evidenceOf(rule, 'iptables-nft')),
        ],
        fix: [
          {
            what: 'see which backend Docker and the other programs of this host use, then move the rules of the other one',
            commands: ['update-alternatives --display iptables', 'iptables-legacy-save', 'iptables-nft-save'],
          },
        ],
      },
    ];
  });

export const mixedBackends: FindingRule = {
  code: 'mixed-backends',
  severity: 'medium',
  job: 'ordering',
  title: 'Rules of iptables-legacy and iptables-nft are both in use',
  about:
    'The two backends of iptables are two firewalls in one kernel. Each lists, changes and flushes its own rules only, and packets have to pass both. Hosts get there by an upgrade, or by a container that brings its own iptables. Rules and DROP policies are counted; empty tables with ACCEPT policies do nothing.',
  silent: 'One backend has neither rules nor a DROP policy.',
  references: ['moby#46636', 'moby#42586'],
  needs: [],
  find,
};
