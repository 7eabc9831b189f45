// Audits of a real Swarm: each thing that can be wrong is broken on purpose, the audit says so from a capture alone, and
// what it says gets through does get through when it is sent.
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, type Cluster, docker, inside, makeCluster, must, type Place, run, until } from './cluster.ts';
import { program } from './guard.ts';
import { vxlanThatGetsIn } from './packets.ts';
import { formSwarm, inhabit, makeNetwork, pings, tried, vniOf } from './swarm.ts';

const packets = 5;

let cluster: Cluster;
let node: Place;
let peer: Place;
let other: Place;
let vni: number;
let port: string;

interface Finding {
  readonly code: string;
  readonly severity: string;
  readonly subject: string;
  readonly evidence: readonly { readonly file: string; readonly line: number; readonly text: string }[];
  readonly witness?: { readonly packet: string; readonly verdict: string };
}

interface Report {
  readonly hosts: readonly { readonly name: string; readonly findings: readonly Finding[] }[];
  readonly fleet: readonly Finding[];
}

let captures = 0;

/** Taken on the host, then read as a file: no engine answers then. */
const capture = async (place: Place): Promise<string> => {
  const file = join(cluster.folder, `capture${captures++}.json`);
  await at(place, process.execPath, program, 'capture', '-o', file);
  return file;
};

const audit = async (...files: readonly string[]): Promise<Report> => {
  const { status, stdout, stderr } = await run([process.execPath, program, 'audit', '--json', ...files], { DOCKER_HOST: 'unix:///nowhere' }); // prettier-ignore
  expect([status, stderr]).toEqual([0, expect.not.stringContaining('error')]);
  // The expectations check what is used of it.
  return JSON.parse(stdout) as Report;
};

const findingsOf = async (place: Place): Promise<readonly Finding[]> => {
  const [host] = (await audit(await capture(place))).hosts;
  return host?.findings ?? [];
};

const about = (findings: readonly Finding[], code: string): readonly Finding[] => findings.filter((one) => one.code === code); // prettier-ignore

/** What is wrong enough that somebody has to act, in the encryption of overlays. */
const alarms = (findings: readonly Finding[]): readonly string[] =>
  findings
    .filter(({ code, severity }) => /^overlay-|^swarm-(?!ports)/.test(code) && ['critical', 'high'].includes(severity))
    .map(({ code, subject }) => `${code}: ${subject}`);

/** Clear packets of a peer come from the third node, which has nothing on an encrypted network. */
const clear = (): Promise<number> => vxlanThatGetsIn(other, node, vni, packets);

const dropRule = async (place: Place): Promise<string> => {
  const rules = (await at(place, 'iptables-nft', '-S', 'INPUT')).split('\n');
  return rules.find((rule) => rule.includes('-j DROP') && rule.includes(`0x${vni.toString(16)}00`)) ?? '';
};

const iptables = (place: Place, words: string): Promise<string> => at(place, 'sh', '-c', `iptables-nft ${words}`);

/** How many clear packets of the encrypted network come to a host while somebody does something, before any rule. */
const clearArriving = async (place: Place, doing: () => Promise<unknown>): Promise<number> => {
  const table = 'dnfw_live_early';
  await at(place, 'nft', `add table inet ${table}; add chain inet ${table} early { type filter hook prerouting priority -310; }; add rule inet ${table} early meta secpath missing udp dport 4789 @th,96,32 & 0xffffff00 == ${vni << 8} counter`); // prettier-ignore
  await doing();
  const listed = await at(place, 'nft', 'list', 'chain', 'inet', table, 'early');
  await at(place, 'nft', 'delete', 'table', 'inet', table);
  return Number(/counter packets (\d+)/.exec(listed)?.[1]);
};

beforeAll(async () => {
  cluster = await makeCluster('a');
  [node, peer, other] = cluster.nodes;
  await formSwarm(cluster);
  await makeNetwork(node, 'secret', '--opt', 'encrypted');
  await inhabit('secret', node, peer);
  vni = await vniOf(node, 'secret');
  port = '8082';
  await until('Docker drops clear packets', 20, async () => (await dropRule(node)) !== '' && (await dropRule(peer)) !== ''); // prettier-ignore
});

afterAll(async () => {
  await cluster?.stop();
});

describe('an untouched Swarm', () => {
  it('has its rules described and raises no alarm', async () => {
    const report = await audit(...(await Promise.all(cluster.nodes.map(capture))));
    expect(report.hosts.map(({ findings }) => alarms(findings))).toEqual([[], [], []]);
    expect(alarms(report.fleet)).toEqual([]);
    expect(about(report.hosts[0]?.findings ?? [], 'overlay-rules').length).toBe(1);
    expect(await clear()).toBe(0);
  });
});

