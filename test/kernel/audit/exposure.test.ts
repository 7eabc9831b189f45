// Real connections to a host that looks like one with Docker: the matrix of exposure has to say what happens.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bareSource } from '../../../src/audit/bare.ts';
import { inspectHost } from '../../../src/audit/inspect.ts';
import type { SourceClass } from '../../../src/audit/report/types.ts';
import type { Source } from '../../../src/audit/source.ts';
import { readAddresses, readRoutes } from '../../../src/guard/network.ts';
import { readSockets } from '../../../src/guard/sockets.ts';
import type { Json } from '../../../src/nftables/json.ts';

const start = (forward: string): string => `*filter
:INPUT ACCEPT [0:0]
:FORWARD ${forward} [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
`;

/** As Docker 20.10 to 27 writes them. */
const published = `-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 81 -j ACCEPT
`;
const forwarding = `-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
`;
const nat = `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8081 -j DNAT --to-destination 172.17.0.2:80
-A DOCKER -d 127.0.0.1/32 ! -i docker0 -p tcp -m tcp --dport 8082 -j DNAT --to-destination 172.17.0.2:81
COMMIT
`;
/** What 28.0 and later add. */
const raw = `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP
-A PREROUTING -d 127.0.0.1/32 ! -i lo -p tcp -m tcp --dport 8082 -j DROP
COMMIT
`;
const input =
  '-A INPUT -i here0 -p tcp -m tcp --dport 5000 -j DROP\n-A INPUT -i here0 -p tcp -m tcp --dport 8081 -j DROP\n';

/** What the findings say as a fix. */
const fixed = {
  user: '-A DOCKER-USER -i here0 -o docker0 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP\n-A DOCKER-USER -i here0 -p tcp -m conntrack --ctorigdstport 8081 --ctdir ORIGINAL -j DROP\n',
  raw: '*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING ! -i lo -d 127.0.0.0/8 -j DROP\nCOMMIT\n',
};

const dumps: Readonly<Record<string, string>> = {
  'FORWARD accepts': `${start('ACCEPT')}${input}${forwarding}${published}COMMIT\n${nat}`,
  'FORWARD drops': `${start('DROP')}${input}${forwarding}${published}COMMIT\n${nat}`,
  'raw rules of 28.0': `${start('ACCEPT')}${input}${forwarding}${published}-A DOCKER ! -i docker0 -o docker0 -j DROP\nCOMMIT\n${nat}${raw}`,
  'DOCKER-USER keeps one network out': `${start('ACCEPT')}${input}${forwarding}${published}-A DOCKER-USER -i here0 ! -s 192.0.2.0/24 -j DROP\nCOMMIT\n${nat}`,
  'what the findings give as a fix': `${start('ACCEPT')}${input}${forwarding}${published}${fixed.user}COMMIT\n${nat}${fixed.raw}`,
};

/** Where from, to which address and port; in the script's words. */
const tries: readonly (readonly [from: SourceClass, address: string, port: number])[] = [
  ...(['anywhere', 'network', 'host'] as const).flatMap(
    (from) =>
      [
        [from, '192.0.2.10', 8081],
        [from, '192.0.2.10', 22],
        [from, '192.0.2.10', 5000],
      ] as const,
  ),
  ['containers', '172.17.0.1', 22],
  ['containers', '172.17.0.1', 5000],
  ['network', '127.0.0.1', 8082],
  ['network', '172.17.0.2', 9999],
  ['network', '172.17.0.2', 80],
];

