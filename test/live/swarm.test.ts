// The guard on a node of a real Swarm: whatever the engines do, it stays whole and first and knows the encrypted
// networks; and packets that are sent for real get in or do not, each with the same packet on the unguarded host.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, type Cluster, docker, end, inside, makeCluster, must, type Place, run, until } from './cluster.ts';
import { type Guarded, guardedNode, program } from './guard.ts';
import { connects, vxlanThatGetsIn } from './packets.ts';
import {
  desert,
  forget,
  formSwarm,
  inhabit,
  inhabitAgain,
  joinSwarm,
  makeNetwork,
  pings,
  tried,
  vniOf,
} from './swarm.ts';
import { dockerVnis, guardVnis, sample, type Sampler } from './vnis.ts';

const open = 22;
const closed = 8000;
const packets = 5;

let cluster: Cluster;
let node: Guarded;
let peer: Guarded;
let other: Place;
let sampler: Sampler | undefined;

/**
 * Clear packets of a peer come from the third node: it has nothing on an encrypted network, so that its own engine does
 * not have them encrypted on their way out.
 */
const clear = (vni: number, to: Place = node): Promise<number> => vxlanThatGetsIn(other, to, vni, packets);

/** Docker enforces the encryption on a node. */
const enforces = (where: Place, network: string): Promise<void> =>
  until(`Docker enforces the encryption of ${network}`, 60, async () =>
    (await dockerVnis(where)).split(' ').includes(String(await vniOf(node, network))),
  );

const acceptVxlan = ['-I', 'INPUT', '1', '-p', 'udp', '--dport', '4789', '-j', 'ACCEPT'];
const acceptAll = ['-I', 'INPUT', '1', '-j', 'ACCEPT'];

const flush = async (where: Place): Promise<void> => {
  await at(where, 'iptables-nft', '-F', 'INPUT');
  await at(where, 'iptables-nft', '-t', 'mangle', '-F', 'OUTPUT');
};

/** What tries to let a clear packet of an encrypted network in; each is undone. */
const attempts: readonly (readonly [string, (where: Place) => Promise<unknown>])[] = [
  ["Docker's rules of INPUT are deleted", (where) => at(where, 'iptables-nft', '-F', 'INPUT')],
  ["all of Docker's rules about it are deleted", flush],
  ['both tables are flushed by nft', (where) => at(where, 'nft', 'flush table ip filter; flush table ip mangle')],
  ['an ACCEPT at the top of INPUT by iptables-nft', (where) => at(where, 'iptables-nft', ...acceptVxlan)],
  [
    "Docker's rules are deleted, ACCEPTs at the top of INPUT by iptables-nft and iptables-legacy",
    async (where) => {
      await flush(where);
      await at(where, 'iptables-legacy', ...acceptVxlan);
      await at(where, 'iptables-nft', ...acceptVxlan);
    },
  ],
];

/** By the second time, dnfw watch has seen it. */
const staysOut = async (where: Place, vni: number): Promise<void> => {
  for (const wait of [0, 3000]) {
    await pause(wait);
    for (const from of [other, cluster.stranger])
      expect.soft(await vxlanThatGetsIn(from, where, vni, packets), `${from.namespace} after ${wait} ms`).toBe(0);
  }
};

/** After something was done: the guard is whole and first, and its networks were right at most two seconds later. */
const stays = async (what: string): Promise<void> => {
  await until(`the networks are those of Docker: ${what}`, 10, async () => (await dockerVnis(node)) === (await guardVnis(node))); // prettier-ignore
  await pause(1500);
  const { sound, guard, drift, ahead, docker: networks } = await node.status();
  const seen = { what, sound, guard, drift, ahead, missing: networks.missing, stale: networks.stale };
  expect(seen).toEqual({ what, sound: true, guard: 'loaded', drift: [], ahead: [], missing: [], stale: [] });
  const longest = sampler?.longest() ?? { ms: Infinity, what: 'nobody looked' };
  console.log(
    `${what}: enforced ${(await guardVnis(node)) || 'none'}; differed at most ${longest.ms} ms ${longest.what}`,
  );
  expect(longest.ms, `${what}: ${longest.what}`).toBeLessThan(2000);
};

