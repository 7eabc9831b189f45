// The matrix of exposure on rules of several eras, and what is said where not everything is known.
import { describe, expect, it } from 'vitest';
import { bareSource } from '../../src/audit/bare.ts';
import { inspectHost } from '../../src/audit/inspect.ts';
import { type First, packetWords, startedAs, startedBy } from '../../src/audit/probe-packets.ts';
import type { ExposureRow } from '../../src/audit/report/types.ts';
import type { Source } from '../../src/audit/source.ts';
import { readAddresses, readRoutes } from '../../src/guard/network.ts';
import { readSockets } from '../../src/guard/sockets.ts';

const filter = (user = '', input = '', ports = accepts(['80'])): string => `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
${input}-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o br-5a76d07a3d33 -j DOCKER
-A FORWARD -i br-5a76d07a3d33 ! -o br-5a76d07a3d33 -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
${ports}-A DOCKER-ISOLATION-STAGE-1 -i br-5a76d07a3d33 ! -o br-5a76d07a3d33 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-2 -o br-5a76d07a3d33 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
${user}COMMIT
`;
const accepts = (ports: readonly string[]): string =>
  ports.map((port) => `-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport ${port} -j ACCEPT\n`).join(''); // prettier-ignore

const nat = (rules: string, isHairpin = false): string => `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ${isHairpin ? '' : '! -d 127.0.0.0/8 '}-m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.19.0.0/16 ! -o br-5a76d07a3d33 -j MASQUERADE
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
${isHairpin ? '' : '-A DOCKER -i br-5a76d07a3d33 -j RETURN\n-A DOCKER -i docker0 -j RETURN\n'}${rules}COMMIT
`;
const publish = '-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80\n';

const sourceOf = (...texts: readonly string[]): Source => {
  const { value } = bareSource(texts.map((text, index) => ({ name: `dump${index}`, text })));
  if (!value) throw new Error('the rules cannot be read');
  return value;
};

const rowsOf = (source: Source): readonly ExposureRow[] => inspectHost(source, new Set()).exposure;
const reachOf = (...texts: readonly string[]): ExposureRow['reach'] | undefined => rowsOf(sourceOf(...texts))[0]?.reach;

const everywhere = { anywhere: 'open', network: 'open', containers: 'open', host: 'open' };

