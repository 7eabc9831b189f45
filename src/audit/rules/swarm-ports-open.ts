/** Ports that the nodes of a Swarm have for each other are open to everybody. */
import { printAddress } from '../../netfilter/address.ts';
import { type Family, families } from '../../netfilter/family.ts';
import type { FindingRule } from '../contract.ts';
import type { Evidence, Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { guardTableOf } from '../guard.ts';
import { evidenceOf } from '../host-rules.ts';
import { deciderOf, dockerProgram, evidenceOfDecider, inFamily, shown } from '../openings.ts';
import { firstFrom, passage, type Passage } from '../probe.ts';
import { packetWords } from '../probe-packets.ts';

interface Port {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly what: string;
}

const gossip: readonly Port[] = [
  { protocol: 'tcp', port: 7946, what: 'gossip' },
  { protocol: 'udp', port: 7946, what: 'gossip' },
];

/** By what the engine says; by the rules of overlays, only the data path is known. */
const portsOf = (host: AuditHost, family: Family): readonly Port[] => {
  const { docker } = host.host;
  const byRules = host
    .overlays()
    .filter((overlay) => overlay.family === family)
    .map(({ port }) => port);
  const isNode = docker?.swarm === 'active';
  const paths = new Set([...byRules, ...(isNode ? [docker.dataPathPort ?? 4789] : [])]);
  const data = [...paths].map((port): Port => ({ protocol: 'udp', port, what: 'VXLAN of the overlay networks' }));
  if (!isNode) return data;
  return [
    ...(docker.manager ? [{ protocol: 'tcp', port: 2377, what: 'management' } as const] : []),
    ...gossip,
    ...data,
  ];
};

/** The ingress network, which is not encrypted; or any that no rule is about. */
const clearVni = (host: AuditHost): number => {
  const encrypted = new Set(host.overlays().map(({ vni }) => vni));
  return [4096, 4095, 1, 2, 3].find((vni) => !encrypted.has(vni)) ?? 0;
};

const listens = (host: AuditHost, { protocol, port }: Port): boolean =>
  host.absent.has('sockets') ||
  port === 2377 ||
  protocol === 'udp' ||
  host.host.sockets.some(
    ({ local, state, protocol: of }) => state === 'listening' && of === protocol && local.port === port,
  );

const send = (host: AuditHost, family: Family, { protocol, port, what }: Port): Passage | undefined => {
  const probes = host.probes(family);
  const { anywhere = [], isStandIn } = probes.vantage;
  const vxlan = what.startsWith('VXLAN') ? [`vxlan vni=${clearVni(host)}`] : [];
  const passages = anywhere.map((door) => {
    const first = firstFrom(probes, door, { protocol, port });
    return passage(probes.host, packetWords({ ...first, more: [...vxlan, ...(first.more ?? [])] }));
  });
  const open = passages.filter(({ reach, at }) => reach === 'open' && at === 'host');
  return isStandIn && open.length < passages.length ? undefined : open[0];
};

/**
 * More nodes are better let in by the guard. An ACCEPT for each would stand above Docker's rules that keep clear packets
 * of encrypted networks out: a RETURN leaves those packets to them.
 */
const mostPeers = 8;

const found = (host: AuditHost, family: Family): readonly Found[] => {
  const { isPartial, vantage } = host.probes(family);
  if (isPartial) return [];
  const open = portsOf(host, family).flatMap((port) => {
    const sentTo = listens(host, port) ? send(host, family, port) : undefined;
    return sentTo ? [{ port, passage: sentTo }] : [];
  });
  // The data path first: docs warn of it most.
  const first = open.find(({ port }) => port.what.startsWith('VXLAN')) ?? open[0];
  const sent = first && shown(host, family, first.passage);
  if (!first || !sent) return [];
  const decider = deciderOf(sent);
  const evidence: readonly Evidence[] = [
    ...(decider ? [evidenceOfDecider(host, family, decider, 'lets it in')] : []),
    ...host
      .overlays()
      .filter((one) => one.family === family)
      .flatMap(({ marks }) => marks)
      .slice(0, 1)
      .map((rule) => evidenceOf(rule, 'tells the data path port')),
  ];
  const words = open.map(({ port: { port, protocol, what } }) => `${port}/${protocol} (${what})`);
  const nodes = host.host.docker?.peers.length ?? 0;
  const peers = (host.host.docker?.peers ?? [])
    .filter((peer) => peer.family === family)
    .slice(0, mostPeers)
    .map(({ address }) => printAddress(address, family));
  const program = dockerProgram(host, family);
  return [
    {
      subject: inFamily('ports of the Swarm', family),
      ...(vantage.isPublic === true ? {} : { severity: 'low' as const }),
      what: `Packets from anywhere are let in at ${words.join(', ')}.`,
      means: `These ports are for the nodes of the Swarm${nodes > 0 ? ` (${nodes} others are known)` : ''}. Whoever can send to the data path port puts packets into every overlay network that is not encrypted, without any key.${vantage.isPublic === true ? ' This host has an address that is routed in the Internet.' : vantage.isPublic === false ? ' This host has private addresses only: others reach it through its networks.' : ''}`,
      evidence,
      witness: sent.witness,
      fix: [
        guardTableOf(host.host.listed)
          ? {
              what: "name the nodes in the guard's policy (swarm: peers), allow these ports to nobody else, and load it",
              commands: ['${EDITOR:-vi} /etc/dnfw/policy.yaml', 'dnfw install'],
            }
          : { what: 'let the guard keep everybody but the nodes out', commands: ['dnfw install --from-host'] },
        {
          what: 'or drop them in INPUT, but for what this host and the nodes send',
          commands: [
            `${program} -N SWARM-NODES`,
            `${program} -A SWARM-NODES -i lo -j RETURN`,
            ...(peers.length > 0 ? peers : ['NODE']).map((peer) => `${program} -A SWARM-NODES -s ${peer} -j RETURN`),
            `${program} -A SWARM-NODES -j DROP`,
            ...open.map(
              ({ port: { port, protocol } }) =>
                `${program} -I INPUT -p ${protocol} -m ${protocol} --dport ${port} -j SWARM-NODES`,
            ),
          ],
        },
      ],
    },
  ];
};

export const swarmPortsOpen: FindingRule = {
  code: 'swarm-ports-open',
  severity: 'medium',
  job: 'exposure',
  title: 'Ports of the Swarm are open to everybody',
  about:
    "The nodes of a Swarm talk to each other at 2377/tcp (managers), 7946/tcp and udp, and send the packets of overlay networks to the data path port, 4789/udp unless another was chosen. VXLAN has no authentication: Docker's manual warns never to open its port to networks that are not trusted. A packet from a public address is sent to each of them; the one to the data path port is of a network that is not encrypted. Without an answer of the engine only the data path port is known, from the rules of encrypted overlays. The severity is medium where the host has an address that is routed in the Internet, low otherwise.",
  silent:
    'INPUT, a native chain or the guard keeps packets from public addresses out, or it depends on what is not known.',
  references: ['GHSA-vwm3-crmr-xfxw'],
  needs: [],
  find: (host) => families.flatMap((family) => found(host, family)),
};
