/** A data path port that the engine's IPsec policies are not about. */
import { policyPortFixed } from '../../docker/releases.ts';
import { isAmong } from '../../docker/versions.ts';
import { vxlanPort } from '../../packet/layout.ts';
import type { FindingRule } from '../contract.ts';
import { encryptedNetworks } from '../encryption/networks.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceOf } from '../host-rules.ts';
import { rulesOf, vniWords } from '../overlays.ts';
import { listed } from '../words.ts';

const find = (host: AuditHost): readonly Found[] => {
  const { version } = host;
  if (version === undefined || isAmong(version, policyPortFixed) !== true) return [];
  const overlays = encryptedNetworks(host).filter(({ port, isUsed }) => port !== vxlanPort && isUsed !== 'no');
  return [...new Set(overlays.map(({ port }) => port))].map((port): Found => {
    const here = overlays.filter((one) => one.port === port);
    return {
      subject: `port ${port}`,
      what: `The encrypted networks of this host (VNI ${listed(here.map(({ vni }) => vniWords(vni)), 8)}) use port ${port}; the IPsec policies of Docker ${version} are about port ${vxlanPort} only.`, // prettier-ignore
      means:
        'Packets are marked for encryption, no policy takes them, and they leave in clear; the nodes that get them drop them. Encrypted networks do not work in this Swarm.',
      evidence: here.flatMap(rulesOf).slice(0, 6).map((rule) => evidenceOf(rule, `port ${port}`)), // prettier-ignore
      fix: [
        {
          what: 'upgrade to 23.0.7, 24.0.3 or later; 20.10 was never fixed. Otherwise the Swarm has to be made anew with the usual port',
          commands: ['docker version --format {{.Server.Version}}', 'docker swarm init --data-path-port 4789'],
        },
      ],
    };
  });
};

export const overlayDataPathPort: FindingRule = {
  code: 'overlay-data-path-port',
  severity: 'medium',
  job: 'encryption',
  title: 'Encrypted networks use a port that the IPsec policies are not about',
  about:
    '`docker swarm init --data-path-port` is obeyed by the rules of encrypted overlays since 19.03, and by the IPsec policies since 23.0.7, 24.0.3 and 25.0 only. Between them a port other than 4789 leaves encrypted networks without traffic.',
  silent: 'The port is 4789. The engine is of another release.',
  references: ['moby#45635', 'moby#45636'],
  needs: ['engine'],
  find,
};
