// What a rule does, in the spelling that both sides of a comparison share.
import { describe, expect, it } from 'vitest';
import { readNftables } from '../../src/nftables/read.ts';
import type { Effect, Verdict } from '../../src/packet/effect.ts';
import { nftProgram } from '../../src/simulate/nft-program.ts';
import {
  ct,
  cut,
  fateOf,
  field,
  markOf,
  match,
  meta,
  programOf,
  set,
  stepsOf,
  tcpSyn,
  udp,
  unmodelledIn,
} from './nft-program.ts';

const effects = (expr: readonly object[], options = {}): readonly Effect[] =>
  stepsOf(expr, options).flatMap((step) => (step.kind === 'effect' ? step.effect : []));
const verdict = (expr: readonly object[], options = {}): Verdict | undefined => {
  const last = stepsOf(expr, options).at(-1);
  return last?.kind === 'verdict' ? last.verdict : undefined;
};
/** The predicates of a rule's steps, `!` in front of those whose opposite is asked. */
const asked = (expr: readonly object[], options = {}): readonly string[] =>
  stepsOf(expr, options).flatMap((step) => {
    if (step.kind !== 'test') return [];
    const { condition } = step;
    if (condition.kind === 'opaque') return [condition.predicate.id];
    return condition.kind === 'not' && condition.of.kind === 'opaque' ? [`!${condition.of.predicate.id}`] : [];
  });

describe('marks', () => {
  const mark = meta('mark');
  const after = (value: unknown, keys = {}): number =>
    markOf(fateOf(programOf([set(mark, value)]), udp, { mark: 0xff01, 'ct.mark': 0xabc, ...keys }));

  it('are what bitwise operators make of them', () => {
    expect(after(5)).toBe(5);
    expect(after({ '|': [mark, 0x10] })).toBe(0xff11);
    expect(after({ '^': [{ '&': [mark, 0xff00] }, 0x101] })).toBe(0xfe01);
    expect(after({ '<<': [mark, 20] })).toBe(0xf0100000);
    expect(after({ '>>': [mark, 4] })).toBe(0xff0);
    expect(after({ '|': [{ '&': [mark, 0xff00] }, { '&': [ct('mark'), 0xff] }] })).toBe(0xffbc);
    expect(after({ '^': [{ '<<': [{ '&': [ct('mark'), 0xf] }, 8] }, 1] })).toBe(0xc01);
  });

  it('are copied only from a connection that is there', () => {
    expect(after(ct('mark'))).toBe(0xabc);
    expect(after(ct('mark'), { 'ct.mark': null })).toBe(0xff01);
    expect(effects([set(mark, ct('mark'))])).toEqual([
      { kind: 'copy', key: 'mark', from: 'ct.mark', keep: 0n, take: 0xffffffffn, shift: 0 },
    ]);
  });

  it('of a connection that is not there are not set, and the rule goes on', () => {
    const keys = { 'ct.mark': null, 'ct.state': 64 };
    const end = (value: unknown): string => fateOf(programOf([set(ct('mark'), value), { drop: null }]), udp, keys).end;
    expect(end(5)).toBe('drop');
    expect(end(meta('mark'))).toBe('drop');
    expect(end({ '|': [ct('mark'), 1] })).toBe('accept');
  });

  it('that two packets of bits would share have no model', () => {
    expect(unmodelledIn(stepsOf([set(mark, { '|': [mark, ct('mark')] })]))).toHaveLength(1);
    expect(unmodelledIn(stepsOf([set(mark, field('ip', 'ttl'))]))).toHaveLength(1);
  });

  it('and other keys are set one way', () => {
    expect(effects([set(mark, { '^': [{ '&': [mark, 0xff] }, 3] })])).toEqual([
      { kind: 'set', key: 'mark', keep: 0xffn, flip: 3n },
    ]);
    expect(effects([set(meta('nftrace'), 1)])).toEqual([{ kind: 'set', key: 'nftrace', keep: 0n, flip: 1n }]);
    expect(effects([set(meta('priority'), '1:2')])).toEqual([
      { kind: 'set', key: 'priority', keep: 0n, flip: 0x10002n },
    ]);
    expect(effects([set(ct('zone', 'original'), 5)])).toEqual([{ kind: 'other', text: 'ct zone 5 original' }]);
    expect(effects([{ notrack: null }])).toEqual([{ kind: 'notrack' }]);
  });
});

