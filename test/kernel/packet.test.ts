// Packets that dnfw builds, put into a real network stack: ip_rcv drops what has a wrong length or header checksum,
// conntrack calls a transport with a wrong checksum invalid, and nft says whether it finds the fields that were asked for.
import { describe, expect, it } from 'vitest';
import { printAddress } from '../../src/netfilter/address.ts';
import { type Header, build } from '../../src/packet/build.ts';
import { ctStates } from '../../src/packet/field.ts';
import { headersOf } from '../../src/packet/headers.ts';
import { layouts } from '../../src/packet/layout.ts';
import { toHex } from '../../src/packet/octets.ts';
import type { Packet } from '../../src/packet/packet.ts';
import { readPacket } from '../../src/packet/words.ts';
import { inNamespace, nft } from './namespace.ts';

/** A device of its own, packets as lines of hex on standard input; the device is gone with the process. */
const inject = `
import fcntl, os, struct, subprocess, sys, time
tun = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', b'tun0', 0x1001))
subprocess.run(['ip', 'link', 'set', 'tun0', 'up'], check=True)
for line in sys.stdin:
    os.write(tun, bytes.fromhex(line))
time.sleep(0.3)
`;

interface Case {
  readonly words: string;
  /** What nft has to find in it. */
  readonly nft: string;
  /** What conntrack calls it; left out for packets that it does not see one by one. */
  readonly state?: 'new' | 'invalid';
}

// prettier-ignore
const cases: readonly Case[] = [
  { words: 'tcp sport=1000 dport=ssh', nft: 'tcp sport 1000 tcp dport 22 tcp flags == syn', state: 'new' },
  { words: 'tcp flags=ack option=0101080a0000000100000000 payload=616263', nft: 'tcp option timestamp tsval 1', state: 'new' },
  { words: 'ip option=94040000 tcp option=020405b4 window=1', nft: 'ip hdrlength 6 tcp doff 6 tcp option maxseg size 1460', state: 'new' },
  { words: 'tcp checksum=0x1234', nft: 'tcp checksum 0x1234', state: 'invalid' },
  { words: 'udp sport=50000 dport=4789 vxlan vni=0x1006', nft: 'udp length 16 @th,96,32 & 0xffffff00 == 0x100600', state: 'new' },
  { words: 'udp payload=01', nft: 'udp length 9', state: 'new' },
  { words: 'udp checksum=0', nft: 'udp checksum 0', state: 'new' },
  { words: 'udp checksum=1', nft: 'udp checksum 1', state: 'invalid' },
  { words: 'udp dport=53 meta length=100', nft: 'meta length 100 udp length 80', state: 'new' },
  { words: 'udp dport=53 truncate=25', nft: 'meta length 25 ip length 25', state: 'invalid' },
  { words: 'tcp dport=22 truncate=30', nft: 'meta length 30 tcp dport 22', state: 'invalid' },
  { words: 'icmp type=echo-request id=7 sequence=3', nft: 'icmp type echo-request icmp id 7 icmp sequence 3', state: 'new' },
  { words: 'icmp checksum=5', nft: 'icmp checksum 5', state: 'invalid' },
  { words: 'sctp dport=80 sport=5', nft: 'sctp dport 80 sctp chunk init exists', state: 'new' },
  { words: 'sctp chunk=data/3:00,init-ack', nft: 'sctp chunk data flags 3 sctp chunk init-ack exists' },
  { words: 'sctp checksum=1', nft: 'sctp checksum 1', state: 'invalid' },
  { words: 'dccp dport=5 type=data', nft: 'dccp dport 5 dccp type data' },
  { words: 'udplite dport=5 csumcov=8 payload=0102', nft: 'udplite dport 5' },
  { words: 'esp spi=0x100', nft: 'esp spi 256', state: 'new' },
  { words: 'ah spi=5 tcp', nft: 'ah spi 5 ah hdrlength 4', state: 'new' },
  { words: 'gre', nft: 'ip protocol gre', state: 'new' },
  { words: 'igmp group=224.0.0.5', nft: 'ip protocol igmp', state: 'new' },
  { words: 'ip ttl=3 dscp=ef ecn=ce id=9 dont-fragment=yes l4proto=253', nft: 'ip ttl 3 ip dscp ef ip ecn ce ip id 9 ip protocol 253', state: 'new' },
  { words: 'frag-off=185 more-fragments=yes payload=0001020304050607', nft: 'ip frag-off 0x20b9' },
  { words: 'ip6 dscp=cs1 flowlabel=0x12345 hoplimit=9 tcp dport=22', nft: 'ip6 dscp cs1 ip6 flowlabel 0x12345 ip6 hoplimit 9 tcp dport 22', state: 'new' },
  { words: 'ip6 udp payload=aa', nft: 'ip6 length 9 udp length 9', state: 'new' },
  { words: 'ip6 udp checksum=7', nft: 'udp checksum 7', state: 'invalid' },
  { words: 'icmpv6 type=echo-request id=7', nft: 'icmpv6 type echo-request icmpv6 id 7', state: 'new' },
  { words: 'icmpv6 checksum=7', nft: 'icmpv6 checksum 7', state: 'invalid' },
  { words: 'ip6 hbh dst rt type=4 dst option=0104000000000000 tcp dport=22', nft: 'exthdr hbh exists exthdr rt exists exthdr dst exists rt type 4 tcp dport 22', state: 'new' },
  { words: 'ip6 frag id=5 more-fragments=yes udp payload=0001020304050607', nft: 'frag id 5 frag more-fragments 1 udp dport 53' },
  { words: 'ip6 frag frag-off=20 nexthdr=udp payload=0001', nft: 'frag frag-off 20' },
  { words: 'ip6 ah spi=9 udp dport=5', nft: 'meta l4proto ah ah spi 9', state: 'new' },
  { words: 'ip6 mh', nft: 'meta l4proto 135' },
  { words: 'ip6 sctp chunk=data', nft: 'sctp chunk data exists' },
];

