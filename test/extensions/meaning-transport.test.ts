// What matches on the transport header say of hand-made packets. The answers are those of Linux 6.18 with iptables 1.8.9,
// either backend: each rule was loaded alone and each packet sent through PREROUTING without defragmentation.
import { describe, expect, it } from 'vitest';
import type { Backend, Family } from '../../src/netfilter/family.ts';
import { answer, meaningOf } from './meanings.ts';

type Answer = 'yes' | 'no' | 'drop';

/** What follows the IP header, the fragment offset in units of 8 bytes, and the answers of legacy and nft. */
type Row = readonly [body: string, fragment: number, legacy: Answer, nft: Answer];

/** In hexadecimal; `-` for the 8 bytes between ports and data offset of TCP, `_` for the 6 between flags and options. */
const bodyOf = (text: string): readonly number[] => {
  const hex = text.replace('-', '0'.repeat(16)).replace('_', '0'.repeat(12));
  return [...Buffer.from(hex, 'hex')];
};

const packetOf = (family: Family, protocol: number, [text, fragment]: Row): Uint8Array => {
  const body = bodyOf(text);
  if (family === 'ip')
    // prettier-ignore
    return Uint8Array.from([
      0x45, 0, 0, 20 + body.length, 0, 0, fragment >> 8, fragment & 0xff, 64, protocol, 0, 0,
      10, 9, 0, 1, 192, 168, 77, 1, ...body,
    ]);
  const rest = fragment === 0 ? body : [protocol, 0, 0, fragment << 3, 0, 0, 0, 1, ...body];
  const next = fragment === 0 ? protocol : 44;
  const addresses = Array.from({ length: 32 }, (_, i) => (i % 16 === 0 ? 0xfd : i % 16 === 15 ? 1 : 0));
  return Uint8Array.from([0x60, 0, 0, 0, 0, rest.length, next, 64, ...addresses, ...rest]);
};

/** First the drop on the spot, then the condition. */
const fateOf = (rule: string, family: Family, backend: Backend, bytes: Uint8Array): string => {
  const { condition, hotdrop } = meaningOf(`${rule} -j ACCEPT`, { family, table: 'mangle', backend });
  const facts = { bytes, keys: { fragquirk: 1 } };
  const dropped = hotdrop ? answer(hotdrop, facts, family) : 'no';
  return dropped === 'yes' ? 'drop' : dropped === 'unknown' ? dropped : answer(condition, facts, family);
};

