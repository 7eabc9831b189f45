// What a rule asks of a packet. Expectations are the kernel's: nft_payload.c, nft_ct.c, nft_lookup.c and their like.
import { describe, expect, it } from 'vitest';
import { nftProgram } from '../../src/simulate/nft-program.ts';
import { readNftables } from '../../src/nftables/read.ts';
import {
  ct,
  cut,
  fateOf,
  field,
  laterFragment,
  markOf,
  match,
  matches,
  meta,
  programOf,
  raw,
  set,
  stepsOf,
  tcpSyn,
  udp,
  unmodelledIn,
} from './nft-program.ts';

const vni = 0x1006;
const modern = { fragquirk: 0 };

describe('loads that fail', () => {
  it('break the rule whatever is asked', () => {
    for (const op of ['==', '!='])
      for (const right of [4789, { range: [1, 65535] }, { set: [1, 4789] }])
        expect(matches([match(field('udp', 'dport'), right, op)], cut(3))).toBe(false);
    expect(matches([match(field('udp', 'dport'), 1, '!=')], cut(4))).toBe(true);
  });

  it('need the bytes that are loaded, no more', () => {
    const narrow = match(raw('th', 96, 24), vni);
    const wide = match({ '&': [raw('th', 96, 32), 0xffffff00] }, vni * 256);
    expect([15, 16].map((length) => matches([narrow], cut(length)))).toEqual([true, true]);
    expect([15, 16].map((length) => matches([wide], cut(length)))).toEqual([false, true]);
    // A prefix of whole bytes is loaded without the rest.
    const prefix = match(raw('th', 96, 32), { prefix: { addr: vni * 256, len: 24 } });
    expect(matches([prefix], cut(15))).toBe(true);
  });

  it('are those of conntrack without an entry, all but the state', () => {
    const none = { 'ct.state': 64, 'ct.mark': null, 'ct.status': null };
    expect(matches([match(ct('state'), 'new', '!=')], udp, none)).toBe(true);
    expect(matches([match(ct('state'), 'untracked', 'in')], udp, none)).toBe(true);
    expect(matches([match(ct('mark'), 0, '!=')], udp, none)).toBe(false);
    expect(matches([match({ '&': [ct('status'), ['snat', 'dnat']] }, 0)], udp, none)).toBe(false);
    expect(matches([match({ '&': [ct('status'), ['snat', 'dnat']] }, 0)], udp)).toBe(true);
  });

  it('are not those of a device: without one its name is empty and its number 0', () => {
    expect(matches([match(meta('oifname'), 'eth0', '!=')], udp)).toBe(true);
    expect(matches([match(meta('oif'), 0)], udp)).toBe(true);
    expect(matches([match(meta('skuid'), 0, '!=')], udp)).toBe(false);
  });

  it('are those of a route where there is none', () => {
    expect(matches([match({ rt: { key: 'ipsec' } }, false)], udp, { rtipsec: null })).toBe(false);
    expect(matches([match({ rt: { key: 'ipsec' } }, 'missing')], udp)).toBe(true);
  });
});

describe('later fragments', () => {
  it('are read by loads of 1, 2 and 4 aligned bytes, as long as the kernel has the quirk', () => {
    const loads = [field('udp', 'dport'), raw('th', 96, 32), raw('th', 16, 16), raw('th', 8, 8)];
    for (const load of loads) {
      expect(matches([match(load, 0, '!=')], laterFragment)).toBe(true);
      expect(matches([match(load, 0, '!=')], laterFragment, modern)).toBe(false);
      expect(matches([match(load, 0, '!=')], udp, modern)).toBe(true);
    }
  });

  it('are read by no other load', () => {
    for (const load of [raw('th', 96, 24), raw('th', 8, 16), raw('th', 16, 32), raw('ih', 32, 24), raw('th', 0, 64)])
      expect(matches([match(load, 0, '!=')], laterFragment)).toBe(false);
  });

  it('are read or not as the joined load is', () => {
    const ports = [match(field('udp', 'sport'), 50000), match(field('udp', 'dport'), 4789)];
    expect(matches(ports, laterFragment)).toBe(true);
    const unaligned = [match(field('udp', 'dport'), 4789), match(field('udp', 'length'), 24)];
    expect(matches(unaligned, laterFragment)).toBe(false);
    expect(matches(unaligned, udp)).toBe(true);
    // Something in between keeps them apart.
    expect(matches([unaligned[0] ?? {}, { counter: null }, unaligned[1] ?? {}], laterFragment)).toBe(true);
  });
});