beforeAll(async () => {
  cluster = await makeCluster('g');
  const [first, second, third] = cluster.nodes;
  [node, peer, other] = [guardedNode(cluster, first), guardedNode(cluster, second), third];
  await formSwarm(cluster);
  await makeNetwork(node, 'secret', '--opt', 'encrypted');
  await makeNetwork(node, 'plain');
  for (const name of ['secret', 'plain']) await inhabit(name, node, peer);
  for (const one of [node, peer]) await enforces(one, 'secret');
  cluster.start(node, 'servers', process.execPath, '-e', `for (const port of [${open}, ${closed}]) require('node:net').createServer((socket) => socket.pipe(socket)).listen(port)`); // prettier-ignore
  await until('servers listen', 10, () => connects(peer, node, closed));
});

afterAll(async () => {
  await sampler?.stop();
  await cluster?.stop();
});

describe('without the guard', () => {
  it('Docker alone drops clear VXLAN of an encrypted network', async () => {
    expect(await clear(await vniOf(node, 'secret'))).toBe(0);
  });

  it.each(attempts)('it gets in when %s', async (_, attempt) => {
    const vni = await vniOf(node, 'secret');
    for (const where of [node, peer])
      await tried(where, attempt, async () => {
        expect(await clear(vni, where)).toBe(packets);
        expect(await vxlanThatGetsIn(cluster.stranger, where, vni, packets)).toBe(packets);
      });
  });

  it('everything else gets in, from anybody', async () => {
    for (const from of [other, cluster.stranger]) {
      expect(await connects(from, node, open)).toBe(true);
      expect(await connects(from, node, closed)).toBe(true);
      expect(await connects(from, node, 2377)).toBe(true);
      expect(await vxlanThatGetsIn(from, node, await vniOf(node, 'plain'), packets)).toBe(packets);
    }
    expect(await pings('plain', peer, node)).toBe(true);
  });
});