const script = `set -e
exec 2>errors
unshare -n sleep 300 & there=$!
unshare -n sleep 300 & inside=$!
trap 'kill $there $inside $servers 2>/dev/null' EXIT
for pid in $there $inside; do while [ "$(readlink /proc/$pid/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done; done
ip link set lo up
ip link add here0 type veth peer name there0 netns $there
ip addr add 192.0.2.10/24 dev here0; ip link set here0 up
ip link add docker0 type bridge; ip addr add 172.17.0.1/16 dev docker0; ip link set docker0 up
ip link add vethc type veth peer name eth0 netns $inside; ip link set vethc master docker0 up
ip route add default via 192.0.2.1
echo 1 >/proc/sys/net/ipv4/ip_forward
outer() { nsenter -t $there -n "$@"; }
inner() { nsenter -t $inside -n "$@"; }
# No lo in it: 127.0.0.1 is an address like any other there.
outer ip addr add 192.0.2.77/24 dev there0; outer ip addr add 192.0.2.1/24 dev there0; outer ip addr add 203.0.113.77/32 dev there0; outer ip link set there0 up
outer ip route add 172.17.0.0/16 via 192.0.2.10; outer ip route add 127.0.0.1/32 via 192.0.2.10
outer bash -c 'echo 1 >/proc/sys/net/ipv4/conf/there0/route_localnet'
inner ip link set lo up; inner ip addr add 172.17.0.2/16 dev eth0; inner ip link set eth0 up; inner ip route add default via 172.17.0.1
cat >server <<'PY'
import socket, sys, threading
def listen(port):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('', port)); s.listen()
    while True: s.accept()[0].close()
for port in sys.argv[2:]: threading.Thread(target=listen, args=(int(port),)).start()
open(sys.argv[1], 'w').close()
PY
python3 server ready.host 22 5000 & servers=$!
nsenter -t $inside -n python3 server ready.inner 80 81 9999 & servers="$servers $!"
while [ ! -e ready.host ] || [ ! -e ready.inner ]; do sleep 0.02; done
# All tries of one class at once: lines "CLASS ADDRESS PORT" in, the same with what happened out.
cat >try <<'PY'
import socket, sys, threading
def attempt(line):
    _, address, port = line.split()
    try:
        socket.create_connection((address, int(port)), 0.7, (sys.argv[2], 0) if len(sys.argv) > 2 else None); told = 'open'
    except OSError: told = 'closed'
    print(line.strip(), told, flush=True)
some = [threading.Thread(target=attempt, args=(line,)) for line in open('tries') if line.startswith(sys.argv[1] + ' ')]
for one in some: one.start()
for one in some: one.join()
PY
ip -j addr >addresses; ip -j -4 route >routes; ss -H -ltuwnp >sockets
for n in 0 1 2 3 4; do
  iptables-nft-restore <rules.$n
  iptables-nft-save >save.$n
  outer python3 try anywhere 203.0.113.77 >told.$n.1 & one=$!
  outer python3 try network 192.0.2.77 >told.$n.2 & two=$!
  inner python3 try containers >told.$n.3 & three=$!
  python3 try host >told.$n.4; wait $one $two $three
  iptables-nft -t raw -F
done
`;

interface Lab {
  readonly source: Source;
  /** By `from address port`. */
  readonly told: ReadonlyMap<string, string>;
}

const labs = new Map<string, Lab>();
const folder = mkdtempSync(join(tmpdir(), 'dnfw-exposure-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
const json = (name: string): Json => JSON.parse(read(name)) as Json;

beforeAll(() => {
  const names = Object.keys(dumps);
  for (const [index, name] of names.entries()) writeFileSync(join(folder, `rules.${index}`), dumps[name] ?? '');
  writeFileSync(join(folder, 'tries'), tries.map((one) => `${one.join(' ')}\n`).join(''));
  writeFileSync(join(folder, 'script'), script);
  const env = { PATH: process.env['PATH'], LC_ALL: 'C' };
  const run = spawnSync('unshare', ['-n', '-m', 'bash', 'script'], {
    cwd: folder,
    env,
    timeout: 100_000,
    stdio: 'ignore',
  });
  if (run.status !== 0) throw new Error(`the script failed: ${read('errors')}`);
  for (const [index, name] of names.entries()) {
    const { value } = bareSource([{ name: 'iptables-save', text: read(`save.${index}`) }]);
    if (!value) throw new Error('the dump cannot be read');
    const source: Source = {
      ...value,
      kind: 'capture',
      chains: undefined,
      host: {
        ...value.host,
        addresses: readAddresses(json('addresses')),
        routes: readRoutes(json('routes'), 'ip'),
        sockets: readSockets(read('sockets')),
      },
      absent: new Set([...value.absent].filter((part) => part !== 'addresses' && part !== 'sockets')),
    };
    const told = [1, 2, 3, 4]
      .flatMap((part) => read(`told.${index}.${part}`).trim().split('\n'))
      .map((line) => [line.replace(/ \w+$/, ''), /\w+$/.exec(line)?.[0] ?? ''] as const);
    labs.set(name, { source, told: new Map(told) });
  }
});

describe.each(Object.keys(dumps))('%s', (name) => {
  it('is as the matrix says, for every port and every class of sources', () => {
    const { source, told } = labs.get(name) as Lab;
    const { exposure } = inspectHost(source);
    const compared = tries.flatMap(([from, address, port]) => {
      const row = exposure.find((one) => one.port === port && (one.address ?? address) === address);
      if (!row || address === '172.17.0.2') return [];
      return [
        { try: `${from} ${address} ${port}`, really: told.get(`${from} ${address} ${port}`), said: row.reach[from] },
      ];
    });
    expect(compared.length).toBe(tries.length - 2);
    for (const one of compared) expect(one).toEqual({ ...one, said: one.really });
  });

  it('has the findings that really are so', () => {
    const { source, told } = labs.get(name) as Lab;
    const codes = new Map(inspectHost(source).findings.map(({ code, subject }) => [`${code}: ${subject}`, true]));
    const isOpen = (key: string): boolean => told.get(key) === 'open';
    expect(codes.has('direct-routing: IPv4')).toBe(isOpen('network 172.17.0.2 9999'));
    expect(codes.has('loopback-published-reachable: 127.0.0.1:8082/tcp')).toBe(isOpen('network 127.0.0.1 8082'));
    // Whoever wrote the rule of INPUT thought that it would keep them out.
    expect(codes.has('published-port-believed-closed: 8081/tcp')).toBe(isOpen('network 192.0.2.10 8081'));
  });
});
