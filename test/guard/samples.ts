// Guards that between them have every form that the guard is made of.
import { type GuardCommands } from '../../src/guard/ruleset.ts';
import { type HostFacts } from '../../src/guard/facts.ts';
import { and, equal, field, l4proto, meta, raw } from '../../src/nftables/build.ts';
import { allow, at, guard, network, port, smallest, sources } from './policies.ts';

const u32 = '-m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100600"';

export const swarmFacts: HostFacts = {
  encrypted: [
    { family: 'ip', port: 4789, vni: 4102 },
    { family: 'ip', port: 4789, vni: 4097 },
    { family: 'ip', port: 4790, vni: 4102 },
    { family: 'ip6', port: 4789, vni: 4102 },
  ],
  dockerAccepts: [
    {
      family: 'ip',
      tests: [
        l4proto(17),
        equal(meta('ipsec'), true),
        equal(field('udp', 'dport'), 4789),
        equal(and(raw('th', 96, 32), 0xff_ff_ff_00), 4102 * 256),
      ],
      text: '-p udp -m policy --dir in --pol ipsec -m udp --dport 4789',
    },
    { family: 'ip', tests: [l4proto(50)], text: 'ESP, which carries the encrypted overlays' },
  ],
};

const everySource = sources('10.0.0.0/8', '10.1.2.3', '192.0.2.1', '2001:db8::/32', 'fd00::1', '@admins', '@banned');

const rich = {
  sets: [
    {
      name: 'admins',
      external: false,
      elements: [network('10.0.0.0/25'), network('10.0.0.128/25'), network('fd00::/8')],
    },
    { name: 'banned', external: true, elements: [] },
  ],
  trusted: sources('10.99.0.0/16', '@admins'),
  allow: [
    allow({ place: at(10), ports: [port(22), port(80), port(8000, 8100), port(8050, 8200)], from: everySource }),
    allow({
      place: at(11),
      proto: 'udp',
      ports: [port(53)],
      interfaces: ['eth0', 'wg*', 'eth0'],
      comment: 'a "name" server',
    }),
    allow({ place: at(12), proto: 'udp', ports: [port(1, 65_535)], interfaces: ['wg*'] }),
    allow({ place: at(13), proto: 'sctp', ports: [port(5)] }),
    allow({ place: at(14), proto: 'dccp', ports: [port(5), port(7)] }),
    allow({ place: at(15), from: sources('0.0.0.0/0') }),
    ...(['esp', 'ah', 'gre', 'vrrp'] as const).map((proto, index) => allow({ place: at(16 + index), proto })),
    allow({ place: at(20), proto: 'any', interfaces: ['docker0'], from: sources('::/0') }),
    allow({ place: at(21), proto: 'any', from: sources('172.16.0.0/12') }),
  ],
  rules: [
    { place: at(30), family: 'ip', rule: '-A INPUT -s 10.5.0.0/16 -p tcp -m tcp --dport 25 -j ACCEPT' },
    {
      place: at(31),
      family: 'ip',
      rule: '-p tcp -m multiport --dports 1,2:4 -m comment --comment "some ports" -j DROP',
    },
    { place: at(32), family: 'ip', rule: `-p udp -m udp --dport 4789 ${u32} -j DROP` },
    {
      place: at(33),
      family: 'ip',
      rule: '-p tcp --tcp-flags SYN,RST SYN -m limit --limit 5/min -j LOG --log-prefix "syn "',
    },
    { place: at(34), family: 'ip', rule: '! -i lo -s 127.0.0.0/8 -j REJECT --reject-with icmp-host-prohibited' },
    { place: at(35), family: 'ip', rule: '-p tcp -j REJECT --reject-with tcp-reset' },
    { place: at(36), family: 'ip6', rule: '-p udp -m udp --dport 546 -d fe80::/64 -j ACCEPT' },
    { place: at(37), family: 'ip6', rule: '-p ipv6-icmp -m icmp6 --icmpv6-type 128 -j RETURN' },
    { place: at(38), family: 'ip', rule: '-m mark --mark 0x10/0xf0 -m addrtype --dst-type LOCAL -j RETURN' },
    { place: at(39), family: 'ip', rule: '-f -j DROP' },
  ],
} as const;

const swarm = { place: at(40), peers: sources('10.77.0.2', 'fd77::2', '@admins'), dataPathPort: 4789 } as const;

export const samples: ReadonlyMap<string, GuardCommands> = new Map([
  ['the smallest', guard(smallest)],
  ['every form', guard({ ...rich, swarm: { ...swarm, encrypted: 'required' } }, swarmFacts)],
  ['every form, observed', guard({ ...rich, mode: 'observe', swarm: { ...swarm, encrypted: 'docker' } }, swarmFacts)],
  ['all ICMP', guard({ icmp: 'all', log: { drops: false, rate: 1, per: 'second', burst: 1, prefix: 'x' } })],
  [
    'no ICMP',
    guard(
      {
        icmp: 'none',
        default: 'accept',
        dockerAccepts: 'ignore',
        sets: rich.sets,
        swarm: { ...swarm, encrypted: 'required' },
      },
      swarmFacts,
      { priority: -200 },
    ),
  ],
]);
