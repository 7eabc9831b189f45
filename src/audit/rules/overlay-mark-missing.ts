/** An encrypted network of which this host sends in clear, because no rule marks what it sends. */
import { beforeApril2023 } from '../../docker/releases.ts';
import { isAmong } from '../../docker/versions.ts';
import type { FindingRule } from '../contract.ts';
import { addingMark, nativeEvidence } from '../encryption/commands.ts';
import { leavingClear } from '../encryption/leaving.ts';
import { type EncryptedNetwork, hasDrop, hasMark, networkWords } from '../encryption/networks.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceOf } from '../host-rules.ts';
import { overlayWords } from '../overlays.ts';

/** Releases that make rules when a second node joins send nothing before. */
const isAlone = ({ version }: AuditHost, overlay: EncryptedNetwork): boolean =>
  !hasDrop(overlay) &&
  overlay.accepts.length === 0 &&
  version !== undefined &&
  isAmong(version, beforeApril2023) === true;

const find = (host: AuditHost): readonly Found[] =>
  leavingClear(host, 'unmarked')
    .filter(({ overlay }) => !hasMark(overlay) && overlay.isUsed !== 'no' && !isAlone(host, overlay))
    .map(({ overlay, leaving }): Found => ({
      subject: overlayWords(overlay),
      what: `${networkWords(overlay)}: no rule marks packets of this encrypted network that this host sends. They leave without a mark.`,
      means:
        'The IPsec policies of Docker encrypt nothing but marked packets: what containers of this host send to other nodes is on the wire in clear. Nodes that have their DROP do not take it; those that have lost it do.',
      evidence: [
        ...[...overlay.drops, ...overlay.dropsAny].map((rule) => evidenceOf(rule, 'drops clear packets of others')),
        ...overlay.nativeDrops.map((rule) => nativeEvidence(rule, 'drops clear packets of others')),
        ...overlay.accepts.map((rule) => evidenceOf(rule, 'lets decrypted packets in')),
      ],
      witness: leaving.sent.witness,
      fix: [
        { what: 'put the rule back', commands: [addingMark(host, overlay)] },
        {
          what: 'or have Docker write all of its rules again, which restarts containers unless live-restore is on',
          commands: ['systemctl restart docker'],
        },
      ],
    }));

export const overlayMarkMissing: FindingRule = {
  code: 'overlay-mark-missing',
  severity: 'high',
  job: 'encryption',
  title: 'This host sends packets of an encrypted network in clear',
  about:
    'Docker selects outgoing VXLAN of an encrypted network for IPsec by a mark that a rule in mangle OUTPUT gives it; the policies are about marked packets only. Whoever flushes mangle takes the encryption away and nothing is logged. The simulator sends a VXLAN packet of the network from this host through all output chains and looks at its mark where the kernel looks for a policy.',
  silent:
    'mangle OUTPUT is not known. The packet is marked by another rule. The engine says that the network is gone or not encrypted, or is of a release that makes the rules when a second node joins and has made none.',
  references: ['CVE-2023-28841', 'moby#30766'],
  needs: [],
  find,
};
