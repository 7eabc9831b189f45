/** The guard only looks on, and has for long. */
import type { FindingRule } from '../contract.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { guardTableOf, tableEvidence } from '../guard.ts';

const day = 86_400_000;
const longest = 7;

const find = (host: AuditHost): readonly Found[] => {
  const { guard, taken } = host.around;
  if (!guard || guard.mode !== 'observe' || !guard.made || !taken || !guardTableOf(host.host.listed)) return [];
  const days = Math.floor((taken.getTime() - guard.made.getTime()) / day);
  if (days <= longest) return [];
  return [
    {
      subject: 'guard',
      what: `The guard has been observing for ${days} days: generation ${guard.generation} was made on ${guard.made.toISOString().slice(0, 10)}.`,
      means:
        'What its policy would drop is counted and let in, and clear packets of encrypted networks as well: nothing is enforced but what the other rules of the host enforce.',
      evidence: [tableEvidence(host, 'mode observe')],
      fix: [
        { what: 'see what it would have dropped', commands: ['dnfw status'] },
        { what: 'then say `mode: enforce` in the policy and load it', commands: ['dnfw install', 'dnfw confirm ID'] },
      ],
    },
  ];
};

export const guardObserving: FindingRule = {
  code: 'guard-observing',
  severity: 'medium',
  job: 'guard',
  title: 'The guard has only been observing for long',
  about:
    'In mode observe the guard lets in what its policy would drop, and counts it. That is meant for the first days. It is said of a generation that was made more than seven days before the host was read.',
  silent: 'The mode is enforce, the generation is younger, or it is not known when it was made.',
  needs: ['guard', 'nft'],
  find,
};
