// What is said of short packets and fragments: what the kernel does, and what the meaning says of real bytes.
import { describe, expect, it } from 'vitest';
import { edgesOf, outcomeOf } from '../../src/explain/edges.ts';
import { wholePacket } from '../../src/explain/suppose.ts';
import { registry } from '../../src/extensions/registry.ts';
import { readSingleRule } from '../../src/iptables/single.ts';
import type { Backend, Family } from '../../src/netfilter/family.ts';
import { compile, isTrue } from '../../src/packet/evaluate.ts';
import type { Packet } from '../../src/packet/packet.ts';
import type { Step } from '../../src/packet/program.ts';
import { viewOf } from '../../src/packet/view.ts';
import { readPacket } from '../../src/packet/words.ts';
import { iptablesProgram } from '../../src/simulate/iptables-program.ts';

const stepsOf = (rule: string, backend: Backend, family: Family = 'ip'): readonly Step[] => {
  const { value, diagnostics } = readSingleRule(rule, registry, { backend, family, table: 'filter' });
  expect(diagnostics).toEqual([]);
  const program = iptablesProgram({ tables: value ? [value.table] : [] }, registry, family);
  const chains = [...(program.tables[0]?.chains.values() ?? [])];
  return chains.flatMap(({ rules }) => rules)[0]?.steps ?? [];
};

type Fate = 'dropped' | 'match' | 'no match';

/** What the steps do with the bytes, asked of the evaluator. */
const fateOf = (steps: readonly Step[], packet: Packet): Fate => {
  const view = viewOf(packet);
  for (const step of steps) {
    if (step.kind !== 'test' && step.kind !== 'hotdrop') continue;
    const holds = compile(step.condition)(view) === isTrue;
    if (step.kind === 'hotdrop' && holds) return 'dropped';
    if (step.kind === 'test' && !holds) return 'no match';
  }
  return 'match';
};

const packetOf = (words: string): Packet => {
  const { value, diagnostics } = readPacket(`hook=forward in=eth0 out=eth1 ip saddr=10.0.0.2 ip daddr=10.0.0.1 ${words}`);
  expect(diagnostics).toEqual([]);
  if (!value) throw new Error(words);
  return value.packet;
}; // prettier-ignore

/** The packet with only so many bytes behind the IPv4 header, as one datagram of that length. */
const cut = (packet: Packet, bytes: number): Packet => {
  const short = packet.bytes.slice(0, 20 + bytes);
  short[2] = short.length >> 8;
  short[3] = short.length & 255;
  return { ...packet, bytes: short, keys: new Map([...packet.keys, ['length', short.length]]) };
};

const u32 = '-m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100600"';
const poff = '-m bpf --bytecode "7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 4102,6 0 0 0,6 0 0 4294967295"';
const vxlan = 'udp sport=50000 udp dport=4789 vxlan vni=4102';
const syn = 'tcp sport=50000 tcp dport=22 tcp flags=syn';

const cases: readonly (readonly [rule: string, packet: string])[] = [
  [`-A FORWARD -p udp -m udp --dport 4789 ${u32} -j DROP`, vxlan],
  [`-A FORWARD -p udp -m udp --dport 4789 ${poff} -j DROP`, vxlan],
  [`-A FORWARD -p udp ${u32} -j DROP`, vxlan],
  ['-A FORWARD -p udp -m udp ! --dport 53 -j DROP', vxlan],
  ['-A FORWARD -p udp -m udp --dport 4789 -m u32 ! --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100700" -j DROP', vxlan],
  ['-A FORWARD -p tcp -m tcp --dport 22 --tcp-flags SYN,ACK SYN -j DROP', syn],
  ['-A FORWARD -p tcp -m multiport ! --dports 80,443 -j DROP', syn],
  ['-A FORWARD -p tcp -m tcp -j DROP', syn],
  ['-A FORWARD -s 10.0.0.0/8 -j DROP', syn],
  ['-A FORWARD -m u32 --u32 "0x20=0x0:0xffffffff" -j DROP', syn],
];

describe.each(['legacy', 'nft'] as const)('a packet that is cut short, in iptables-%s,', (backend) => {
  it.each(cases)('fares as is said of %s', (rule, words) => {
    const steps = stepsOf(rule, backend);
    const whole = packetOf(words);
    const { short } = edgesOf(steps, 'ip');
    expect(fateOf(steps, whole)).toBe('match');
    for (let bytes = 0; bytes < whole.bytes.length - 20; bytes++) {
      const said = short.find(({ of, low, high }) => {
        const length = of === 'transport' ? bytes : bytes + 20;
        return low <= length && length <= high;
      });
      const fate = fateOf(steps, cut(whole, bytes));
      const wanted: Fate =
        said === undefined ? 'match' : said.outcome.dropped === 'all' ? 'dropped' : said.outcome.match === 'never' ? 'no match' : 'match'; // prettier-ignore
      expect({ bytes, fate }).toEqual({ bytes, fate: wanted });
    }
  });
});

