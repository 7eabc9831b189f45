/** Who reaches which port of a host: the matrix of the report, and what its findings are made from. */
import { type Address, printAddress } from '../netfilter/address.ts';
import { families, type Family } from '../netfilter/family.ts';
import { isLocalOnly, type Socket } from '../guard/sockets.ts';
import type { AuditHost } from './host.ts';
import { type Passage, fromDoor, fromHost, type Probes, type Target, together } from './probe.ts';
import { type Publishing, publishingsOf } from './publishing.ts';
import type { ExposureRow, Reach, SourceClass } from './report/types.ts';
import type { ContainerPort } from './surroundings.ts';
import { type Door, isRouted } from './vantage.ts';

/** One packet that was sent. */
export interface Tried {
  readonly from: SourceClass;
  readonly door: Door;
  readonly passage: Passage;
  readonly reach: Reach;
}

export interface Exposed {
  readonly row: ExposureRow;
  readonly tried: readonly Tried[];
  readonly publishing?: Publishing;
}

export interface Exposure {
  readonly exposed: readonly Exposed[];
  /** Ports that were not looked at, because there are too many. */
  readonly left: number;
}

const mostRows = 400;

export const isLoopback = (address: Address | undefined, family: Family): boolean =>
  address !== undefined && (family === 'ip' ? address >> 24n === 127n : address === 1n);

/** What is asked about: the port, and what there is at its end. */
interface Question extends Target {
  readonly family: Family;
  /** The device that a socket is bound to. */
  readonly device?: string;
  /** Whether somebody waits where a packet ends. */
  readonly waits: (passage: Passage) => boolean | undefined;
}

/**
 * A loopback address from outside: net/ipv6/ip6_input.c refuses it before all hooks; net/ipv4/route.c
 * ip_route_input_slow calls it a martian behind PREROUTING, where NAT may have changed it.
 */
const isMartian = (host: AuditHost, question: Question, device: string, { at }: Passage): boolean => {
  if (!isLoopback(question.address, question.family)) return false;
  if (question.family === 'ip6') return true;
  if (at !== 'host') return false;
  const said = (name: string): string | undefined => host.around.sysctls?.get(`net.ipv4.conf.${name}.route_localnet`);
  return said('all') !== '1' && said(device) !== '1';
};

