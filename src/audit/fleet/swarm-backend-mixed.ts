/** Nodes of one Swarm whose Docker uses different backends of iptables. */
import type { Found } from '../finding.ts';
import { listed } from '../words.ts';
import { type FleetRule, hostEvidence, weighed } from './contract.ts';
import type { Swarm } from './swarms.ts';

const find = (swarm: Swarm): readonly Found[] => {
  const on = (backend: 'legacy' | 'nft'): Swarm['hosts'] =>
    swarm.hosts.filter(({ backends }) => backends.length === 1 && backends[0] === backend);
  const [legacy, nft] = [on('legacy'), on('nft')];
  if (legacy.length === 0 || nft.length === 0) return [];
  return [
    {
      subject: `Swarm ${swarm.name}`,
      ...weighed(swarm, 'low'),
      what: `Docker has its rules in iptables-legacy on ${listed(legacy.map(({ name }) => name))}, and in iptables-nft on ${listed(nft.map(({ name }) => name))}. ${swarm.because}`,
      means:
        'A script or a check that works on one kind of node sees no rules on the other. Packets are not treated differently by that alone.',
      evidence: [
        ...legacy.slice(0, 8).map((host) => hostEvidence(host, 'iptables-legacy')),
        ...nft.slice(0, 8).map((host) => hostEvidence(host, 'iptables-nft')),
      ],
      fix: [
        {
          what: 'have all nodes use one backend, and restart Docker where it changes',
          commands: ['update-alternatives --set iptables /usr/sbin/iptables-nft', 'systemctl restart docker'],
        },
      ],
    },
  ];
};

export const swarmBackendMixed: FleetRule = {
  code: 'swarm-backend-mixed',
  severity: 'low',
  job: 'ordering',
  title: 'Nodes of a Swarm use different backends of iptables',
  about:
    'Docker takes the iptables that it finds. After an upgrade of some nodes, or with an image of another distribution, one Swarm has rules in iptables-legacy and in iptables-nft. A host with both is reported by mixed-backends.',
  silent: 'All nodes use one backend, or it cannot be told which one a node uses.',
  references: ['moby#46636'],
  find,
};