// prettier-ignore
const table: readonly (readonly [family: Family, rule: string, protocol: number, rows: readonly Row[]])[] = [
  ['ip', '-p tcp -m tcp', 6, [
    ['00090050-5002_', 0, 'yes', 'yes'],
    ['00090050-50020000000000', 0, 'drop', 'drop'],
    ['00090050-5002_', 1, 'drop', 'drop'],
    ['00090050-5002_', 2, 'no', 'no'],
  ]],
  ['ip', '-p tcp --dport 80', 6, [
    ['00090050-5002_', 0, 'yes', 'yes'],
    ['00090051-5002_', 0, 'no', 'no'],
    ['00090050-50020000000000', 0, 'drop', 'yes'],
    ['000900', 0, 'drop', 'no'],
    ['00090050-5002_', 1, 'drop', 'yes'],
    ['00090050-5002_', 2, 'no', 'yes'],
  ]],
  ['ip', '-p tcp ! --dport 80', 6, [
    ['00090050-5002_', 0, 'no', 'no'],
    ['00090051-5002_', 0, 'yes', 'yes'],
    ['00090051-50020000000000', 0, 'drop', 'yes'],
    ['000900', 0, 'drop', 'no'],
    ['00090051-5002_', 1, 'drop', 'yes'],
    ['00090051-5002_', 2, 'no', 'yes'],
  ]],
  ['ip', '-p tcp --syn', 6, [
    ['00090050-5002_', 0, 'yes', 'yes'],
    ['00090050-5012_', 0, 'no', 'no'],
    ['00090050-5002', 0, 'drop', 'yes'],
    ['00090050-50', 0, 'drop', 'no'],
  ]],
  ['ip6', '-p tcp -m tcp', 6, [
    ['00090050-5002_', 0, 'yes', 'yes'],
    ['00090050-50020000000000', 0, 'drop', 'drop'],
    ['00090050-5002_', 1, 'no', 'no'],
    ['00090050-5002_', 2, 'no', 'no'],
  ]],
  ['ip6', '-p tcp --dport 80', 6, [
    ['00090050-5002_', 0, 'yes', 'yes'],
    ['00090051-5002_', 0, 'no', 'no'],
    ['00090050-50020000000000', 0, 'drop', 'yes'],
    ['000900', 0, 'drop', 'no'],
    ['00090050-5002_', 1, 'no', 'no'],
    ['00090050-5002_', 2, 'no', 'no'],
  ]],
  ['ip6', '-p tcp ! --dport 80', 6, [
    ['00090050-5002_', 0, 'no', 'no'],
    ['00090051-5002_', 0, 'yes', 'yes'],
    ['00090051-50020000000000', 0, 'drop', 'yes'],
    ['000900', 0, 'drop', 'no'],
    ['00090051-5002_', 1, 'no', 'yes'],
    ['00090051-5002_', 2, 'no', 'yes'],
  ]],
  ['ip6', '-p tcp --syn', 6, [
    ['00090050-5002_', 0, 'yes', 'yes'],
    ['00090050-5012_', 0, 'no', 'no'],
    ['00090050-5002', 0, 'drop', 'yes'],
    ['00090050-50', 0, 'drop', 'no'],
  ]],
  ['ip', '-p tcp --sport 1:10 --dport 80:90', 6, [
    ['00090050-5002_', 0, 'yes', 'yes'],
    ['000b0050-5002_', 0, 'no', 'no'],
    ['0009005b-5002_', 0, 'no', 'no'],
  ]],
  ['ip', '-p tcp --tcp-flags SYN ACK', 6, [
    ['00090050-5002_', 0, 'no', 'no'],
    ['00090050-5010_', 0, 'no', 'no'],
  ]],
  ['ip', '-p tcp ! --tcp-flags SYN ACK', 6, [
    ['00090050-5002_', 0, 'yes', 'yes'],
  ]],
  ['ip', '-p tcp --sport 9 --tcp-option 2', 6, [
    ['00090050-6002_020405b4', 0, 'yes', 'yes'],
    ['00090050-6002_01010101', 0, 'no', 'no'],
    ['00090050-6002_0204', 0, 'drop', 'drop'],
    ['00080050-6002_0204', 0, 'no', 'no'],
    ['00090050-4002_', 0, 'drop', 'drop'],
    ['00090050-6002_00000002', 0, 'yes', 'yes'],
    ['00090050-6002_03060204', 0, 'no', 'no'],
  ]],
  ['ip', '-p tcp ! --tcp-option 2', 6, [
    ['00090050-6002_020405b4', 0, 'no', 'no'],
    ['00090050-5002_', 0, 'yes', 'yes'],
    ['00090050-7002_01010101', 0, 'drop', 'drop'],
  ]],
  ['ip', '-p udp --dport 80', 17, [
    ['0009005000080000', 0, 'yes', 'yes'],
    ['0009005100080000', 0, 'no', 'no'],
    ['00090050000800', 0, 'drop', 'yes'],
    ['0009005000080000', 2, 'no', 'yes'],
  ]],
  ['ip', '-p udp ! --dport 80', 17, [
    ['0009005000080000', 0, 'no', 'no'],
    ['0009005100080000', 0, 'yes', 'yes'],
    ['00090051000800', 0, 'drop', 'yes'],
    ['0009005100080000', 2, 'no', 'yes'],
    ['0009005000080000', 2, 'no', 'no'],
  ]],
  ['ip', '-p udp ! --dport 9:3', 17, [
    ['0009005000080000', 0, 'yes', 'yes'],
  ]],
  ['ip', '-p udp --dport 9:3', 17, [
    ['0009000500080000', 0, 'no', 'no'],
  ]],
  ['ip', '-p sctp --dport 80', 132, [
    ['000100500000000000000000', 0, 'yes', 'yes'],
    ['0001005000000000000000', 0, 'drop', 'drop'],
    ['000100500000000000000000', 1, 'no', 'no'],
  ]],
  ['ip', '-p sctp --chunk-types any DATA', 132, [
    ['00010050000000000000000000030004', 0, 'yes', 'yes'],
    ['00010050000000000000000003000004', 0, 'no', 'no'],
    ['0001005000000000000000000300000400000004', 0, 'yes', 'yes'],
    ['000100500000000000000000', 0, 'drop', 'drop'],
    ['00010050000000000000000003000000', 0, 'drop', 'drop'],
    ['0001005000000000000000000300000400', 0, 'drop', 'drop'],
    ['00010050000000000000000000000004030000', 0, 'yes', 'yes'],
  ]],
  ['ip', '-p sctp ! --chunk-types any DATA', 132, [
    ['00010050000000000000000000030004', 0, 'no', 'no'],
    ['00010050000000000000000003000004', 0, 'yes', 'yes'],
    ['000100500000000000000000', 0, 'drop', 'drop'],
  ]],
  ['ip', '-p sctp --chunk-types all DATA,SACK', 132, [
    ['00010050000000000000000000030004', 0, 'no', 'no'],
    ['0001005000000000000000000003000403000004', 0, 'yes', 'yes'],
  ]],
  ['ip', '-p sctp --chunk-types only DATA', 132, [
    ['00010050000000000000000000030004', 0, 'yes', 'yes'],
    ['0001005000000000000000000003000403000004', 0, 'no', 'no'],
  ]],
  ['ip', '-p sctp --chunk-types any DATA:Be', 132, [
    ['00010050000000000000000000020004', 0, 'yes', 'yes'],
    ['00010050000000000000000000030004', 0, 'no', 'no'],
    ['0001005000000000000000000003000400020004', 0, 'yes', 'yes'],
  ]],
  ['ip', '-p dccp --dport 80', 33, [
    ['000100500300000004000000', 0, 'yes', 'yes'],
    ['0001005003000000040000', 0, 'drop', 'drop'],
    ['000100500300000004000000', 1, 'no', 'no'],
  ]],
  ['ip', '-p dccp --dccp-types DATA', 33, [
    ['000100500300000004000000', 0, 'yes', 'yes'],
    ['000100500300000006000000', 0, 'no', 'no'],
  ]],
  ['ip', '-p dccp --dccp-types INVALID', 33, [
    ['000100500300000004000000', 0, 'no', 'no'],
    ['000100500300000014000000', 0, 'yes', 'yes'],
    ['00010050030000001e000000', 0, 'yes', 'yes'],
  ]],
  ['ip', '-p dccp --dccp-option 38', 33, [
    ['000100500300000004000000', 0, 'no', 'no'],
    ['00010050040000000400000026040102', 0, 'yes', 'yes'],
    ['00010050040000000400000001010101', 0, 'no', 'no'],
    ['00010050050000000400000026040102', 0, 'drop', 'drop'],
    ['000100500200000004000000', 0, 'drop', 'drop'],
  ]],
  ['ip', '-p icmp --icmp-type 3/4', 1, [
    ['0304000000000000', 0, 'yes', 'yes'],
    ['0301000000000000', 0, 'no', 'no'],
    ['03040000000000', 0, 'drop', 'drop'],
    ['0304000000000000', 1, 'no', 'no'],
  ]],
  ['ip', '-p icmp ! --icmp-type 3/4', 1, [
    ['0304000000000000', 0, 'no', 'no'],
    ['0301000000000000', 0, 'yes', 'yes'],
    ['0301000000000000', 1, 'no', 'no'],
  ]],
  ['ip', '-p icmp --icmp-type any', 1, [
    ['0804000000000000', 0, 'yes', 'yes'],
    ['0804000000000000', 1, 'no', 'no'],
  ]],
  ['ip', '-p icmp --icmp-type 255/7', 1, [
    ['0804000000000000', 0, 'yes', 'yes'],
  ]],
  ['ip6', '-p icmpv6 --icmpv6-type 255', 58, [
    ['8000000000000000', 0, 'no', 'no'],
    ['ff00000000000000', 0, 'yes', 'yes'],
    ['80000000000000', 0, 'drop', 'drop'],
  ]],
  ['ip6', '-p icmpv6 ! --icmpv6-type 1/4', 58, [
    ['0104000000000000', 0, 'no', 'no'],
    ['0103000000000000', 0, 'yes', 'yes'],
    ['0103000000000000', 1, 'no', 'no'],
  ]],
  ['ip', '-p ah -m ah --ahspi 500', 51, [
    ['3b040000000001f400000001', 0, 'yes', 'yes'],
    ['3b040000000001f4000000', 0, 'drop', 'drop'],
    ['3b040000000001f400000001', 1, 'no', 'no'],
  ]],
  ['ip', '-p ah -m ah ! --ahspi 400:600', 51, [
    ['3b040000000001f400000001', 0, 'no', 'no'],
  ]],
  ['ip6', '-m ah --ahspi 500 --ahlen 24', 51, [
    ['3b040000000001f400000001000000000000000000000000', 0, 'yes', 'yes'],
    ['3b040000000001f4000000', 0, 'drop', 'drop'],
  ]],
  ['ip6', '-m ah ! --ahlen 24', 51, [
    ['3b040000000001f400000001000000000000000000000000', 0, 'no', 'no'],
  ]],
  ['ip6', '-m ah --ahres', 51, [
    ['3b040000000001f400000001000000000000000000000000', 0, 'yes', 'yes'],
    ['3b040001000001f400000001000000000000000000000000', 0, 'no', 'no'],
  ]],
  ['ip6', '-m ah', 60, [
    ['3b', 0, 'drop', 'drop'],
    ['3b00010400000000', 0, 'no', 'no'],
    ['33000104000000003b040000000001f400000001000000000000000000000000', 0, 'yes', 'yes'],
    ['33000104000000003b', 0, 'drop', 'drop'],
  ]],
  ['ip', '-p esp -m esp --espspi 400:600', 50, [
    ['000001f400000001', 0, 'yes', 'yes'],
    ['000001f4000000', 0, 'drop', 'drop'],
    ['000001f400000001', 1, 'no', 'no'],
  ]],
  ['ip', '-p esp -m esp ! --espspi 500', 50, [
    ['000001f400000001', 0, 'no', 'no'],
    ['000001f500000001', 0, 'yes', 'yes'],
  ]],
  ['ip', '-p udp -m multiport --dports 80,90:95', 17, [
    ['0009005000080000', 0, 'yes', 'yes'],
    ['0009005b00080000', 0, 'yes', 'yes'],
    ['0009006000080000', 0, 'no', 'no'],
    ['00090050', 0, 'yes', 'yes'],
    ['000900', 0, 'drop', 'drop'],
    ['0009005000080000', 1, 'no', 'no'],
  ]],
  ['ip', '-p udp -m multiport ! --ports 80,9', 17, [
    ['0009000700080000', 0, 'no', 'no'],
    ['0007005000080000', 0, 'no', 'no'],
    ['0007000700080000', 0, 'yes', 'yes'],
  ]],
  ['ip', '-p tcp -m tcpmss --mss 1000:1460', 6, [
    ['00090050-6002_020405b4', 0, 'yes', 'yes'],
    ['00090050-6002_02040100', 0, 'no', 'no'],
    ['00090050-6002_020305b4', 0, 'no', 'no'],
    ['00090050-6002_010105b4', 0, 'no', 'no'],
    ['00090050-5002_', 0, 'no', 'no'],
    ['00090050-50020000000000', 0, 'drop', 'drop'],
    ['00090050-6002_0204', 0, 'drop', 'drop'],
    ['00090050-4002_', 0, 'drop', 'drop'],
    ['00090050-6002_020405b4', 2, 'yes', 'yes'],
  ]],
  ['ip', '-p tcp -m tcpmss ! --mss 1000:1460', 6, [
    ['00090050-6002_020405b4', 0, 'no', 'no'],
    ['00090050-6002_02040100', 0, 'yes', 'yes'],
    ['00090050-5002_', 0, 'yes', 'yes'],
  ]],
  ['ip', '-p tcp -m ecn --ecn-tcp-ece', 6, [
    ['00090050-5042_', 0, 'yes', 'yes'],
    ['00090050-5002_', 0, 'no', 'no'],
    ['00090050-50420000000000', 0, 'no', 'no'],
    ['00090050-5042_', 2, 'yes', 'yes'],
  ]],
  ['ip', '-p tcp -m ecn ! --ecn-tcp-cwr --ecn-tcp-ece', 6, [
    ['00090050-5042_', 0, 'yes', 'yes'],
    ['00090050-50c2_', 0, 'no', 'no'],
  ]],
  ['ip', '-m ecn --ecn-ip-ect 0', 6, [
    ['00090050-5002_', 0, 'yes', 'yes'],
  ]],
  ['ip6', '-m ecn ! --ecn-ip-ect 0', 6, [
    ['00090050-5002_', 0, 'no', 'no'],
  ]],
];

