/** The guard that is loaded was never confirmed. */
import type { FindingRule } from '../contract.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { guardTableOf, tableEvidence } from '../guard.ts';

const find = (host: AuditHost): readonly Found[] => {
  const { guard } = host.around;
  if (!guard || guard.confirmed || !guardTableOf(host.host.listed)) return [];
  return [
    {
      subject: 'guard',
      what: `Generation ${guard.generation} of the guard is loaded and not confirmed.`,
      means: 'It is taken back when its time is over, and it is not what the host starts with.',
      evidence: [tableEvidence(host, `generation ${guard.generation}`)],
      fix: [
        { what: 'see whether you still reach the host, and confirm it', commands: ['dnfw status', 'dnfw confirm ID'] },
        { what: 'or take it back now', commands: ['dnfw rollback'] },
      ],
    },
  ];
};

export const guardUnconfirmed: FindingRule = {
  code: 'guard-unconfirmed',
  severity: 'medium',
  job: 'guard',
  title: 'The guard was not confirmed',
  about:
    'After an install the guard waits for `dnfw confirm` and takes itself back otherwise, so that nobody locks himself out. Until then it is there for minutes only. Looked at are its records.',
  silent: 'The generation that is loaded is confirmed, or there is no guard.',
  needs: ['guard', 'nft'],
  find,
};
