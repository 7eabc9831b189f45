// What the matches beside conntrack and policy say of packets, by their xt modules.
import { describe, expect, it } from 'vitest';
import type { Condition } from '../../src/packet/condition.ts';
import { answer, conditionOf, type Facts, packet, says } from './meanings.ts';

const ether = Uint8Array.from([2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 8, 0]);

describe('matches on one value', () => {
  it.each<readonly [string, Facts, string]>([
    ['-m mark --mark 0x12', { keys: { mark: 0x12 } }, 'yes'],
    ['-m mark --mark 0x2/0xf', { keys: { mark: 0x12 } }, 'yes'],
    ['-m mark ! --mark 0x2/0xf', { keys: { mark: 0x12 } }, 'no'],
    ['-m mark --mark 0x12/0xf', { keys: { mark: 0x12 } }, 'no'],
    ['-m mark ! --mark 0x12/0xf', { keys: { mark: 0x12 } }, 'yes'],
    ['-m mark --mark 0/0', { keys: { mark: 7 } }, 'yes'],
    ['-m iprange --src-range 10.0.0.1-10.0.0.2', {}, 'yes'],
    ['-m iprange ! --src-range 10.0.0.1-10.0.0.2', {}, 'no'],
    ['-m iprange --src-range 10.0.0.2-10.0.0.1', {}, 'no'],
    ['-m iprange ! --src-range 10.0.0.2-10.0.0.1', {}, 'yes'],
    ['-m iprange --src-range 10.0.0.2 ! --dst-range 10.0.0.1', {}, 'no'],
    ['-m length --length 40', {}, 'yes'],
    ['-m length ! --length 40:', {}, 'no'],
    ['-m length --length 41:39', {}, 'no'],
    ['-m length ! --length 41:39', {}, 'yes'],
    ['-m ttl --ttl-eq 64', {}, 'yes'],
    ['-m ttl ! --ttl-eq 64', {}, 'no'],
    ['-m ttl --ttl-lt 64', {}, 'no'],
    ['-m ttl --ttl-lt 65', {}, 'yes'],
    ['-m ttl --ttl-lt 0', {}, 'no'],
    ['-m ttl --ttl-gt 63', {}, 'yes'],
    ['-m ttl --ttl-gt 255', { bytes: packet('ip', { 8: 255 }) }, 'no'],
    ['-m pkttype --pkt-type unicast', { keys: { pkttype: 0 } }, 'yes'],
    ['-m pkttype --pkt-type broadcast', { keys: { pkttype: 1 } }, 'yes'],
    ['-m pkttype --pkt-type multicast', { keys: { pkttype: 2 } }, 'yes'],
    ['-m pkttype ! --pkt-type otherhost', { keys: { pkttype: 3 } }, 'no'],
    ['-m dscp --dscp 0x2e', { bytes: packet('ip', { 1: 0xb9 }) }, 'yes'],
    ['-m dscp ! --dscp-class EF', { bytes: packet('ip', { 1: 0xb9 }) }, 'no'],
    ['-m tos --tos 0x10', { bytes: packet('ip', { 1: 0x10 }) }, 'yes'],
    // A name leaves the precedence open.
    ['-m tos --tos Minimize-Delay', { bytes: packet('ip', { 1: 0xd0 }) }, 'yes'],
    ['-m tos --tos 0x11/0x10', { bytes: packet('ip', { 1: 0x10 }) }, 'no'],
    ['-m tos ! --tos 0x11/0x10', { bytes: packet('ip', { 1: 0x10 }) }, 'yes'],
    ['-m tos --tos 0/0', {}, 'yes'],
    ['-m comment --comment x', {}, 'yes'],
    ['-m mac --mac-source 02:00:00:00:00:01', { keys: { iiftype: 1 }, link: ether }, 'yes'],
    ['-m mac ! --mac-source 02:00:00:00:00:01', { keys: { iiftype: 1 }, link: ether }, 'no'],
    ['-m mac ! --mac-source 02:00:00:00:00:09', { keys: { iiftype: 1 }, link: ether }, 'yes'],
    // Neither another kind of device nor a packet without the header matches, inverted or not.
    ['-m mac ! --mac-source 02:00:00:00:00:09', { keys: { iiftype: 65534 }, link: ether }, 'no'],
    ['-m mac ! --mac-source 02:00:00:00:00:09', { keys: { iiftype: 1 }, link: new Uint8Array(0) }, 'no'],
    ['-m physdev ! --physdev-is-bridged', {}, 'unknown'],
    ['-m ipvs --ipvs', {}, 'unknown'],
  ])('%s', (text, facts, wanted) => {
    expect(says(`${text} -j ACCEPT`, facts)).toBe(wanted);
  });

  it.each<readonly [string, Facts, string]>([
    ['-m hl --hl-eq 64', {}, 'yes'],
    ['-m hl ! --hl-eq 64', {}, 'no'],
    ['-m iprange --src-range fd00::1-fd00::2', {}, 'yes'],
    ['-m length --length 60', {}, 'yes'],
    // The traffic class lies across the first two bytes.
    ['-m dscp --dscp 0x2e', { bytes: packet('ip6', { 0: 0x6b, 1: 0x90 }) }, 'yes'],
    ['-m tos --tos 0xb9', { bytes: packet('ip6', { 0: 0x6b, 1: 0x90 }) }, 'yes'],
    ['-m tos --tos 0x09/0x0f', { bytes: packet('ip6', { 0: 0x6b, 1: 0x90 }) }, 'yes'],
  ])('%s (IPv6)', (text, facts, wanted) => {
    expect(says(`${text} -j ACCEPT`, facts, { family: 'ip6' })).toBe(wanted);
  });
});

