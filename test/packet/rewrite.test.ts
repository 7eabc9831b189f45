import { describe, expect, it } from 'vitest';
import { key, payload } from '../../src/packet/field.ts';
import type { Effect } from '../../src/packet/effect.ts';
import type { KeyValue, Packet } from '../../src/packet/packet.ts';
import { applyEffect } from '../../src/packet/rewrite.ts';
import { valueOf, viewOf } from '../../src/packet/view.ts';
import type { View } from '../../src/packet/view.ts';
import { addsUp, ip4, ip6, joined, summed, tcp, transportAddsUp, udp } from './crafted.ts';

const start = (bytes: Uint8Array, keys: Record<string, KeyValue> = {}, link?: Uint8Array): View => {
  const packet: Packet = {
    family: bytes[0] === 0x60 ? 'ip6' : 'ip',
    bytes,
    keys: new Map(Object.entries(keys)),
    ...(link ? { link } : {}),
  };
  return viewOf(packet);
};

const datagram = summed(ip4({ protocol: 17, body: udp(1024, 53, Uint8Array.from([1, 2, 3])) }), 17, 6);
const segment = summed(ip4({ protocol: 6, body: tcp(1024, 80) }), 6, 16);
const segment6 = summed(ip6(6, tcp(1024, 80)), 6, 16);

const set = (name: string, keep: bigint, flip: bigint): Effect => ({ kind: 'set', key: name, keep, flip });
const copy = (name: string, from: string, keep: bigint, take: bigint, shift = 0): Effect => ({
  kind: 'copy',
  key: name,
  from,
  keep,
  take,
  shift,
});
const write = (base: 'nh' | 'th' | 'll', offset: number, length: number, flip: bigint, keep = 0n): Effect => ({
  kind: 'write',
  field: payload(base, offset, length),
  keep,
  flip,
});

const after = (view: View, effect: Effect, name: string): KeyValue | undefined => {
  applyEffect(view, effect);
  return valueOf(view, key(name));
};

describe('keys', () => {
  it('keep bits and flip bits, within their width', () => {
    expect(after(start(datagram, { mark: 0xff }), set('mark', 0xf0n, 0x1n), 'mark')).toBe(0xf1);
    expect(after(start(datagram, { mark: 0xf0000001 }), set('mark', ~0x1n, 0x80000000n), 'mark')).toBe(0x70000000);
    expect(after(start(datagram), set('mark', 0n, 7n), 'mark')).toBe(7);
    expect(after(start(datagram), set('mark', 1n, 7n), 'mark')).toBeUndefined();
    expect(after(start(datagram), set('nftrace', 0n, 1n), 'nftrace')).toBe(1);
  });

  it('are copied with a shift either way', () => {
    const keys = { mark: 0x12, 'ct.state': 8, 'ct.mark': 0xab00 };
    expect(after(start(datagram, keys), copy('ct.mark', 'mark', 0xff00n, 0xffn), 'ct.mark')).toBe(0xab12);
    expect(after(start(datagram, keys), copy('mark', 'ct.mark', 0n, 0xff00n, -8), 'mark')).toBe(0xab);
    expect(after(start(datagram, keys), copy('ct.mark', 'mark', 0n, 0x2n, 31), 'ct.mark')).toBe(0);
    expect(after(start(datagram, { 'ct.state': 8 }), copy('mark', 'ct.mark', 0n, 1n), 'mark')).toBeUndefined();
  });

  it('of a connection that is not there are neither set nor read', () => {
    const view = start(datagram, { 'ct.state': 1, mark: 5 });
    expect(applyEffect(view, set('ct.mark', 0n, 1n))).toBe('done');
    expect(valueOf(view, key('ct.mark'))).toBeNull();
    expect(applyEffect(view, copy('mark', 'ct.mark', 0n, 0xffn))).toBe('absent');
    expect(valueOf(view, key('mark'))).toBe(5);
  });

  it('go with notrack', () => {
    const view = start(datagram, { 'ct.state': 8, 'ct.mark': 3, mark: 1 });
    expect(valueOf(view, key('ct.mark'))).toBe(3);
    applyEffect(view, { kind: 'notrack' });
    expect(['ct.state', 'ct.mark', 'ct.status', 'mark'].map((name) => valueOf(view, key(name)))).toEqual([
      64,
      null,
      null,
      1,
    ]);
  });
});

describe('header bits', () => {
  it('are written with the header checksum, and never into the packet that was given', () => {
    const view = start(datagram);
    const before = [...datagram];
    applyEffect(view, write('nh', 64, 8, 1n));
    applyEffect(view, write('nh', 8, 8, 0x10n, 0x03n));
    expect([view.bytes[8], view.bytes[1]]).toEqual([1, 0x10]);
    expect(addsUp(view.bytes.slice(0, 20))).toBe(true);
    expect([...datagram]).toEqual(before);
  });

  it.each([
    ['UDP', datagram, 17],
    ['TCP', segment, 6],
    ['TCP over IPv6', segment6, 6],
  ])('of %s are written with its checksum', (_, bytes, protocol) => {
    expect(transportAddsUp(bytes, protocol)).toBe(true);
    const view = start(bytes);
    applyEffect(view, write('th', 16, 16, 0xfedcn));
    expect(view.bytes).not.toEqual(bytes);
    expect(transportAddsUp(view.bytes, protocol)).toBe(true);
  });

  it('change the transport checksum where they are addresses', () => {
    const view = start(segment);
    applyEffect(view, write('nh', 96, 32, 0xc0a80001n));
    expect(transportAddsUp(view.bytes, 6)).toBe(true);
    expect(addsUp(view.bytes.slice(0, 20))).toBe(true);
  });

  it('leave a datagram without checksum and a wrong checksum as they are', () => {
    const bare = start(ip4({ protocol: 17, body: udp(1024, 53) }));
    applyEffect(bare, write('th', 16, 16, 54n));
    expect(bare.bytes.slice(26, 28)).toEqual(new Uint8Array(2));
    const wrong = segment.slice();
    wrong[36] = (wrong[36] ?? 0) ^ 0xff;
    const view = start(wrong);
    applyEffect(view, write('th', 16, 16, 81n));
    expect(transportAddsUp(view.bytes, 6)).toBe(false);
  });

  it('that are not there are not written', () => {
    const view = start(datagram.slice(0, 22));
    expect(applyEffect(view, write('th', 16, 16, 54n))).toBe('absent');
    expect(view.bytes).toHaveLength(22);
  });

  it('of the Ethernet header are written beside the packet', () => {
    const link = new Uint8Array(14);
    const view = start(datagram, {}, link);
    expect(applyEffect(view, write('ll', 48, 48, 5n))).toBe('done');
    expect([valueOf(view, payload('ll', 48, 48)), link[11], view.bytes]).toEqual([5, 0, datagram]);
    expect(applyEffect(start(datagram), write('ll', 48, 48, 5n))).toBe('absent');
  });

  it('can move other headers', () => {
    const view = start(joined(segment, new Uint8Array(8)));
    applyEffect(view, write('nh', 4, 4, 6n));
    expect(view.headers.starts[1]).toBe(24);
  });
});

describe('everything else', () => {
  it('leaves no trace in the packet', () => {
    const view = start(datagram);
    applyEffect(view, { kind: 'log', prefix: 'x', flags: [] });
    applyEffect(view, { kind: 'other', text: 'mss pmtu' });
    expect(view.bytes).toBe(datagram);
  });
});