describe('with the guard', () => {
  it('is installed and confirmed, and dnfw watch runs', async () => {
    const held = cluster.start(peer, 'held', 'bash', '-c', `exec 3<>/dev/tcp/${node.address}/${closed}; for i in $(seq 600); do echo "$i" >&3; read -r -t 2 -u 3 back || exit 1; echo "$back"; sleep 0.5; done`); // prettier-ignore
    await pause(500);
    const { stdout, stderr, status: left } = await run(inside(node, process.execPath, program, 'install', '--confirm-timeout', '60s'), node.env); // prettier-ignore
    console.log(stdout, stderr);
    expect(left).toBe(0);
    const id = /dnfw confirm (\S+)/.exec(`${stdout}${stderr}`)?.[1] ?? '';
    await node.dnfw('confirm', id);
    node.watch();
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
      expect(await vxlanThatGetsIn(from, node, await vniOf(node, 'secret'))).toBe(0);
  });

  it.each(attempts)('and stays so when %s', async (_, attempt) => {
    const vni = await vniOf(node, 'secret');
    await tried(node, attempt, () => staysOut(node, vni));
    await until(
      'the networks are those of Docker',
      10,
      async () => (await dockerVnis(node)) === (await guardVnis(node)),
    );
    sampler?.longest();
  });

  it("and status names that Docker's rules are gone", async () => {
    const vni = await vniOf(node, 'secret');
    await tried(node, flush, async () => {
      await pause(1500);
      expect(await node.status()).toMatchObject({ sound: true, guard: 'loaded', drift: [], docker: { missing: [], stale: [], unruled: [{ vni, lacks: ['drop', 'mark'] }] } }); // prettier-ignore
      // Who asks by hand gets the same answer.
      await node.dnfw('sync');
      expect(await guardVnis(node)).toBe(String(vni));
    });
    expect((await node.status()).docker.unruled).toEqual([]);
    sampler?.longest();
  });

  it('on a worker, too', async () => {
    const vni = await vniOf(node, 'secret');
    await peer.dnfw('install', '--no-confirm');
    peer.watch();
    await pause(2000);
    await tried(peer, flush, async () => {
      await staysOut(peer, vni);
      expect(await peer.status()).toMatchObject({
        sound: true,
        docker: { missing: [], stale: [], unruled: [{ vni }] },
      });
    });
    expect(await pings('plain', peer, node)).toBe(true);
    await peer.dnfw('uninstall');
  });

  it('a closed port stays closed whatever is inserted, allowed traffic passes', async () => {
    await tried(
      node,
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
    const vni = await vniOf(node, 'plain');
    expect(await clear(vni)).toBe(packets);
    expect(await vxlanThatGetsIn(cluster.stranger, node, vni, packets)).toBe(0);
    expect(await pings('plain', peer, node)).toBe(true);
    expect(await pings('plain', node, peer)).toBe(true);
  });

  it('network create and remove', async () => {
    await stays('before a network is made');
    await makeNetwork(node, 'second', '--opt', 'encrypted');
    await inhabit('second', node, peer);
    const vni = await vniOf(node, 'second');
    await enforces(node, 'second');
    await stays('network create');
    expect(await guardVnis(node)).toContain(String(vni));
    expect(await clear(vni)).toBe(0);
    await desert('second', node, peer);
    await docker(node, 'network', 'rm', 'second');
    await stays('network remove');
    await forget(node, vni);
    await stays("the removed network's rules are gone");
    expect(await guardVnis(node)).toBe(String(await vniOf(node, 'secret')));
  });

  it('Docker restart', async () => {
    await cluster.stopEngine(node);
    await stays('engine stopped');
    await cluster.startEngine(node);
    await until('the Swarm is back', 60, async () => (await run(['docker', 'node', 'ls'], node.env)).status === 0);
    for (const name of ['secret', 'plain']) await inhabitAgain(name, node);
    await enforces(node, 'secret');
    await stays('engine started');
    expect(await clear(await vniOf(node, 'secret'))).toBe(0);
    expect(await clear(await vniOf(node, 'plain'))).toBe(packets);
  });

  it('an engine that is stopped tells nothing: what is flushed then stays enforced', async () => {
    const vni = await vniOf(node, 'secret');
    await cluster.stopEngine(node);
    await flush(node);
    await staysOut(node, vni);
    expect(await node.status()).toMatchObject({ sound: true, docker: { missing: [], stale: [] } });
    await cluster.startEngine(node);
    await until('the Swarm is back', 60, async () => (await run(['docker', 'node', 'ls'], node.env)).status === 0);
    for (const name of ['secret', 'plain']) await inhabitAgain(name, node);
    await enforces(node, 'secret');
    sampler?.longest();
    await stays('the engine has made its rules again');
    expect((await node.status()).docker.unruled).toEqual([]);
    expect(await clear(vni)).toBe(0);
  });

  it('a node leaves and joins again', async () => {
    await docker(other, 'swarm', 'leave', '--force');
    await stays('another node left');
    await joinSwarm(node, other);
    await inhabit('plain', other);
    await stays('another node joined');
    expect(await guardVnis(node)).toBe(String(await vniOf(node, 'secret')));
  });

  it('docker swarm leave', async () => {
    const vni = await vniOf(node, 'secret');
    for (const name of ['secret', 'plain']) await desert(name, node);
    await docker(node, 'swarm', 'leave', '--force');
    await stays('swarm leave');
    await forget(node, vni);
    await stays('the rules of the networks that were left are gone');
    expect(await guardVnis(node)).toBe('');
    expect(await clear(vni), 'no network of that number is encrypted any more').toBe(packets);
    expect(await connects(peer, node, open)).toBe(true);
    expect(await connects(peer, node, closed)).toBe(false);
  });

  it('uninstall leaves nothing', async () => {
    await sampler?.stop();
    await node.dnfw('uninstall');
    expect(await must(inside(node, 'nft', 'list', 'tables'))).not.toContain('dnfw');
    expect(await connects(cluster.stranger, node, closed)).toBe(true);
  });
});
