/** Packets that a host cannot do without, in the words of packet/words.ts. */
import { addressBits, maskOf, printAddress } from '../netfilter/address.ts';
import { families, type Family } from '../netfilter/family.ts';
import { routeTo } from '../simulate/facts.ts';
import { sshPorts } from './caller.ts';
import type { Peer } from './docker-info.ts';
import type { HostFacts } from './facts.ts';
import type { Host } from './host.ts';
import { factsFor, isLinkLocal } from './network.ts';
import type { Policy } from './policy.ts';
import { isLocalOnly } from './sockets.ts';

export interface Probe {
  /** What would not work any more without it. */
  readonly what: string;
  readonly family: Family;
  /** The packet, for `readPacket`. */
  readonly words: string;
  /** Whether losing it stops an installation; otherwise it is said. */
  readonly vital: boolean;
}

/** A network that nobody encrypts: the last but one that there can be. */
const plainVni = 0xfffffe;

/** Where a packet from an address comes in. */
const deviceFor = (host: Host, { family, address }: Peer): string => {
  const isOwn = host.addresses.some((one) => one.family === family && one.address === address);
  return isOwn ? 'lo' : (routeTo(address, factsFor(host, family))?.device ?? 'eth0');
};

/** The address of this host that a packet from `peer` is likely sent to. */
const ownAddress = (host: Host, peer: Peer): bigint | undefined => {
  const device = deviceFor(host, peer);
  const own = host.addresses.filter(({ family }) => family === peer.family);
  const near = own.filter((one) => one.device === device);
  const global = (list: typeof own): bigint | undefined =>
    list.find(({ address, family }) => !isLinkLocal(address, family))?.address;
  return global(near) ?? near[0]?.address ?? global(own.filter((one) => one.device !== 'lo'));
};

const header = (host: Host, peer: Peer, to: bigint | undefined): string | undefined => {
  const own = to ?? ownAddress(host, peer);
  if (own === undefined) return undefined;
  const { family, address } = peer;
  const side = (value: bigint): string => printAddress(value, family);
  return `in=${deviceFor(host, peer)} ${family} saddr=${side(address)} daddr=${side(own)}`;
};

/** A probe with an address of this host in it; none of a family that the host does not have. */
const probeFrom = (
  host: Host,
  peer: Peer,
  rest: { readonly what: string; readonly words: string; readonly vital?: boolean; readonly to?: bigint },
): readonly Probe[] => {
  const start = header(host, peer, rest.to);
  if (start === undefined) return [];
  return [{ what: rest.what, family: peer.family, words: `${start} ${rest.words}`, vital: rest.vital ?? true }];
};

/** Of a connection that is not translated: translation is carried out whatever the rules of a filter say. */
const ongoing = 'ct state=established status=confirmed,seen-reply secpath=no';
const newTcp = (port: number): string => `tcp sport=50000 dport=${port} flags=syn ct state=new secpath=no`;
const newUdp = (port: number): string => `udp sport=50000 dport=${port} ct state=new secpath=no`;

const fromCallers = (host: Host): readonly Probe[] =>
  // A connection to an address that is not here ended in another network namespace.
  host.callers
    .filter(({ to }) => host.addresses.length === 0 || host.addresses.some(({ address }) => address === to))
    .flatMap((caller) =>
      probeFrom(host, caller, {
        what: `a new SSH connection from ${printAddress(caller.address, caller.family)}, where you come from (${caller.how})`,
        words: newTcp(caller.port),
        to: caller.to,
      }),
    );

const listens = (host: Host, protocol: 'tcp' | 'udp', port: number): boolean =>
  host.sockets.some((one) => one.state === 'listening' && one.protocol === protocol && one.local.port === port);

const known = ({ family, address }: Peer): string => `${family} ${address}`;
const once = (peers: readonly Peer[]): readonly Peer[] => [
  ...new Map(peers.map((peer) => [known(peer), peer])).values(),
];

const swarmPorts: ReadonlySet<number> = new Set([2377, 7946]);

/** Whoever the Swarm talks to: by the engine, by the policy, by IPsec, and by connections that there are. */
export const swarmPeers = (host: Host, policy?: Policy): readonly Peer[] => {
  const named = (policy?.swarm?.peers ?? []).flatMap((source): readonly Peer[] => {
    if (source.kind !== 'network') return [];
    const { family, address, mask } = source.network;
    // Of a network, its first host stands for all.
    return [{ family, address: mask === maskOf(addressBits(family), family) ? address : address + 1n }];
  });
  const connected = host.sockets.flatMap(({ state, local, peer }): readonly Peer[] => {
    const { family, address, port } = peer;
    const isSwarm = state === 'established' && (swarmPorts.has(port ?? 0) || swarmPorts.has(local.port ?? 0));
    return isSwarm && family !== undefined && address !== undefined ? [{ family, address }] : [];
  });
  const own = new Set(host.addresses.map(known));
  return once([...(host.docker?.peers ?? []), ...host.tunnels, ...connected, ...named]).filter(
    (peer) => !own.has(known(peer)) && !(peer.family === 'ip' ? peer.address >> 24n === 127n : peer.address === 1n),
  );
};

