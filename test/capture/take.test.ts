// Taking a capture: what programs and files may do to it, what it never holds, and what it never asks.
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readModules } from '../../src/capture/modules.ts';
import { recorder } from '../../src/capture/record.ts';
import { seamsOf } from '../../src/capture/replay.ts';
import { guardListing } from '../../src/capture/take.ts';
import { readHost } from '../../src/guard/host.ts';
import { systemPrograms } from '../../src/guard/programs.ts';
import { folderWith } from '../cli/dnfw.ts';
import { captureOf, dockerHost, fakeFiles, fakePrograms, type Told } from './fakes.ts';

const password = 'hunter2';

/** An engine whose every answer has secrets in it. */
const hostile: Told = {
  ...dockerHost,
  'docker info --format {{json .}}': JSON.stringify({
    ServerVersion: '28.0.0',
    HttpProxy: `http://user:${password}@proxy:3128`,
    Labels: [`token=${password}`],
    Name: password,
    Swarm: { LocalNodeState: 'active', NodeAddr: '192.0.2.1', JoinTokens: { Worker: password }, Cluster: { ID: 'c', TLSInfo: password, Spec: { Labels: { x: password } } } },
    RegistryConfig: { IndexConfigs: { x: { Auth: password } } },
    ServerErrors: [password],
    FirewallBackend: { Driver: { deep: password }, Info: [[password]] },
    OperatingSystem: password.repeat(100),
  }),
  'docker version --format {{json .}}': JSON.stringify({ Client: { Version: '28.0.0', Context: password }, Server: { Version: '28.0.0', Platform: { Name: password } } }),
  'docker network ls --quiet --no-trunc': `abc\n${password.toUpperCase()}=${password}\n`,
  'docker network inspect abc': JSON.stringify([
    { Id: 'abc', Name: 'secure', Driver: 'bridge', Labels: { x: password }, Options: { encrypted: '', vendor_token: password, 'com.docker.network.bridge.name': 'br1' }, ConfigFrom: { Network: password }, Containers: { c1: { Name: 'web', IPv4Address: '10.0.1.2/24', EndpointID: password, MacAddress: password }, [`k ${password}`]: { Name: 'x' } }, Peers: [{ Name: password, IP: '192.0.2.2' }] },
  ]),
  'docker node inspect node1 node2': JSON.stringify([{ ID: 'node1', Spec: { Labels: { x: password }, Role: 'manager' }, Description: { Engine: { Labels: { x: password } } }, Status: { Addr: '192.0.2.2', Message: password } }]),
  'docker ps --no-trunc --format {{.Names}}\t{{.Networks}}\t{{.Ports}}': `web\tbridge\t0.0.0.0:80->80/tcp\n{"Labels":"token=${password}"}\nTOKEN=${password}\nx\ty\t80/tcp TOKEN=${password}\n`,
  'ip xfrm policy': `${dockerHost['ip xfrm policy'] as string}src 192.0.2.1 dst 192.0.2.2\n\tproto esp spi 0x1 reqid 1 mode transport\n\taead rfc4106(gcm(aes)) 0x00112233445566778899aabbccddeeff 64\n\tproto esp auth 0x00112233445566778899aabbccddeeff\n`,
  'ip xfrm state count': `\t SAD count 4\n\tauth hmac(sha1) 0x${'ab'.repeat(16)}\n`,
}; // prettier-ignore

