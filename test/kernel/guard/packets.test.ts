// Real packets between two namespaces, with and without the guard: what reaches a socket and what does not.
import { describe, expect, it } from 'vitest';
import { printJson } from '../../../src/nftables/print.ts';
import type { HostFacts } from '../../../src/guard/facts.ts';
import { vxlanCommands } from '../../../src/guard/ruleset-encrypted.ts';
import type { GuardCommands } from '../../../src/guard/ruleset.ts';
import { allow, at, guard, port, sources } from '../../guard/policies.ts';
import { inNamespace } from '../namespace.ts';

/** A neighbour of the namespace, reached through nsenter; it goes with the script. */
const neighbour = `set -e
unshare -n sleep 300 & there=$!
trap 'kill $there $server $catcher 2>/dev/null' EXIT
while [ "$(readlink /proc/$there/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link set lo up; nsenter -t $there -n ip link set lo up
ip link add here0 type veth peer name there0 netns $there
ip addr add 10.9.0.2/24 dev here0; ip addr add fd09::2/64 dev here0 nodad; ip link set here0 up
for one in 1 7; do nsenter -t $there -n ip addr add 10.9.0.$one/24 dev there0; done
nsenter -t $there -n ip addr add fd09::1/64 dev there0 nodad; nsenter -t $there -n ip link set there0 up
`;

/** Listens on TCP ports for both families, and writes down what arrives at UDP port 4789. */
const host = `python3 - <<'PY' & server=$!
import socket, threading
def listen(port):
    s = socket.socket(socket.AF_INET6); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0); s.bind(('::', port)); s.listen()
    while True: s.accept()[0].close()
for port in (22, 80, 8000): threading.Thread(target=listen, args=(port,), daemon=True).start()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('', 4789))
out = open('arrived', 'a', buffering=1); open('ready', 'w').close()
while True: out.write(u.recv(2000).hex() + '\\n')
PY
while [ ! -e ready ]; do sleep 0.02; done
`;

const tell = `tell() { if "$@"; then echo yes; else echo no; fi; }
reaches() { tell nsenter -t $there -n timeout 20 python3 -c "import socket; socket.create_connection(('$1', $2), 2, ('$3', 0) if '$3' else None)" 2>/dev/null; }
pings() { tell nsenter -t $there -n python3 ping "$1"; }
vxlan() { nsenter -t $there -n python3 -c "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('10.9.0.1', 40000)); s.sendto(bytes.fromhex('$1'), ('10.9.0.2', 4789))"; }
load() { nft -j -f "$1"; }
`;

/** An echo request by a raw socket: not every host has ping. */
const ping = `cat >ping <<'PY'
import socket, struct, sys
six = ':' in sys.argv[1]
s = socket.socket(*(socket.AF_INET6, socket.SOCK_RAW, 58) if six else (socket.AF_INET, socket.SOCK_RAW, 1)); s.settimeout(2)
head = struct.pack('!BBHHH', 128 if six else 8, 0, 0, 7, 1)
total = sum(struct.unpack('!4H', head))
s.sendto(head[:2] + struct.pack('!H', 0 if six else 0xffff - (total & 0xffff) - (total >> 16)) + head[4:], (sys.argv[1], 0))
try:
    while s.recv(2000)[0 if six else 20] != (129 if six else 0): pass
except TimeoutError:
    sys.exit(1)
PY
`;

const files = (documents: Readonly<Record<string, GuardCommands['value']>>): string =>
  Object.entries(documents)
    .map(([name, commands]) => `cat >${name} <<'JSON'\n${printJson(commands).join('')}JSON\n`)
    .join('');

const run = (documents: Readonly<Record<string, GuardCommands['value']>>, script: string): readonly string[] => {
  const [result] = inNamespace([
    {
      command: ['bash', '-c', 'cat >all; bash all </dev/null'],
      input: neighbour + host + ping + tell + files(documents) + script,
    },
  ]);
  expect(result?.stderr).toBe('');
  return (result?.stdout ?? '').trim().split('\n');
};

const facts = (...vnis: readonly number[]): HostFacts => ({
  encrypted: vnis.map((vni) => ({ family: 'ip', port: 4789, vni })),
  dockerAccepts: [],
});

