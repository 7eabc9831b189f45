/** Nodes of one Swarm whose releases number their IPsec associations differently. */
import { shortSpi } from '../../docker/releases.ts';
import { isAmong } from '../../docker/versions.ts';
import type { Found } from '../finding.ts';
import { listed } from '../words.ts';
import { type FleetRule, hostEvidence, weighed } from './contract.ts';
import type { HostSummary } from './summary.ts';
import type { Swarm } from './swarms.ts';

const find = (swarm: Swarm): readonly Found[] => {
  const hosts = swarm.hosts.filter(({ networks, version }) => networks.length > 0 && version !== undefined);
  const isShort = ({ version }: HostSummary): boolean | undefined => isAmong(version ?? '', shortSpi);
  const short = hosts.filter((host) => isShort(host) === true);
  const others = hosts.filter((host) => isShort(host) === false);
  if (short.length === 0 || others.length === 0) return [];
  const said = (some: readonly HostSummary[]): string => listed(some.map(({ name, version }) => `${name} (${version ?? ''})`)); // prettier-ignore
  return [
    {
      subject: `Swarm ${swarm.name}`,
      ...weighed(swarm, 'high'),
      what: `${said(short)} number their IPsec associations in another way than ${said(others)}. ${swarm.because}`,
      means:
        'ESP between the two groups arrives and is not decrypted: encrypted networks are dead between them, and no rule and no counter shows it.',
      evidence: [
        ...short.slice(0, 8).map((host) => hostEvidence(host, `Docker ${host.version ?? ''}: addresses of 4 bytes`)),
        ...others.slice(0, 8).map((host) => hostEvidence(host, `Docker ${host.version ?? ''}: addresses of 16 bytes`)),
      ],
      fix: [
        {
          what: 'upgrade the former to 25.0.15, 29.2.1 or later',
          commands: ['docker node ls', 'docker version --format {{.Server.Version}}'],
        },
      ],
    },
  ];
};

export const swarmSpiMismatch: FleetRule = {
  code: 'swarm-spi-mismatch',
  severity: 'high',
  job: 'encryption',
  title: 'Nodes of a Swarm cannot decrypt what others encrypt',
  about:
    'Docker 25.0.13, 25.0.14 and 29.0.0 to 29.2.0 make the number (SPI) of an IPsec association of addresses of 4 bytes, all others of 16. Nodes of the two kinds do not find the association of a packet from the other.',
  silent: 'All nodes are of one kind, or the engines were not asked. No network is encrypted.',
  references: ['moby#51798', 'moby#51951', 'moby#51963'],
  find,
};
