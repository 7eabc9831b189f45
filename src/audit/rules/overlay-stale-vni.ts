/** Rules of encrypted overlays that the engine does not have any more, or that are not encrypted now. */
import type { FindingRule } from '../contract.ts';
import { clearWay } from '../encryption/clear.ts';
import { type EncryptedNetwork, encryptedNetworks, networkWords, stillUsed } from '../encryption/networks.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { deleting, evidenceOf } from '../host-rules.ts';
import { overlayWords, rulesOf, vniWords } from '../overlays.ts';
import { families } from '../../netfilter/family.ts';
import { countOf, familyWords, listed } from '../words.ts';
import { sendClear } from '../encryption/clear.ts';

const shown = 12;

const forgotten = (host: AuditHost, overlays: readonly EncryptedNetwork[]): readonly Found[] =>
  families.flatMap((family): readonly Found[] => {
    const stale = overlays.filter((one) => one.family === family && !stillUsed(host, one));
    if (stale.length === 0) return [];
    const rules = stale.flatMap(rulesOf);
    return [
      {
        subject: familyWords[family],
        what: `${countOf(rules.length, 'rule')} of encrypted overlays are about VNI ${listed(stale.map(({ vni }) => vniWords(vni)), 8)}, and the engine has no network with ${stale.length === 1 ? 'it' : 'any of them'}.`, // prettier-ignore
        means:
          'Networks have been removed and their rules have stayed. They do nothing until Docker gives the number to another network: an unencrypted one would then be cut off on this host.',
        evidence: rules.slice(0, shown).map((rule) => evidenceOf(rule, 'of a network that is gone')),
        fix: [{ what: 'take them away', commands: rules.slice(0, 4 * shown).map(deleting) }],
      },
    ];
  });

const inTheWay = (host: AuditHost, overlay: EncryptedNetwork): readonly Found[] => {
  const { network } = overlay;
  const drops = [...overlay.drops, ...overlay.dropsAny];
  if (!network || network.encrypted || drops.length === 0 || clearWay(host, overlay).verdict !== 'drop') return [];
  const sent = sendClear(host, overlay);
  if (sent.verdict !== 'drop') return [];
  return [
    {
      subject: overlayWords(overlay),
      severity: 'high',
      what: `${networkWords(overlay)}: the engine says that this network is not encrypted, and rules of an encrypted one with the same number drop its packets.`,
      means: 'Containers of this network on other nodes do not reach those on this host: nothing of it gets in.',
      evidence: drops.map((rule) => evidenceOf(rule, 'drops the packets of this network')),
      witness: sent.witness,
      fix: [{ what: 'take the rules of the former network away', commands: rulesOf(overlay).map(deleting) }],
    },
  ];
};

const find = (host: AuditHost): readonly Found[] => {
  const overlays = encryptedNetworks(host).filter((overlay) => rulesOf(overlay).length > 0);
  return [...forgotten(host, overlays), ...overlays.flatMap((overlay) => inTheWay(host, overlay))];
};

export const overlayStaleVni: FindingRule = {
  code: 'overlay-stale-vni',
  severity: 'low',
  job: 'encryption',
  title: 'Rules of encrypted overlays have outlived their network',
  about:
    'Before 24.0 Docker forgets the rules of an encrypted overlay when the network is removed. The numbers (VNIs) are given again: an unencrypted network that gets one of them has its packets dropped by the old rule, which is reported as high, with the packet.',
  silent: 'Every VNI in the rules is one of an encrypted network of the engine.',
  references: ['moby#45343'],
  needs: ['networks'],
  find,
};