/** Without forwarding nothing from outside comes to a container, whatever the rules say. */
export const forwards = (host: AuditHost, family: Family): boolean =>
  host.around.sysctls?.get(family === 'ip' ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding') !== '0';

const reachOf = (
  host: AuditHost,
  { isPartial, vantage: { family } }: Probes,
  question: Question,
  device: string | undefined,
  passage: Passage,
): Reach => {
  if (passage.reach === 'unknown') return 'unknown';
  if (passage.reach === 'closed') return !isPartial || host.knows(family, 'nat', 'PREROUTING') ? 'closed' : 'unknown';
  if (device !== undefined && isMartian(host, question, device, passage)) return 'closed';
  if (device !== undefined && passage.at === 'forwarded' && !forwards(host, family)) return 'closed';
  const waits = question.waits(passage);
  if (waits === false) return 'closed';
  return isPartial || waits === undefined ? 'unknown' : 'open';
};

const through = (
  host: AuditHost,
  probes: Probes,
  question: Question,
  from: SourceClass,
  doors: readonly Door[],
): readonly Tried[] =>
  doors.map((door): Tried => {
    const passage = fromDoor(probes, door, question);
    const isBound = question.device === undefined || question.device === door.device;
    const reach = isBound ? reachOf(host, probes, question, door.device, passage) : 'closed';
    return { from, door, passage, reach };
  });

/** One bridge whose containers get there is enough. */
const firstOpen = (host: AuditHost, probes: Probes, question: Question, doors: readonly Door[]): readonly Tried[] => {
  const tried: Tried[] = [];
  for (const door of doors) {
    tried.push(...through(host, probes, question, 'containers', [door]));
    if (tried.at(-1)?.reach === 'open') break;
  }
  return tried;
};

/** Doors by which packets to this address come from far away: to a private one by the device that has it, if at all. */
const farDoors = ({ vantage }: Probes, { address, family }: Question): readonly Door[] => {
  const doors = vantage.anywhere ?? [];
  if (isLoopback(address, family)) return [];
  if (address === undefined || isRouted(address, family) || vantage.isStandIn) return doors;
  return doors.filter(({ device }) =>
    vantage.facts.locals.some((local) => local.address === address && local.device === device),
  );
};

/** Of an address of this host only those who are beside it are asked, where that is known. */
const nearDoors = ({ vantage }: Probes, { address }: Question): readonly Door[] => {
  const beside = vantage.network.filter(({ device }) =>
    vantage.facts.locals.some((local) => local.address === address && local.device === device),
  );
  return vantage.isStandIn || beside.length === 0 ? vantage.network : beside;
};

const ownAddress = ({ vantage: { anywhere, network, facts, family } }: Probes): Address =>
  anywhere?.[0]?.address ?? network[0]?.address ?? facts.locals[0]?.address ?? (family === 'ip' ? 0x7f000001n : 1n);

const tryAll = (
  host: AuditHost,
  probes: Probes,
  question: Question,
): { readonly tried: readonly Tried[]; readonly reach: ExposureRow['reach'] } => {
  const { vantage } = probes;
  const { family, protocol, port, address } = question;
  const far = through(host, probes, question, 'anywhere', farDoors(probes, question));
  const near = through(host, probes, question, 'network', nearDoors(probes, question));
  const inside = isLoopback(address, family) ? [] : firstOpen(host, probes, question, vantage.containers);
  const self = address ?? ownAddress(probes);
  const own = fromHost(probes, { protocol, port, address: self });
  const reaches = (some: readonly Tried[]): readonly Reach[] => some.map(({ reach }) => reach);
  // Whether a private address is that of the device to the outside is not known where no address is.
  const isUnsure =
    vantage.isStandIn && address !== undefined && !isLoopback(address, family) && !isRouted(address, family);
  const anywhere =
    vantage.anywhere === undefined && !isLoopback(address, family)
      ? 'unknown'
      : together(reaches(far), vantage.isStandIn);
  return {
    tried: [
      ...far,
      ...near,
      ...inside,
      {
        from: 'host',
        door: { device: 'lo', source: self, address: self },
        passage: own,
        reach: reachOf(host, probes, question, undefined, own),
      },
    ],
    reach: {
      anywhere: isUnsure && anywhere === 'open' ? 'unknown' : anywhere,
      network: together(reaches(near), vantage.isStandIn),
      containers: together(reaches(inside), false),
      host: question.device === undefined ? reachOf(host, probes, question, undefined, own) : 'unknown',
    },
  };
};

const isAt = (
  { local, protocol }: Socket,
  question: Pick<Question, 'family' | 'protocol' | 'port' | 'address'>,
): boolean =>
  protocol === question.protocol &&
  local.port === question.port &&
  (local.family === undefined || local.family === question.family) &&
  (local.address === undefined || question.address === undefined || local.address === question.address);

/** The container that the engine says has a port of this host. */
const containerAt = (host: AuditHost, protocol: string, port: number): ContainerPort | undefined =>
  host.around.ports?.find((one) => one.protocol === protocol && one.hostPort === port);

const ofPublished = (host: AuditHost, publishing: Publishing): Exposed => {
  const { family, protocol, port, last, address, behind, isProxied } = publishing;
  const about = { family, protocol, port, ...(address === undefined ? {} : { address }) };
  const knowsSockets = !host.absent.has('sockets');
  const container = containerAt(host, protocol, port)?.container;
  const waits = ({ at, to }: Passage): boolean | undefined => {
    if (at === 'forwarded') return to === undefined || to === publishing.to.address;
    if (knowsSockets) return host.host.sockets.some((socket) => socket.state === 'listening' && isAt(socket, about));
    return isProxied;
  };
  const { tried, reach } = tryAll(host, host.probes(family), { ...about, waits });
  return {
    row: {
      family,
      protocol,
      port,
      ...(last === port ? {} : { last }),
      kind: 'published',
      ...(address === undefined ? {} : { address: printAddress(address, family) }),
      behind: container === undefined ? behind : `${behind} (${container})`,
      reach,
    },
    tried,
    publishing,
  };
};

const ofSocket = (host: AuditHost, family: Family, { local, protocol, programs }: Socket): Exposed => {
  const port = local.port ?? 0;
  const question: Question = {
    family,
    protocol,
    port,
    ...(local.address === undefined ? {} : { address: local.address }),
    ...(local.device === undefined ? {} : { device: local.device }),
    waits: ({ at }) => at === 'host',
  };
  const { tried, reach } = tryAll(host, host.probes(family), question);
  // Docker's proxy listens for containers: on IPv6 also for those that have no address of it.
  const isProxy = programs.includes('docker-proxy');
  const container = isProxy ? containerAt(host, protocol, port) : undefined;
  return {
    row: {
      family,
      protocol,
      port,
      kind: isProxy ? 'published' : 'listening',
      ...(local.address === undefined ? {} : { address: printAddress(local.address, family) }),
      behind: container ? `${container.container}:${container.containerPort}` : programs.join(', '),
      reach,
    },
    tried,
  };
};

/** Listening sockets that others than this host may reach, each once; those of Docker's proxy stand for published ports. */
const listeningOn = (
  host: AuditHost,
  published: readonly Publishing[],
): readonly { readonly family: Family; readonly socket: Socket }[] => {
  const seen = new Set<string>();
  const isPublished = (family: Family, socket: Socket): boolean =>
    published.some(
      (one) =>
        one.family === family &&
        one.protocol === socket.protocol &&
        socket.local.port !== undefined &&
        one.port <= socket.local.port &&
        socket.local.port <= one.last,
    );
  return families.flatMap((family) =>
    host.host.sockets.flatMap((socket) => {
      const { local, protocol, state } = socket;
      if (state !== 'listening' || protocol === 'raw' || local.port === undefined || isLocalOnly(socket)) return [];
      if ((local.family !== undefined && local.family !== family) || isPublished(family, socket)) return [];
      const key = `${family} ${protocol} ${local.port} ${local.address ?? ''} ${local.device ?? ''}`;
      if (seen.has(key)) return [];
      seen.add(key);
      return [{ family, socket }];
    }),
  );
};

const byPort = (a: Exposed, b: Exposed): number =>
  Number(a.row.kind === 'listening') - Number(b.row.kind === 'listening') ||
  a.row.port - b.row.port ||
  a.row.protocol.localeCompare(b.row.protocol) ||
  a.row.family.localeCompare(b.row.family);

export const exposureOf = (host: AuditHost): Exposure => {
  const published = publishingsOf(host);
  const sockets = listeningOn(host, published);
  const some = published.slice(0, mostRows);
  const others = sockets.slice(0, mostRows - some.length);
  return {
    exposed: [
      ...some.map((one) => ofPublished(host, one)),
      ...others.map(({ family, socket }) => ofSocket(host, family, socket)),
    ].toSorted(byPort),
    left: published.length + sockets.length - some.length - others.length,
  };
};
