import { describe, expect, it } from 'vitest';
import { is } from '../../src/packet/condition.ts';
import { crc32c } from '../../src/packet/checksum.ts';
import { compile, isUnknown } from '../../src/packet/evaluate.ts';
import { key, payload } from '../../src/packet/field.ts';
import { translateAddresses } from '../../src/packet/nat.ts';
import type { Nat, NatContext } from '../../src/packet/nat.ts';
import type { KeyValue } from '../../src/packet/packet.ts';
import { valueOf, viewOf } from '../../src/packet/view.ts';
import type { View } from '../../src/packet/view.ts';
import { addsUp, bytesOf, ip4, ip6, joined, summed, tcp, transportAddsUp, udp } from './crafted.ts';

const segment = summed(ip4({ protocol: 6, body: tcp(40000, 8080) }), 6, 16);
const segment6 = summed(ip6(6, tcp(40000, 8080)), 6, 16);

const address = (text: string): bigint => BigInt(text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0));
const to = (first: string, last = first, port?: readonly [number, number]): Nat['to'] => ({
  address: [address(first), address(last)],
  ...(port ? { port } : {}),
});

const nat = (type: Nat['type'], range: Nat['to'] = {}, more: Partial<Nat> = {}): Nat => ({
  kind: 'nat',
  type,
  to: range,
  flags: [],
  ...more,
});

const mapped = (
  effect: Nat,
  bytes = segment,
  context: NatContext = {},
  keys: Record<string, KeyValue> = { 'ct.state': 8, 'ct.status': 0 },
): View => {
  const view = viewOf({ family: bytes[0] === 0x60 ? 'ip6' : 'ip', bytes, keys: new Map(Object.entries(keys)) });
  translateAddresses(view, effect, context);
  return view;
};

const saddr = payload('nh', 96, 32);
const daddr = payload('nh', 128, 32);
const sport = payload('th', 0, 16);
const dport = payload('th', 16, 16);
const tuple = (view: View): readonly unknown[] => [saddr, sport, daddr, dport].map((field) => valueOf(view, field));
const at = (text: string): number => Number(address(text));

describe('to one address and port', () => {
  it('changes the destination, keeps both checksums right and tells the connection', () => {
    const view = mapped(nat('dnat', to('172.17.0.2', '172.17.0.2', [80, 80])));
    expect(tuple(view)).toEqual([at('10.0.0.2'), 40000, at('172.17.0.2'), 80]);
    expect(addsUp(view.bytes.slice(0, 20))).toBe(true);
    expect(transportAddsUp(view.bytes, 6)).toBe(true);
    expect(['ct.reply.saddr4', 'ct.reply.sport', 'ct.status'].map((name) => valueOf(view, key(name)))).toEqual([
      at('172.17.0.2'),
      80,
      256 | 32,
    ]);
  });

  it('changes the source', () => {
    const view = mapped(nat('snat', to('203.0.113.1')));
    expect(tuple(view)).toEqual([at('203.0.113.1'), 40000, at('10.0.0.1'), 8080]);
    expect(valueOf(view, key('ct.status'))).toBe(128 | 16);
  });

  it('changes IPv6 as well', () => {
    const target = 0xfd00_0000_0000_0000_0000_0000_0000_0001n;
    const view = mapped(nat('dnat', { address: [target, target] }), segment6);
    expect(valueOf(view, payload('nh', 192, 128))).toBe(target);
    expect(transportAddsUp(view.bytes, 6)).toBe(true);
    expect(valueOf(view, key('ct.reply.saddr6'))).toBe(target);
  });

  it('notes a mapping that changes nothing as one that was made', () => {
    expect(valueOf(mapped(nat('dnat', to('10.0.0.1'))), key('ct.status'))).toBe(256);
  });

  it('leaves ports alone that are not there', () => {
    const short = mapped(nat('dnat', to('172.17.0.2', '172.17.0.2', [80, 80])), segment.slice(0, 22));
    expect(valueOf(short, daddr)).toBe(at('172.17.0.2'));
    const esp = mapped(nat('snat', to('203.0.113.1', '203.0.113.1', [1, 9])), ip4({ protocol: 50, body: tcp(7, 9) }));
    expect(tuple(esp)).toEqual([at('203.0.113.1'), 7, at('10.0.0.1'), 9]);
  });

  it('computes the checksum of SCTP anew', () => {
    const body = bytesOf('0001 0002 00000000 00000000 00 03 0014 0000002a 00010002 00000000 61626364');
    const view = mapped(nat('dnat', to('172.17.0.2', '172.17.0.2', [9, 9])), ip4({ protocol: 132, body }));
    const expected = joined(view.bytes.slice(20, 28), new Uint8Array(4), view.bytes.slice(32));
    expect(Number(valueOf(view, payload('th', 64, 32)))).toBe(crc32c(expected, 0, expected.length));
  });
});

