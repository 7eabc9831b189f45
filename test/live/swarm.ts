// A Swarm of the cluster's engines: its nodes, networks, and containers on them.
import { at, type Cluster, docker, inside, must, type Place, run, until } from './cluster.ts';

/** The first node becomes the manager, the others workers. */
export const formSwarm = async ({ nodes: [manager, ...workers] }: Cluster): Promise<void> => {
  await docker(manager, 'swarm', 'init', '--advertise-addr', manager.address);
  for (const worker of workers) await joinSwarm(manager, worker);
};

export const joinSwarm = async (manager: Place, worker: Place): Promise<void> => {
  const token = await docker(manager, 'swarm', 'join-token', '-q', 'worker');
  await docker(worker, 'swarm', 'join', '--token', token, `${manager.address}:2377`);
};

export const makeNetwork = (manager: Place, name: string, ...options: readonly string[]): Promise<string> =>
  docker(manager, 'network', 'create', '-d', 'overlay', '--attachable', ...options, name);

export const vniOf = async (manager: Place, name: string): Promise<number> => {
  const list = await docker(manager, 'network', 'inspect', '-f', '{{index .Options "com.docker.network.driver.overlay.vxlanid_list"}}', name); // prettier-ignore
  return Number(list);
};

/** A container on each of these nodes: only then does an engine program the network. */
export const inhabit = async (network: string, ...places: readonly Place[]): Promise<void> => {
  const words = ['docker', 'run', '-d', '--name', `on-${network}`, '--network', network, 'busybox:live', 'sleep', '100000']; // prettier-ignore
  for (const one of places) {
    // A worker learns of a network when its manager tells it.
    await until(`${network} is used on ${one.namespace}`, 30, async () => {
      if ((await run(words, one.env, 40)).status === 0) return true;
      await run(['docker', 'rm', '-f', `on-${network}`], one.env);
      return false;
    });
  }
};

export const desert = async (network: string, ...places: readonly Place[]): Promise<void> => {
  for (const one of places) await docker(one, 'rm', '-f', '-t', '0', `on-${network}`).catch(() => docker(one, 'rm', '-f', `on-${network}`)); // prettier-ignore
};

/** After a restart of the engine; until the Swarm has let its node in again, it takes its time. */
export const inhabitAgain = async (network: string, place: Place): Promise<void> =>
  until(`${network} is used again`, 100, async () => (await run(['docker', 'start', `on-${network}`], place.env, 60)).status === 0); // prettier-ignore

const addressIn = (network: string, place: Place): Promise<string> =>
  docker(place, 'inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, `on-${network}`);

export const pings = async (network: string, from: Place, to: Place): Promise<boolean> => {
  const words = ['docker', 'exec', `on-${network}`, 'ping', '-c', '3', '-W', '2', await addressIn(network, to)];
  return (await run(words, from.env)).status === 0;
};

const tables = ['filter', 'mangle'] as const;

/** Does something to a host's rules, and puts them back. */
export const tried = async (
  node: Place,
  attempt: (node: Place) => Promise<unknown>,
  then: () => Promise<void>,
): Promise<void> => {
  const saved = await Promise.all(tables.map((table) => at(node, 'iptables-nft-save', '-t', table)));
  try {
    await attempt(node);
    await then();
  } finally {
    await must(['sh', '-c', `printf '%s\n' "$1" | nsenter --net=/var/run/netns/${node.namespace} iptables-nft-restore`, 'sh', saved.join('\n')]); // prettier-ignore
    await at(node, 'iptables-legacy', '-F', 'INPUT');
    // iptables has made all chains of the tables that it was given.
    await run(inside(node, 'nft', 'delete', 'chain', 'ip', 'mangle', 'INPUT'));
  }
};

/** Engines before 24.0 leave the rules of a network behind when it is removed: this does what later ones do. */
export const forget = async (node: Place, vni: number): Promise<void> => {
  const word = `0x${vni.toString(16)}00"`;
  for (const table of tables) {
    const rules = (await at(node, 'iptables-nft-save', '-t', table)).split('\n');
    for (const rule of rules.filter((line) => line.startsWith('-A') && line.includes(word)))
      await at(node, 'sh', '-c', `iptables-nft -t ${table} ${rule.replace('-A', '-D')}`);
  }
};
