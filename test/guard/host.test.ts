// What programs of the host say, read: sockets, addresses, the caller, the engine, and what it means if one is missing.
import { describe, expect, it } from 'vitest';
import { callerIn, callersOf, sshPorts } from '../../src/guard/caller.ts';
import { peerIn, readInfo, readNodes } from '../../src/guard/docker-info.ts';
import { readHost, readHostRules } from '../../src/guard/host.ts';
import { readRoutes } from '../../src/guard/network.ts';
import type { Answer, Programs } from '../../src/guard/programs.ts';
import { isLocalOnly, readSockets } from '../../src/guard/sockets.ts';
import { peersOfPolicies } from '../../src/guard/xfrm.ts';

const four = (a: number, b: number, c: number, d: number): bigint => BigInt(((a * 256 + b) * 256 + c) * 256 + d);

describe('ss', () => {
  it.each([
    ['tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*', { protocol: 'tcp', state: 'listening', local: { family: 'ip', port: 22 } }], // prettier-ignore
    ['tcp LISTEN 0 128 *:22 *:* users:(("sshd",pid=1,fd=3),("sshd",pid=2,fd=3))', { local: { port: 22 }, programs: ['sshd'] }], // prettier-ignore
    ['udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*', { local: { family: 'ip', address: four(127, 0, 0, 53), device: 'lo', port: 53 } }], // prettier-ignore
    ['udp UNCONN 0 0 [fe80::1]%eth0:546 [::]:*', { local: { family: 'ip6', device: 'eth0', port: 546 } }],
    ['tcp ESTAB 0 0 [::ffff:10.9.0.2]:22 [::ffff:10.9.0.1]:56454', { state: 'established', peer: { family: 'ip', address: four(10, 9, 0, 1), port: 56_454 } }], // prettier-ignore
    ['tcp LISTEN 0 128 [::]:80 [::]:*', { local: { family: 'ip6', port: 80 } }],
  ])('%s', (line, socket) => {
    expect(readSockets(`${line}\n`)).toMatchObject([socket]);
  });

  it.each(['', 'nl UNCONN 0 0 rtnl:kernel *', 'tcp TIME-WAIT 0 0 10.0.0.1:1 10.0.0.2:2', 'tcp LISTEN 0 0 nonsense *:*'])('leaves out "%s"', (line) => {
    expect(readSockets(line)).toEqual([]);
  }); // prettier-ignore

  it('tells what only this host can reach', () => {
    const texts = ['127.0.0.1:1', '[::1]:1', '127.0.0.53%lo:1', '*:1', '0.0.0.0:1', '10.0.0.1:1'];
    const local = texts.flatMap((text) => readSockets(`tcp LISTEN 0 0 ${text} *:*`).map(isLocalOnly));
    expect(local).toEqual([true, true, true, false, false, false]);
  });
});

describe('the caller', () => {
  const sshd = readSockets('tcp LISTEN 0 0 *:2222 *:* users:(("sshd",pid=1,fd=3))\ntcp ESTAB 0 0 10.0.0.1:2222 192.0.2.7:50000\ntcp ESTAB 0 0 10.0.0.1:2222 127.0.0.1:50000\ntcp ESTAB 0 0 10.0.0.1:50000 192.0.2.9:22'); // prettier-ignore

  it.each([
    ['192.0.2.7 50000 10.0.0.1 22', { family: 'ip', address: four(192, 0, 2, 7), to: four(10, 0, 0, 1), port: 22 }],
    ['2001:db8::7 50000 2001:db8::1 22', { family: 'ip6', port: 22 }],
    ['fe80::7%eth0 50000 fe80::1%eth0 22', { family: 'ip6', port: 22 }],
    ['::ffff:192.0.2.7 50000 ::ffff:10.0.0.1 22', { family: 'ip', address: four(192, 0, 2, 7) }],
  ])('SSH_CONNECTION=%s', (text, caller) => {
    expect(callerIn(text, 'x')).toMatchObject(caller);
  });

  it.each(['', 'x', '192.0.2.7 50000', '192.0.2.7 50000 2001:db8::1 22', '192.0.2.7 50000 10.0.0.1 port'])('is nobody with "%s"', (text) => {
    expect(callerIn(text, 'x')).toBeUndefined();
  }); // prettier-ignore

  it('is found with a parent where sudo dropped the variable', () => {
    const environments = (): readonly object[] => [{}, {}, { SSH_CONNECTION: '192.0.2.8 1 10.0.0.1 22' }];
    const found = callersOf({ environments: () => environments() as never }, sshd);
    expect(found).toMatchObject([{ address: four(192, 0, 2, 8), how: 'SSH_CONNECTION of a parent process' }]);
  });

  it('is whoever is connected to sshd, where nothing says more', () => {
    expect(sshPorts(sshd)).toEqual([2222]);
    const found = callersOf({ environments: () => [undefined, {}] }, sshd);
    expect(found).toMatchObject([{ address: four(192, 0, 2, 7), port: 2222, how: 'a connection to sshd' }]);
  });
});