/** More encrypted networks than these say nothing new. */
const mostNetworks = 32;

/** What containers on different hosts say to each other: in the clear, as ESP, and once more when IPsec is done with it. */
const dataPath = (host: Host, peer: Peer, policy: Policy, facts: HostFacts): readonly Probe[] => {
  const encrypted = facts.encrypted.filter(({ family }) => family === peer.family);
  const from = printAddress(peer.address, peer.family);
  const vxlan = (port: number, vni: number, secured: boolean): string =>
    `udp sport=40000 dport=${port} vxlan vni=${vni} ct state=new secpath=${secured ? 'yes' : 'no'}`;
  const port = host.docker?.dataPathPort ?? policy.swarm?.dataPathPort ?? encrypted[0]?.port ?? 4789;
  // "required" says in words that clear VXLAN of peers is not wanted.
  const clear =
    policy.swarm?.encrypted === 'required'
      ? []
      : probeFrom(host, peer, {
          what: `VXLAN of networks that are not encrypted, from ${from}`,
          words: vxlan(port, plainVni, false),
        });
  const esp = encrypted.length > 0 || host.tunnels.some((one) => known(one) === known(peer));
  return [
    ...clear,
    ...(esp ? probeFrom(host, peer, { what: `ESP from ${from}: all encrypted networks`, words: 'esp spi=0x1000 ct state=new secpath=no' }) : []), // prettier-ignore
    ...encrypted.slice(0, mostNetworks).flatMap((one) =>
      probeFrom(host, peer, {
        what: `VXLAN of encrypted network ${one.vni} from ${from}, after IPsec`,
        words: vxlan(one.port, one.vni, true),
      }),
    ),
  ];
};

const fromSwarm = (host: Host, policy: Policy, facts: HostFacts): readonly Probe[] => {
  const isSwarm = host.docker?.swarm === 'active' || facts.encrypted.length > 0 || host.tunnels.length > 0;
  const anySocket = listens(host, 'tcp', 2377) || listens(host, 'tcp', 7946) || listens(host, 'udp', 7946);
  if (!isSwarm && !anySocket && policy.swarm === undefined) return [];
  const peers = swarmPeers(host, policy);
  // Nobody knows who they are: then it is said what would become of anybody, and nothing rests on it.
  if (peers.length === 0 && policy.swarm === undefined)
    return families
      .filter((family) => facts.encrypted.some((one) => one.family === family))
      .flatMap((family) => dataPath(host, outsider(host, family), policy, facts))
      .map((probe) => ({ ...probe, what: `${probe.what} (a stand-in: the peers are not known)`, vital: false }));
  return peers.flatMap((peer) => {
    const from = `of the Swarm from ${printAddress(peer.address, peer.family)}`;
    const ports = (
      [
        ['tcp', 2377, 'managers'],
        ['tcp', 7946, 'gossip'],
        ['udp', 7946, 'gossip'],
      ] as const
    ).filter(([protocol, port]) => listens(host, protocol, port));
    return [
      ...ports.flatMap(([protocol, port, word]) =>
        probeFrom(host, peer, {
          what: `${word} ${from} (${port}/${protocol})`,
          words: protocol === 'tcp' ? newTcp(port) : newUdp(port),
        }),
      ),
      ...dataPath(host, peer, policy, facts),
    ];
  });
};

/** More flows than these say nothing new. */
const mostFlows = 32;

const fromFlows = (host: Host): readonly Probe[] => {
  const flows = new Map<string, readonly Probe[]>();
  for (const { protocol, state, local, peer } of host.sockets) {
    const { family, address, port } = peer;
    if (state !== 'established' || protocol === 'raw' || family === undefined || address === undefined) continue;
    const what = `the ${protocol} connection with ${printAddress(address, family)} port ${port ?? '?'} that there is`;
    const ports = `sport=${port ?? 50000} dport=${local.port ?? 50000}`;
    const words = protocol === 'tcp' ? `tcp ${ports} flags=ack` : `udp ${ports}`;
    const more = local.address === undefined ? {} : { to: local.address };
    flows.set(
      `${protocol} ${family} ${address} ${local.port}`,
      probeFrom(host, { family, address }, { what, words: `${words} ${ongoing}`, ...more }),
    );
    if (flows.size >= mostFlows) break;
  }
  return [...flows.values()].flat();
};

