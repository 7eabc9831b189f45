/** Clear VXLAN of an encrypted network is let in, although Docker has a rule to drop it. */
import { all, is, type Condition } from '../../packet/condition.ts';
import { ctStates, payload } from '../../packet/field.ts';
import type { FindingRule } from '../contract.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { deleting, evidenceAt, evidenceOf, programFor } from '../host-rules.ts';
import { type Overlay, overlayWords } from '../overlays.ts';

const udp = 17;

/** VXLAN of one network (RFC 7348) that did not come through IPsec. */
export const clearVxlan = ({ port, vni }: Pick<Overlay, 'port' | 'vni'>): Condition =>
  all([
    is({ kind: 'key', key: 'l4proto' }, udp),
    is(payload('th', 16, 16), port),
    is(payload('th', 96, 32), vni * 256, 0xffffff00),
    is({ kind: 'key', key: 'secpath' }, 0),
    is({ kind: 'key', key: 'ct.state' }, ctStates.new),
  ]);

const found = (host: AuditHost, overlay: Overlay): readonly Found[] => {
  const drops = [...overlay.drops, ...overlay.dropsAny];
  const [drop] = drops;
  if (!drop) return [];
  const packet = host.proof(overlay.family).packetThat('passes', 'input', [clearVxlan(overlay)]);
  if (!packet) return [];
  const { witness, deciders, verdict } = host.sendDecoded(packet, 'input');
  if (verdict !== 'accept') return [];
  const accepts = deciders.filter((event) => event.verdict === 'accept');
  return [
    {
      subject: overlayWords(overlay),
      what: `${overlayWords(overlay)}: a clear VXLAN packet of this encrypted network is let in before Docker's rule to drop it is asked.`,
      means:
        'Whoever can send UDP to this host can put packets into the encrypted network, without any key. IPsec itself does not stop that: Docker has no policy for what comes in, only this rule.',
      evidence: [
        ...accepts.map((event) => evidenceAt(event, 'lets it in')),
        ...drops.map((rule) => evidenceOf(rule, 'would drop it')),
      ],
      witness,
      fix: [
        {
          what: 'put the rule to drop it first',
          commands: [
            deleting(drop),
            `${programFor(drop.table)} -I INPUT 1 -p udp -m policy --dir in --pol none ${drop.text.replace(/^-p udp (?:-m policy --dir in --pol none )?/, '')}`,
          ],
        },
        { what: 'or let the guard drop it, wherever the rules stand', commands: ['dnfw install --from-host'] },
      ],
    },
  ];
};

export const overlayDropBehindAccept: FindingRule = {
  code: 'overlay-drop-behind-accept',
  severity: 'high',
  job: 'encryption',
  title: 'Clear packets of an encrypted network are let in before Docker drops them',
  about:
    'Docker keeps unencrypted VXLAN of an encrypted network out with one DROP in INPUT. An ACCEPT above it that matches the packet wins. Releases before 20.10.24 and 23.0.3 appended the rule to the end of INPUT, where any ACCEPT of the operator stands before it; later ones insert it at the top, and never put it back there when something is inserted above it. The prover looks for a packet that all chains of the input hook let through, and the simulator confirms it.',
  silent: 'No packet gets through: the DROP stands first, or other rules or the guard keep the packet out.',
  references: ['CVE-2023-28840', 'GHSA-232p-vwff-86mp', 'moby#45280'],
  needs: [],
  find: (host) => host.overlays().flatMap((overlay) => found(host, overlay)),
};