describe('what nft adds', () => {
  it('is the protocol in front of a header', () => {
    expect(matches([match(field('tcp', 'dport'), 4789)], udp)).toBe(false);
    expect(matches([match(field('tcp', 'dport'), 1, '!=')], udp)).toBe(false);
    expect(matches([match(field('th', 'dport'), 4789)], udp)).toBe(true);
  });

  it('is the family in a table of both', () => {
    const tests = [match(field('ip', 'saddr'), '10.0.0.9', '!=')];
    expect(matches(tests, udp, {}, { table: 'inet' })).toBe(true);
    expect(stepsOf(tests, { family: 'ip6', table: 'inet' })).toEqual([
      { kind: 'test', condition: { kind: 'constant', value: false } },
    ]);
    expect(matches([match(meta('nfproto'), 'ipv4')], udp, {}, { table: 'inet' })).toBe(true);
  });

  it('is TCP in front of a reset', () => {
    const reset = programOf([{ reject: { type: 'tcp reset' } }]);
    expect(fateOf(reset, udp).end).toBe('accept');
    expect(fateOf(reset, tcpSyn).end).toBe('reject');
  });
});

describe('flags', () => {
  const flags = field('tcp', 'flags');
  it('are asked for together, or any of them', () => {
    const asked: readonly (readonly [string, unknown, boolean])[] = [
      ['==', 'syn', true],
      ['==', ['syn', 'ack'], false],
      ['in', ['syn', 'ack'], true],
      ['in', ['ack', 'rst'], false],
      ['!', ['ack', 'rst'], true],
      ['!', 'syn', false],
      ['!=', ['syn', 'ack'], true],
      ['!=', 'syn', false],
      ['==', { set: ['syn', 'ack'] }, true],
    ];
    const found = asked.map(([op, right]) => [op, right, matches([match(flags, right, op)], tcpSyn)]);
    expect(found).toEqual(asked);
  });

  it('are asked for under a mask in each spelling', () => {
    const masks = [['fin', 'syn', 'rst', 'ack'], { '|': [{ '|': ['fin', 'syn'] }, { '|': ['rst', 'ack'] }] }, 0x17];
    for (const mask of masks) expect(matches([match({ '&': [flags, mask] }, 'syn')], tcpSyn)).toBe(true);
  });

  it('of the state are bits of which one is set', () => {
    const state = ct('state');
    expect(matches([match(state, ['established', 'related'], 'in')], udp)).toBe(false);
    expect(matches([match(state, { set: ['new', 'established'] })], udp)).toBe(true);
    expect(matches([match(state, ['new', 'established'])], udp)).toBe(false);
    expect(matches([match({ '&': [state, ['new', 'invalid']] }, 0, '!=')], udp)).toBe(true);
  });
});

