// One packet through rulesets: verdicts, the reasons of the trace, and what stays unknown.
import { describe, expect, it } from 'vitest';
import { iptables, saved, send, told } from './scenario.ts';

const vxlan = (rest: string): string =>
  `hook=input in=eth0 ip saddr=10.0.0.2 ip daddr=10.0.0.1 udp sport=50000 udp dport=4789 ${rest}`;
const u32 = '-m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100600"';
const pair = [
  ':INPUT ACCEPT [0:0]',
  `-A INPUT -p udp -m policy --dir in --pol ipsec -m udp --dport 4789 ${u32} -j ACCEPT`,
  `-A INPUT -p udp -m udp --dport 4789 ${u32} -j DROP`,
];
const input = (...rules: readonly string[]): string =>
  saved({ filter: [':INPUT ACCEPT [0:0]', ...rules.map((rule) => `-A INPUT ${rule}`)] });

describe('an encrypted overlay', () => {
  const programs = [iptables(saved({ filter: pair }))];
  it.each([
    ['vxlan vni=4102 secpath=yes', 'accept'],
    ['vxlan vni=4102 secpath=no', 'drop'],
    ['vxlan vni=5000 secpath=no', 'accept'],
  ])('%s: %s', (words, verdict) => {
    expect(send(programs, vxlan(words)).verdict).toBe(verdict);
  });

  it('says why a rule did not match, by field', () => {
    const { ways } = send(programs, vxlan('vxlan vni=5000 secpath=no'));
    const rules = ways[0]?.events.filter(({ kind }) => kind === 'rule');
    expect(rules).toMatchObject([
      { line: 3, result: 'failed', why: { field: 'meta secpath', wanted: 'yes', got: 'no' }, left: 2 },
      { line: 4, result: 'failed', why: { field: 'vxlan vni', wanted: '4102', got: '5000' }, left: 0 },
    ]);
  });
});

describe('what is not known', () => {
  const programs = [iptables(saved({ filter: pair }))];

  it('makes the verdict unknown where it matters, with one way for each outcome', () => {
    const found = send(programs, vxlan('vxlan vni=4102'));
    expect(found).toMatchObject({ verdict: 'unknown', unknown: ['meta secpath yes'] });
    expect(found.ways.map(({ verdict }) => verdict).toSorted()).toEqual(['accept', 'drop']);
  });

  it('does not matter where both ways end in the same', () => {
    expect(send(programs, vxlan('vxlan vni=5000'))).toMatchObject({ verdict: 'accept', unknown: [] });
  });

  it('is taken for one thing on one way', () => {
    const twice = iptables(input('-i eth1 -j MARK --set-mark 1', '-m mark --mark 1 ! -i eth1 -j DROP'));
    expect(send([twice], 'hook=input ip saddr=10.0.0.2 udp dport=53').verdict).toBe('accept');
  });

  it('is one device on one way', () => {
    const two = iptables(input('-i eth1 -j MARK --set-mark 1', '-m mark --mark 1 -i eth2 -j DROP'));
    expect(send([two], 'hook=input ip saddr=10.0.0.2 udp dport=53').verdict).toBe('accept');
  });

  it('is asked anew of a rate limit each time', () => {
    const limit = '-m limit --limit 3/min -j';
    const limited = iptables(input(`${limit} MARK --set-mark 1`, `-m mark --mark 1 ${limit} DROP`));
    expect(send([limited], 'hook=input in=eth0 udp dport=53')).toMatchObject({ verdict: 'unknown' });
  });

  it('is unknown after too many questions', () => {
    const many = Array.from(
      { length: 12 },
      (_, i) => `-i eth${i} -m limit --limit ${i + 1}/min -j MARK --or-mark ${2 ** i}`,
    );
    const limits = Array.from({ length: 12 }, (_, i) => `-m limit --limit ${i + 1}/min -j MARK --or-mark ${2 ** i}`);
    expect(send([iptables(input(...many))], 'hook=input udp dport=53').verdict).toBe('accept');
    const found = send([iptables(input(...limits))], 'hook=input udp dport=53');
    expect(found).toMatchObject({ verdict: 'unknown', unknown: ['more than 256 ways to go'] });
  });

  it('is what a rule without a model does', () => {
    const recent = iptables(input('-p tcp -m tcp --dport 22 -m recent --name ssh --set -j DROP', '-p udp -j DROP'));
    const found = send([recent], 'hook=input in=eth0 tcp dport=22');
    expect(found).toMatchObject({ verdict: 'unknown', unknown: ['match recent: no model'] });
  });

  it('does not reach beyond what is certain of such a rule', () => {
    const recent = iptables(input('-p tcp -m recent --name ssh --set -j DROP', '-p udp -j DROP'));
    expect(send([recent], 'hook=input in=eth0 udp dport=22').verdict).toBe('drop');
    const hidden = iptables(input('-m recent --name ssh --set -p tcp -j DROP', '-p udp -j DROP'));
    expect(send([hidden], 'hook=input in=eth0 udp dport=22').verdict).toBe('unknown');
  });
});

