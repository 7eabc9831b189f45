// A host to audit, from a capture: everything that findings may ask for, and nothing that nobody knows.
import { describe, expect, it } from 'vitest';
import { bareSource } from '../../src/audit/bare.ts';
import { sourceOfCapture } from '../../src/audit/captured.ts';
import { inspectHost } from '../../src/audit/inspect.ts';
import { readCapture } from '../../src/capture/read.ts';
import { captureOf, dockerHost, fakeFiles, fakePrograms } from '../capture/fakes.ts';
import { fleet } from './captures.ts';

const files = fakeFiles(
  {
    '/proc/sys/net/ipv4/ip_forward': '1\n',
    '/proc/sys/net/ipv4/conf/docker0/route_localnet': '1\n',
    '/etc/firewalld/firewalld.conf': '# FirewallBackend=x\nFirewallBackend=nftables\nSecret=hunter2\n',
    '/etc/ufw/ufw.conf': '# a comment\nENABLED=yes\nLOGLEVEL=low\n',
    '/proc/net/ip_tables_matches': 'u32\nudp\npolicy\n',
  },
  { '/proc/sys/net/ipv4/conf': ['docker0', 'veth0123abc'] },
);

const state = { schemaVersion: 1, current: 3, good: 3, pending: null } as const;
const records = {
  state,
  recorded: state,
  repairs: [],
  meta: { schemaVersion: 1, generation: 3, hash: 'abcdefabcdef', made: '2026-11-01T00:00:00.000Z', outcome: 'confirmed', mode: 'observe', policy: 'policy.yaml', priority: -10, dnfw: '0.1.0' }, // prettier-ignore
  listing: { nftables: [] },
  external: ['banned4'],
  persistent: true,
  watchPersistent: false,
} as const;

const inside = '*nat\n:OUTPUT ACCEPT [0:0]\n[0:0] -A OUTPUT -j ACCEPT\nCOMMIT\n';

