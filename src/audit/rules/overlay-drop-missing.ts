/** An encrypted network whose clear packets no rule drops. */
import type { FindingRule } from '../contract.ts';
import { clearWay } from '../encryption/clear.ts';
import { insertingDrop, nativeEvidence } from '../encryption/commands.ts';
import { type EncryptedNetwork, encryptedNetworks, hasDrop, hasMark, networkWords } from '../encryption/networks.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceAt, evidenceOf } from '../host-rules.ts';
import { overlayWords } from '../overlays.ts';

const reasonOf = (overlay: EncryptedNetwork): string =>
  hasMark(overlay)
    ? 'what this host sends of it is encrypted, and there is no rule that drops what comes in clear'
    : overlay.accepts.length > 0
      ? 'there is a rule that lets in what was decrypted, and none that drops what comes in clear'
      : 'the engine says that it is encrypted and used here, and there is no rule that drops what comes in clear';

const found = (host: AuditHost, overlay: EncryptedNetwork): readonly Found[] => {
  if (hasDrop(overlay) || overlay.isUsed === 'no') return [];
  const { verdict, sent, accepts } = clearWay(host, overlay);
  if (verdict !== 'accept' || !sent) return [];
  return [
    {
      subject: overlayWords(overlay),
      what: `${networkWords(overlay)}: ${reasonOf(overlay)}. Such a packet gets in.`,
      means:
        'Whoever can send UDP to this host can put packets into the encrypted network, without any key. IPsec itself does not stop that: Docker has no policy for what comes in, only this rule.',
      evidence: [
        ...overlay.marks.map((rule) => evidenceOf(rule, 'encrypts what goes out')),
        ...overlay.nativeMarks.map((rule) => nativeEvidence(rule, 'encrypts what goes out')),
        ...overlay.accepts.map((rule) => evidenceOf(rule, 'lets decrypted packets in')),
        ...accepts.filter(({ origin }) => sent.deciders.some(({ file, line }) => file === origin.file && line === origin.line)).map(({ origin }) => evidenceAt(origin, 'lets the clear packet in')), // prettier-ignore
      ],
      witness: sent.witness,
      fix: [
        { what: 'put the rule to drop it first in INPUT', commands: [insertingDrop(host, overlay)] },
        { what: 'or let the guard drop it, wherever the rules stand', commands: ['dnfw install --from-host'] },
      ],
    },
  ];
};

export const overlayDropMissing: FindingRule = {
  code: 'overlay-drop-missing',
  severity: 'high',
  job: 'encryption',
  title: 'Nothing drops clear packets of an encrypted network',
  about:
    'That a network is encrypted is known from the rule that marks its outgoing packets, or from the engine where something is attached to the network on this host. Docker then also has a rule in INPUT that drops unencrypted VXLAN of its number: nothing else in the kernel does. It is gone after a flush or a reload of a firewall, and was never there before 17.03, with one node attached in releases before 20.10.24 and 23.0.3, or without xt_u32. The prover looks for a packet that all chains of the input hook let through, and the simulator confirms it.',
  silent:
    'Something else keeps the packet out: the guard, the table docker-overlay, a rule or a policy of the operator. INPUT is not known. The engine says that the network is not encrypted, or is gone.',
  references: ['CVE-2023-28840', 'CVE-2023-28842', 'moby#30766'],
  needs: [],
  find: (host) => encryptedNetworks(host).flatMap((overlay) => found(host, overlay)),
};