describe('header bits', () => {
  it('are written where they are', () => {
    expect(effects([set(field('ip', 'ttl'), 64)])).toEqual([
      { kind: 'write', field: { kind: 'payload', base: 'nh', offset: 64, length: 8 }, keep: 0n, flip: 64n },
    ]);
    expect(effects([set(field('ip6', 'dscp'), 'ef')], { family: 'ip6' })).toEqual([
      { kind: 'write', field: { kind: 'payload', base: 'nh', offset: 4, length: 6 }, keep: 0n, flip: 46n },
    ]);
  });

  it('are not written without their checksum, nor in later fragments', () => {
    const program = programOf([set(field('udp', 'dport'), 53), { drop: null }]);
    expect([4, 7, 8].map((length) => fateOf(program, cut(length)).end)).toEqual(['accept', 'accept', 'drop']);
    expect(fateOf(program, udp.with(7, 1)).end).toBe('accept');
    expect(fateOf(program, tcpSyn).end).toBe('accept');
  });

  it('of the segment size are one effect', () => {
    const size = { 'tcp option': { name: 'maxseg', field: 'size' } };
    expect(effects([set(size, 1400)])).toEqual([{ kind: 'other', text: 'mss 1400', assumption: 'mss-present' }]);
    expect(effects([set(size, { rt: { key: 'mtu' } })])).toEqual([
      { kind: 'other', text: 'mss pmtu', assumption: 'mss-present' },
    ]);
    const program = programOf([set(size, 1400), { drop: null }]);
    expect([udp, tcpSyn].map((bytes) => fateOf(program, bytes).end)).toEqual(['accept', 'drop']);
  });
});

describe('verdicts', () => {
  it('say how a packet is turned away, in the words of its family', () => {
    const word = (reject: object | null, family: 'ip' | 'ip6' = 'ip'): string | undefined => {
      const found = verdict([{ reject }], { family, table: 'inet' });
      return found?.kind === 'reject' ? found.with : undefined;
    };
    expect(word(null)).toBe('icmp port-unreachable');
    expect(word(null, 'ip6')).toBe('icmpv6 port-unreachable');
    expect(word({ type: 'icmp', expr: 'host-prohibited' })).toBe('icmp host-prohibited');
    expect(word({ type: 'icmp', expr: 13 })).toBe('icmp admin-prohibited');
    expect(word({ type: 'icmpv6', expr: 'no-route' }, 'ip6')).toBe('icmpv6 no-route');
    expect(word({ type: 'icmpx', expr: 'host-unreachable' })).toBe('icmp host-unreachable');
    expect(word({ type: 'icmpx', expr: 'host-unreachable' }, 'ip6')).toBe('icmpv6 addr-unreachable');
    expect(word({ type: 'icmpx', expr: 'no-route' })).toBe('icmp net-unreachable');
    expect(word({ type: 'tcp reset' })).toBe('tcp reset');
  });

  it('of one family pass the other over', () => {
    const [first] = stepsOf([{ reject: { type: 'icmp', expr: 'port-unreachable' } }], { family: 'ip6', table: 'inet' });
    expect(first).toEqual({ kind: 'test', condition: { kind: 'constant', value: false } });
  });

  it('name queues and chains', () => {
    expect(verdict([{ queue: null }])).toEqual({ kind: 'queue', from: 0, to: 0, flags: [] });
    expect(verdict([{ queue: { num: { range: [1, 3] }, flags: ['fanout', 'bypass'] } }])).toEqual({
      kind: 'queue',
      from: 1,
      to: 3,
      flags: ['bypass', 'fanout'],
    });
    expect(verdict([{ goto: { target: 'x' } }])).toEqual({ kind: 'goto', chain: 'x' });
  });

  it('end a rule, but continue does not', () => {
    expect(stepsOf([{ accept: null }, { drop: null }])).toHaveLength(1);
    expect(verdict([{ continue: null }, { drop: null }])).toEqual({ kind: 'drop' });
  });
});

