/** Nodes of one Swarm whose rules of encrypted overlays are of different releases. */
import { beforeApril2023 } from '../../docker/releases.ts';
import { areAllAmong, inBoth, type VersionRange, versionWords } from '../../docker/versions.ts';
import type { Found } from '../finding.ts';
import { listed } from '../words.ts';
import { type FleetRule, hostEvidence, weighed } from './contract.ts';
import type { HostSummary } from './summary.ts';
import type { Swarm } from './swarms.ts';

const find = (swarm: Swarm): readonly Found[] => {
  const hosts = swarm.hosts.filter(({ networks, written }) => networks.length > 0 && written.some(({ from }) => from));
  const common = hosts.reduce<readonly VersionRange[]>((all, { written }) => inBoth(all, written), [{}]);
  if (hosts.length < 2 || common.length > 0) return [];
  const eras = new Map<string, HostSummary[]>();
  for (const host of hosts) {
    const era = versionWords(host.written);
    eras.set(era, [...(eras.get(era) ?? []), host]);
  }
  const isOld = hosts.some(({ written }) => areAllAmong(written, beforeApril2023));
  return [
    {
      subject: `Swarm ${swarm.name}`,
      ...weighed(swarm, isOld ? 'medium' : 'low'),
      what: `The rules of encrypted overlays are of different releases of Docker: ${listed([...eras].map(([era, some]) => `${era} on ${listed(some.map(({ name }) => name))}`))}. ${swarm.because}`,
      means: isOld
        ? 'Nodes with rules from before 20.10.24 and 23.0.3 keep clear packets out by the last rule of INPUT, the others by the first: the same ACCEPT of an operator opens the former only.'
        : 'What was checked on one node does not hold on the others. Networks work between them.',
      evidence: [...eras].flatMap(([era, some]) => some.slice(0, 4).map((host) => hostEvidence(host, era))),
      fix: [{ what: 'bring all nodes to one release', commands: ['docker node ls', 'docker version --format {{.Server.Version}}'] }], // prettier-ignore
    },
  ];
};

export const swarmMixedEras: FleetRule = {
  code: 'swarm-mixed-eras',
  severity: 'low',
  job: 'encryption',
  title: 'Nodes of a Swarm have rules of different releases of Docker',
  about:
    'The form of the rules of encrypted overlays tells which releases write them. Nodes that no one release has written are in the middle of an upgrade, or were forgotten by one.',
  silent: 'One release writes the rules of all nodes. A host whose own rules are of several releases (overlay-mixed-eras) is left out.', // prettier-ignore
  references: ['moby#45280', 'moby#45281'],
  find,
};
