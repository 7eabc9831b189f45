/**
 * Plausible captures of many hosts, in memory: Swarms of three nodes, each of one era of Docker, with networks, ports
 * and addresses of their own. For tests and measurements of audits of whole fleets.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Capture, Recorded } from '../../src/capture/document.ts';
import { printCapture } from '../../src/capture/print.ts';
import { recordedOf } from '../../src/capture/record.ts';

const folder = join(import.meta.dirname, '../data/steps');

const eras = {
  '20.10.5': { steps: 'docker-20.10.5', backend: 'nft', vnis: 2 },
  '20.10.24': { steps: 'docker-20.10.24', backend: 'nft', vnis: 3 },
  '20.10.24-legacy': { steps: 'docker-20.10.24-legacy', backend: 'legacy', vnis: 3 },
  '28.5.2': { steps: 'docker-28.5.2', backend: 'nft', vnis: 3 },
} as const;
export type Era = keyof typeof eras;

/** Vulnerable ones are not what most hosts have. */
const usualEras: readonly Era[] = ['28.5.2', '20.10.24', '28.5.2', '20.10.24-legacy'];

export interface FleetNode {
  readonly swarm: number;
  /** 0 is the manager. */
  readonly node: 0 | 1 | 2;
  readonly era: Era;
}

export interface FleetOptions {
  readonly eraOf?: (swarm: number, node: number) => Era;
  /** Changes what one node answers: spoils a rule, takes an answer away. `dump` by program, as `iptables-nft-save`. */
  readonly change?: (node: FleetNode, program: string, dump: string) => string;
}

export interface FleetCapture extends FleetNode {
  /** `n2.swarm7`. */
  readonly name: string;
  readonly file: string;
  readonly capture: Capture;
  /** The document, made when it is asked for. */
  readonly text: () => string;
}

const templates = new Map<string, string>();

const template = (era: Era, family: 'iptables' | 'ip6tables'): string => {
  const file = join(folder, eras[era].steps, `3-service.${family}-save`);
  const text = templates.get(file) ?? (existsSync(file) ? readFileSync(file, 'utf8') : '');
  templates.set(file, text);
  return text;
};

const firstVni = 4097;

/** A Swarm's VNIs stand for those of the template, its addresses for 10.77.0.0/24, its ports for those around 8081. */
const fitted = (dump: string, { swarm, node }: FleetNode): string =>
  dump
    .replaceAll(
      /=0x100([1-9])00\b/g,
      (_, which: string) => `=0x${((firstVni + 8 * swarm + Number(which) - 1) << 8).toString(16)}`,
    ) // prettier-ignore
    .replaceAll(/\b21 1 0 409([789])\b/g, (_, which: string) => `21 1 0 ${firstVni + 8 * swarm + Number(which) - 7}`)
    .replaceAll(/\b10\.77\.0\.1\b/g, addressOf(swarm, node))
    .replaceAll(/\b808([12])\b/g, (_, which: string) => String(8080 + (swarm % 1000) * 10 + Number(which)));

const addressOf = (swarm: number, node: number): string =>
  `10.${64 + Math.floor(swarm / 250)}.${swarm % 250}.${node + 1}`;

const bridgesIn = (dump: string): readonly string[] => [
  ...new Set([...dump.matchAll(/\b(docker0|docker_gwbridge|br-[0-9a-f]{12})\b/g)].map(([, name]) => name ?? '')),
];

const infoOf = ({ swarm, node, era }: FleetNode): object => ({
  ServerVersion: era.replace('-legacy', ''),
  Swarm: {
    NodeID: `node${swarm}x${node}`,
    NodeAddr: addressOf(swarm, node),
    LocalNodeState: 'active',
    ControlAvailable: node === 0,
    RemoteManagers: [{ NodeID: `node${swarm}x0`, Addr: `${addressOf(swarm, 0)}:2377` }],
    ...(node === 0 ? { Nodes: 3, Managers: 1, Cluster: { ID: `cluster${swarm}`, DataPathPort: 4789 } } : {}),
  },
});

const networksOf = ({ swarm, era }: FleetNode): readonly object[] =>
  Array.from({ length: eras[era].vnis }, (_, index) => ({
    Id: `net${swarm}x${index}`,
    Name: `secure${index}`,
    Driver: 'overlay',
    Scope: 'swarm',
    Options: {
      encrypted: '',
      'com.docker.network.driver.overlay.vxlanid_list': String(firstVni + 8 * swarm + index),
    },
    Containers: { [`c${index}`]: { Name: `web.${index}`, IPv4Address: `10.0.${index + 1}.3/24` } },
    IPAM: { Config: [{ Subnet: `10.0.${index + 1}.0/24` }] },
  }));

type Question = readonly [program: string, args: readonly string[], answer: string];