/** Somebody out there: the router, or an address that is nobody's (RFC 5737, RFC 3849). */
export const outsider = (host: Host, family: Family): Peer => {
  const gateway = host.routes.find((route) => route.family === family && route.gateway !== undefined)?.gateway;
  return { family, address: gateway ?? (family === 'ip' ? 0xc6336407n : 0x20010db8000000000000000000000007n) };
};

const hasFamily = (host: Host, family: Family): boolean =>
  host.addresses.some((one) => one.family === family && one.device !== 'lo');

const fromOutside = (host: Host, family: Family): readonly Probe[] => {
  if (!hasFamily(host, family)) return [];
  const peer = outsider(host, family);
  const error = family === 'ip' ? 'icmp type=3 code=4' : 'icmpv6 type=2 code=0';
  const echo = family === 'ip' ? 'icmp type=8 code=0' : 'icmpv6 type=128 code=0';
  const more = { family, vital: true } as const;
  const loop = family === 'ip' ? '127.0.0.1' : '::1';
  return [
    ...probeFrom(host, peer, {
      what: 'answers of name servers',
      words: `udp sport=53 dport=50000 ${ongoing}`,
    }),
    ...probeFrom(host, peer, {
      what: 'ICMP errors of connections (path MTU)',
      words: `${error} ct state=related status=confirmed secpath=no`,
    }),
    ...probeFrom(host, peer, { what: 'echo requests (ping)', words: `${echo} ct state=new secpath=no`, vital: false }),
    {
      ...more,
      what: 'connections of this host to itself',
      words: `in=lo ${family} saddr=${loop} daddr=${loop} ${newTcp(5432)}`,
    },
  ];
};

/** RFC 4861: neighbours find each other, and routers say that they are there, by ICMPv6 that conntrack does not track. */
const fromNeighbours = (host: Host): readonly Probe[] =>
  host.addresses
    .filter(({ family, device, address }) => family === 'ip6' && device !== 'lo' && isLinkLocal(address, family))
    .flatMap(({ device, address }): readonly Probe[] => {
      const own = printAddress(address, 'ip6');
      const probe = (what: string, words: string): Probe => ({
        what: `${what} on ${device}`,
        family: 'ip6',
        words: `in=${device} ip6 saddr=fe80::7 hoplimit=255 ${words} secpath=no`,
        vital: true,
      });
      const node = `ff02::1:ff${(address & 0xffffffn).toString(16).padStart(6, '0').replace(/^(..)/, '$1:')}`;
      return [
        probe('questions of neighbours (IPv6)', `daddr=${node} icmpv6 type=135 code=0 ct state=untracked`),
        probe('answers of neighbours (IPv6)', `daddr=${own} icmpv6 type=136 code=0 ct state=untracked`),
        probe('announcements of routers (IPv6)', 'daddr=ff02::1 icmpv6 type=134 code=0 ct state=untracked'),
        ...(listens(host, 'udp', 546)
          ? [probe('answers of DHCPv6 servers', `daddr=${own} udp sport=547 dport=546 ct state=new`)]
          : []),
      ];
    });

export const vitalProbes = (host: Host, policy: Policy, facts: HostFacts): readonly Probe[] => [
  ...fromCallers(host),
  ...fromSwarm(host, policy, facts),
  ...fromFlows(host),
  ...families.flatMap((family) => fromOutside(host, family)),
  ...fromNeighbours(host),
];

/** One service of this host as somebody outside would ask for it. */
export interface ServiceProbe extends Probe {
  readonly protocol: string;
  readonly port: number;
  readonly programs: readonly string[];
}

/** What listens for others; what docker-proxy holds is forwarded, and the Swarm's ports are asked about by themselves. */
export const serviceProbes = (host: Host, policy: Policy): readonly ServiceProbe[] => {
  const ssh = new Set(sshPorts(host.sockets));
  const found = new Map<string, ServiceProbe>();
  for (const socket of host.sockets) {
    const { protocol, state, local, programs } = socket;
    const { port } = local;
    if (state !== 'listening' || port === undefined || protocol === 'raw' || isLocalOnly(socket)) continue;
    if (programs.includes('docker-proxy')) continue;
    if (policy.swarm && (swarmPorts.has(port) || (protocol === 'udp' && port === policy.swarm.dataPathPort))) continue;
    for (const family of local.family === undefined ? families : [local.family]) {
      if (!hasFamily(host, family)) continue;
      const words = protocol === 'tcp' ? newTcp(port) : newUdp(port);
      const more = local.address === undefined ? {} : { to: local.address };
      const name = ssh.has(port) && protocol === 'tcp' ? 'SSH' : (programs[0] ?? 'a service');
      const what = `${name} on ${port}/${protocol}`;
      const [probe] = probeFrom(host, outsider(host, family), { what, words, vital: false, ...more });
      const key = `${protocol} ${port} ${family}`;
      if (probe && !found.has(key)) found.set(key, { ...probe, protocol, port, programs });
    }
  }
  return [...found.values()];
};