describe('secrets', () => {
  it('are not in a capture, whatever the engine says', async () => {
    const { text, read } = await captureOf(hostile);
    expect(text).not.toMatch(new RegExp(password, 'i'));
    expect(text).not.toContain('00112233445566778899');
    expect(text).not.toContain('abababab');
    // And what is needed is there.
    const host = await readHost(seamsOf(read));
    expect(host.docker).toMatchObject({ version: '28.0.0', swarm: 'active' });
    expect(host.tunnels).toHaveLength(1);
    for (const part of ['"br1"', '"encrypted":""', '10.0.1.2/24', '192.0.2.2', '0.0.0.0:80->80/tcp'])
      expect(text).toContain(part);
  });

  it('are not in what programs say when they fail', async () => {
    const why = `error during connect: http://user:${password}@proxy:3128/info: ${'x'.repeat(1000)}`;
    const { text } = await captureOf({ ...dockerHost, docker: { kind: 'failed', why }, 'docker info --format {{json .}}': { kind: 'failed', why } }); // prettier-ignore
    expect(text).not.toContain(password);
    expect(text).toContain('error during connect: http://…@proxy');
    expect(text).not.toContain('x'.repeat(400));
  });

  it('are never asked for', async () => {
    const asked: string[] = [];
    await captureOf({}, { programs: fakePrograms(hostile, asked) });
    expect(asked.filter((line) => /xfrm state(?! count)|docker inspect|service inspect|secret|config |\benv\b|printenv/.test(line))).toEqual([]); // prettier-ignore
    expect(asked.length).toBeGreaterThan(20);
    expect(new Set(asked).size).toBe(asked.length);
  });

  it('are not in the connections that are kept', async () => {
    const { text } = await captureOf(dockerHost);
    expect(text).not.toContain('203.0.113.9');
    expect(text).toContain('198.51.100.7');
    expect(text).toContain('192.0.2.2:40001');
  });
});

describe('programs', () => {
  const rulesOf = async (told: Told): Promise<{ readonly tables: number; readonly notRead: readonly string[] }> => {
    const { read } = await captureOf(told);
    const { iptables } = await readHost(seamsOf(read));
    return { tables: iptables.tables.length, notRead: read.notRead.map(({ what, why }) => `${what}: ${why}`) };
  };

  it('that are all missing leave an empty capture that says so', async () => {
    const { tables, notRead } = await rulesOf({});
    expect(tables).toBe(0);
    expect(notRead.filter((one) => one.endsWith(': it is not installed')).map((one) => one.split(':')[0])).toEqual(
      expect.arrayContaining(['iptables-save', 'ip6tables-save', 'nft -j list ruleset', 'ip -j address']),
    );
    expect(notRead.some((one) => /docker|ipset|firewall/.test(one))).toBe(false);
  });

  it('that fail are named with their reason, and the rest is there', async () => {
    const failed = { kind: 'failed', why: 'you must be root' } as const;
    const { tables, notRead } = await rulesOf({ ...dockerHost, 'nft -j list ruleset': failed, 'iptables-legacy-save -c': failed }); // prettier-ignore
    expect(tables).toBe(1);
    expect(notRead).toEqual(['iptables-legacy-save -c: you must be root', 'nft -j list ruleset: you must be root', "the guard's records: what nft lists is not known"]); // prettier-ignore
  });

  it.each([
    ['broken JSON', '{"nftables": [{"table": '],
    ['no JSON', 'nonsense\n\n\u0000\u0001'],
    ['JSON of another kind', '["a", "b"]'],
    ['a number', '7'],
    ['bytes that were no UTF-8', '{"nftables": [{"table": {"family": "inet", "name": "\ufffd\ufffd"}}]}'],
    ['what looks like no answer', '{"missing": true}'],
    ['what looks like a failure', '{"failed": "no"}'],
  ])('with %s are read as they are when they are asked', async (_what, said) => {
    const told = { ...dockerHost, 'nft -j list ruleset': said, 'ip -j address': said, 'ip -j -4 route': said };
    const live = await readHost({ programs: fakePrograms(told), ancestry: { environments: () => [] } });
    const { read } = await captureOf(told);
    const replayed = await readHost(seamsOf(read));
    expect(replayed.diagnostics.map(({ code }) => code)).toEqual(live.diagnostics.map(({ code }) => code));
    expect(replayed.addresses).toEqual(live.addresses);
    expect(replayed.routes).toEqual(live.routes);
    expect(replayed.listed.tables.map(({ name }) => name)).toEqual(live.listed.tables.map(({ name }) => name));
  });

  it('with 100,000 rules are written in parts', async () => {
    const rules = Array.from({ length: 100_000 }, (_, i) => `[0:0] -A INPUT -s 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32 -j DROP\n`).join(''); // prettier-ignore
    const dump = `*filter\n:INPUT ACCEPT [0:0]\n${rules}COMMIT\n`;
    const { read } = await captureOf({ ...dockerHost, 'iptables-nft-save -c': dump });
    const { iptables } = await readHost(seamsOf(read, 'host.json'));
    expect(iptables.tables[0]?.chains[0]?.rules).toHaveLength(100_000);
  }, 60_000);

  it('that hang, with a child that holds their pipes, do not hold a capture up', async () => {
    const folder = folderWith();
    const path = join(folder, 'hang');
    writeFileSync(path, '#!/bin/sh\nsleep 30\n');
    chmodSync(path, 0o755);
    const began = performance.now();
    expect(await systemPrograms.ask(path, [], 1)).toMatchObject({ kind: 'failed' });
    expect(performance.now() - began).toBeLessThan(10_000);
  }, 40_000);

  it('that hang are not asked again', async () => {
    const asked: string[] = [];
    const late = { kind: 'failed', why: 'it does not answer within 10 s' } as const;
    const { read } = await captureOf({}, { programs: fakePrograms({ ...dockerHost, docker: late, 'docker info --format {{json .}}': late }, asked) }); // prettier-ignore
    // Two questions are asked at the same time.
    expect(asked.filter((line) => line.startsWith('docker'))).toHaveLength(2);
    expect(read.notRead.some(({ what }) => what.startsWith('docker info'))).toBe(true);
  });

  it('are given a time limit', async () => {
    const limits: (number | undefined)[] = [];
    const { programs } = recorder({
      ask: (_program, _args, seconds) => {
        limits.push(seconds);
        return Promise.resolve({ kind: 'missing' });
      },
    });
    for (const program of ['docker', 'nft', 'firewall-cmd']) await programs.ask(program, ['x'], 600);
    expect(limits).toEqual([10, 30, 5]);
  });
});

