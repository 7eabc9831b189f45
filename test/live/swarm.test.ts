// The guard on a node of a real Swarm: whatever the engines do, it stays whole and first and knows the encrypted
// networks; and packets that are sent for real get in or do not, each with the same packet on the unguarded host.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, type Cluster, docker, end, inside, makeCluster, must, type Place, run, until } from './cluster.ts';
import { connects, vxlanThatGetsIn } from './packets.ts';
import { dockerVnis, guardVnis, sample, type Sampler } from './vnis.ts';

const program = process.env['DNFW_PROGRAM'] ?? fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** SSH and Swarm peers only. */
const policyFor = (peers: readonly Place[]): string => `version: 1
mode: enforce
default: drop
allow:
  - { proto: tcp, ports: [22] }
swarm: { peers: [${peers.map(({ address }) => address).join(', ')}], dataPathPort: 4789, encrypted: docker }
`;

const open = 22;
const closed = 8000;
const packets = 5;

let cluster: Cluster;
let node: Place;
let peer: Place;
let other: Place;
const helpers: ChildProcess[] = [];
let sampler: Sampler | undefined;

const start = (place: Place, log: string, ...words: readonly string[]): ChildProcess => {
  const [name = '', ...args] = inside(place, ...words);
  const out = openSync(join(cluster.folder, log), 'a');
  const child = spawn(name, args, { env: { ...process.env, ...place.env }, stdio: ['ignore', out, out] });
  helpers.push(child);
  return child;
};

const guarded = (): Place => ({
  ...node,
  env: {
    ...node.env,
    DNFW_CONFIG_DIR: join(cluster.folder, 'etc'),
    DNFW_STATE_DIR: join(cluster.folder, 'lib'),
    DNFW_RUN_DIR: join(cluster.folder, 'run'),
  },
});

const dnfw = (...words: readonly string[]): Promise<string> => at(guarded(), process.execPath, program, ...words);

interface Said {
  readonly sound: boolean;
  readonly guard: string;
  readonly drift: readonly unknown[];
  readonly ahead: readonly unknown[];
  readonly docker: { readonly missing: readonly unknown[]; readonly stale: readonly unknown[] };
}

const status = async (): Promise<Said> => {
  const { stdout } = await run(inside(node, process.execPath, program, 'status', '--json'), guarded().env);
  // The expectations check what is used of it.
  return JSON.parse(stdout) as Said;
};

const vniOf = async (name: string): Promise<number> => {
  const list = await docker(node, 'network', 'inspect', '-f', '{{index .Options "com.docker.network.driver.overlay.vxlanid_list"}}', name); // prettier-ignore
  return Number(list);
};

/**
 * Clear packets of a peer come from the third node: it has nothing on an encrypted network, so that its own engine does
 * not have them encrypted on their way out.
 */
const clear = (vni: number): Promise<number> => vxlanThatGetsIn(other, node, vni, packets);

/** A container on each of these nodes: only then does an engine program the network. */
const inhabit = async (network: string, ...places: readonly Place[]): Promise<void> => {
  for (const one of places) {
    // A worker learns of a network when its manager tells it.
    await until(`${network} is used on ${one.namespace}`, 30, async () => {
      const words = [
        'docker',
        'run',
        '-d',
        '--name',
        `on-${network}`,
        '--network',
        network,
        'busybox:live',
        'sleep',
        '100000',
      ];
      if ((await run(words, one.env, 40)).status === 0) return true;
      await run(['docker', 'rm', '-f', `on-${network}`], one.env);
      return false;
    });
  }
};

const desert = async (network: string, ...places: readonly Place[]): Promise<void> => {
  for (const one of places) await docker(one, 'rm', '-f', '-t', '0', `on-${network}`).catch(() => docker(one, 'rm', '-f', `on-${network}`)); // prettier-ignore
};

