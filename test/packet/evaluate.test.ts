import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  all,
  any,
  interval,
  is,
  isNamed,
  no,
  not,
  opaque,
  present,
  unmodelled,
  within,
  yes,
} from '../../src/packet/condition.ts';
import type { Condition } from '../../src/packet/condition.ts';
import { compile } from '../../src/packet/evaluate.ts';
import { key, payload } from '../../src/packet/field.ts';
import type { KeyValue, Packet } from '../../src/packet/packet.ts';
import { forkOf, markBytes, oracleKey, setKey, viewOf } from '../../src/packet/view.ts';
import type { Oracle } from '../../src/packet/view.ts';
import { fragment, ip4, ip6, udp } from './crafted.ts';

const bytes = ip4({ protocol: 17, body: udp(1024, 53, Uint8Array.from([1, 2, 3, 4])) });

const packet = (keys: Record<string, KeyValue> = {}, more: Partial<Packet> = {}): Packet => ({
  family: 'ip',
  bytes,
  keys: new Map(Object.entries(keys)),
  ...more,
});

const names = ['no', 'yes', 'unknown'] as const;
const ask = (condition: Condition, from: Packet = packet(), oracle?: Oracle): string =>
  names[compile(condition)(viewOf(from, oracle))];

const dport = payload('th', 16, 16);

