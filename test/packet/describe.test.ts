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
import { conditionWords, whyNot } from '../../src/packet/describe.ts';
import type { Reason } from '../../src/packet/describe.ts';
import { key, payload } from '../../src/packet/field.ts';
import type { Field } from '../../src/packet/field.ts';
import { fieldWords, valueWords } from '../../src/packet/fieldwords.ts';
import type { KeyValue } from '../../src/packet/packet.ts';
import { viewOf } from '../../src/packet/view.ts';
import { ip4, udp } from './crafted.ts';

const ip = { family: 'ip' } as const;
const over = (protocol: number) => ({ family: 'ip', protocol }) as const;
const dport = payload('th', 16, 16);

describe('fields', () => {
  it.each<[Field, Parameters<typeof fieldWords>[1], string]>([
    [payload('nh', 96, 32), ip, 'ip saddr'],
    [payload('nh', 192, 128), { family: 'ip6' }, 'ip6 daddr'],
    [payload('nh', 48, 16), ip, 'ip frag-off'],
    [dport, over(17), 'udp dport'],
    [payload('xt', 0, 16), over(6), 'tcp sport'],
    [dport, ip, 'th dport'],
    [dport, over(1), 'icmp checksum'],
    [dport, over(50), '@th,16,16'],
    [payload('th', 104, 8), over(6), 'tcp flags'],
    [payload('th', 0, 8), over(1), 'icmp type'],
    [payload('th', 32, 32), over(51), 'ah spi'],
    [payload('th', 96, 24), over(17), 'vxlan vni'],
    [payload('th', 96, 32), over(17), '@th,96,32'],
    [payload('xt', 96, 32), over(132), '@th,96,32'],
    [payload('ih', 32, 24), over(17), '@ih,32,24'],
    [payload('nh', 7, 3), ip, '@nh,7,3'],
    [payload('ll', 48, 48), ip, 'ether saddr'],
    [key('mark'), ip, 'meta mark'],
    [key('iifname'), ip, 'iifname'],
    [key('l4proto'), ip, 'meta l4proto'],
    [key('ct.state'), ip, 'ct state'],
    [key('ct.original.daddr4'), ip, 'ct original daddr'],
    [key('fib.daddr.type'), ip, 'fib daddr type'],
    [key('fib.saddr.iif.exists'), ip, 'fib saddr . iif oif'],
    [key('ipsec.in.0.spi'), ip, 'ipsec in spi'],
    [key('ipsec.out.2.reqid'), ip, 'ipsec out spnum 2 reqid'],
    [key('tcpopt.2.exists'), ip, 'tcp option maxseg'],
    [key('tcpopt.2.16.16'), ip, 'tcp option maxseg @16,16'],
    [key('exthdr.44.exists'), ip, 'exthdr frag'],
    [key('sctp.chunk.0.exists'), ip, 'sctp chunk 0'],
  ])('%j in %j is called %s', (field, context, words) => {
    expect(fieldWords(field, context)).toBe(words);
  });

  it.each<[Field, KeyValue | undefined, string]>([
    [payload('nh', 96, 32), 0x0a000001, '10.0.0.1'],
    [dport, 4789, '4789'],
    [key('mark'), 0xd0c4e3, '0xd0c4e3'],
    [key('ct.state'), 8, 'new'],
    [key('l4proto'), 17, 'udp'],
    [key('iifname'), 'eth0', 'eth0'],
    [key('iifname'), '', '""'],
    [key('iifname'), 'a b\u001B[0m', String.raw`"a b\u001b[0m"`],
    [key('tcpopt.2.exists'), 1, 'exists'],
    [key('skuid'), null, 'absent'],
    [key('skuid'), undefined, 'unknown'],
  ])('%j with %j is %s', (field, value, words) => {
    expect(valueWords(field, value, over(17))).toBe(words);
  });

  it('names TCP flags', () => {
    expect(valueWords(payload('th', 104, 8), 0x12, over(6))).toBe('syn|ack');
  });
});

const isUdp = is(key('l4proto'), 17);