describe('a source from a capture', () => {
  it('has all that is known', async () => {
    const { read, text } = await captureOf(
      {},
      {
        files,
        records: () => ({ records }),
        namespaces: () => ({ kind: 'names', names: [{ name: 'lb', path: '/n/lb' }] }),
        programs: fakePrograms({ ...dockerHost, nsenter: { kind: 'missing' }, 'nsenter --version': 'x', 'nsenter --net=/n/lb iptables-nft-save -c': inside }), // prettier-ignore
      },
    );
    const { around, host, ...source } = await sourceOfCapture(read, 'host.json');
    expect(source).toEqual({ name: 'n1', kind: 'capture', files: ['host.json'], chains: undefined, absent: new Set() });
    expect(host.docker?.peers).toHaveLength(1);
    expect(around).toMatchObject({
      taken: new Date('2026-11-28T08:00:00.000Z'),
      versions: { kernel: '6.1.0', nft: '1.0.6', iptables: '1.8.9' },
      networks: [{ name: 'secure', encrypted: true, vnis: [4097] }],
      firewallBackend: 'iptables+firewalld',
      cluster: 'cluster1',
      ipsets: [
        { name: 'banned', type: 'hash:net', family: 'ip', entries: 3 },
        { name: 'ports', type: 'bitmap:port', family: undefined, entries: 1 },
      ],
      xfrm: { states: 4, policies: 1 },
      firewalld: { running: true, version: '1.3.3', backend: 'nftables' },
      ufw: { enabled: true },
      guard: { generation: 3, mode: 'observe', confirmed: true, persistent: true, listing: { nftables: [] } },
    });
    expect([...(around.modules ?? [])].filter(([name]) => name.startsWith('xt_'))).toEqual([['xt_u32', true], ['xt_bpf', false], ['xt_policy', true]]); // prettier-ignore
    expect(around.sysctls?.get('net.ipv4.ip_forward')).toBe('1');
    expect(around.sysctls?.get('net.ipv4.conf.docker0.route_localnet')).toBe('1');
    expect(text).not.toContain('veth0123abc');
    expect(text).not.toContain('hunter2');
    expect(around.ports?.map(({ container, hostAddress, hostPort, containerPort, protocol }) => `${container} ${hostAddress} ${hostPort} ${containerPort}/${protocol}`)).toEqual([
      'web.1 0.0.0.0 8080 80/tcp',
      'web.1 :: 8080 80/tcp',
      'web.1 127.0.0.1 9000 9000/udp',
      'web.1 127.0.0.1 9001 9001/udp',
    ]); // prettier-ignore
    expect(around.namespaces?.map(({ name, iptables }) => [name, iptables.tables.length])).toEqual([['lb', 1]]);
    const [rule] = around.namespaces?.[0]?.iptables.tables[0]?.chains[0]?.rules ?? [];
    expect(text.split('\n')[(rule?.origin.line ?? 0) - 1]).toContain('-A OUTPUT -j ACCEPT');
    expect(rule?.origin.file).toBe('host.json');
  });

  it('does not know what could not be read', async () => {
    const { read } = await captureOf({}, { records: () => ({ why: 'no' }), namespaces: () => ({ kind: 'failed', why: 'no' }) }); // prettier-ignore
    const { around, absent } = await sourceOfCapture(read, 'host.json');
    expect(absent).toEqual(new Set(['iptables', 'ip6tables', 'nft', 'engine', 'sockets', 'addresses']));
    // firewall-cmd is a part of firewalld: where it is not installed, firewalld does not run.
    expect(Object.keys(around).toSorted()).toEqual(['firewalld', 'taken', 'versions']);
  });

  it('knows that there was nothing', async () => {
    const { read } = await captureOf({ ...dockerHost, 'ipset list -t': '', 'ip xfrm policy': '', 'firewall-cmd --state': { kind: 'failed', why: 'not running' } }); // prettier-ignore
    const { around } = await sourceOfCapture(read, 'host.json');
    expect(around).toMatchObject({ guard: null, namespaces: [], ipsets: [], xfrm: { policies: 0 }, firewalld: { running: false } }); // prettier-ignore
  });

  it('knows less of chains where a rule could not be read', async () => {
    const { read } = await captureOf({ ...dockerHost, 'iptables-legacy-save -c': '*filter\n:INPUT DROP [0:0]\n-A INPUT --colour red\nCOMMIT\n' }); // prettier-ignore
    const source = await sourceOfCapture(read, 'host.json');
    expect(source.chains).toEqual(new Set(['ip filter INPUT', 'ip filter DOCKER']));
    expect(inspectHost(source).lacks.filter((one) => one.includes('--colour'))).toHaveLength(1);
  });

  it('without a file is the live host', async () => {
    const { taken } = await captureOf(dockerHost);
    const source = await sourceOfCapture(taken);
    expect(source).toMatchObject({ kind: 'live', files: [] });
    const [rule] = source.host.iptables.tables[0]?.chains[0]?.rules ?? [];
    expect(rule?.origin).toMatchObject({ file: '<iptables-nft-save>', line: 5 });
  });
});

describe('the releases that a report names', () => {
  it.each([
    ['docker-bridges', '29 and later, with the nftables backend'],
    ['mine', undefined],
  ])('are told by a native table of Docker, too: %s', (name, era) => {
    const { value } = bareSource([{ name: 'x.json', text: JSON.stringify({ nftables: [{ table: { family: 'ip', name, handle: 1 } }] }) }]); // prettier-ignore
    expect(value && inspectHost(value, new Set()).era).toBe(era);
  });
});

describe('the fleet of tests', () => {
  it('has captures that are read back as they are, one Swarm unlike the other', async () => {
    const vnis: string[] = [];
    for (const { capture, file, text, swarm } of fleet(15)) {
      const { value, diagnostics } = readCapture({ name: file, text: text() });
      expect(diagnostics).toEqual([]);
      const source = await sourceOfCapture(value as NonNullable<typeof value>, file);
      expect(source.host.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(source.name).toBe(capture.host.name);
      expect(source.absent).toEqual(new Set());
      const { auditHost } = await import('../../src/audit/host.ts');
      const overlays = auditHost(source).overlays();
      expect(overlays.length).toBeGreaterThanOrEqual(2);
      vnis.push(`${swarm}: ${overlays.map(({ vni }) => vni).join(' ')}`);
      expect(source.around.networks?.map(({ vnis: [vni] }) => vni)).toEqual(expect.arrayContaining(overlays.map(({ vni }) => vni))); // prettier-ignore
    }
    expect(new Set(vnis).size).toBe(5);
  }, 60_000);
});
