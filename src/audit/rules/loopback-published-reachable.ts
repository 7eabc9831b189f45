/** A port that is published for this host only, and that neighbours reach. */
import type { FindingRule } from '../contract.ts';
import { type Exposed, isLoopback } from '../exposure.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { programFor } from '../host-rules.ts';
import { openFrom, portSubject, portWords, republishing, shown } from '../openings.ts';

const found = (host: AuditHost, exposed: Exposed): readonly Found[] => {
  const { row, publishing } = exposed;
  if (!publishing || !isLoopback(publishing.address, row.family) || row.reach.network !== 'open') return [];
  const [way] = openFrom(exposed, 'network');
  const sent = way && shown(host, row.family, way.passage);
  if (!sent) return [];
  const isForwarded = way.passage.at === 'forwarded';
  const rule = publishing.evidence(isForwarded ? 'takes it whatever device it came in by' : 'publishes it');
  const program = publishing.rule ? programFor(publishing.rule.table) : 'iptables';
  return [
    {
      subject: portSubject(exposed),
      what: `${portWords(exposed)}, published for this host only, is reached by hosts of the directly connected network that send packets for ${row.address ?? ''} to it.`,
      means: isForwarded
        ? `A neighbour who has a route to ${row.address ?? ''} through this host talks to ${row.behind}: DNAT gives the packet the container's address before the routing decision would refuse a loopback address from outside. No setting of the kernel stops that; hosts behind a router cannot do it, because routers do not forward such packets.`
        : 'The setting route_localnet of the device lets loopback addresses in from outside, and the proxy of Docker answers.',
      evidence: rule ? [rule] : [],
      witness: sent.witness,
      fix: [
        {
          what: 'let no packet for a loopback address in from outside',
          commands: [`${program} -t raw -I PREROUTING ! -i lo -d 127.0.0.0/8 -j DROP`],
        },
        {
          what: 'or upgrade to Docker 28.0 or later, which has such a rule for each of these ports',
          commands: ['docker version'],
        },
        ...republishing(exposed).slice(1),
      ],
    },
  ];
};

export const loopbackPublishedReachable: FindingRule = {
  code: 'loopback-published-reachable',
  severity: 'medium',
  job: 'exposure',
  title: 'A port published on a loopback address is reached from the network',
  about:
    'Before 28.0 Docker maps packets for a port that is published on 127.0.0.1 to the container whatever device they come in by. The kernel refuses loopback addresses from outside in its routing decision only, behind PREROUTING, where DNAT has already changed the address. Since 28.0 a rule in raw PREROUTING drops them. A packet of a neighbour is sent through all rules.',
  silent:
    'Rules drop the packet before DNAT, as those of 28.0 and later do in raw PREROUTING. IPv6 is never concerned: the kernel drops ::1 from outside before all hooks.',
  references: ['moby#45610', 'moby#41872', 'moby#49325'],
  needs: [],
  find: (host) => host.exposure().exposed.flatMap((exposed) => found(host, exposed)),
};