describe('modules', () => {
  const kernel = '6.1.0';
  const folder = `/lib/modules/${kernel}`;
  const files = fakeFiles({
    '/proc/modules': 'nf_conntrack 200704 5 nft_ct, Live 0x0\nx_tables 65536 1 nft_compat, Live 0x0\n',
    [`${folder}/modules.builtin`]: 'kernel/net/ipv4/tcp_diag.ko\nkernel/net/ipv4/inet_diag.ko\n',
    [`${folder}/modules.dep`]:
      'kernel/net/netfilter/nf_tables.ko.xz: kernel/net/x.ko\nkernel/net/netfilter/xt_u32.ko:\nkernel/net/netfilter/ipset/ip_set.ko.zst:\nkernel/net/xfrm/xfrm_user.ko:\nkernel/net/ipv4/udp_diag.ko:\nkernel/net/ipv4/raw-diag.ko:\n',
  });

  it('are loaded, built in, loadable or absent', () => {
    const modules = readModules(files, kernel);
    const names = ['nf_conntrack', 'tcp_diag', 'nf_tables', 'xt_u32', 'raw_diag', 'xt_bpf'];
    expect(names.map(modules)).toEqual(['loaded', 'built in', 'loadable', 'loadable', 'loadable', 'absent']);
  });

  it('are not known where the files are not there', () => {
    const modules = readModules(fakeFiles({ '/proc/modules': '' }, { '/sys/module': ['ip_set'] }), kernel);
    expect(['ip_set', 'xt_u32'].map(modules)).toEqual(['loaded', undefined]);
  });

  it('are what x_tables has registered, where the kernel takes no modules', () => {
    const modules = readModules(fakeFiles({ '/proc/net/ip_tables_matches': 'u32\npolicy\nudp\n' }), kernel);
    expect(['xt_u32', 'xt_bpf', 'nf_tables'].map(modules)).toEqual(['built in', 'absent', undefined]);
  });

  it('that nobody has needed are not loaded by asking for what they have', async () => {
    const asked: string[] = [];
    const { read } = await captureOf({}, { files, programs: fakePrograms({ ...dockerHost, env: 'tcp LISTEN 0 0 *:22 *:*\n' }, asked) }); // prettier-ignore
    const opens = (line: string): boolean => /^(?:nft -j|ip6?tables-nft-save|ipset|ip xfrm|ss )/.test(line);
    expect(asked.filter(opens)).toEqual([]);
    expect(asked).toContain('env PROC_ROOT=/proc ss -H -ltuwnp');
    const host = await readHost(seamsOf(read));
    expect(host.sockets).toMatchObject([{ local: { port: 22 } }]);
    // There is nothing in what is not there: that is known.
    expect(host.gaps).toEqual([]);
    expect(host.iptables.tables.map(({ backend }) => backend)).toEqual(['legacy']);
  });
});