describe('NAT', () => {
  const nat = (statement: object, options = {}): Effect | undefined => effects([statement], options)[0];
  const ip = (text: string): bigint => text.split('.').reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);

  it('maps to addresses and ports, and accepts', () => {
    const steps = stepsOf([{ dnat: { addr: '172.17.0.2', port: 80 } }]);
    const address = ip('172.17.0.2');
    expect(steps).toEqual([
      {
        kind: 'effect',
        effect: { kind: 'nat', type: 'dnat', to: { address: [address, address], port: [80, 80] }, flags: [] },
      },
      { kind: 'verdict', verdict: { kind: 'accept' } },
    ]);
    expect(
      nat({
        snat: { addr: { range: ['10.0.0.1', '10.0.0.9'] }, port: { range: [1, 9] }, flags: ['random', 'persistent'] },
      }),
    ).toEqual({
      kind: 'nat',
      type: 'snat',
      to: { address: [ip('10.0.0.1'), ip('10.0.0.9')], port: [1, 9] },
      flags: ['persistent', 'random'],
    });
    expect(nat({ masquerade: null })).toEqual({ kind: 'nat', type: 'masquerade', to: {}, flags: [] });
    expect(nat({ redirect: { port: 8080 } })).toEqual({
      kind: 'nat',
      type: 'redirect',
      to: { port: [8080, 8080] },
      flags: [],
    });
  });

  it('keeps the host part of a prefix', () => {
    const network = { prefix: { addr: '10.1.0.0', len: 16 } };
    expect(nat({ dnat: { addr: network, flags: ['netmap'] } })).toEqual({
      kind: 'nat',
      type: 'netmap-dnat',
      to: { address: [ip('10.1.0.0'), ip('10.1.255.255')] },
      flags: [],
    });
    expect(nat({ dnat: { addr: network } })).toMatchObject({ type: 'dnat' });
  });

  it('passes the other family over, and the rule goes on', () => {
    const dnat = { dnat: { family: 'ip', addr: '10.0.0.1' } };
    expect(stepsOf([dnat], { family: 'ip6', table: 'inet' })).toEqual([]);
    expect(stepsOf([dnat], { table: 'inet' })).toHaveLength(2);
  });

  it('maps by maps', () => {
    const data = { set: [[80, { concat: ['10.0.0.1', 8080] }]] };
    const steps = stepsOf([{ dnat: { addr: { map: { key: field('tcp', 'dport'), data } }, type_flags: ['concat'] } }]);
    expect(
      JSON.stringify(steps.at(-1), (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)),
    ).toContain('"to":{"address":[167772161,167772161],"port":[8080,8080]}');
  });
});

describe('logs', () => {
  it('are spelt out', () => {
    expect(effects([{ log: null }])).toEqual([{ kind: 'log', prefix: '', level: 4, flags: [] }]);
    expect(effects([{ log: { prefix: 'x: ', level: 'info', flags: ['all'] } }])).toEqual([
      { kind: 'log', prefix: 'x: ', level: 6, flags: ['ether', 'ip options', 'skuid', 'tcp options', 'tcp sequence'] },
    ]);
    expect(effects([{ log: { group: 2, snaplen: 64, 'queue-threshold': 5 } }])).toEqual([
      { kind: 'log', prefix: '', group: 2, flags: [], snaplen: 64, threshold: 5 },
    ]);
  });
});

describe('what time, chance and counters decide', () => {
  it('is one predicate, or its opposite', () => {
    const limit = { rate: 3, per: 'minute' };
    expect(asked([{ limit }])).toEqual(['limit rate=3/minute burst=5 packets']);
    expect(asked([{ limit: { ...limit, burst: 9, inv: true } }])).toEqual(['!limit rate=3/minute burst=9 packets']);
    expect(asked([{ limit: { rate: 2, per: 'second', rate_unit: 'kbytes', burst: 1, burst_unit: 'mbytes' } }])).toEqual(
      ['limit bytes=2048/second burst=1048576'],
    );
    expect(asked([{ quota: { val: 2, val_unit: 'kbytes' } }])).toEqual(['quota bytes=2048']);
    expect(asked([{ quota: { val: 5, val_unit: 'bytes', inv: true } }])).toEqual(['!quota bytes=5']);
    expect(asked([{ 'ct count': { val: 5, inv: true } }])).toEqual(['connlimit above=5']);
    expect(asked([{ 'ct count': { val: 5 } }])).toEqual(['!connlimit above=5']);
  });

  it('draws with one spelling for one chance', () => {
    const random = { '&': [meta('random'), 0x7fffffff] };
    const numgen = (mode: string, mod: number, offset = 0): object => ({ numgen: { mode, mod, offset } });
    expect(asked([match(random, 1 << 30, '<')])).toEqual(['random p=1073741824/2147483648']);
    expect(asked([match(random, 1 << 29, '>=')])).toEqual(['!random p=536870912/2147483648']);
    expect(asked([match(numgen('random', 2), 0)])).toEqual(['random p=1073741824/2147483648']);
    expect(asked([match(numgen('random', 3), 0)])).toEqual(['random p=1/3']);
    expect(asked([match(numgen('inc', 3), 2)])).toEqual(['nth every=3 packet=2']);
    expect(asked([match(numgen('inc', 3, 10), 10, '!=')])).toEqual(['!nth every=3 packet=0']);
    expect(unmodelledIn(stepsOf([match(numgen('inc', 4), 2, '<')]))).toHaveLength(1);
    expect(asked([match(numgen('inc', 4), 9)])).toEqual([]);
  });

  it('knows named objects by their name', () => {
    const objects = [['limit', { name: 'l', rate: 4, per: 'hour', burst: 7 }]] as const;
    expect(asked([{ limit: 'l' }], { objects })).toEqual(['limit rate=4/hour burst=7 packets named l']);
    expect(unmodelledIn(stepsOf([{ limit: 'gone' }]))).toHaveLength(1);
  });

  it('is asked for each element of a set', () => {
    const update = {
      set: { op: 'add', elem: field('ip', 'saddr'), set: '@s', stmt: [{ 'ct count': { val: 3, inv: true } }] },
    };
    expect(asked([update])).toEqual(['connlimit above=3 each src']);
  });
});