describe('fields of the packet', () => {
  it('are compared as unsigned numbers', () => {
    expect(ask(is(dport, 53))).toBe('yes');
    expect(ask(is(dport, 54))).toBe('no');
    expect(ask(within(dport, [interval(0, 52), interval(53)]))).toBe('yes');
    expect(ask(is(payload('nh', 128, 32), 0x0a000001))).toBe('yes');
    expect(ask(is(payload('nh', 96, 32), 0x0a000000, 0xffffff00))).toBe('yes');
    expect(ask(is(payload('nh', 4, 4), 5))).toBe('yes');
    expect(ask(is(payload('ih', 8, 24), 0x020304))).toBe('yes');
  });

  it('are absent where a byte that they touch is missing, and then neither equal nor different', () => {
    const cut = packet({}, { bytes: bytes.slice(0, 23) });
    expect(ask(is(dport, 53), cut)).toBe('no');
    expect(ask(present(dport), cut)).toBe('no');
    expect(ask(not(is(dport, 53)), cut)).toBe('yes');
    expect(ask(present(payload('th', 0, 24)), cut)).toBe('yes');
    expect(ask(present(payload('th', 0, 25)), cut)).toBe('no');
    expect(ask(is(payload('th', 23, 2), 0), cut)).toBe('no');
    expect(ask(present(payload('th', 0, 8)), packet({}, { family: 'ip6', bytes: ip6(60) }))).toBe('no');
  });

  it('of a later IPv6 fragment are counted from the network header', () => {
    const later = packet({}, { family: 'ip6', bytes: ip6(44, fragment(17, 2), udp(1, 2)) });
    expect(ask(is(payload('th', 0, 4), 6), later)).toBe('yes');
  });

  it('of the Ethernet header are unknown, absent or there, and go on into the packet', () => {
    const source = payload('ll', 48, 48);
    expect(ask(is(source, 2), packet())).toBe('unknown');
    expect(ask(present(source), packet({}, { link: new Uint8Array(0) }))).toBe('no');
    const link = Uint8Array.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 8, 0]);
    expect(ask(is(source, 2), packet({}, { link }))).toBe('yes');
    expect(ask(is(payload('ll', 14 * 8, 8), 0x45), packet({}, { link }))).toBe('yes');
  });

  it('mean the same by every way of reading them', () => {
    const width = fc.integer({ min: 1, max: 130 });
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 20, maxLength: 40 }),
        fc.integer({ min: 0, max: 200 }),
        width,
        fc.option(fc.bigInt(0n, (1n << 130n) - 1n), { nil: undefined }),
        fc.array(fc.tuple(fc.bigInt(0n, (1n << 130n) - 1n), fc.bigInt(0n, (1n << 60n) - 1n)), { maxLength: 6 }),
        fc.boolean(),
        (data, offset, length, mask, pairs, near) => {
          const whole = [...data].reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
          const there = Math.ceil((offset + length) / 8) <= data.length;
          const top = (1n << BigInt(length)) - 1n;
          const value = there ? (whole >> BigInt(data.length * 8 - offset - length)) & top : 0n;
          const left = mask === undefined ? value : value & mask;
          const ranges = pairs.map(([low, size], i) =>
            near
              ? interval(left + BigInt(i * 3) - (size & 7n), left + BigInt(i * 3) + (size & 1n))
              : interval(low & top, (low & top) + size),
          );
          const condition = within(payload('nh', offset, length), ranges, mask);
          const expected = there && ranges.some(({ low, high }) => low <= left && left <= high);
          expect(ask(condition, packet({}, { bytes: data }))).toBe(expected ? 'yes' : 'no');
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('keys', () => {
  it('have a value, have none, or are unknown', () => {
    expect(ask(is(key('mark'), 1), packet({ mark: 1 }))).toBe('yes');
    expect(ask(is(key('mark'), 0x10, 0xf0), packet({ mark: 0x80000011 }))).toBe('yes');
    expect(ask(is(key('mark'), 1))).toBe('unknown');
    expect(ask(is(key('skuid'), 0), packet({ skuid: null }))).toBe('no');
    expect(ask(not(is(key('skuid'), 0)), packet({ skuid: null }))).toBe('yes');
    expect(ask(present(key('skuid')), packet({ skuid: null }))).toBe('no');
    expect(ask(present(key('skuid')))).toBe('unknown');
    expect(ask(present(key('mark')))).toBe('yes');
  });

  it('of a connection are absent without one', () => {
    const mark = key('ct.mark');
    for (const state of [1, 64]) {
      expect(ask(present(mark), packet({ 'ct.state': state }))).toBe('no');
      expect(ask(is(mark, 7), packet({ 'ct.state': state, 'ct.mark': 7 }))).toBe('no');
    }
    expect(ask(present(mark), packet({ 'ct.state': 8 }))).toBe('yes');
    expect(ask(is(mark, 7), packet({ 'ct.state': 8 }))).toBe('unknown');
    expect(ask(is(mark, 7), packet({ 'ct.state': 8, 'ct.mark': 7 }))).toBe('yes');
    expect(ask(present(mark))).toBe('unknown');
  });

  it('of more than 48 bits are bigints', () => {
    const label = key('ct.label');
    expect(ask(is(label, 1n << 100n, 1n << 100n), packet({ 'ct.state': 8, 'ct.label': (1n << 100n) | 1n }))).toBe(
      'yes',
    );
    expect(ask(is(label, 1n), packet({ 'ct.state': 8, 'ct.label': (1n << 100n) | 1n }))).toBe('no');
    expect(ask(is(key('time'), 1n << 39n, 1n << 39n), packet({ time: 2 ** 39 + 5 }))).toBe('yes');
  });

  it('that are names are compared as a whole or from the start, the empty name too', () => {
    expect(ask(isNamed('iifname', 'eth0'), packet({ iifname: 'eth0' }))).toBe('yes');
    expect(ask(isNamed('iifname', 'eth', true), packet({ iifname: 'eth0' }))).toBe('yes');
    expect(ask(isNamed('iifname', 'eth'), packet({ iifname: 'eth0' }))).toBe('no');
    expect(ask(isNamed('oifname', 'eth', true), packet({ oifname: '' }))).toBe('no');
    expect(ask(isNamed('oifname', '', true), packet({ oifname: '' }))).toBe('yes');
    expect(ask(isNamed('oifname', 'eth0'))).toBe('unknown');
    expect(ask(isNamed('iifkind', 'veth'), packet({ iifkind: null }))).toBe('no');
  });

  it('that the bytes answer are read from them', () => {
    expect(ask(is(key('l4proto'), 17), packet({ l4proto: 6 }))).toBe('yes');
    expect(ask(is(key('length'), bytes.length))).toBe('yes');
  });
});

describe('logic', () => {
  const unknown = unmodelled('string');

  it('is Kleene’s', () => {
    expect(ask(all([unknown, no]))).toBe('no');
    const parts = { yes: is(dport, 53), no: is(dport, 1), unknown };
    const values = ['yes', 'no', 'unknown'] as const;
    for (const a of values)
      for (const b of values) {
        const both = a === 'no' || b === 'no' ? 'no' : a === 'yes' && b === 'yes' ? 'yes' : 'unknown';
        const one = a === 'yes' || b === 'yes' ? 'yes' : a === 'no' && b === 'no' ? 'no' : 'unknown';
        expect(ask(all([parts[a], parts[b]]))).toBe(both);
        expect(ask(all([parts[a], parts[b], parts[a]]))).toBe(both);
        expect(ask(any([parts[a], parts[b]]))).toBe(one);
        expect(ask(any([parts[b], parts[a], parts[b]]))).toBe(one);
      }
    expect(ask(not(unknown))).toBe('unknown');
    expect([yes, no].map((one) => ask(one))).toEqual(['yes', 'no']);
  });

  it('asks the oracle, by instance if the answer depends on who asks', () => {
    const lookup = { id: 'set blocked src', stateful: false };
    const limit = { id: 'limit rate=3/minute burst=5 packets', stateful: true };
    expect(ask(opaque(lookup))).toBe('unknown');
    expect(ask(opaque(lookup), packet(), new Map([[oracleKey(lookup), true]]))).toBe('yes');
    const second = compile(opaque(limit), { instanceOf: () => 1 });
    expect(names[second(viewOf(packet(), new Map([[oracleKey(limit), true]])))]).toBe('unknown');
    expect(names[second(viewOf(packet(), new Map([[oracleKey(limit, 1), false]])))]).toBe('no');
  });

  it('runs programs over the bytes', () => {
    const program = (run: (bytes: Uint8Array) => boolean): Condition => ({
      kind: 'program',
      text: 'u32',
      run,
      same: undefined,
    });
    expect(ask(program((given) => given[0] === 0x45))).toBe('yes');
    expect(ask(program(() => false))).toBe('no');
  });
});

describe('a view', () => {
  it('goes its own way after a fork', () => {
    const view = viewOf(packet({ mark: 1, 'ct.state': 8, 'ct.mark': 2 }));
    const other = forkOf(view);
    setKey(other, 'mark', 5);
    setKey(view, 'ct.state', 64);
    const marked = compile(is(key('mark'), 1));
    const tracked = compile(present(key('ct.mark')));
    expect([view, other].map((one) => names[marked(one)])).toEqual(['yes', 'no']);
    expect([view, other].map((one) => names[tracked(one)])).toEqual(['no', 'yes']);
  });

  it('knows keys that were first asked for after it was made', () => {
    const view = viewOf(packet({ 'ipsec.out.5.reqid': 9 }));
    expect(names[compile(is(key('ipsec.out.5.reqid'), 9))(view)]).toBe('yes');
    expect(names[compile(is(key('ipsec.out.4.reqid'), 9))(view)]).toBe('unknown');
  });

  it('has no answer where a byte is not known any more', () => {
    const view = viewOf(packet());
    markBytes(view, 16, 20, false);
    const daddr = payload('nh', 128, 32);
    expect(names[compile(is(daddr, 0x0a000001))(view)]).toBe('unknown');
    expect(names[compile(present(daddr))(view)]).toBe('yes');
    expect(names[compile(is(payload('nh', 96, 32), 0x0a000002))(view)]).toBe('yes');
    expect(names[compile(within(payload('nh', 96, 64), [interval(0, 1)]))(view)]).toBe('unknown');
    markBytes(view, 16, 20, true);
    expect(names[compile(is(daddr, 0x0a000001))(view)]).toBe('yes');
  });
});
