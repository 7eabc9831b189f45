// What an installation would cost: packets that would be lost are found, and none is found that would not.
import { describe, expect, it } from 'vitest';
import { preflightLines } from '../../src/cli/guard-report.ts';
import { factsOf } from '../../src/guard/encrypted.ts';
import type { Host } from '../../src/guard/host.ts';
import type { Policy } from '../../src/guard/policy.ts';
import { preflight, type Preflight } from '../../src/guard/preflight.ts';
import { guardCommands, usualPriority } from '../../src/guard/ruleset.ts';
import { printDocument } from '../../src/nftables/print.ts';
import { capture, hostWith, rules } from './hosts.ts';
import { allow, at, policy, port, smallest, sources } from './policies.ts';

const flight = (host: Host, wanted: Policy): Preflight => {
  const facts = factsOf(host);
  const { value, diagnostics } = guardCommands(wanted, facts, { generation: 1, tag: '0123456789ab', priority: usualPriority }); // prettier-ignore
  expect(diagnostics).toEqual([]);
  return preflight({ host, policy: wanted, facts, document: printDocument({ nftables: value }) });
};

const lost = (report: Preflight): readonly string[] => report.stops.map(({ probe }) => probe.what);

const swarm = { place: at(5), peers: sources('10.77.0.2'), dataPathPort: 4789, encrypted: 'docker' } as const;
const usual = policy({ allow: [allow({ ports: [port(22)] })], swarm });

const captures = ['docker-17.03', 'docker-20.10.5', 'docker-20.10.24', 'docker-20.10.24-legacy', 'docker-23.0.3', 'docker-24.0', 'docker-28.0.0', 'docker-28.5.2', 'docker-29', 'docker-mixed-eras', 'operator-ufw', 'operator-fail2ban']; // prettier-ignore

describe('a policy with SSH and the peers of the Swarm', () => {
  it.each(captures)('loses nothing on %s', (name) => {
    const report = flight(hostWith({ iptables: capture(name) }), usual);
    expect(lost(report)).toEqual([]);
    expect(report.checked.length).toBeGreaterThan(15);
    expect(report.gaps).toEqual([]);
  });

  it.each(captures)('loses nothing on %s with encryption required', (name) => {
    expect(lost(flight(hostWith({ iptables: capture(name) }), smallest))).toEqual([]);
  });
});

describe('packets that would be lost', () => {
  it('SSH from the caller, with the trace', () => {
    const report = flight(hostWith(), policy({ swarm }));
    expect(lost(report)).toEqual(['a new SSH connection from 192.0.2.7, where you come from (SSH_CONNECTION)']);
    expect(report.stops[0]?.trace).toMatch(/verdict: drop/);
    expect(report.stops[0]?.trace).toMatch(/inet dnfw input \(nft, priority -10\)/);
  });

  it('SSH that is allowed from elsewhere only', () => {
    const wanted = policy({ swarm, allow: [allow({ ports: [port(22)], from: sources('198.51.100.0/24') })] });
    expect(lost(flight(hostWith(), wanted))).toHaveLength(1);
  });

  it('none in observe mode', () => {
    expect(lost(flight(hostWith(), policy({ mode: 'observe' })))).toEqual([]);
  });

  it('the ports of the Swarm, ESP and the data path, where the policy does not name the peers', () => {
    const host = hostWith({ iptables: capture('docker-28.5.2') });
    const found = lost(flight(host, policy({ allow: [allow({ ports: [port(22)] })] })));
    expect(found).toEqual([
      'managers of the Swarm from 10.77.0.2 (2377/tcp)',
      'gossip of the Swarm from 10.77.0.2 (7946/tcp)',
      'gossip of the Swarm from 10.77.0.2 (7946/udp)',
      'VXLAN of networks that are not encrypted, from 10.77.0.2',
      'ESP from 10.77.0.2: all encrypted networks',
      'VXLAN of encrypted network 4097 from 10.77.0.2, after IPsec',
      'VXLAN of encrypted network 4098 from 10.77.0.2, after IPsec',
      'VXLAN of encrypted network 4099 from 10.77.0.2, after IPsec',
    ]);
  });

  it('not what a first-era accept of Docker lets in, nor its ESP', () => {
    const wanted = policy({ allow: [allow({ ports: [port(22), port(2377), port(7946)] })] });
    const host = hostWith({ iptables: capture('docker-17.03') });
    const found = lost(flight(host, wanted));
    expect(found).not.toContain('ESP from 10.77.0.2: all encrypted networks');
    expect(found.filter((one) => one.includes('after IPsec'))).toEqual([]);
    expect(lost(flight(host, { ...wanted, dockerAccepts: 'ignore' }))).toContain('ESP from 10.77.0.2: all encrypted networks'); // prettier-ignore
  });

  it('neighbour discovery and path MTU, where ICMP is refused', () => {
    const found = lost(flight(hostWith(), { ...usual, icmp: 'none' }));
    expect(found.filter((one) => one.includes('neighbours') || one.includes('routers'))).toHaveLength(3);
  });

  it('not what is lost today', () => {
    const iptables = rules(':INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT');
    expect(lost(flight(hostWith({ iptables }), policy({})))).toEqual([]);
  });

  it('answers of DHCPv6 servers, where a client listens', () => {
    const udp = { protocol: 'udp', state: 'listening', local: { family: 'ip6', address: 0xfe800000000000000000000000000001n, device: 'eth0', port: 546 }, peer: {}, programs: ['systemd-network'] } as const; // prettier-ignore
    const host = hostWith();
    expect(lost(flight({ ...host, sockets: [...host.sockets, udp] }, usual))).toEqual(['answers of DHCPv6 servers on eth0']); // prettier-ignore
  });
});

describe('peers that nobody knows', () => {
  it('are warned about, and stop nothing', () => {
    const known = hostWith({ iptables: capture('docker-28.5.2') });
    const host = { ...known, docker: undefined, sockets: known.sockets.slice(0, 2) };
    const report = flight(host, policy({ allow: [allow({ ports: [port(22)] })] }));
    expect(lost(report)).toEqual([]);
    expect(report.warnings.map(({ probe }) => probe.what)[1]).toMatch(/^ESP from 10\.77\.0\.254.*stand-in/);
  });
});

describe('services', () => {
  it('that would be closed are said; those of the Swarm and of the host itself are not', () => {
    const { closed } = flight(hostWith(), usual);
    expect(closed.map(({ what, family }) => `${family} ${what}`)).toEqual(['ip node_exporter on 9100/tcp']);
  });

  it('are told once, if they are for IPv4 and for IPv6', () => {
    const report = flight(hostWith(), usual);
    const both = report.closed.flatMap((one) => [one, { ...one, family: 'ip6' as const }]);
    const lines = preflightLines({ ...report, closed: both });
    expect(lines.filter((line) => line.startsWith('will be closed'))).toEqual([
      'will be closed: node_exporter on 9100/tcp',
    ]);
  });

  it('that are published are forwarded: they are listed, and not called closed', () => {
    const host = hostWith({ iptables: capture('docker-28.5.2') });
    const published = flight(host, usual).published;
    expect(published.length).toBeGreaterThan(0);
    const first = published.find(({ protocol }) => protocol === 'tcp');
    const socket = { protocol: 'tcp', state: 'listening', local: { port: Number(first?.port) }, peer: {}, programs: [] } as const; // prettier-ignore
    const again = flight({ ...host, sockets: [socket] }, usual);
    expect(again.closed).toEqual([]);
  });
});
