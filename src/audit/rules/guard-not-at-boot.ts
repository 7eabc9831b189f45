/** The guard is loaded, and will not be after the next start of the host. */
import type { FindingRule } from '../contract.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { guardTableOf, tableEvidence } from '../guard.ts';

const find = (host: AuditHost): readonly Found[] => {
  const { guard } = host.around;
  if (!guard || guard.persistent || !guardTableOf(host.host.listed)) return [];
  return [
    {
      subject: 'guard',
      what: `Generation ${guard.generation} of the guard is loaded, and nothing loads it when the host starts.`,
      means: 'After the next start of the host it is gone.',
      evidence: [tableEvidence(host, 'until the next start')],
      fix: [{ what: 'have it loaded at boot', commands: ['dnfw install --persist'] }],
    },
  ];
};

export const guardNotAtBoot: FindingRule = {
  code: 'guard-not-at-boot',
  severity: 'low',
  job: 'guard',
  title: 'The guard is not loaded at boot',
  about:
    'Rules of nftables live in the kernel. `dnfw install --persist` sets up a unit of systemd that loads the last confirmed generation early at boot, without Node. Looked at is whether it is there.',
  silent: 'The unit is set up, or there is no guard.',
  needs: ['guard', 'nft'],
  find,
};