describe('docker info', () => {
  it('says who the other managers are', () => {
    const info = { ServerVersion: '28.5.2', Swarm: { NodeAddr: '10.0.0.1', LocalNodeState: 'active', ControlAvailable: true, RemoteManagers: [{ Addr: '10.0.0.1:2377' }, { Addr: '[2001:db8::2]:2377' }], Cluster: { DataPathPort: 4790 } } }; // prettier-ignore
    expect(readInfo(info)).toMatchObject({ manager: true, dataPathPort: 4790, own: { address: four(10, 0, 0, 1) }, peers: [{ family: 'ip6' }] }); // prettier-ignore
  });

  it('is no answer without an engine', () => {
    expect(readInfo({ ServerVersion: '', ServerErrors: ['Cannot connect'] })).toBeUndefined();
    expect(readInfo(null)).toBeUndefined();
  });

  it('has the addresses of all nodes', () => {
    expect(readNodes([{ Status: { Addr: '10.0.0.2' } }, { Status: { Addr: '0.0.0.0' } }, {}])).toEqual([{ family: 'ip', address: four(10, 0, 0, 2) }]); // prettier-ignore
    expect(peerIn('fd00::1')).toMatchObject({ family: 'ip6' });
  });
});

describe('ip xfrm policy', () => {
  // As Docker makes them: a selector, a mark, and a template with addresses.
  const text = `src 10.0.0.1/32 dst 10.0.0.2/32 proto udp dport 4789
	dir out priority 0
	mark 0xd0c4e3/0xffffffff
	tmpl src 10.0.0.1 dst 10.0.0.2
		proto esp spi 0x1000 reqid 13681891 mode transport
src 10.0.0.3/32 dst 10.0.0.1/32
	dir in priority 0
	tmpl src 10.0.0.3 dst 10.0.0.1
		proto esp reqid 1 mode tunnel
src 10.0.0.1/32 dst 10.0.0.4/32
	dir out priority 0
	tmpl src 0.0.0.0 dst 0.0.0.0
		proto esp reqid 1 mode transport
`;

  it('tells where ESP goes', () => {
    expect(peersOfPolicies(text).map(({ address }) => address)).toEqual([four(10, 0, 0, 2), four(10, 0, 0, 4)]);
  });
});

describe('ip route', () => {
  it('leaves out what leads nowhere', () => {
    const found = readRoutes([{ dst: 'default', gateway: '10.0.0.254', dev: 'eth0' }, { type: 'unreachable', dst: '10.1.0.0/16', dev: 'lo' }, { dst: '10.2.0.0/16', nexthops: [{ dev: 'eth1' }] }, { dst: 'nonsense', dev: 'x' }], 'ip'); // prettier-ignore
    expect(found.map(({ device }) => device)).toEqual(['eth0', 'eth1']);
  });
});

describe('a host', () => {
  const programs = (answers: Readonly<Record<string, Answer>>): Programs => ({
    ask: (program) => Promise.resolve(answers[program] ?? { kind: 'missing' }),
  });
  const nobody = { environments: () => [] };

  it('of which nothing can be read is no error', async () => {
    const host = await readHost({ programs: programs({}), ancestry: nobody });
    expect(host).toMatchObject({ iptables: { tables: [] }, nft: { tables: [] }, sockets: [], callers: [] });
    expect(host.docker).toBeUndefined();
    expect(new Set(host.gaps.map(({ what }) => what))).toEqual(new Set(['iptables', 'nft', 'sockets', 'addresses', 'ipsec'])); // prettier-ignore
  });

  it('answers nonsense, and is no error', async () => {
    const nonsense: Answer = { kind: 'text', text: '{"nftables": [' };
    const names = ['nft', 'ss', 'ip', 'docker', 'iptables-nft-save', 'ip6tables-nft-save'];
    const host = await readHost({ programs: programs(Object.fromEntries(names.map((name) => [name, nonsense]))), ancestry: nobody }); // prettier-ignore
    expect(host.diagnostics.some(({ severity }) => severity === 'error')).toBe(true);
  });

  it('has tables of iptables-nft once', async () => {
    const save: Answer = { kind: 'text', text: '*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n' };
    const list: Answer = { kind: 'text', text: '{"nftables": [{"table": {"family": "ip", "name": "filter"}}, {"table": {"family": "inet", "name": "own"}}]}' }; // prettier-ignore
    const rules = await readHostRules(programs({ 'iptables-nft-save': save, nft: list }));
    expect(rules.nft.tables.map(({ name }) => name)).toEqual(['own']);
    expect(rules.listed.tables).toHaveLength(2);
    expect(rules.why).toEqual([]);
  });

  it('says what it could not read of the rules', async () => {
    const failed: Answer = { kind: 'failed', why: 'no right' };
    const rules = await readHostRules(programs({ 'iptables-nft-save': failed, nft: failed }));
    expect(rules.why).toEqual(['iptables-nft-save: no right', 'nft: no right']);
  });
});