describe('the way through chains', () => {
  const chains = [':INPUT DROP [0:0]', ':A - [0:0]', ':B - [0:0]'];
  const filter = (...rules: readonly string[]): string =>
    saved({ filter: [...chains, ...rules.map((r) => `-A ${r}`)] });
  const verdict = (...rules: readonly string[]): readonly string[] => told(send([iptables(filter(...rules))], 'hook=input in=eth0 udp dport=53')); // prettier-ignore

  it('comes back behind a jump', () => {
    expect(verdict('INPUT -j A', 'INPUT -j ACCEPT', 'A -p tcp')).toEqual([
      'INPUT -j A: jump A',
      'A -p tcp: failed',
      'INPUT -j ACCEPT: accept',
    ]);
  });

  it('does not come back behind a goto, but behind the jump before it', () => {
    expect(verdict('INPUT -g A', 'INPUT -j ACCEPT')).toEqual(['INPUT -g A: goto A', 'INPUT policy drop']);
    expect(verdict('INPUT -j A', 'INPUT -j ACCEPT', 'A -g B', 'A -j DROP', 'B -p udp')).toEqual([
      'INPUT -j A: jump A',
      'A -g B: goto B',
      'B -p udp: matched',
      'INPUT -j ACCEPT: accept',
    ]);
  });

  it('leaves a built-in chain by RETURN for its policy', () => {
    expect(verdict('INPUT -j RETURN', 'INPUT -j ACCEPT')).toEqual(['INPUT -j RETURN: return', 'INPUT policy drop']);
  });

  it('goes on behind a target that only does something', () => {
    expect(verdict('INPUT -j LOG', 'INPUT', 'INPUT -j ACCEPT')).toEqual([
      'INPUT -j LOG: matched',
      'INPUT: matched',
      'INPUT -j ACCEPT: accept',
    ]);
  });
});

describe('a packet that is cut short', () => {
  const rules = input('-p udp -m udp --dport 53 -j ACCEPT', '-j REJECT');
  const short = 'hook=input in=eth0 udp dport=53 truncate=26';

  it('is dropped on the spot by iptables-legacy', () => {
    expect(send([iptables(rules, 'legacy')], short)).toMatchObject({ verdict: 'drop' });
    expect(told(send([iptables(rules, 'legacy')], short))).toEqual(['INPUT -p udp -m udp --dport 53 -j ACCEPT: drop']);
  });

  it('is looked at by iptables-nft as far as it goes', () => {
    expect(send([iptables(rules, 'nft')], short)).toMatchObject({ verdict: 'accept' });
    expect(send([iptables(rules, 'nft')], 'hook=input in=eth0 udp dport=53 truncate=22')).toMatchObject({
      verdict: 'reject',
      detail: 'reject with icmp port-unreachable',
    });
  });
});