describe('what is said of short packets', () => {
  it('is what ip_tables.ko does: a datagram without a whole UDP header is dropped, one without a VNI not matched', () => {
    const { short } = edgesOf(stepsOf(`-A FORWARD -p udp -m udp --dport 4789 ${u32} -j DROP`, 'legacy'), 'ip');
    expect(short.map(({ low, high, outcome }) => [low, high, outcome.dropped, outcome.match])).toEqual([
      [0, 7, 'all', 'never'],
      [8, 15, 'none', 'never'],
    ]);
  });

  it('is what nf_tables does: nothing is dropped', () => {
    const { short } = edgesOf(stepsOf(`-A FORWARD -p udp -m udp --dport 4789 ${u32} -j DROP`, 'nft'), 'ip');
    expect(short.map(({ low, high, outcome }) => [low, high, outcome.dropped, outcome.match])).toEqual([[0, 15, 'none', 'never']]); // prettier-ignore
  });

  it('names an inverted test that holds because there is nothing to compare', () => {
    const { short } = edgesOf(stepsOf(`-A FORWARD -p udp ${u32.replace('--u32', '! --u32')} -j DROP`, 'nft'), 'ip');
    expect(short.map(({ low, high, outcome }) => [low, high, outcome.match])).toEqual([[0, 15, 'without-looking']]);
  });

  it('is nothing for a rule about the IP header', () => {
    expect(edgesOf(stepsOf('-A FORWARD -s 10.0.0.0/8 -j DROP', 'legacy'), 'ip')).toMatchObject({ short: [], reads: false });
  }); // prettier-ignore

  it('of IPv6 has the header chains that ip6_tables.ko drops', () => {
    const broken = (backend: Backend): unknown =>
      edgesOf(stepsOf('-A FORWARD -p udp -m udp --dport 53 -j DROP', backend, 'ip6'), 'ip6').broken?.dropped;
    expect([broken('legacy'), broken('nft')]).toEqual(['all', undefined]);
  });
});

describe('what is said of a later fragment', () => {
  const outcomes = (rule: string, backend: Backend): readonly unknown[] => {
    const { plain, quirk } = edgesOf(stepsOf(rule, backend), 'ip').fragment;
    return [plain, quirk].map(({ match, reads, dropped }) => [match, reads, typeof dropped === 'string' ? dropped : 'some']);
  }; // prettier-ignore

  it.each([
    // xt_tcpudp.c leaves fragments alone, but drops a TCP fragment that could overwrite flags.
    ['legacy', '-A FORWARD -p udp -m udp --dport 53 -j DROP', ['never', false, 'none'], ['never', false, 'none']],
    ['legacy', '-A FORWARD -p tcp -m tcp --dport 22 -j DROP', ['never', false, 'some'], ['never', false, 'some']],
    // nft_payload_fast_eval reads two aligned bytes whatever the fragment.
    ['nft', '-A FORWARD -p udp -m udp --dport 53 -j DROP', ['never', false, 'none'], ['as-usual', true, 'none']],
    // xt_u32.c knows nothing of fragments.
    ['legacy', `-A FORWARD -p udp ${u32} -j DROP`, ['as-usual', true, 'none'], ['as-usual', true, 'none']],
    ['nft', '-A FORWARD -s 10.0.0.0/8 -j DROP', ['as-usual', false, 'none'], ['as-usual', false, 'none']],
    // A program can ask for the fragment offset itself.
    [
      'legacy',
      `-A FORWARD -p udp ${u32.replace('"0x0>>', '"0x4&0x1fff=0x0&&0x0>>')} -j DROP`,
      ['never', false, 'none'],
      ['never', false, 'none'],
    ],
    [
      'legacy',
      '-A FORWARD -m u32 --u32 "0x4&0x3fff=0x1:0x3fff" -j DROP',
      ['as-usual', false, 'none'],
      ['as-usual', false, 'none'],
    ],
    ['legacy', '-A FORWARD -f -j DROP', ['as-usual', false, 'none'], ['as-usual', false, 'none']],
    ['legacy', '-A FORWARD ! -f -j DROP', ['never', false, 'none'], ['never', false, 'none']],
  ] as const)('%s: %s', (backend, rule, plain, quirk) => {
    expect(outcomes(rule, backend)).toEqual([plain, quirk]);
  });
});

it('a whole packet is looked at as it is', () => {
  expect(outcomeOf(stepsOf('-A FORWARD -p udp -m udp --dport 53 -j DROP', 'legacy'), wholePacket('ip'))).toEqual({
    match: 'as-usual',
    dropped: 'none',
    reads: true,
  });
});
