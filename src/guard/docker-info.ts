/** What the engine says of itself, if it answers: `docker info` and, on managers, `docker node`. */
import { parseAddress } from '../netfilter/address.ts';
import { families, type Family } from '../netfilter/family.ts';
import { type Json, listOf, property, text, textOf, whole } from '../nftables/json.ts';

export interface Peer {
  readonly family: Family;
  readonly address: bigint;
}

export interface DockerInfo {
  readonly version: string | undefined;
  /** `active` in a Swarm. */
  readonly swarm: string | undefined;
  /** Whether it can be asked about other nodes. */
  readonly manager: boolean;
  readonly dataPathPort: number | undefined;
  readonly own: Peer | undefined;
  readonly peers: readonly Peer[];
}

/** `192.0.2.1`, `192.0.2.1:2377`, `[2001:db8::1]:2377`. */
export const peerIn = (said: string): Peer | undefined => {
  const host = /^\[([^\]]*)\]/.exec(said)?.[1] ?? (/^[^:]*:\d+$/.test(said) ? said.replace(/:\d+$/, '') : said);
  for (const family of families) {
    const address = parseAddress(host, family);
    if (address !== undefined && address !== 0n) return { family, address };
  }
  return undefined;
};

/** Undefined if it is no answer of an engine: without one, the client answers with its own half alone. */
export const readInfo = (info: Json): DockerInfo | undefined => {
  if (property(info, 'ServerVersion') === undefined || textOf(info, 'ServerVersion') === '') return undefined;
  const swarm = property(info, 'Swarm');
  const port = whole(property(property(swarm, 'Cluster'), 'DataPathPort'));
  const own = peerIn(textOf(swarm, 'NodeAddr') ?? '');
  const managers = listOf(property(swarm, 'RemoteManagers')).flatMap((one) => peerIn(textOf(one, 'Addr') ?? '') ?? []);
  return {
    version: textOf(info, 'ServerVersion'),
    swarm: textOf(swarm, 'LocalNodeState'),
    manager: property(swarm, 'ControlAvailable') === true,
    dataPathPort: port === undefined || port === 0n ? undefined : Number(port),
    own,
    peers: managers.filter(({ family, address }) => family !== own?.family || address !== own.address),
  };
};

/** The answer of `docker node inspect`: the addresses of all nodes. */
export const readNodes = (nodes: Json): readonly Peer[] =>
  listOf(nodes).flatMap((node) => peerIn(text(property(property(node, 'Status'), 'Addr')) ?? '') ?? []);
