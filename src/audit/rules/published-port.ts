/** A published port that others reach. */
import type { FindingRule } from '../contract.ts';
import { type Exposed, isLoopback, type Tried } from '../exposure.ts';
import type { Found } from '../finding.ts';
import { groupBy } from '../group.ts';
import type { AuditHost } from '../host.ts';
import { closing, inFamily, portSubject, portWords, republishing, severalAtOnce, shortSubject, shown, waysIn, widest } from '../openings.ts'; // prettier-ignore
import { listed } from '../words.ts';

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

/** Packets are shown for so many ports, and so many rules: of hundreds nobody reads them. */
const mostShown = 12;
/** Commands for so many ports: who wants to close more takes a rule of his own. */
const mostClosed = 4;
/** In the subject each port has its place, so that one more is another finding. */
const mostNamed = 40;

interface Open {
  readonly exposed: Exposed;
  readonly way: Tried;
  readonly service: string | undefined;
  readonly isMedium: boolean;
}

const openOf = (exposed: Exposed): readonly Open[] => {
  const { row, publishing } = exposed;
  const way = widest(exposed);
  // What is published for this host only is another finding.
  if (row.kind !== 'published' || !way || isLoopback(publishing?.address, row.family)) return [];
  const service = serviceOf(exposed);
  return [{ exposed, way, service, isMedium: service !== undefined && row.reach.anywhere === 'open' }];
};

const meansOf = ({ way }: Open): string =>
  way.passage.at === 'forwarded'
    ? "The packets are forwarded to the container and never meet INPUT: what keeps them out has to stand in front of Docker's rules in FORWARD."
    : "Docker's proxy on this host takes the packets: they meet INPUT.";

const behindWords = ({ exposed: { row }, service }: Open): string =>
  `${row.behind}${service === undefined ? '' : ` (usually ${service})`}`;

const alone = (host: AuditHost, open: Open, isShown: boolean): readonly Found[] => {
  const { exposed, way, isMedium } = open;
  const sent = isShown ? shown(host, exposed.row.family, way.passage) : undefined;
  if (isShown && !sent) return [];
  const rule = exposed.publishing?.evidence('publishes it');
  return [
    {
      subject: portSubject(exposed),
      ...(isMedium ? { severity: 'medium' as const } : {}),
      what: `${portWords(exposed)} is published to ${behindWords(open)} and reached ${waysIn(host, exposed)}.`.replace(
        /^(.*ports .* )is /,
        '$1are ',
      ),
      means: `${meansOf(open)}${isMedium ? ' Such services are not made for the open network.' : ''}`,
      evidence: rule ? [rule] : [],
      ...(sent ? { witness: sent.witness } : {}),
      fix: [...republishing(exposed), ...closing(host, exposed)],
    },
  ];
};

/** Ports that nothing is to be said of but that they are open: one finding, with a list by the way in. */
const together = (host: AuditHost, all: readonly Open[]): readonly Found[] => {
  const tried = all.slice(0, mostShown).map((open) => ({ open, sent: shown(host, open.exposed.row.family, open.way.passage) })); // prettier-ignore
  const some = [...tried.filter(({ sent }) => sent !== undefined).map(({ open }) => open), ...all.slice(mostShown)];
  const [first, second] = some;
  if (!first) return [];
  if (!second) return alone(host, first, true);
  const { family } = first.exposed.row;
  const witness = tried.find(({ sent }) => sent)?.sent?.witness;
  const ways = groupBy(some, ({ exposed }) => waysIn(host, exposed));
  const names = some.map(({ exposed }) => shortSubject(exposed));
  const lists = [...ways].map(([way, ports]) => `${way}: ${listed(ports.map((open) => `${shortSubject(open.exposed)} (${behindWords(open)})`), mostNamed)}`); // prettier-ignore
  return [
    {
      subject: inFamily(`${names.slice(0, mostNamed).join(', ')}${names.length > mostNamed ? ` and ${names.length - mostNamed} more` : ''}`, family), // prettier-ignore
      what: `Published ports are reached ${lists.join('; ')}.`,
      means: meansOf(first),
      evidence: some.slice(0, mostShown).flatMap(({ exposed }) => exposed.publishing?.evidence('publishes it') ?? []),
      ...(witness ? { witness } : {}),
      fix: severalAtOnce(
        some.slice(0, mostClosed).map(({ exposed }) => [...republishing(exposed), ...closing(host, exposed)]),
        some.length > mostClosed,
      ),
    },
  ];
};

const find = (host: AuditHost): readonly Found[] => {
  const open = host.exposure().exposed.flatMap(openOf);
  const raised = open.filter(({ isMedium }) => isMedium);
  const others = groupBy(
    open.filter(({ isMedium }) => !isMedium),
    ({ exposed: { row, publishing }, way }) => `${row.family} ${way.passage.at} ${publishing === undefined}`,
  );
  return [
    ...raised.flatMap((one, index) => alone(host, one, index < mostShown)),
    ...[...others.values()].flatMap((some) => together(host, some)),
  ];
};

export const publishedPort: FindingRule = {
  code: 'published-port',
  severity: 'info',
  job: 'exposure',
  title: 'A published port is reached from outside',
  about:
    'What `docker run -p` publishes is open to everybody who reaches the host, unless an address is given. For every published port a first packet from a public address, and one from a neighbour, is sent through all rules on its whole way: NAT, routing, FORWARD or INPUT. It is told which of them get to the container. Ports of databases, caches and of interfaces for administrators that are reached from anywhere are of medium severity, each in a finding of its own; the others of an address family stand together, since there is nothing else to say of them.',
  silent:
    'No packet from outside gets there: DOCKER-USER or another rule keeps it out, or the port is published on a loopback address. Where a rule asks what is not known, such as an ipset, nothing is claimed.',
  references: ['moby#4737', 'moby#22054'],
  needs: [],
  find,
};