describe('addrtype', () => {
  const facts: Facts = { keys: { 'fib.daddr.type': 2, 'fib.saddr.type': 1, 'fib.daddr.iif.type': 1 } };
  it.each([
    ['--dst-type LOCAL', 'yes'],
    ['! --dst-type LOCAL', 'no'],
    ['--dst-type BROADCAST,LOCAL', 'yes'],
    ['--dst-type LOCAL --src-type UNICAST', 'yes'],
    ['--dst-type LOCAL --src-type LOCAL', 'no'],
    ['--dst-type LOCAL ! --src-type LOCAL', 'yes'],
    ['--dst-type LOCAL --limit-iface-in', 'no'],
    ['--dst-type THROW,NAT,XRESOLVE', 'no'],
    ['! --dst-type THROW', 'yes'],
  ])('%s', (options, wanted) => {
    expect(says(`-m addrtype ${options} -j ACCEPT`, facts)).toBe(wanted);
  });

  const to = (address: readonly number[]): Uint8Array =>
    packet('ip6', Object.fromEntries(Array.from({ length: 16 }, (_, i) => [24 + i, address[i] ?? 0])));
  const unspecified = to([]);
  const multicast = to([0xff, 2]);
  const mapped = to([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1]);
  const compatible = to([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1]);
  const linkLocal = to([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  it.each<readonly [string, Uint8Array, number, string]>([
    ['--dst-type UNSPEC', unspecified, 0, 'yes'],
    ['--dst-type UNICAST', unspecified, 0, 'no'],
    ['--dst-type UNICAST', mapped, 1, 'no'],
    ['--dst-type UNICAST', compatible, 1, 'yes'],
    ['--dst-type UNICAST', linkLocal, 1, 'yes'],
    ['--dst-type MULTICAST', multicast, 5, 'yes'],
    ['! --dst-type MULTICAST', multicast, 5, 'no'],
    // What the address shows is asked one after the other, so that two such types contradict each other.
    ['--dst-type UNICAST,MULTICAST', multicast, 5, 'no'],
    ['! --dst-type UNICAST,MULTICAST', linkLocal, 1, 'yes'],
    // What the lookup shows is joined by “or”, and stands behind what the address shows.
    ['--dst-type LOCAL,ANYCAST', linkLocal, 4, 'yes'],
    ['--dst-type UNICAST,LOCAL', linkLocal, 1, 'no'],
    ['--dst-type UNICAST,LOCAL', linkLocal, 2, 'yes'],
    ['--dst-type MULTICAST,LOCAL', linkLocal, 2, 'no'],
    ['--dst-type UNREACHABLE', linkLocal, 6, 'yes'],
    ['--dst-type UNREACHABLE', linkLocal, 8, 'yes'],
    ['! --dst-type UNREACHABLE', linkLocal, 1, 'yes'],
  ])('%s (IPv6) to %j, which routing calls %i', (options, bytes, type, wanted) => {
    const family = 'ip6';
    expect(says(`-m addrtype ${options} -j ACCEPT`, { bytes, keys: { 'fib.daddr.type': type } }, { family })).toBe(
      wanted,
    );
  });
});

describe('owner', () => {
  const place = { chain: 'OUTPUT' } as const;
  const nobody: Facts = { keys: { skuid: null, skgid: null }, oracle: { 'owner socket': false } };
  const noFile: Facts = { keys: { skuid: null, skgid: null }, oracle: { 'owner socket': true } };
  const somebody: Facts = { keys: { skuid: 1000, skgid: 100 } };
  it.each<readonly [string, string, string, string]>([
    ['--uid-owner 1000', 'no', 'no', 'yes'],
    ['! --uid-owner 1000', 'yes', 'yes', 'no'],
    ['! --uid-owner 0', 'yes', 'yes', 'yes'],
    ['--uid-owner 0-1000 --gid-owner 100', 'no', 'no', 'yes'],
    ['! --uid-owner 0 ! --gid-owner 0', 'yes', 'yes', 'yes'],
    ['! --uid-owner 0 --gid-owner 100', 'no', 'no', 'yes'],
    ['--socket-exists', 'no', 'yes', 'yes'],
    ['! --socket-exists', 'yes', 'no', 'no'],
    ['! --socket-exists ! --uid-owner 0', 'yes', 'no', 'no'],
    ['! --socket-exists --uid-owner 1000', 'no', 'no', 'no'],
    ['--socket-exists ! --uid-owner 0', 'no', 'yes', 'yes'],
    // --suppl-groups counts as asked for and not inverted where there is no socket.
    ['! --gid-owner 0 --suppl-groups', 'no', 'yes', 'unknown'],
    ['--gid-owner 100 --suppl-groups', 'no', 'no', 'yes'],
  ])('%s: without a socket %s, without a file %s, else %s', (options, none, fileless, wanted) => {
    const text = `-m owner ${options} -j ACCEPT`;
    expect([nobody, noFile, somebody].map((facts) => says(text, facts, place))).toEqual([none, fileless, wanted]);
  });
});

describe('rpfilter', () => {
  const place = { table: 'raw', chain: 'PREROUTING' } as const;
  const keys = (exists: number, type: number, bytes = packet('ip')): Facts => ({
    bytes,
    keys: {
      'fib.saddr.iif.exists': exists,
      'fib.saddr.iif.type': type,
      'fib.saddr.type': type,
      'fib.saddr.exists': 1,
      'fib.saddr.mark.iif.exists': 0,
    },
  });
  it.each<readonly [string, Facts, string]>([
    ['', keys(1, 1), 'yes'],
    ['', keys(0, 2), 'no'],
    ['--invert', keys(0, 1), 'yes'],
    ['--loose', keys(0, 1), 'yes'],
    ['--validmark', keys(1, 1), 'no'],
    ['--accept-local', keys(0, 2), 'yes'],
    ['--accept-local --invert', keys(0, 2), 'no'],
    // A route to a broadcast or anycast address is none that an answer could take.
    ['', keys(1, 3), 'no'],
    ['--invert', keys(1, 3), 'yes'],
    ['--loose', keys(0, 3), 'no'],
    ['--accept-local', keys(1, 4), 'no'],
    // Of these addresses nft knows the type without a route; rpfilter has looked for one.
    ['', keys(1, 3, packet('ip', { 12: 0, 13: 0, 14: 0, 15: 0 })), 'yes'],
    ['', keys(1, 3, packet('ip', { 12: 255, 13: 255, 14: 255, 15: 255 })), 'yes'],
    ['', keys(1, 5, packet('ip', { 12: 224 })), 'yes'],
  ])('%s', (options, facts, wanted) => {
    expect(says(`-m rpfilter ${options} -j DROP`, facts, place)).toBe(wanted);
  });

  it('lets IPv6 packets without a source address pass', () => {
    const nowhere = packet('ip6', Object.fromEntries(Array.from({ length: 16 }, (_, i) => [8 + i, 0])));
    for (const [options, bytes, wanted] of [
      ['', nowhere, 'yes'],
      ['--invert', nowhere, 'no'],
      ['', packet('ip6'), 'no'],
    ] as const)
      expect(says(`-m rpfilter ${options} -j DROP`, keys(0, 1, bytes), { ...place, family: 'ip6' })).toBe(wanted);
  });
});

const predicates = (condition: Condition): readonly string[] => {
  switch (condition.kind) {
    case 'opaque':
      return [
        `${condition.predicate.id}|${condition.predicate.stateful ? 'stateful' : ''}|${condition.predicate.assumption}`,
      ];
    case 'not':
      return predicates(condition.of);
    case 'all':
    case 'any':
      return condition.of.flatMap(predicates);
    default:
      return [];
  }
};

describe('what time, chance or a set decides', () => {
  it.each([
    ['-m limit', 'limit rate=3/hour burst=5 packets|stateful|rate-buckets'],
    ['-m limit --limit 60/min --limit-burst 20', 'limit rate=1/second burst=20 packets|stateful|rate-buckets'],
    ['-m limit --limit 3/min', 'limit rate=3/minute burst=5 packets|stateful|rate-buckets'],
    ['-m statistic --mode random --probability 0.5', 'random p=1073741824/2147483648|stateful|random-draws'],
    ['-m statistic --mode nth --every 3 --packet 1', 'nth every=3 packet=1|stateful|counters-agree'],
    ['-m statistic --mode nth ! --every 3 --packet 1', 'nth every=3 packet=1|stateful|counters-agree'],
    ['-m set --match-set blocked src', 'set blocked src||same-set'],
    ['-m set ! --match-set pairs src,dst --return-nomatch', 'set pairs src,dst returnNomatch||same-set'],
    ['-m set --match-set blocked src --packets-gt 5', 'set blocked src packetsGt=5|stateful|same-set'],
    ['-m conntrack --ctexpire 5', 'assumed soon-expired||soon-expired'],
  ])('%s asks %s', (text, wanted) => {
    expect(predicates(conditionOf(`${text} -j ACCEPT`))).toEqual([wanted]);
  });

  it('rests on the same lookup for each question that rpfilter asks', () => {
    const condition = conditionOf('-m rpfilter -j ACCEPT', { table: 'raw', chain: 'PREROUTING' });
    expect(new Set(predicates(condition))).toEqual(new Set(['assumed same-lookup||same-lookup']));
  });

  it.each([
    ['--mode random --probability 0', 'no'],
    ['--mode random ! --probability 0', 'yes'],
    ['--mode random --probability 1', 'yes'],
    ['--mode random ! --probability 1', 'no'],
    ['--mode nth --every 1 --packet 0', 'yes'],
    ['--mode nth ! --every 1 --packet 0', 'no'],
  ])('%s is always %s', (options, wanted) => {
    expect(says(`-m statistic ${options} -j ACCEPT`, {})).toBe(wanted);
  });

  it('names an assumption without deciding anything by it', () => {
    const condition = conditionOf('-m addrtype --dst-type LOCAL -j ACCEPT', { family: 'ip6' });
    expect(predicates(condition)).toEqual(['assumed same-lookup||same-lookup']);
    expect(answer(condition, { keys: { 'fib.daddr.type': 2 } }, 'ip6')).toBe('yes');
    expect(answer(condition, { keys: { 'fib.daddr.type': 1 } }, 'ip6')).toBe('no');
    // For IPv4 both sides ask the kernel by the same function.
    expect(predicates(conditionOf('-m addrtype --dst-type LOCAL -j ACCEPT'))).toEqual([]);
  });
});
