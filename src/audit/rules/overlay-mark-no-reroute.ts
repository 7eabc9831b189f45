/** An encrypted network of which this host sends in clear, because its mark is set where nothing is routed again. */
import type { FindingRule } from '../contract.ts';
import { addingMark } from '../encryption/commands.ts';
import { leavingClear } from '../encryption/leaving.ts';
import { leavingMeans, leavingSeverity, leavingWords } from '../encryption/leaving-words.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { deleting, evidenceAt } from '../host-rules.ts';
import { ruleAt } from '../openings.ts';
import type { RuleEvent } from '../../simulate/trace.ts';
import { overlayWords } from '../overlays.ts';

const outOf = (host: AuditHost, some: readonly RuleEvent[]): readonly string[] => {
  const commands = some.map((event) => {
    const rule = ruleAt(host, event);
    return rule ? deleting(rule) : 'nft -a list ruleset';
  });
  return [...new Set(commands)];
};

const find = (host: AuditHost): readonly Found[] =>
  leavingClear(host, 'not-routed')
    .filter(({ overlay }) => overlay.isUsed !== 'no')
    .map(({ overlay, leaving }): Found => ({
      subject: overlayWords(overlay),
      ...leavingSeverity(leaving),
      what: `${leavingWords(overlay, leaving)} They get their mark in a chain after which the kernel does not route a packet again.`,
      means: leavingMeans,
      evidence: leaving.by.map((rule) => evidenceAt(rule, 'marks it, too late for the policy')),
      witness: leaving.sent.witness,
      fix: [
        {
          what: 'take the rule out of that chain (the handle of a native one is in the listing), and set the mark where packets are routed again',
          commands: [...outOf(host, leaving.by), addingMark(host, overlay)],
        },
      ],
    }));

export const overlayMarkNoReroute: FindingRule = {
  code: 'overlay-mark-no-reroute',
  severity: 'high',
  job: 'encryption',
  title: 'The mark of an encrypted network is set where it has no effect',
  about:
    'A new mark selects an IPsec policy only if the packet is routed again, which the kernel does behind chains of type route: mangle OUTPUT of iptables, or native ones that say so. A native chain of type filter at the output hook, even at the priority of mangle, sets the mark and the packet leaves in clear. Rules that were translated by hand often stand in such a chain.',
  silent: 'The packet is routed again after it has got its mark. The output chains are not known.',
  references: ['moby#52803'],
  needs: [],
  find,
};
