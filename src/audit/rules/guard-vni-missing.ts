/** Docker keeps a network encrypted that the guard does not know. */
import type { FindingRule } from '../contract.ts';
import type { Found } from '../finding.ts';
import { difference, enforcedIn, vniWords } from '../../guard/enforced.ts';
import { factsOf } from '../../guard/encrypted.ts';
import { guardTableOf, listingOf, tableEvidence } from '../guard.ts';
import type { AuditHost } from '../host.ts';
import { evidenceOf } from '../host-rules.ts';

const find = (host: AuditHost): readonly Found[] => {
  const table = guardTableOf(host.host.listed);
  if (!table) return [];
  const { missing } = difference(enforcedIn(listingOf(table)), factsOf(host.host).encrypted);
  return missing.map((vni): Found => {
    const overlay = host.overlays().find(({ family, port, vni: number }) => family === vni.family && port === vni.port && number === vni.vni); // prettier-ignore
    const rules = overlay ? [...overlay.marks, ...overlay.drops, ...overlay.dropsAny].slice(0, 2) : [];
    return {
      subject: vniWords(vni),
      what: `Rules of Docker say that ${vniWords(vni)} is encrypted, and the guard does not have it.`,
      means:
        'Clear packets of it are kept out by rules of iptables alone. So it is with a network that came to this host after the guard was loaded, as long as nobody runs `dnfw sync` or `dnfw watch`.',
      evidence: [...rules.map((rule) => evidenceOf(rule, 'of this network')), tableEvidence(host, 'does not have it')],
      fix: [
        { what: 'let the guard take it over now', commands: ['dnfw sync'] },
        { what: 'and let it watch for networks that come and go', commands: ['dnfw watch --persist'] },
      ],
    };
  });
};

export const guardVniMissing: FindingRule = {
  code: 'guard-vni-missing',
  severity: 'high',
  job: 'guard',
  title: 'The guard does not know an encrypted network',
  about:
    "Overlay networks come to a node when its first container joins them. The guard drops clear packets of the networks that it knows; `dnfw sync` and `dnfw watch` tell it of new ones. The networks that Docker's rules mark or drop are compared with those that the guard has.",
  silent: 'The guard has all of them, or there is no guard.',
  needs: ['nft'],
  find,
};