describe('conditions', () => {
  it.each<[string, Condition]>([
    ['always', yes],
    ['never', no],
    ['udp dport 4789', all([isUdp, is(dport, 4789)])],
    ['not udp dport 4789', all([isUdp, present(dport), not(is(dport, 4789))])],
    ['meta l4proto udp and fragment offset 0', all([isUdp, is(key('fragoff'), 0)])],
    ['udp dport 4789 and vxlan vni 4102', all([isUdp, is(dport, 4789), is(payload('th', 96, 24), 4102)])],
    ['vxlan vni 4102', vni()],
    ['ct state established,related', within(key('ct.state'), [interval(2), interval(4)])],
    ['ip saddr 10.0.0.0/8', is(payload('nh', 96, 32), 0x0a000000, 0xff000000)],
    ['ip saddr 10.0.0.0/8', within(payload('nh', 96, 32), [interval(0x0a000000, 0x0affffff)])],
    ['ip saddr 10.0.0.1-10.0.0.9', within(payload('nh', 96, 32), [interval(0x0a000001, 0x0a000009)])],
    ['ip saddr & 255.0.0.255 == 10.0.0.1', is(payload('nh', 96, 32), 0x0a000001, 0xff0000ff)],
    ['ip saddr 10.0.0.1', is(payload('nh', 96, 32), 0x0a000001, 0xffffffff)],
    ['th dport 1-9,20', within(dport, [interval(1, 9), interval(20)])],
    ['meta mark & 0xff == 0x1', is(key('mark'), 1, 0xff)],
    ['tcp flags & (fin|syn|rst|ack) == syn', all([is(key('l4proto'), 6), is(payload('th', 104, 8), 2, 0x17)])],
    ['iifname eth*', isNamed('iifname', 'eth', true)],
    ['not iifname eth0', not(isNamed('iifname', 'eth0'))],
    ['has meta skuid', present(key('skuid'))],
    ['not (iifname eth0 or iifname eth1)', not(any([isNamed('iifname', 'eth0'), isNamed('iifname', 'eth1')]))],
    ['limit rate=3/minute burst=5 packets', opaque({ id: 'limit rate=3/minute burst=5 packets', stateful: true })],
    ['string (no model)', unmodelled('string')],
  ])('%s', (words, condition) => {
    expect(conditionWords(condition, ip)).toBe(words);
  });

  it('counts the rest of a long list', () => {
    const ports = Array.from({ length: 20 }, (_, i) => interval(i * 10));
    expect(conditionWords(within(dport, ports), ip)).toBe('th dport 0,10,20,30,40,50,60,70 and 12 more');
  });
});

/** Docker's test of a VNI with the byte behind it. */
function vni(): Condition {
  return all([isUdp, is(payload('th', 96, 32), 4102 << 8, 0xffffff00)]);
}

describe('why a packet does not match', () => {
  const bytes = ip4({ protocol: 17, body: udp(1024, 53) });
  const why = (condition: Condition, keys: Record<string, KeyValue> = {}): Reason | undefined =>
    whyNot(condition, viewOf({ family: 'ip', bytes, keys: new Map(Object.entries(keys)) }));

  it('is nothing if it does', () => {
    expect(why(all([isUdp, is(dport, 53)]))).toBeUndefined();
  });

  it('is the first part that failed', () => {
    expect(why(all([isUdp, is(dport, 4789), is(key('mark'), 1)]))).toEqual({
      field: 'udp dport',
      wanted: '4789',
      got: '53',
    });
    expect(why(is(key('l4proto'), 6))).toEqual({ field: 'meta l4proto', wanted: 'tcp', got: 'udp' });
    expect(why(isNamed('iifname', 'eth', true), { iifname: 'lo' })).toEqual({
      field: 'iifname',
      wanted: 'eth*',
      got: 'lo',
    });
  });

  it('is a part that is certain before one that is unknown', () => {
    const condition = all([is(key('mark'), 1), is(dport, 4789)]);
    expect(why(condition)).toMatchObject({ field: 'udp dport' });
    expect(why(is(key('mark'), 1))).toEqual({ field: 'meta mark', wanted: '0x1', got: 'unknown' });
  });

  it('says what is absent', () => {
    expect(why(vni())).toEqual({ field: 'vxlan vni', wanted: '4102', got: 'absent' });
    expect(why(present(payload('th', 96, 32)))).toEqual({ field: '@th,96,32', wanted: 'present', got: 'absent' });
    expect(why(is(key('skuid'), 0), { skuid: null })).toEqual({ field: 'meta skuid', wanted: '0', got: 'absent' });
  });

  it('turns with not', () => {
    expect(why(not(is(dport, 53)))).toEqual({ field: 'udp dport', wanted: 'not 53', got: '53' });
    expect(why(not(present(dport)))).toEqual({ field: 'udp dport', wanted: 'absent', got: '53' });
    expect(why(not(any([is(dport, 1), is(dport, 53)])))).toEqual({ field: 'udp dport', wanted: 'not 53', got: '53' });
  });

  it('blames a whole choice', () => {
    expect(why(any([is(dport, 1), is(payload('th', 0, 16), 1)]))).toEqual({
      field: 'udp dport',
      wanted: '(udp dport 1 or udp sport 1)',
      got: '53',
    });
  });

  it('asks what only the oracle or nobody knows', () => {
    const limit = opaque({ id: 'limit rate=3/minute burst=5 packets', stateful: true });
    expect(why(limit)).toEqual({ field: 'limit rate=3/minute burst=5 packets', wanted: 'yes', got: 'unknown' });
    expect(why(unmodelled('string'))).toEqual({ field: 'string (no model)', wanted: 'yes', got: 'unknown' });
  });
});