describe('where the kernel chooses', () => {
  it('does not guess an address', () => {
    const view = mapped(nat('dnat', to('172.17.0.2', '172.17.0.3')));
    expect(tuple(view)).toEqual([at('10.0.0.2'), 40000, undefined, 8080]);
    expect(compile(is(daddr, address('172.17.0.2')))(view)).toBe(isUnknown);
    expect(valueOf(view, payload('nh', 80, 16))).toBeUndefined();
    expect(['ct.reply.saddr4', 'ct.status'].map((name) => valueOf(view, key(name)))).toEqual([undefined, undefined]);
  });

  it('does not guess a port', () => {
    expect(tuple(mapped(nat('snat', { port: [1024, 2048] })))).toEqual([
      at('10.0.0.2'),
      undefined,
      at('10.0.0.1'),
      8080,
    ]);
    expect(tuple(mapped(nat('snat', to('203.0.113.1'), { flags: ['random'] })))[1]).toBeUndefined();
  });

  it('keeps a source address and a port that are in the range already', () => {
    expect(tuple(mapped(nat('snat', to('10.0.0.1', '10.0.0.9', [39999, 40001]))))).toEqual([
      at('10.0.0.2'),
      40000,
      at('10.0.0.1'),
      8080,
    ]);
    expect(tuple(mapped(nat('dnat', to('10.0.0.1', '10.0.0.9'))))[2]).toBeUndefined();
  });

  it('knows the way from an unknown address to a known one', () => {
    const view = mapped(nat('dnat', to('172.17.0.2', '172.17.0.3')));
    translateAddresses(view, nat('dnat', to('172.17.0.9')));
    expect(valueOf(view, daddr)).toBe(at('172.17.0.9'));
  });
});

describe('the other kinds', () => {
  it('masquerade and redirect take an address that only the host knows', () => {
    expect(tuple(mapped(nat('masquerade')))).toEqual([undefined, 40000, at('10.0.0.1'), 8080]);
    expect(tuple(mapped(nat('masquerade'), segment, { masqueradeAs: address('203.0.113.7') }))[0]).toBe(
      at('203.0.113.7'),
    );
    const local = mapped(nat('redirect', { port: [3128, 3128] }), segment, { redirectTo: address('127.0.0.1') });
    expect(tuple(local)).toEqual([at('10.0.0.2'), 40000, at('127.0.0.1'), 3128]);
    expect(tuple(mapped(nat('redirect', { port: [3128, 3128] }))).slice(2)).toEqual([undefined, 3128]);
  });

  it('netmap keeps the host part', () => {
    const effect = nat('netmap-dnat', to('192.168.7.0', '192.168.7.255'));
    expect(tuple(mapped(effect))[2]).toBe(at('192.168.7.1'));
    expect(tuple(mapped({ ...effect, type: 'netmap-snat' }))[0]).toBe(at('192.168.7.2'));
  });

  it('a base port shifts the range', () => {
    const effect = nat('dnat', to('172.17.0.2', '172.17.0.2', [5000, 5099]), { basePort: 8000 });
    expect(tuple(mapped(effect))[3]).toBe(5080);
    expect(tuple(mapped({ ...effect, basePort: 8081 }))[3]).toBe(5000 + (65535 % 100));
  });

  it('an ICMP query keeps its identifier unless that is drawn at random', () => {
    const echo = ip4({ protocol: 1, body: bytesOf('0800 0000 1234 0001') });
    expect(valueOf(mapped(nat('masquerade'), echo), payload('th', 32, 16))).toBe(0x1234);
    const random = mapped(nat('masquerade', {}, { flags: ['fully-random'] }), echo);
    expect(valueOf(random, payload('th', 32, 16))).toBeUndefined();
  });

  it('without a connection nothing is told about it', () => {
    const view = mapped(nat('dnat', to('172.17.0.2')), segment, {}, { 'ct.state': 1 });
    expect(['ct.reply.saddr4', 'ct.status'].map((name) => valueOf(view, key(name)))).toEqual([null, null]);
  });

  it('a datagram without a checksum stays without one', () => {
    const view = mapped(nat('snat', to('203.0.113.1')), ip4({ protocol: 17, body: udp(5, 6) }));
    expect(valueOf(view, payload('th', 48, 16))).toBe(0);
  });
});