describe('published ports', () => {
  it('are open through NAT, and for containers by way of the proxy', () => {
    expect(rowsOf(sourceOf(filter() + nat(publish)))).toEqual([
      { family: 'ip', protocol: 'tcp', port: 8080, kind: 'published', behind: '172.17.0.2:80', reach: everywhere },
    ]);
  });

  it('are closed to all but this host and its containers by a drop in DOCKER-USER', () => {
    expect(reachOf(filter('-A DOCKER-USER -i eth0 -j DROP\n') + nat(publish))).toEqual({ ...everywhere, anywhere: 'closed', network: 'closed' }); // prettier-ignore
  });

  it('are kept from containers by INPUT, which they meet when they ask for the proxy', () => {
    expect(reachOf(filter('', '-A INPUT -p tcp -m tcp --dport 8080 -j DROP\n') + nat(publish))).toEqual({ ...everywhere, containers: 'closed' }); // prettier-ignore
  });

  it('have no proxy with userland-proxy=false: only containers of the same network get there', () => {
    const rule = publish.replace('! -i docker0 ', '');
    expect(reachOf(filter() + nat(rule, true))).toEqual(everywhere);
    const apart = filter().replace('-A FORWARD -i docker0 -o docker0 -j ACCEPT\n', '');
    expect(reachOf(apart + nat(rule, true))).toEqual({ ...everywhere, containers: 'closed' });
  });

  it('are unknown where the device or the network of a rule may or may not be that of the host', () => {
    expect(reachOf(filter('-A DOCKER-USER -i ens3 -j DROP\n') + nat(publish))).toMatchObject({ anywhere: 'unknown', network: 'unknown' }); // prettier-ignore
    expect(reachOf(filter('-A DOCKER-USER -i eth0 ! -s 192.168.7.0/24 -j DROP\n') + nat(publish))).toMatchObject({ anywhere: 'closed', network: 'unknown' }); // prettier-ignore
  });

  it('are unknown where chains of the way were not given', () => {
    expect(reachOf(filter(), nat(publish))).toMatchObject({ anywhere: 'unknown', network: 'unknown' });
  });

  it('are unknown where an ipset decides, without trying all combinations', () => {
    const sets = Array.from({ length: 40 }, (_, i) => `-A DOCKER-USER -m set --match-set list${i} src -j DROP\n`);
    const started = performance.now();
    expect(reachOf(filter(sets.join('')) + nat(publish))).toMatchObject({ anywhere: 'unknown' });
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('pass reverse path filters', () => {
    const raw =
      '*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING -m rpfilter --validmark --invert -j DROP\nCOMMIT\n';
    expect(reachOf(raw + filter() + nat(publish))).toMatchObject({ anywhere: 'open', network: 'open' });
  });
});

describe('ranges', () => {
  const ports = Array.from({ length: 2000 }, (_, i) => String(20_000 + i));
  const rules = ports.map((port) => `-A DOCKER ! -i docker0 -p tcp -m tcp --dport ${port} -j DNAT --to-destination 172.17.0.2:${port}\n`).join(''); // prettier-ignore

  it('are one row where all ports fare alike', () => {
    const rows = rowsOf(sourceOf(filter('', '', accepts(ports)) + nat(rules)));
    expect(rows.map(({ port, last }) => [port, last])).toEqual([[20_000, 21_999]]);
  });

  it('are told apart where a rule of the operator tells them apart', () => {
    const user = '-A DOCKER-USER -p tcp -m conntrack --ctorigdstport 20010:20019 -j DROP\n';
    const rows = rowsOf(sourceOf(filter(user, '', accepts(ports)) + nat(rules)));
    expect(rows.map(({ port, last, reach }) => [port, last, reach.anywhere])).toEqual([
      [20_000, 20_009, 'open'],
      [20_010, 20_019, 'closed'],
      [20_020, 21_999, 'open'],
    ]);
  });

  it('are told apart where Docker lets only some of them through', () => {
    const rows = rowsOf(sourceOf(filter('', '', accepts(ports.filter((port) => port !== '20005'))) + nat(rules)));
    expect(rows.map(({ port, reach }) => [port, reach.anywhere])).toEqual([[20_000, 'open'], [20_005, 'closed'], [20_006, 'open']]); // prettier-ignore
  });
});

describe('listening sockets', () => {
  const links = [
    { ifname: 'eth0', addr_info: [{ family: 'inet', local: '198.51.100.20', prefixlen: 24 }] },
    { ifname: 'eth1', addr_info: [{ family: 'inet', local: '10.0.0.5', prefixlen: 24 }] },
    { ifname: 'docker0', addr_info: [{ family: 'inet', local: '172.17.0.1', prefixlen: 16 }] },
  ];
  const routes = [
    { dst: 'default', gateway: '198.51.100.1', dev: 'eth0' },
    { dst: '198.51.100.0/24', dev: 'eth0' },
    { dst: '10.0.0.0/24', dev: 'eth1' },
    { dst: '172.17.0.0/16', dev: 'docker0' },
  ];
  const sockets = `tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))
tcp LISTEN 0 128 10.0.0.5:9100 0.0.0.0:* users:(("exporter",pid=1,fd=3))
udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:* users:(("resolved",pid=1,fd=3))
udp UNCONN 0 0 0.0.0.0%eth1:67 0.0.0.0:* users:(("dhcpd",pid=1,fd=3))
tcp LISTEN 0 128 0.0.0.0:8080 0.0.0.0:* users:(("docker-proxy",pid=1,fd=3))
`;
  const host = (rules: string): Source => {
    const bare = sourceOf(rules);
    return {
      ...bare,
      host: { ...bare.host, addresses: readAddresses(links), routes: readRoutes(routes, 'ip'), sockets: readSockets(sockets) }, // prettier-ignore
      absent: new Set([...bare.absent].filter((part) => part !== 'addresses' && part !== 'sockets')),
    };
  };

  it('are asked for whatever the device is called', () => {
    const named = host(filter() + nat(publish));
    const rename = <T extends { readonly device?: string }>(one: T): T => (one.device === 'eth0' ? { ...one, device: 'e"x' } : one); // prettier-ignore
    const { addresses, routes: ways } = named.host;
    const renamed = { ...named, host: { ...named.host, addresses: addresses.map(rename), routes: ways.map(rename) } };
    expect(rowsOf(renamed).find(({ port }) => port === 8080)?.reach).toEqual(everywhere);
  });

  it('are to be closed at the devices by which they are reached', () => {
    const fixes = (user: string): readonly string[] => {
      const { findings } = inspectHost(host(filter(user) + nat(publish)), new Set(['published-port']));
      return findings.flatMap(({ fix }) => fix.flatMap(({ commands }) => commands)).filter((one) => one.includes('DOCKER-USER')); // prettier-ignore
    };
    const close = (device: string): string =>
      `iptables -I DOCKER-USER -i ${device} -p tcp -m conntrack --ctorigdstport 8080 --ctdir ORIGINAL -j DROP`;
    expect(fixes('')).toEqual([close('eth0'), close('eth1')]);
    expect(fixes('-A DOCKER-USER -i eth0 -j DROP\n')).toEqual([close('eth1')]);
  });

  it('are reached by the devices that have their addresses, unless they are for this host only', () => {
    const rows = rowsOf(
      host(filter('', '-A INPUT ! -i eth+ ! -s 198.51.100.20 -p tcp -m tcp --dport 22 -j DROP\n') + nat(publish)),
    );
    expect(rows.filter(({ family }) => family === 'ip').map(({ port, kind, reach }) => [port, kind, reach])).toEqual([
      [8080, 'published', everywhere],
      [22, 'listening', { anywhere: 'open', network: 'open', containers: 'closed', host: 'open' }],
      [67, 'listening', { anywhere: 'closed', network: 'open', containers: 'closed', host: 'unknown' }],
      [9100, 'listening', { anywhere: 'closed', network: 'open', containers: 'open', host: 'open' }],
    ]);
  });

  it('of IPv6 are unknown where its rules are', () => {
    const six = rowsOf({ ...host(filter()), host: { ...host(filter()).host, sockets: readSockets('tcp LISTEN 0 128 *:22 *:*\n') } }); // prettier-ignore
    expect(six.find(({ family }) => family === 'ip6')?.reach.anywhere).not.toBe('open');
  });
});

describe('packets that ask', () => {
  it.each<First>([
    { family: 'ip', start: 'in=eth0', source: 0xcb00714dn, address: 0xc0a80101n, protocol: 'tcp', port: 8080 },
    { family: 'ip', start: 'hook=output out=lo', source: 0x7f000001n, address: 0x7f000001n, protocol: 'udp', port: 53 },
    { family: 'ip6', start: 'in=eth1', source: 0x20010db8n << 96n, address: (0xfd00n << 112n) + 2n, protocol: 'sctp', port: 9 }, // prettier-ignore
  ])('are those of their words: $family $start $protocol', (first) => {
    // A packet of other addresses and ports first, whose bytes are taken over.
    startedAs({ ...first, source: 1n, address: 2n, port: 3 });
    const [made, said] = [startedAs(first), startedBy(packetWords(first))];
    const header = first.family === 'ip' ? 24 : 44;
    expect(made.hook).toBe(said.hook);
    expect(made.packet.bytes.slice(0, header)).toEqual(said.packet.bytes.slice(0, header));
    expect(made.packet.bytes.length).toBe(said.packet.bytes.length);
    expect(new Map([...made.packet.keys].toSorted(([a], [b]) => (a < b ? -1 : 1)))).toEqual(
      new Map([...said.packet.keys].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    );
  });
});