describe('namespaces', () => {
  const dump = '*nat\n:OUTPUT ACCEPT [0:0]\n[0:0] -A OUTPUT -d 127.0.0.11/32 -j RETURN\nCOMMIT\n';
  const inside = (path: string, told: Told): Told =>
    Object.fromEntries(Object.entries(told).map(([line, said]) => [`nsenter --net=${path} ${line}`, said]));
  const files = { kind: 'names', names: [{ name: 'b', path: '/n/b' }, { name: 'a', path: '/n/a' }] } as const; // prettier-ignore

  it('are asked inside, by the names of the programs there', async () => {
    const { read, text } = await captureOf(
      {
        ...dockerHost,
        nsenter: { kind: 'failed', why: 'nsenter: failed to execute x: No such file or directory' },
        ...inside('/n/a', { 'iptables-nft-save -c': dump, 'nft -j list ruleset': '{"nftables": []}' }),
        ...inside('/n/b', { 'iptables-legacy-save -c': '', 'nft -j list ruleset': { kind: 'failed', why: 'no' } }),
      },
      { namespaces: () => files },
    );
    expect(read.namespaces?.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(read.namespaces?.[0]?.answers.get('ip6tables-save -c')).toEqual({ kind: 'missing' });
    const [first] = read.namespaces ?? [];
    const saved = first?.answers.get('iptables-nft-save -c');
    expect(saved?.kind === 'text' && saved.line !== undefined && text.split('\n')[saved.line - 1]).toContain('"*nat"');
    expect(read.notRead).toContainEqual({ what: 'namespace b', why: 'no' });
  });

  it('that may not be entered are not known', async () => {
    const nsenter = { kind: 'failed', why: 'nsenter: cannot open /n/a: Permission denied' } as const;
    const { read } = await captureOf({ ...dockerHost, nsenter }, { namespaces: () => files });
    expect(read.namespaces).toBeUndefined();
    expect(read.notRead.filter(({ what }) => what.startsWith('namespace'))).toHaveLength(2);
  });

  it('without nsenter are not known, and without namespaces there are none', async () => {
    const none = await captureOf(dockerHost);
    expect(none.read.namespaces).toEqual([]);
    const { read } = await captureOf(dockerHost, { namespaces: () => files });
    expect(read.namespaces).toBeUndefined();
    expect(read.notRead).toContainEqual({ what: 'network namespaces of containers', why: 'nsenter is not installed' });
  });

  it('are left when there are too many for the time', async () => {
    let at = 0;
    const { read } = await captureOf({ ...dockerHost, nsenter: '' }, { namespaces: () => files, now: () => new Date(1_000_000 * at++) }); // prettier-ignore
    expect(read.notRead).toContainEqual({ what: 'namespace a', why: 'the others took all the time that there was' });
  });
});

describe('the guard', () => {
  const objects = (name: string): object[] => [
    { table: { family: 'inet', name } },
    { rule: { family: 'inet', table: name, chain: 'x', expr: [] } },
    { table: { family: 'ip', name } },
  ];

  it('is its table as nft lists it alone', () => {
    const value = { nftables: [{ metainfo: {} }, ...objects('dnfw'), ...objects('own')] };
    expect(guardListing({ kind: 'json', value: JSON.parse(JSON.stringify(value)) as never })).toEqual({ nftables: [{ metainfo: {} }, ...objects('dnfw').slice(0, 2)] }); // prettier-ignore
    expect(guardListing({ kind: 'json', value: { nftables: [{ metainfo: {} }] } })).toBeUndefined();
    expect(guardListing({ kind: 'missing' })).toBeUndefined();
  });
});