describe('a rule that is gone or in the wrong place', () => {
  it('a DROP that somebody deleted', async () => {
    const attempt = async (): Promise<unknown> => iptables(node, (await dropRule(node)).replace('-A', '-D'));
    await tried(node, attempt, async () => {
      const file = await capture(node);
      const report = await audit(file, await capture(peer));
      const [found] = about(report.hosts[0]?.findings ?? [], 'overlay-drop-missing');
      expect(found).toMatchObject({ severity: 'high', witness: { verdict: 'accept' } });
      expect(found?.subject).toContain(`VNI ${vni}`);
      expect(found?.evidence.every((one) => one.file === file)).toBe(true);
      expect(about(report.fleet, 'swarm-vni-partial').length).toBe(1);
      expect(await clear()).toBe(packets);
    });
    expect(await clear()).toBe(0);
  });

  it('a DROP below an ACCEPT', async () => {
    const attempt = async (): Promise<unknown> => {
      const rule = await dropRule(node);
      return iptables(node, `${rule.replace('-A', '-D')} && iptables-nft -A INPUT -p udp --dport 4789 -j ACCEPT && iptables-nft ${rule}`); // prettier-ignore
    };
    await tried(node, attempt, async () => {
      const [found] = about(await findingsOf(node), 'overlay-drop-behind-accept');
      expect(found).toMatchObject({ severity: 'high', witness: { verdict: 'accept' } });
      expect(found?.evidence.map(({ text }) => text)).toEqual([
        expect.stringContaining('-j ACCEPT'),
        expect.stringContaining('-j DROP'),
      ]);
      expect(await clear()).toBe(packets);
    });
  });

  it('mangle flushed on one node: it sends in clear', async () => {
    const ping = (): Promise<boolean> => pings('secret', peer, node);
    expect(await clearArriving(node, ping)).toBe(0);
    await tried(peer, (place) => at(place, 'iptables-nft', '-t', 'mangle', '-F', 'OUTPUT'), async () => {
      const report = await audit(...(await Promise.all(cluster.nodes.map(capture))));
      const [found] = about(report.hosts[1]?.findings ?? [], 'overlay-mark-missing');
      expect(found).toMatchObject({ severity: 'high', subject: expect.stringContaining(`VNI ${vni}`) });
      expect(about(report.hosts[0]?.findings ?? [], 'overlay-mark-missing')).toEqual([]);
      expect(about(report.fleet, 'swarm-mark-missing').length).toBe(1);
      expect(await clearArriving(node, ping)).toBeGreaterThan(0);
    }); // prettier-ignore
  });
});

describe('a port published on a loopback address', () => {
  it('is reached by a neighbour that sends for 127.0.0.1', async () => {
    await docker(node, 'run', '-d', '--name', 'local', '-p', `127.0.0.1:${port}:80`, 'busybox:live', 'busybox', 'httpd', '-f', '-p', '80'); // prettier-ignore
    const [found] = about(await findingsOf(node), 'loopback-published-reachable');
    expect(found).toMatchObject({ severity: 'medium', subject: expect.stringContaining(port), witness: { verdict: 'accept' } }); // prettier-ignore
    const { stranger } = cluster;
    const connects = async (): Promise<boolean> =>
      (await run(inside(stranger, 'timeout', '2', 'bash', '-c', `exec 3<>/dev/tcp/127.0.0.1/${port}`))).status === 0;
    expect(await connects()).toBe(false);
    await at(stranger, 'ip', 'address', 'del', '127.0.0.1/8', 'dev', 'lo');
    for (const device of ['all', 'eth0']) await at(stranger, 'sh', '-c', `echo 1 > /proc/sys/net/ipv4/conf/${device}/route_localnet`); // prettier-ignore
    await at(stranger, 'ip', 'route', 'add', '127.0.0.1/32', 'via', node.address, 'dev', 'eth0');
    expect(await connects()).toBe(true);
    // What the finding gives as a fix closes it, and the finding is gone.
    await iptables(node, '-t raw -I PREROUTING ! -i lo -d 127.0.0.0/8 -j DROP');
    expect(await connects()).toBe(false);
    expect(about(await findingsOf(node), 'loopback-published-reachable')).toEqual([]);
    await iptables(node, '-t raw -F PREROUTING');
    await docker(node, 'rm', '-f', 'local');
  });
});

describe('one node on the other backend', () => {
  it('is told, on the node and in the Swarm', async () => {
    const folder = join(cluster.folder, 'legacy');
    mkdirSync(folder);
    for (const tool of ['iptables', 'ip6tables'])
      symlinkSync(await must(['sh', '-c', `command -v ${tool}-legacy`]), join(folder, tool));
    await cluster.stopEngine(peer);
    await cluster.startEngine(peer, { PATH: `${folder}:${process.env['PATH'] ?? ''}` });
    await until('the Swarm is back', 60, async () => (await run(['docker', 'start', 'on-secret'], peer.env)).status === 0); // prettier-ignore
    await until('Docker has rules of iptables-legacy', 30, async () =>
      (await at(peer, 'iptables-legacy', '-S', 'INPUT')).includes(`0x${vni.toString(16)}00`),
    );
    const beside = await audit(...(await Promise.all(cluster.nodes.map(capture))));
    expect(about(beside.hosts[1]?.findings ?? [], 'mixed-backends').length).toBe(1);
    expect(about(beside.hosts[0]?.findings ?? [], 'mixed-backends')).toEqual([]);
    // As after a boot: what the engine had in the other backend is gone.
    await at(peer, 'nft', 'flush', 'ruleset');
    const after = await audit(...(await Promise.all(cluster.nodes.map(capture))));
    expect(about(after.hosts[1]?.findings ?? [], 'mixed-backends')).toEqual([]);
    expect(about(after.fleet, 'swarm-backend-mixed').length).toBe(1);
  });
});