describe('conntrack objects', () => {
  it('are of a protocol and a family', () => {
    const objects = [['ct helper', { name: 'h', type: 'ftp', protocol: 'tcp', l3proto: 'ip' }]] as const;
    const text = JSON.stringify(stepsOf([{ 'ct helper': 'h' }], { objects }), (_, value: unknown) =>
      typeof value === 'bigint' ? Number(value) : value,
    );
    expect(text).toContain('"text":"ct helper ftp/tcp"');
    expect(stepsOf([{ 'ct helper': 'h' }], { objects, family: 'ip6', table: 'inet' })).toEqual([]);
  });
});

describe('what has no model', () => {
  it('is named', () => {
    expect(unmodelledIn(stepsOf([{ xt: { type: 'match', name: 'u32' } }]))[0]).toContain('match u32');
    expect(unmodelledIn(stepsOf([{ xt: { type: 'match', name: 'comment' } }]))).toEqual([]);
    expect(unmodelledIn(stepsOf([{ teleport: { to: 'x' } }]))[0]).toContain('teleport');
    expect(unmodelledIn(stepsOf([{ queue: { num: { jhash: { mod: 2, expr: meta('mark') } } } }]))).toHaveLength(1);
  });
});

describe('a ruleset', () => {
  const chain = (family: string, name: string, more = {}): object => ({
    chain: { family, table: 't', name, type: 'filter', hook: 'input', prio: 0, ...more },
  });

  it('is the tables that packets of a family meet', () => {
    const items = ['ip', 'ip6', 'inet', 'bridge', 'arp', 'netdev'].map((family) => ({ table: { family, name: 't' } }));
    const { value } = readNftables('r', JSON.stringify({ nftables: items }));
    expect(nftProgram(value, 'ip').tables.map(({ label }) => label)).toEqual(['ip t', 'inet t']);
    expect(nftProgram(value, 'ip6').tables.map(({ label }) => label)).toEqual(['ip6 t', 'inet t']);
  });

  it('has base chains, but not at the hooks of devices, and none while dormant', () => {
    const items = [
      { table: { family: 'inet', name: 't' } },
      chain('inet', 'in', { policy: 'drop' }),
      chain('inet', 'early', { hook: 'ingress', dev: 'eth0' }),
      { table: { family: 'ip', name: 't', flags: 'dormant' } },
      chain('ip', 'in'),
    ];
    const { value } = readNftables('r', JSON.stringify({ nftables: items }));
    const [inet, ip] = nftProgram(value, 'ip').tables;
    expect(inet?.chains.get('in')?.base).toEqual({ type: 'filter', hook: 'input', priority: 0, policy: 'drop' });
    expect(inet?.chains.get('early')?.base).toBeUndefined();
    expect(ip?.chains.get('in')?.base).toBeUndefined();
  });

  it('says where each rule stands', () => {
    const program = programOf([{ counter: null }, { drop: null }]);
    expect(program.tables[0]?.chains.get('c')?.rules[0]?.origin).toEqual({
      file: 'test.json',
      line: 1,
      text: 'counter drop',
    });
  });
});