/** With a source address of its own, by which the sets know the packet. */
const addressed = (words: string, number: number): Packet => {
  const plain = readPacket(words).value;
  if (!plain) throw new Error(`${words} is not read`);
  const { family } = plain.packet;
  const address = family === 'ip' ? `ip saddr=10.1.0.${number}` : `ip6 saddr=fd00::${number.toString(16)}`;
  const { value } = readPacket(`${words} ${address}`);
  if (!value) throw new Error(`${words} with ${address} is not read`);
  return value.packet;
};

/** The entry that dnfw takes a new packet to have, as matches. */
const entry = ({ family, keys, bytes }: Packet): string => {
  const six = family === 'ip6';
  const address = (key: string): string => printAddress(BigInt(keys.get(`${key}${six ? 6 : 4}`) ?? 0), family);
  const way = (name: string): string =>
    [
      `ct ${name} ${family} saddr ${address(`ct.${name}.saddr`)} ct ${name} ${family} daddr ${address(`ct.${name}.daddr`)}`,
      `ct ${name} proto-src ${keys.get(`ct.${name}.sport`)} ct ${name} proto-dst ${keys.get(`ct.${name}.dport`)}`,
    ].join(' ');
  // nft reads a port of conntrack only behind a match of the protocol.
  const protocol = headersOf(family, bytes).l4proto;
  return `meta l4proto ${protocol} ${way('original')} ${way('reply')} ct direction original ct mark 0 ct zone 0 ct status == 0 ct protocol ${keys.get('ct.protocol')}`;
};

const ruleset = (packets: readonly Packet[]): string =>
  [
    'table inet t {',
    ...cases.map(
      (_, i) => `counter found${i} { }\ncounter new${i} { }\ncounter entry${i} { }\ncounter invalid${i} { }`,
    ),
    'chain early { type filter hook prerouting priority -500; ',
    ...cases.map(({ nft: match }, i) => `${source(packets, i)} ${match} counter name found${i}`),
    '}\nchain late { type filter hook prerouting priority 0;',
    ...cases.flatMap((_, i) =>
      ['new', 'invalid'].map((state) => `${source(packets, i)} ct state ${state} counter name ${state}${i}`),
    ),
    ...cases.flatMap(({ state }, i) => {
      const packet = packets[i];
      return state === 'new' && packet ? [`${source(packets, i)} ${entry(packet)} counter name entry${i}`] : [];
    }),
    '}\n}',
  ].join('\n');

const source = (packets: readonly Packet[], i: number): string =>
  packets[i]?.family === 'ip' ? `ip saddr 10.1.0.${i + 1}` : `ip6 saddr fd00::${(i + 1).toString(16)}`;

const counters = (listing: string): ReadonlyMap<string, number> =>
  new Map(
    [...listing.matchAll(/"name": "(\w+)"[^}]*?"packets": (\d+)/g)].map((found) => [found[1] ?? '', Number(found[2])]),
  );

describe('packets built from words', () => {
  const packets = cases.map(({ words }, i) => addressed(words, i + 1));
  const lines = packets.map(({ bytes }) => toHex(bytes)).join('\n');
  const [load, sent, list] = inNamespace([
    nft('-f /dev/stdin', ruleset(packets)),
    { command: ['python3', '-c', inject], input: `${lines}\n` },
    nft('-j list counters'),
  ]);

  it('are taken by the stack', () => {
    expect([load?.status, load?.stderr, sent?.status, sent?.stderr]).toEqual([0, '', 0, '']);
  });

  const seen = counters(list?.stdout ?? '');
  it.each(cases.map((one, i) => ({ ...one, i })))('$words: $nft', ({ i, state }) => {
    expect(seen.get(`found${i}`)).toBe(1);
    if (state === 'new')
      expect([seen.get(`new${i}`), seen.get(`invalid${i}`), seen.get(`entry${i}`)]).toEqual([1, 0, 1]);
    if (state === 'invalid') expect([seen.get(`new${i}`), seen.get(`invalid${i}`)]).toEqual([0, 1]);
  });

  it('have the conntrack state by default that they get, but for wrong checksums', () => {
    const states = packets.map(({ keys }) => (keys.get('ct.state') === ctStates.new ? 'new' : 'invalid'));
    const compared = cases.flatMap(({ words, state }, i) =>
      state && !words.includes('checksum') ? [[words, state, states[i]]] : [],
    );
    expect(compared.filter(([, kernel, own]) => kernel !== own)).toEqual([]);
    expect(compared.length).toBeGreaterThan(15);
  });
});

describe('every header', () => {
  it('has fields without gaps', () => {
    for (const [name, { fields, bytes }] of Object.entries(layouts)) {
      const own = [...fields.values()].filter(({ view }) => !view);
      expect(`${name} ${own.reduce((sum, { length }) => sum + length, 0)}`).toBe(`${name} ${bytes * 8}`);
    }
  });

  it('is built with the protocol number by which the one in front names it', () => {
    const header: Header = { name: 'tcp', fields: { dport: 80 } };
    expect(build({ family: 'ip', headers: [header] }).bytes[9]).toBe(6);
  });
});