const addressIn = (network: string, place: Place): Promise<string> =>
  docker(place, 'inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, `on-${network}`);

const pings = async (network: string, from: Place, to: Place): Promise<boolean> => {
  const words = ['docker', 'exec', `on-${network}`, 'ping', '-c', '3', '-W', '2', await addressIn(network, to)];
  return (await run(words, from.env)).status === 0;
};

const makeNetwork = (name: string, ...options: readonly string[]): Promise<string> =>
  docker(node, 'network', 'create', '-d', 'overlay', '--attachable', ...options, name);

/** The rules of INPUT as they are, to be put back. */
const saveInput = (): Promise<string> => at(node, 'iptables-nft-save', '-t', 'filter');
const restoreInput = async (saved: string): Promise<void> => {
  const file = join(cluster.folder, 'saved');
  writeFileSync(file, `${saved}\n`);
  await at(node, 'iptables-nft-restore', file);
  await at(node, 'iptables-legacy', '-F', 'INPUT');
};

const acceptVxlan = ['-I', 'INPUT', '1', '-p', 'udp', '--dport', '4789', '-j', 'ACCEPT'];
const acceptAll = ['-I', 'INPUT', '1', '-j', 'ACCEPT'];

/** What tries to let a clear packet of an encrypted network in; each is undone. */
const attempts: readonly (readonly [string, () => Promise<unknown>])[] = [
  ["Docker's own rules are deleted", () => at(node, 'iptables-nft', '-F', 'INPUT')],
  ['an ACCEPT at the top of INPUT by iptables-nft', () => at(node, 'iptables-nft', ...acceptVxlan)],
  [
    "Docker's rules are deleted, ACCEPTs at the top of INPUT by iptables-nft and iptables-legacy",
    async () => {
      await at(node, 'iptables-nft', '-F', 'INPUT');
      await at(node, 'iptables-legacy', ...acceptVxlan);
      await at(node, 'iptables-nft', ...acceptVxlan);
    },
  ],
];

const tried = async (attempt: () => Promise<unknown>, then: () => Promise<void>): Promise<void> => {
  const saved = await saveInput();
  try {
    await attempt();
    await then();
  } finally {
    await restoreInput(saved);
  }
};

/** Engines before 24.0 leave the rules of a network behind when it is removed: this does what later ones do. */
const forget = async (vni: number): Promise<void> => {
  const word = `0x${vni.toString(16)}00"`;
  for (const table of ['filter', 'mangle']) {
    const rules = (await at(node, 'iptables-nft-save', '-t', table)).split('\n');
    for (const rule of rules.filter((line) => line.startsWith('-A') && line.includes(word)))
      await at(node, 'sh', '-c', `iptables-nft -t ${table} ${rule.replace('-A', '-D')}`);
  }
};

/** After something was done: the guard is whole and first, and its networks were right at most two seconds later. */
const stays = async (what: string): Promise<void> => {
  await until(`the networks are those of Docker: ${what}`, 10, async () => (await dockerVnis(node)) === (await guardVnis(node))); // prettier-ignore
  await pause(1500);
  const { sound, guard, drift, ahead, docker: networks } = await status();
  const seen = { what, sound, guard, drift, ahead, missing: networks.missing, stale: networks.stale };
  expect(seen).toEqual({ what, sound: true, guard: 'loaded', drift: [], ahead: [], missing: [], stale: [] });
  const longest = sampler?.longest() ?? { ms: Infinity, what: 'nobody looked' };
  console.log(
    `${what}: enforced ${(await guardVnis(node)) || 'none'}; differed at most ${longest.ms} ms ${longest.what}`,
  );
  expect(longest.ms, `${what}: ${longest.what}`).toBeLessThan(2000);
};

beforeAll(async () => {
  cluster = await makeCluster();
  [node, peer, other] = cluster.nodes;
  await docker(node, 'swarm', 'init', '--advertise-addr', node.address);
  const token = await docker(node, 'swarm', 'join-token', '-q', 'worker');
  for (const one of [peer, other]) await docker(one, 'swarm', 'join', '--token', token, `${node.address}:2377`);
  await makeNetwork('secret', '--opt', 'encrypted');
  await makeNetwork('plain');
  for (const name of ['secret', 'plain']) await inhabit(name, node, peer);
  await until(
    'Docker enforces the encryption',
    20,
    async () => (await dockerVnis(node)) === String(await vniOf('secret')),
  );
  start(node, 'servers', process.execPath, '-e', `for (const port of [${open}, ${closed}]) require('node:net').createServer((socket) => socket.pipe(socket)).listen(port)`); // prettier-ignore
  await until('servers listen', 10, () => connects(peer, node, closed));
});

afterAll(async () => {
  await sampler?.stop();
  for (const child of helpers) await end(child, 5);
  await cluster?.stop();
});

describe('without the guard', () => {
  it('Docker alone drops clear VXLAN of an encrypted network', async () => {
    expect(await clear(await vniOf('secret'))).toBe(0);
  });

  it.each(attempts)('it gets in when %s', async (_, attempt) => {
    const vni = await vniOf('secret');
    await tried(attempt, async () => {
      expect(await clear(vni)).toBe(packets);
      expect(await vxlanThatGetsIn(cluster.stranger, node, vni, packets)).toBe(packets);
    });
  });

  it('everything else gets in, from anybody', async () => {
    for (const from of [other, cluster.stranger]) {
      expect(await connects(from, node, open)).toBe(true);
      expect(await connects(from, node, closed)).toBe(true);
      expect(await connects(from, node, 2377)).toBe(true);
      expect(await vxlanThatGetsIn(from, node, await vniOf('plain'), packets)).toBe(packets);
    }
    expect(await pings('plain', peer, node)).toBe(true);
  });
});

describe('with the guard', () => {
  beforeAll(async () => {
    mkdirSync(join(cluster.folder, 'etc'));
    writeFileSync(join(cluster.folder, 'etc', 'policy.yaml'), policyFor([node, peer, other]));
  });

  it('is installed and confirmed, and dnfw watch runs', async () => {
    const held = start(peer, 'held', 'bash', '-c', `exec 3<>/dev/tcp/${node.address}/${closed}; for i in $(seq 600); do echo "$i" >&3; read -r -t 2 -u 3 back || exit 1; echo "$back"; sleep 0.5; done`); // prettier-ignore
    await pause(500);
    const { stdout, stderr, status: left } = await run(inside(node, process.execPath, program, 'install', '--confirm-timeout', '60s'), guarded().env); // prettier-ignore
    console.log(stdout, stderr);
    expect(left).toBe(0);
    const id = /dnfw confirm (\S+)/.exec(`${stdout}${stderr}`)?.[1] ?? '';
    await dnfw('confirm', id);
    start(guarded(), 'watch', process.execPath, program, 'watch');
    await pause(2000);
    sampler = sample(node);
    await stays('installed');
    expect(held.exitCode, 'a connection made before goes on').toBe(null);
    const before = readFileSync(join(cluster.folder, 'held'), 'utf8').length;
    await pause(1200);
    expect(readFileSync(join(cluster.folder, 'held'), 'utf8').length).toBeGreaterThan(before);
    await end(held, 5);
  });

  it('clear VXLAN of an encrypted network is dropped', async () => {
    for (const from of [other, cluster.stranger])
      expect(await vxlanThatGetsIn(from, node, await vniOf('secret'))).toBe(0);
  });

  it.each(attempts)('and stays so when %s', async (_, attempt) => {
    const vni = await vniOf('secret');
    await tried(attempt, async () => {
      // By then dnfw watch has seen it.
      for (const wait of [0, 3000]) {
        await pause(wait);
        for (const from of [other, cluster.stranger])
          expect.soft(await vxlanThatGetsIn(from, node, vni, packets), `${from.namespace} after ${wait} ms`).toBe(0);
      }
    });
    await until(
      'the networks are those of Docker again',
      10,
      async () => (await dockerVnis(node)) === (await guardVnis(node)),
    );
    sampler?.longest();
  });

  it('a closed port stays closed whatever is inserted, allowed traffic passes', async () => {
    await tried(
      async () => {
        await at(node, 'iptables-legacy', ...acceptAll);
        await at(node, 'iptables-nft', ...acceptAll);
      },
      async () => {
        for (const from of [other, cluster.stranger]) {
          expect(await connects(from, node, open)).toBe(true);
          expect(await connects(from, node, closed)).toBe(false);
        }
        expect(await connects(peer, node, 2377)).toBe(true);
        expect(await connects(cluster.stranger, node, 2377)).toBe(false);
      },
    );
  });

  it('plain overlays pass, for peers alone', async () => {
    const vni = await vniOf('plain');
    expect(await clear(vni)).toBe(packets);
    expect(await vxlanThatGetsIn(cluster.stranger, node, vni, packets)).toBe(0);
    expect(await pings('plain', peer, node)).toBe(true);
    expect(await pings('plain', node, peer)).toBe(true);
  });

  it('network create and remove', async () => {
    await stays('before a network is made');
    await makeNetwork('second', '--opt', 'encrypted');
    await inhabit('second', node, peer);
    const vni = await vniOf('second');
    await until('Docker enforces it', 20, async () => (await dockerVnis(node)).split(' ').includes(String(vni)));
    await stays('network create');
    expect(await guardVnis(node)).toContain(String(vni));
    expect(await clear(vni)).toBe(0);
    await desert('second', node, peer);
    await docker(node, 'network', 'rm', 'second');
    await stays('network remove');
    await forget(vni);
    await stays("the removed network's rules are gone");
    expect(await guardVnis(node)).toBe(String(await vniOf('secret')));
  });

  it('Docker restart', async () => {
    await cluster.stopEngine(node);
    await stays('engine stopped');
    await cluster.startEngine(node);
    await until('the Swarm is back', 60, async () => (await run(['docker', 'node', 'ls'], node.env)).status === 0);
    for (const name of ['secret', 'plain']) await until(`${name} is used again`, 30, async () => (await run(['docker', 'start', `on-${name}`], node.env)).status === 0); // prettier-ignore
    await until('Docker enforces the encryption', 30, async () =>
      (await dockerVnis(node)).split(' ').includes(String(await vniOf('secret'))),
    );
    await stays('engine started');
    expect(await clear(await vniOf('secret'))).toBe(0);
    expect(await clear(await vniOf('plain'))).toBe(packets);
  });

  it('a node leaves and joins again', async () => {
    await docker(other, 'swarm', 'leave', '--force');
    await stays('another node left');
    const token = await docker(node, 'swarm', 'join-token', '-q', 'worker');
    await docker(other, 'swarm', 'join', '--token', token, `${node.address}:2377`);
    await inhabit('plain', other);
    await stays('another node joined');
    expect(await guardVnis(node)).toBe(String(await vniOf('secret')));
  });

  it('docker swarm leave', async () => {
    const vni = await vniOf('secret');
    for (const name of ['secret', 'plain']) await desert(name, node);
    await docker(node, 'swarm', 'leave', '--force');
    await stays('swarm leave');
    await forget(vni);
    await stays('the rules of the networks that were left are gone');
    expect(await guardVnis(node)).toBe('');
    expect(await clear(vni), 'no network of that number is encrypted any more').toBe(packets);
    expect(await connects(peer, node, open)).toBe(true);
    expect(await connects(peer, node, closed)).toBe(false);
  });

  it('uninstall leaves nothing', async () => {
    await sampler?.stop();
    await dnfw('uninstall');
    expect(await must(inside(node, 'nft', 'list', 'tables'))).not.toContain('dnfw');
    expect(await connects(cluster.stranger, node, closed)).toBe(true);
  });
});
