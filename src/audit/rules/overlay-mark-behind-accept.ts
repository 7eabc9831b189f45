/** An encrypted network of which this host sends in clear, because a rule ends mangle OUTPUT before the one that marks. */
import type { FindingRule } from '../contract.ts';
import { leavingClear } from '../encryption/leaving.ts';
import { leavingMeans, leavingSeverity, leavingWords } from '../encryption/leaving-words.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { deleting, evidenceAt, evidenceOf, programFor } from '../host-rules.ts';
import { overlayWords } from '../overlays.ts';
import { shellRule } from '../shell-words.ts';

const find = (host: AuditHost): readonly Found[] =>
  leavingClear(host, 'behind-accept')
    .filter(({ overlay }) => overlay.isUsed !== 'no' && overlay.marks.length > 0)
    .map(({ overlay, leaving }): Found => {
      const commands = overlay.marks.flatMap((rule) => [
        deleting(rule),
        `${programFor(rule.table)} -t mangle -I OUTPUT 1 ${shellRule(rule.text)}`,
      ]);
      return {
        subject: overlayWords(overlay),
        ...leavingSeverity(leaving),
        what: `${leavingWords(overlay, leaving)} A rule ends mangle OUTPUT before the one that would mark them.`,
        means: leavingMeans,
        evidence: [
          ...leaving.by.map((rule) => evidenceAt(rule, 'ends the chain')),
          ...overlay.marks.map((rule) => evidenceOf(rule, 'would mark it')),
        ],
        witness: leaving.sent.witness,
        fix: [{ what: 'put the rule that marks first', commands }],
      };
    });

export const overlayMarkBehindAccept: FindingRule = {
  code: 'overlay-mark-behind-accept',
  severity: 'high',
  job: 'encryption',
  title: 'The rule that has a network encrypted is never asked',
  about:
    'Docker appends its MARK to the end of mangle OUTPUT. An ACCEPT, or a RETURN, of somebody else above it that matches the packet ends the chain: the packet is not marked and not encrypted.',
  silent: 'Every packet of the network that this host sends comes to the MARK. mangle OUTPUT is not known.',
  references: ['moby#30766'],
  needs: [],
  find,
};
