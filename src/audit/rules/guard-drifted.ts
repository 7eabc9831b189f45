/** The kernel has another guard than the one that was loaded, or none. */
import type { FindingRule } from '../contract.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { driftOf, guardTableOf, tableEvidence } from '../guard.ts';
import { countOf } from '../words.ts';

const shown = 6;

const find = (host: AuditHost): readonly Found[] => {
  const { guard } = host.around;
  if (!guard) return [];
  if (!guardTableOf(host.host.listed))
    return [
      {
        subject: 'guard',
        what: `Generation ${guard.generation} of the guard was installed, and its table is not there.`,
        means:
          'Nothing of it is enforced. Somebody deleted it or flushed the whole ruleset, or the host was started anew without it.',
        evidence: [tableEvidence(host, 'not there')],
        fix: [
          { what: 'see how things stand', commands: ['dnfw status'] },
          { what: 'load it again from the policy', commands: ['dnfw install'] },
        ],
      },
    ];
  const groups = driftOf(host) ?? [];
  if (groups.length === 0) return [];
  const changes = groups.flatMap(({ head, changes: some }) => some.map(({ sign, text }) => ({ head, sign, text })));
  const lost = changes.filter(({ sign }) => sign === '-').length;
  return [
    {
      subject: 'guard',
      what: `The guard is not what was loaded as generation ${guard.generation}: ${countOf(lost, 'line')} gone, ${countOf(changes.length - lost, 'line')} new.`,
      means:
        'Somebody has changed the table by hand or by another program. What the policy says is no longer what the kernel does.',
      evidence: changes.slice(0, shown).map(({ head, sign, text }) => ({
        ...tableEvidence(host, head),
        text: `${sign} ${text}`,
      })),
      fix: [
        { what: 'see all differences', commands: ['dnfw status'] },
        { what: 'load what the policy says', commands: ['dnfw install'] },
      ],
    },
  ];
};

export const guardDrifted: FindingRule = {
  code: 'guard-drifted',
  severity: 'high',
  job: 'guard',
  title: 'The guard is not what was loaded',
  about:
    'When a generation of the guard is loaded, what the kernel lists of it is kept. It is compared with what nft lists now, rule by rule and element by element; elements of sets that other programs fill, counters and handles are no part of it.',
  silent: 'It is the same; or there is no record of what was loaded.',
  needs: ['guard', 'nft'],
  find,
};