describe('values', () => {
  it('are compared as numbers under masks and shifts', () => {
    const mark = meta('mark');
    const keys = { mark: 0x12345 };
    expect(matches([match({ '&': [mark, 0xff] }, 0x45)], udp, keys)).toBe(true);
    expect(matches([match({ '^': [mark, 0x45] }, 0x12300)], udp, keys)).toBe(true);
    expect(matches([match({ '|': [mark, 0xf] }, 0x1234f)], udp, keys)).toBe(true);
    expect(matches([match({ '>>': [mark, 8] }, 0x123)], udp, keys)).toBe(true);
    expect(matches([match({ '<<': [mark, 4] }, 0x123450)], udp, keys)).toBe(true);
    expect(matches([match({ '^': [mark, 0xff] }, 0x12300, '<')], udp, keys)).toBe(false);
    expect(matches([match({ '^': [mark, 0x45] }, { range: [0x12300, 0x12301] })], udp, keys)).toBe(true);
    expect(matches([match({ '&': [mark, 0xf0f] }, { set: [0x305, 1] })], udp, keys)).toBe(true);
  });

  it('are known by their words', () => {
    expect(matches([match(meta('l4proto'), 'udp')], udp)).toBe(true);
    expect(matches([match(field('th', 'dport'), { set: ['ssh', 'domain'] })], tcpSyn)).toBe(true);
    expect(matches([match(field('ip', 'dscp'), 'cs0')], udp)).toBe(true);
    expect(matches([match(meta('pkttype'), 'host')], udp)).toBe(true);
    expect(matches([match(meta('iif'), 'eth0')], udp)).toBe(true);
    expect(matches([match(meta('skuid'), 'root')], udp, { skuid: 0 })).toBe(true);
  });

  it('of names end in a star or not', () => {
    const name = (text: string): object => match(meta('iifname'), text);
    expect(['eth0', 'eth*', 'et', 'eth\\*'].map((text) => matches([name(text)], udp))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(matches([name('eth\\*')], udp, { iifname: 'eth*' })).toBe(true);
    expect(matches([match(meta('iifname'), { set: ['lo', 'e*'] }, '!=')], udp)).toBe(false);
  });

  it('of time run over midnight', () => {
    const night = match(meta('hour'), { range: [82_800, 3600] });
    const at = (hour: number): boolean => matches([night], udp, { hour });
    expect([0, 3599, 3600, 43_200, 82_800, 82_801].map(at)).toEqual([true, true, false, false, false, true]);
  });

  it('that only the host knows are named', () => {
    expect(unmodelledIn(stepsOf([match(meta('skuid'), 'nobody')]))).toEqual(['meta skuid == nobody']);
    expect(unmodelledIn(stepsOf([match(meta('hour'), '09:00')]))).toHaveLength(1);
    expect(unmodelledIn(stepsOf([match(meta('sdifname'), 'x')]))).toEqual(['meta sdifname']);
    expect(unmodelledIn(stepsOf([match({ jhash: { mod: 2, expr: meta('mark') } }, 0)]))).toHaveLength(1);
  });
});

describe('sets', () => {
  const source = field('ip', 'saddr');
  const named = (object: object): { objects: readonly (readonly [string, object])[] } => ({
    objects: [['set', { name: 's', type: 'ipv4_addr', ...object }]],
  });

  it('have addresses, prefixes and ranges', () => {
    const elements = [{ prefix: { addr: '10.0.0.0', len: 30 } }, { range: ['10.1.0.0', '10.1.0.9'] }];
    expect(matches([match(source, { set: elements })], udp)).toBe(true);
    expect(matches([match(source, '@s')], udp, {}, named({ flags: ['interval'], elem: elements }))).toBe(true);
    expect(matches([match(source, '@s', '!=')], udp, {}, named({ elem: ['10.0.0.9'] }))).toBe(true);
    expect(matches([match(source, '@s')], udp, {}, named({}))).toBe(false);
  });

  it('have elements with more than their key', () => {
    const elem = [{ elem: { val: '10.0.0.2', comment: 'x', counter: { packets: 0, bytes: 0 } } }];
    expect(matches([match(source, '@s')], udp, {}, named({ elem }))).toBe(true);
  });

  it('have concatenations', () => {
    const key = { concat: [source, field('udp', 'dport')] };
    const element = (port: unknown): object => ({ concat: [{ prefix: { addr: '10.0.0.0', len: 8 } }, port] });
    expect(matches([match(key, { set: [element({ range: [4000, 5000] })] })], udp)).toBe(true);
    expect(matches([match(key, { set: [element(53)] }, '!=')], udp)).toBe(true);
    expect(matches([match(key, { set: [element(53)] }, '!=')], tcpSyn)).toBe(false);
  });

  it('that change are asked by name', () => {
    const opaque = (options: object): readonly unknown[] =>
      stepsOf([match({ concat: [source, field('udp', 'sport')] }, '@s')], options).flatMap((step) => {
        const parts = step.kind === 'test' && step.condition.kind === 'all' ? step.condition.of : [];
        return parts.flatMap((part) => (part.kind === 'opaque' ? part.predicate : []));
      });
    const wanted = [{ id: 'set s src,src', stateful: false, assumption: 'same-set' }];
    expect(opaque(named({ flags: ['dynamic'] }))).toEqual(wanted);
    expect(opaque(named({ timeout: 60 }))).toEqual(wanted);
    expect(opaque(named({ elem: [{ elem: { val: '10.0.0.2', expires: 5 } }] }))).toEqual(wanted);
  });

  it('that rules fill change as well', () => {
    const own = { family: 'ip', table: 't' };
    const items = [
      { table: { family: 'ip', name: 't' } },
      { chain: { ...own, name: 'c' } },
      { set: { ...own, name: 's', type: 'ipv4_addr' } },
      { rule: { ...own, chain: 'c', expr: [match(source, '@s')] } },
      { rule: { ...own, chain: 'c', expr: [{ set: { op: 'add', elem: source, set: '@s' } }] } },
    ];
    const { value } = readNftables('r', JSON.stringify({ nftables: items }));
    const rules = nftProgram(value, 'ip').tables[0]?.chains.get('c')?.rules ?? [];
    expect(JSON.stringify(rules[0])).toContain('set s src');
    expect(rules[1]?.steps.at(-1)).toEqual({
      kind: 'effect',
      effect: { kind: 'other', text: 'add @s src', assumption: 'same-set' },
    });
  });

  it('that are not there, or run limits, have no model', () => {
    expect(unmodelledIn(stepsOf([match(source, '@gone')]))[0]).toContain('@gone');
    const limited = named({ elem: ['10.0.0.2'], stmt: [{ limit: { rate: 1, per: 'second' } }] });
    expect(unmodelledIn(stepsOf([match(source, '@s')], limited))[0]).toContain('limits');
  });
});

describe('maps', () => {
  const verdicts = (data: readonly unknown[]): object => ({
    vmap: { key: field('udp', 'dport'), data: { set: data } },
  });
  const drop = { drop: null };

  it('break the rule without an element', () => {
    const end = (data: readonly unknown[], more: readonly object[] = []): string =>
      fateOf(programOf([verdicts(data), ...more]), udp).end;
    expect(end([[4789, drop]])).toBe('drop');
    expect(end([[53, drop]])).toBe('accept');
    expect(end([[53, { continue: null }]], [drop])).toBe('accept');
    expect(end([[4789, { continue: null }]], [drop])).toBe('drop');
    expect(
      end([
        [53, { accept: null }],
        ['*', drop],
      ]),
    ).toBe('drop');
    expect(end([[{ range: [4000, 5000] }, drop]])).toBe('drop');
    expect(
      fateOf(
        programOf([
          verdicts([
            [53, { accept: null }],
            ['*', drop],
          ]),
        ]),
        tcpSyn,
      ).end,
    ).toBe('accept');
  });

  it('give values', () => {
    const value = {
      map: {
        key: field('udp', 'dport'),
        data: {
          set: [
            [53, 1],
            [4789, 7],
          ],
        },
      },
    };
    expect(markOf(fateOf(programOf([set(meta('mark'), value)]), udp))).toBe(7);
    const named = { map: { key: field('udp', 'dport'), data: '@m' } };
    const objects = [['map', { name: 'm', type: 'inet_service', map: 'mark', elem: [[4789, 9]] }]] as const;
    expect(markOf(fateOf(programOf([set(meta('mark'), named)], { objects }), udp))).toBe(9);
  });

  it('of objects need their element', () => {
    const counter = { counter: { map: { key: field('udp', 'dport'), data: '@m' } } };
    const objects = [['map', { name: 'm', type: 'inet_service', map: 'counter', elem: [[53, 'x']] }]] as const;
    expect(matches([counter], udp, {}, { objects })).toBe(false);
  });
});

describe('what versions of nft disagree on', () => {
  it('has no model: != beside !=, and flags beside another test', () => {
    const pairs = [
      [match(field('tcp', 'sport'), 1, '!='), match(field('tcp', 'dport'), 2, '!=')],
      [match(field('ip', 'ttl'), 1, '!='), { counter: null }, match(field('ip', 'protocol'), 2, '!=')],
      [match(field('tcp', 'flags'), 'syn', 'in'), match(field('tcp', 'window'), 1)],
    ];
    for (const pair of pairs) expect(unmodelledIn(stepsOf(pair))).toHaveLength(1);
  });

  it('is not what lies apart, or is written as a range', () => {
    const pairs = [
      [match(field('ip', 'saddr'), '10.0.0.1', '!='), match(field('ip', 'daddr'), '10.0.0.2', '!=')],
      [match(field('tcp', 'sport'), 1, '!='), match(field('tcp', 'dport'), { range: [2, 2] }, '!=')],
      [match(field('tcp', 'sport'), 1), match(field('tcp', 'dport'), 2, '!=')],
    ];
    for (const pair of pairs) expect(unmodelledIn(stepsOf(pair))).toEqual([]);
  });
});
