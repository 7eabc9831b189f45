// Hosts for the tests of the guard: captured rules, and what a host says of itself.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { registry } from '../../src/extensions/registry.ts';
import type { Host } from '../../src/guard/host.ts';
import { readAddresses, readRoutes } from '../../src/guard/network.ts';
import { readSockets } from '../../src/guard/sockets.ts';
import { parse } from '../../src/iptables/parse.ts';
import type { Ruleset } from '../../src/iptables/types.ts';
import type { Family } from '../../src/netfilter/family.ts';

const folder = new URL('../../translations/rulesets', import.meta.url).pathname;

/** The rules of a capture: both families, where it has them. */
export const capture = (name: string): Ruleset => {
  const files = ['node.iptables-save', 'node.ip6tables-save'].map((file) => join(folder, name, file));
  const inputs = files.filter((file) => existsSync(file)).map((file) => ({ name: file, text: readFileSync(file, 'utf8') })); // prettier-ignore
  return parse(inputs, registry).value;
};

/** Rules of table filter, as iptables-save prints them. */
export const rules = (text: string, family: Family = 'ip'): Ruleset =>
  parse([{ name: `<${family}>`, text: `*filter\n${text}\nCOMMIT\n` }], registry, { family, backend: 'nft' }).value;

const links = [
  { ifname: 'lo', addr_info: [{ family: 'inet', local: '127.0.0.1', prefixlen: 8 }, { family: 'inet6', local: '::1', prefixlen: 128 }] }, // prettier-ignore
  {
    ifname: 'eth0',
    addr_info: [
      { family: 'inet', local: '10.77.0.1', prefixlen: 24 },
      { family: 'inet6', local: '2001:db8::1', prefixlen: 64 },
      { family: 'inet6', local: 'fe80::1', prefixlen: 64 },
    ],
  },
];

const routes4 = [
  { dst: 'default', gateway: '10.77.0.254', dev: 'eth0' },
  { dst: '10.77.0.0/24', dev: 'eth0' },
];
const routes6 = [
  { dst: '2001:db8::/64', dev: 'eth0' },
  { dst: 'fe80::/64', dev: 'eth0' },
];

/** A host of a Swarm with sshd, whose caller comes from 192.0.2.7, and one other node, 10.77.0.2. */
export const hostWith = (part: Partial<Host> = {}): Host => ({
  iptables: { tables: [] },
  nft: { tables: [] },
  listed: { tables: [] },
  sockets: readSockets(
    [
      'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))',
      'tcp LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=1,fd=4))',
      'tcp LISTEN 0 4096 *:2377 *:* users:(("dockerd",pid=2,fd=3))',
      'tcp LISTEN 0 4096 *:7946 *:* users:(("dockerd",pid=2,fd=4))',
      'udp UNCONN 0 0 *:7946 *:* users:(("dockerd",pid=2,fd=5))',
      'tcp LISTEN 0 4096 127.0.0.1:5432 0.0.0.0:* users:(("postgres",pid=3,fd=3))',
      'tcp LISTEN 0 4096 0.0.0.0:9100 0.0.0.0:* users:(("node_exporter",pid=4,fd=3))',
      'tcp ESTAB 0 0 10.77.0.1:22 192.0.2.7:51000 users:(("sshd",pid=5,fd=4))',
      'tcp ESTAB 0 0 [::ffff:10.77.0.1]:7946 [::ffff:10.77.0.2]:40000 users:(("dockerd",pid=2,fd=9))',
    ].join('\n'),
  ),
  addresses: readAddresses(links),
  routes: [...readRoutes(routes4, 'ip'), ...readRoutes(routes6, 'ip6')],
  callers: [{ family: 'ip', address: 0xc0000207n, to: 0x0a4d0001n, port: 22, how: 'SSH_CONNECTION' }],
  docker: {
    version: '28.5.2',
    swarm: 'active',
    manager: true,
    dataPathPort: 4789,
    own: { family: 'ip', address: 0x0a4d0001n },
    peers: [{ family: 'ip', address: 0x0a4d0002n }],
  },
  overlays: undefined,
  tunnels: [],
  gaps: [],
  diagnostics: [],
  ...part,
});
