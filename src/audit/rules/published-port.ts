/** A published port that others reach. */
import type { FindingRule } from '../contract.ts';
import { type Exposed, isLoopback } from '../exposure.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { closing, portSubject, portWords, republishing, shown, waysIn, widest } from '../openings.ts';

/** What is made for administrators or for other programs, and often asks for no password: not for anybody. */
const services: ReadonlyMap<number, string> = new Map([
  [1433, 'Microsoft SQL Server'],
  [2375, "Docker's API without TLS"],
  [2376, "Docker's API"],
  [2379, 'etcd'],
  [3306, 'MySQL'],
  [5432, 'PostgreSQL'],
  [5984, 'CouchDB'],
  [6379, 'Redis'],
  [8500, 'Consul'],
  [9042, 'Cassandra'],
  [9200, 'Elasticsearch'],
  [10250, 'the kubelet'],
  [11211, 'memcached'],
  [27017, 'MongoDB'],
]);

const serviceOf = ({ row: { port, last = port }, publishing }: Exposed): string | undefined => {
  for (const [number, name] of services) {
    const inside = publishing ? port + number - publishing.to.port : number;
    if ((port <= number && number <= last) || (port <= inside && inside <= last)) return name;
  }
  return undefined;
};

/** Packets are shown for so many ports: of hundreds nobody reads them. */
const mostShown = 12;

const found = (host: AuditHost, exposed: Exposed, isShown: boolean): readonly Found[] => {
  const { row, publishing } = exposed;
  const way = widest(exposed);
  // What is published for this host only is another finding.
  if (row.kind !== 'published' || !way || isLoopback(publishing?.address, row.family)) return [];
  const sent = isShown ? shown(host, row.family, way.passage) : undefined;
  if (isShown && !sent) return [];
  const rule = publishing?.evidence('publishes it');
  const service = serviceOf(exposed);
  const isMedium = service !== undefined && row.reach.anywhere === 'open';
  return [
    {
      subject: portSubject(exposed),
      ...(isMedium ? { severity: 'medium' as const } : {}),
      what: `${portWords(exposed)} is published to ${row.behind}${service === undefined ? '' : ` (usually ${service})`} and reached ${waysIn(host, exposed)}.`.replace(
        /^(.*ports .* )is /,
        '$1are ',
      ),
      means:
        way.passage.at === 'forwarded'
          ? `The packets are forwarded to the container and never meet INPUT: what keeps them out has to stand in front of Docker's rules in FORWARD.${isMedium ? ' Such services are not made for the open network.' : ''}`
          : `Docker's proxy on this host takes the packets: they meet INPUT.${isMedium ? ' Such services are not made for the open network.' : ''}`,
      evidence: rule ? [rule] : [],
      ...(sent ? { witness: sent.witness } : {}),
      fix: [...republishing(exposed), ...closing(host, exposed)],
    },
  ];
};

export const publishedPort: FindingRule = {
  code: 'published-port',
  severity: 'info',
  job: 'exposure',
  title: 'A published port is reached from outside',
  about:
    'What `docker run -p` publishes is open to everybody who reaches the host, unless an address is given. For every published port a first packet from a public address, and one from a neighbour, is sent through all rules on its whole way: NAT, routing, FORWARD or INPUT. It is told which of them get to the container. Ports of databases, caches and of interfaces for administrators that are reached from anywhere are of medium severity.',
  silent:
    'No packet from outside gets there: DOCKER-USER or another rule keeps it out, or the port is published on a loopback address. Where a rule asks what is not known, such as an ipset, nothing is claimed.',
  references: ['moby#4737', 'moby#22054'],
  needs: [],
  find: (host) => host.exposure().exposed.flatMap((exposed, index) => found(host, exposed, index < mostShown)),
};
