/** An encrypted network of which this host sends in clear, because a later rule takes the mark away. */
import type { FindingRule } from '../contract.ts';
import { leavingClear } from '../encryption/leaving.ts';
import { leavingMeans, leavingSeverity, leavingWords } from '../encryption/leaving-words.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceAt } from '../host-rules.ts';
import { overlayWords } from '../overlays.ts';

const find = (host: AuditHost): readonly Found[] =>
  leavingClear(host, 'overwritten')
    .filter(({ overlay }) => overlay.isUsed !== 'no')
    .map(({ overlay, leaving }): Found => {
      const [mark, ...later] = leaving.by;
      return {
        subject: overlayWords(overlay),
        ...leavingSeverity(leaving),
        what: `${leavingWords(overlay, leaving)} They are marked for encryption, and a later rule changes the mark before the kernel looks for an IPsec policy.`,
        means: leavingMeans,
        evidence: [
          ...(mark ? [evidenceAt(mark, 'marks it for encryption')] : []),
          ...later.map((rule) => evidenceAt(rule, 'changes the mark')),
        ],
        witness: leaving.sent.witness,
        fix: [
          {
            what: "have the rule that changes the mark leave packets alone that have Docker's: add this match to it, or move it above the rule of Docker's",
            commands: ['-m mark ! --mark 0xd0c4e3'],
          },
        ],
      };
    });

export const overlayMarkOverwritten: FindingRule = {
  code: 'overlay-mark-overwritten',
  severity: 'high',
  job: 'encryption',
  title: 'The mark that has a network encrypted is overwritten',
  about:
    'The IPsec policies of Docker select by the whole mark 0xd0c4e3. The kernel looks for a policy when a chain of type route (mangle OUTPUT, or a native one) is over and has changed the packet, and once more when NAT has: a MARK or CONNMARK rule in the same chain behind that of Docker, or in a later chain of type route, takes the encryption away. A change in mangle POSTROUTING, or in a chain of type filter, comes too late to do so and is not reported (net/netfilter/core.c, ip_route_me_harder). Policy routing and load balancers of several uplinks restore marks like that.',
  silent: 'The mark is as Docker set it when the kernel looks for the policy. mangle OUTPUT is not known.',
  references: ['moby#30766'],
  needs: [],
  find,
};