describe('matches on the transport header', () => {
  it.each(table)('%s %s', (family, rule, protocol, rows) => {
    for (const row of rows) {
      const bytes = packetOf(family, protocol, row);
      expect([...row, fateOf(rule, family, 'legacy', bytes)]).toEqual([...row, row[2]]);
      expect([...row, fateOf(rule, family, 'nft', bytes)]).toEqual([...row, row[3]]);
    }
  });
});

const tcpPacket = (text: string): Uint8Array => packetOf('ip', 6, [text, 0, 'yes', 'yes']);

describe('what iptables-nft has changed', () => {
  const place = { table: 'mangle', backend: 'nft' } as const;

  it.each<readonly [string, string, string]>([
    // Up to 1.8.10 both ports were compared at once: the rule holds if one of them differs.
    ['-p tcp ! --sport 22 ! --dport 23', '00090050-5002_', 'yes'],
    ['-p tcp ! --sport 22 ! --dport 23', '00160050-5002_', 'unknown'],
    ['-p tcp ! --sport 22 ! --dport 23', '00160017-5002_', 'no'],
    // Up to 1.8.10 a range of all ports was left out, whatever stood before it.
    ['-p tcp ! --dport 0:65535', '00090050-5002_', 'unknown'],
    ['-p tcp --sport 8 ! --dport 0:65535', '00090050-5002_', 'no'],
    ['-p tcp --tcp-flags NONE SYN', '00090050-5002_', 'unknown'],
    ['-p tcp ! --tcp-flags NONE NONE', '00090050-5002_', 'unknown'],
    ['-p tcp ! --tcp-flags NONE SYN', '00090050-5002_', 'yes'],
    ['-p tcp ! --tcp-flags NONE SYN', '00090050', 'unknown'],
  ])('%s', (rule, text, wanted) => {
    expect(fateOf(rule, 'ip', place.backend, tcpPacket(text))).toBe(wanted);
  });

  it('reads later fragments only on kernels that do', () => {
    const bytes = packetOf('ip', 6, ['00090050-5002_', 2, 'yes', 'yes']);
    for (const rule of ['-p tcp --dport 80', '-p tcp -m ecn ! --ecn-tcp-ece']) {
      const { condition } = meaningOf(`${rule} -j ACCEPT`, place);
      expect(answer(condition, { bytes, keys: { fragquirk: 1 } })).toBe('yes');
      expect(answer(condition, { bytes, keys: { fragquirk: 0 } })).toBe('no');
    }
  });

  it('does not know what a kernel does with an authentication header that is cut short', () => {
    const bytes = packetOf('ip6', 51, ['3b040000000001f400000001', 0, 'yes', 'yes']);
    expect(fateOf('-m ah --ahspi 500', 'ip6', 'legacy', bytes)).toBe('unknown');
  });
});

// No iptables release loads it, so that this is what the kernel's source says: udp_mt under another number.
it('udplite is udp by another number', () => {
  for (const [text, fragment, wanted] of [
    ['0009005000080000', 0, 'yes'],
    ['0009005100080000', 0, 'no'],
    ['00090050000800', 0, 'drop'],
    ['0009005000080000', 2, 'no'],
  ] as const) {
    const bytes = packetOf('ip', 136, [text, fragment, wanted, wanted]);
    for (const backend of ['legacy', 'nft'] as const)
      expect(fateOf('-p udplite -m udplite --dport 80', 'ip', backend, bytes)).toBe(wanted);
  }
});