describe('services', () => {
  const { value } = guard({
    sets: [{ name: 'friends', external: true, elements: [] }],
    allow: [
      allow({ ports: [port(22)] }),
      allow({ ports: [port(80)], interfaces: ['here*'], from: sources('10.9.0.0/29', '@friends', 'fd09::/64') }),
      allow({ place: at(6), ports: [port(8000)], from: sources('@friends') }),
      allow({ place: at(7), ports: [port(8000)], interfaces: ['lo*', 'other0'] }),
    ],
  });
  const observed = guard({ mode: 'observe' }).value;

  it('are reached as the policy says', () => {
    const script = `ask() { echo $1 $(reaches 10.9.0.2 22) $(reaches 10.9.0.2 8000) $(reaches fd09::2 22) $(reaches fd09::2 80) $(reaches fd09::2 8000) $(pings 10.9.0.2) $(pings fd09::2); }
ask before
load guard.json; ask guarded
echo from $(reaches 10.9.0.2 80 10.9.0.1) $(reaches 10.9.0.2 80 10.9.0.7) $(reaches 10.9.0.2 8000 10.9.0.7)
nft add element inet dnfw friends4 '{ 10.9.0.7 }'
echo from $(reaches 10.9.0.2 80 10.9.0.1) $(reaches 10.9.0.2 80 10.9.0.7) $(reaches 10.9.0.2 8000 10.9.0.7)
iptables-nft -I INPUT -j ACCEPT; iptables-legacy -I INPUT -j ACCEPT; echo accepted $(reaches 10.9.0.2 8000)
iptables-nft -I INPUT -p tcp --dport 22 -j DROP; echo behind $(reaches 10.9.0.2 22)
iptables-nft -F; iptables-legacy -F
load observed.json; ask observed
nft list chain inet dnfw refuse | grep -c 'counter packets [1-9].*accept'`;
    expect(run({ 'guard.json': value, 'observed.json': observed }, script)).toEqual([
      'before yes yes yes yes yes yes yes',
      'guarded yes no yes yes no yes yes',
      'from yes yes no',
      'from yes yes yes',
      'accepted no',
      'behind no',
      'observed yes yes yes yes yes yes yes',
      '1',
    ]);
  });
});

describe('VXLAN', () => {
  const open = (...vnis: readonly number[]): GuardCommands['value'] =>
    guard({ default: 'accept' }, facts(...vnis)).value;
  /** Flags, then network 4102 with 8 bytes of payload; one of 256; and one cut in its last byte. */
  const [encrypted, other, short] = ['0800000000100600', '0800000000010000', '08000000001006'];
  const each = `vxlan ${encrypted}; vxlan ${other}; vxlan ${short}; sleep 0.2; echo $1 $(sort arrived); : >arrived`;

  it('that is clear is dropped for encrypted networks, to the byte', () => {
    const documents = {
      'guard.json': open(4102, 4097),
      'sync.json': vxlanCommands(facts(256), 'enforce'),
      'observed.json': guard({ mode: 'observe' }, facts(4102)).value,
    };
    const script = `send() { ${each.replace(': >arrived', 'truncate -s 0 arrived')}; }
send before; load guard.json; send guarded
iptables-nft -I INPUT -p udp --dport 4789 -j ACCEPT; iptables-legacy -I INPUT -p udp --dport 4789 -j ACCEPT; send accepted
load sync.json; send synced; load observed.json; send observed
nft list chain inet dnfw encrypted | grep -c 'counter packets 1 '`;
    expect(run(documents, script)).toEqual([
      `before ${other} ${short} ${encrypted}`,
      `guarded ${other} ${short}`,
      `accepted ${other} ${short}`,
      `synced ${short} ${encrypted}`,
      `observed ${other} ${short} ${encrypted}`,
      '1',
    ]);
  });

  it('that is clear is refused whatever it names where all has to be encrypted, trusted or not', () => {
    const swarm = { place: at(5), peers: sources('10.9.0.1'), dataPathPort: 4789 } as const;
    const trusted = sources('10.9.0.1');
    const documents = {
      'docker.json': guard({ swarm: { ...swarm, encrypted: 'docker' } }, facts(4102)).value,
      'required.json': guard({ swarm: { ...swarm, encrypted: 'required' }, trusted }, facts(4102)).value,
      'open.json': guard({ default: 'accept', swarm: { ...swarm, encrypted: 'required' } }).value,
    };
    const script = `send() { ${each.replace(': >arrived', 'truncate -s 0 arrived')}; }
for one in docker required open; do load $one.json; send $one; done`;
    expect(run(documents, script)).toEqual([`docker ${other} ${short}`, 'required', 'open']);
  });
});

describe('a set of 100,000 addresses', () => {
  it('is loaded in seconds, and looked up', () => {
    const elements = Array.from({ length: 100_000 }, (_, i) => `10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`);
    const sets = [
      {
        name: 'many',
        external: false,
        elements: sources(...elements, '10.9.0.1').flatMap((one) => ('network' in one ? [one.network] : [])),
      },
    ];
    const { value } = guard({ sets, allow: [allow({ ports: [port(22)], from: sources('@many') })] });
    const started = performance.now();
    const script = `load guard.json; echo $(reaches 10.9.0.2 22 10.9.0.1) $(reaches 10.9.0.2 22 10.9.0.7)
nft -j list set inet dnfw many4 | grep -o '"10\\.' | wc -l`;
    expect(run({ 'guard.json': value }, script)).toEqual(['yes no', '100001']);
    expect(performance.now() - started).toBeLessThan(30_000);
  });
});