const questionsOf = (of: FleetNode, change: NonNullable<FleetOptions['change']>): readonly Question[] => {
  const { swarm, node, era } = of;
  const { backend } = eras[era];
  const dump = (family: 'iptables' | 'ip6tables', one: 'nft' | 'legacy'): Question => {
    const program = `${family}-${one}-save`;
    return [program, ['-c'], change(of, program, one === backend ? fitted(template(era, family), of) : '')];
  };
  const ipv4 = fitted(template(era, 'iptables'), of);
  const bridges = bridgesIn(ipv4);
  const link = (ifname: string, local: string): object => ({ ifname, addr_info: [{ family: 'inet', local, prefixlen: 24 }] }); // prettier-ignore
  const networks = networksOf(of);
  const ids = Array.from({ length: networks.length }, (_, index) => `net${swarm}x${index}`);
  return [
    dump('iptables', 'nft'),
    dump('iptables', 'legacy'),
    dump('ip6tables', 'nft'),
    dump('ip6tables', 'legacy'),
    ['nft', ['-j', 'list', 'ruleset'], '{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}]}'],
    ['ip', ['-j', 'address'], JSON.stringify([link('lo', '127.0.0.1'), link('eth0', addressOf(swarm, node)), ...bridges.map((name, index) => link(name, `172.${17 + (index % 14)}.0.1`))])], // prettier-ignore
    ['ip', ['-j', '-4', 'route'], JSON.stringify([{ dst: 'default', gateway: addressOf(swarm, 253), dev: 'eth0' }, ...bridges.map((dev, index) => ({ dst: `172.${17 + (index % 14)}.0.0/24`, dev }))])], // prettier-ignore
    ['ip', ['-j', '-6', 'route'], '[]'],
    ['ip', ['xfrm', 'policy'], ''],
    ['ip', ['xfrm', 'state', 'count'], `\t SAD count ${4 * networks.length}\n`],
    ['ss', ['-H', '-ltuwnp'], 'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))\ntcp LISTEN 0 4096 *:7946 *:* users:(("dockerd",pid=2,fd=4))\nudp UNCONN 0 0 *:7946 *:* users:(("dockerd",pid=2,fd=5))\n'], // prettier-ignore
    ['ss', ['-H', '-tunp', 'state', 'connected'], ''],
    ['nft', ['--version'], 'nftables v1.0.6 (Lester Gooch #5)\n'],
    ['iptables-nft', ['--version'], 'iptables v1.8.9 (nf_tables)\n'],
    ['docker', ['info', '--format', '{{json .}}'], JSON.stringify(infoOf(of))],
    ['docker', ['network', 'ls', '--filter', 'driver=overlay', '--quiet', '--no-trunc'], `${ids.join('\n')}\n`],
    ['docker', ['network', 'ls', '--quiet', '--no-trunc'], `${ids.join('\n')}\n`],
    ['docker', ['network', 'inspect', ...ids], JSON.stringify(networks)],
    ['docker', ['ps', '--no-trunc', '--format', '{{.Names}}\t{{.Networks}}\t{{.Ports}}'], `web\tbridge\t0.0.0.0:${8081 + (swarm % 1000) * 10}->80/tcp\n`], // prettier-ignore
  ];
};

const captureOf = (of: FleetNode, name: string, change: NonNullable<FleetOptions['change']>): Capture => ({
  dnfw: '0.1.0',
  taken: `2026-11-28T08:${String(of.swarm % 60).padStart(2, '0')}:0${of.node}.000Z`,
  host: { name, kernel: '6.1.0-37-amd64', machine: 'x86_64' },
  connections: [],
  answers: new Map(
    questionsOf(of, change).map(([program, args, text]): readonly [string, Recorded] => [
      [program, ...args].join(' '),
      recordedOf(program, args, { kind: 'text', text }),
    ]),
  ),
  files: new Map(
    [
      ['/proc/sys/net/ipv4/ip_forward', '1'],
      ['/proc/sys/net/ipv6/conf/all/forwarding', '0'],
      ['/proc/sys/net/bridge/bridge-nf-call-iptables', '1'],
    ].map(([path = '', line = '']) => [path, { kind: 'text', lines: [line] }]),
  ),
  modules: new Map([
    ['xt_u32', 'loaded'],
    ['xt_bpf', 'loaded'],
    ['xt_policy', 'loaded'],
  ]),
  guard: null,
  namespaces: [],
  notRead: [],
});

/** `count` captures, swarm by swarm; one at a time, so that thousands of them need no room. */
export function* fleet(count: number, { eraOf, change }: FleetOptions = {}): Generator<FleetCapture> {
  for (let index = 0; index < count; index++) {
    const swarm = Math.floor(index / 3);
    const node = (index % 3) as FleetNode['node'];
    const era = eraOf?.(swarm, node) ?? usualEras[swarm % usualEras.length] ?? '28.5.2';
    const of: FleetNode = { swarm, node, era };
    const name = `n${node + 1}.swarm${swarm}`;
    const capture = captureOf(of, name, change ?? ((_node, _program, dump) => dump));
    yield { ...of, name, file: `${name}.json`, capture, text: () => [...printCapture(capture)].join('') };
  }
}
