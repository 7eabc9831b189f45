// Edges of the matches of protocol headers that no saved ruleset shows: iptables-save 1.8.9 leaves these options out.
import { describe, expect, it } from 'vitest';
import type { MatchExtension, RuleContext } from '../../src/extensions/contract.ts';
import { esp } from '../../src/extensions/matches/esp.ts';
import { tcp } from '../../src/extensions/matches/tcp.ts';
import { udp } from '../../src/extensions/matches/udp.ts';
import { joinRanges } from '../../src/extensions/ports.ts';
import { chunkTypes } from '../../src/extensions/sctpchunks.ts';
import { icmpByName, icmpCandidates } from '../../src/netfilter/icmp.ts';
import type { Formula } from '../../src/nftables/formula.ts';

const context: RuleContext = {
  family: 'ip',
  table: 'filter',
  nftTable: 'filter',
  chain: 'INPUT',
  hooks: new Set(['input']),
  backend: 'nft',
  exactLegacy: false,
  selector: {},
  fragmentsVisible: false,
  readsTransport: true,
  destinationPorts: undefined,
};

const formulaOf = (extension: MatchExtension, key: string, text: string, inverted: boolean): Formula => {
  const value = extension.options[key]?.value.parse(text, 'ip');
  const result = extension.translate(
    { name: extension.name, info: { [key]: { value, inverted, column: 1 } }, column: 1 },
    context,
  );
  if (result.kind === 'refused') throw new Error(result.what);
  return result.formula;
};

describe('a test that no packet meets', () => {
  // iptables-nft 1.8.9 forgets each of these and lets every packet of the protocol match; ip_tables.ko lets none.
  it.each([
    [tcp, 'dport', '0:65535', true],
    [tcp, 'sport', ':', true],
    [udp, 'dport', '0:65535', true],
    [tcp, 'flags', 'NONE NONE', true],
    [tcp, 'flags', 'NONE SYN', false],
    [esp, 'spi', '0:4294967295', true],
  ] as const)('$0.name $1 $2, inverted: $3', (extension, key, text, inverted) =>
    expect(formulaOf(extension, key, text, inverted)).toEqual({ kind: 'never' }),
  );
});

describe('ports as a set', () => {
  const ranges = (...list: readonly (readonly [number, number])[]) => list.map(([low, high]) => ({ low, high }));

  it('of single ports keeps neighbours apart, as nft does', () =>
    expect(joinRanges(ranges([81, 81], [80, 80], [80, 80]))).toEqual(ranges([80, 80], [81, 81])));
  it('with a range joins neighbours and what overlaps', () =>
    expect(joinRanges(ranges([100, 110], [95, 95], [80, 99], [200, 200]))).toEqual(ranges([80, 110], [200, 200])));
  it('keeps a range inside of another out', () =>
    expect(joinRanges(ranges([1, 1000], [5, 10]))).toEqual(ranges([1, 1000])));
});

describe('SCTP chunk types', () => {
  it.each([
    ['ANY data', 'any DATA'],
    ['any DATA:Be,ABORT:t', 'any DATA:Be,ABORT:t'],
    ['all sack,data,data:I,data:i', 'all DATA:I,SACK'],
    ['only ,SACK,', 'only SACK'],
    ['any DATA:', 'any DATA'],
    ['any all', 'any ALL'],
    ['any ', 'any NONE'],
  ])('%s is printed as %s', (text, printed) => {
    const value = chunkTypes.parse(text, 'ip');
    expect('bad' in value ? value : chunkTypes.print(value, 'ip')).toBe(printed);
  });
  it.each([
    ['any DATA,FOO', { at: 9, length: 3 }],
    ['any DATA:X', { at: 9, length: 1 }],
    ['any INIT:-', { at: 9 }],
    ['every DATA', { at: 0, length: 5 }],
  ])('%s is refused', (text, bad) =>
    expect(chunkTypes.parse(text, 'ip')).toMatchObject({ bad: expect.anything(), ...bad }),
  );
});

describe('ICMP names', () => {
  it('are found in any case and shortened', () => {
    expect(icmpCandidates('FRAG', 'ip')).toEqual(['fragmentation-needed']);
    expect(icmpByName('fragmentation-needed', 'ip')).toEqual({ type: 3, code: 4 });
    expect(icmpByName('packet-too-big', 'ip6')).toEqual({ type: 2 });
  });
  it('are several where that is not clear', () => expect(icmpCandidates('host', 'ip').length).toBeGreaterThan(1));
  it('are one where they are whole, even if others start so', () =>
    expect(icmpCandidates('redirect', 'ip')).toEqual(['redirect']));
});
