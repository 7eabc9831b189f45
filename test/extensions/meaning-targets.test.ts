// What the targets do, by their xt modules.
import { describe, expect, it } from 'vitest';
import type { Effect, Verdict } from '../../src/packet/effect.ts';
import type { Step } from '../../src/packet/program.ts';
import { does, type Facts, packet, type Place, stepsOf } from './meanings.ts';

const effect = (one: Effect): Step => ({ kind: 'effect', effect: one });
const other = (text: string): Step => effect({ kind: 'other', text });
const verdict = (one: Verdict): Step => ({ kind: 'verdict', verdict: one });
const mangle = { table: 'mangle', chain: 'PREROUTING' } as const;
const tracked: Facts = { state: 'new' };
const full = 0xffffffffn;

describe('marks', () => {
  it.each([
    // The eight spellings as (mask, value), net/netfilter/xt_mark.c: (mark & ~mask) ^ value.
    ['--set-mark 5', 0n, 5n],
    ['--set-mark 0x101/0xff', 0xfffffe00n, 0x101n],
    ['--set-xmark 0x101/0xff', 0xffffff00n, 0x101n],
    ['--and-mark 0xff', 0xffn, 0n],
    ['--or-mark 0xff', 0xffffff00n, 0xffn],
    ['--xor-mark 0xff', full, 0xffn],
  ])('MARK %s keeps %i and flips %i', (options, keep, flip) => {
    expect(does(`-j MARK ${options}`, {}, mangle)).toEqual([effect({ kind: 'set', key: 'mark', keep, flip })]);
    expect(does(`-j CONNMARK ${options}`, tracked, mangle)).toEqual([
      effect({ kind: 'set', key: 'ct.mark', keep, flip }),
    ]);
  });

  it.each([
    'MARK --set-xmark 0/0',
    'MARK --or-mark 0',
    'CONNMARK --set-xmark 0/0',
    'CONNMARK --save-mark --nfmask 0 --ctmask 0',
  ])('%s changes nothing', (text) => {
    expect(does(`-j ${text}`, tracked, mangle)).toEqual([]);
  });

  const save = { key: 'ct.mark', from: 'mark' } as const;
  const restore = { key: 'mark', from: 'ct.mark' } as const;
  it.each([
    ['--save-mark', { ...save, keep: 0n, take: full, shift: 0 }],
    ['--save-mark --nfmask 0xf --ctmask 0xff', { ...save, keep: 0xffffff00n, take: 0xfn, shift: 0 }],
    ['--save-mark --nfmask 0xff --left-shift-mark 8', { ...save, keep: 0n, take: 0xffn, shift: 8 }],
    ['--restore-mark', { ...restore, keep: 0n, take: full, shift: 0 }],
    ['--restore-mark --nfmask 0xf --ctmask 0xff', { ...restore, keep: 0xfffffff0n, take: 0xffn, shift: 0 }],
    ['--restore-mark --mask 0xff00 --right-shift-mark 8', { ...restore, keep: 0xffff00ffn, take: 0xff00n, shift: -8 }],
  ])('CONNMARK %s', (options, wanted) => {
    expect(does(`-j CONNMARK ${options}`, tracked, mangle)).toEqual([effect({ kind: 'copy', ...wanted })]);
  });

  it('CONNMARK shifts the whole mark that it sets', () => {
    expect(does('-j CONNMARK --set-xmark 0xf0000010/0x10 --left-shift-mark 4', tracked, mangle)).toEqual([
      effect({ kind: 'copy', key: 'ct.mark', from: 'ct.mark', keep: 0n, take: 0xffffffefn, shift: 4 }),
      effect({ kind: 'set', key: 'ct.mark', keep: full, flip: 0x100n }),
    ]);
    expect(does('-j CONNMARK --set-xmark 0xf0000000/0xffffffff --right-shift-mark 28', tracked, mangle)).toEqual([
      effect({ kind: 'set', key: 'ct.mark', keep: 0n, flip: 0n }),
      effect({ kind: 'set', key: 'ct.mark', keep: full, flip: 0xfn }),
    ]);
  });

  it.each(['invalid', 'untracked'] as const)('CONNMARK does nothing to a packet that is %s', (state) => {
    for (const options of ['--set-mark 1', '--save-mark', '--restore-mark --nfmask 0xff --ctmask 0'])
      expect(does(`-j CONNMARK ${options}`, { state }, mangle)).toEqual([]);
  });
});

describe('NAT', () => {
  const accepted = verdict({ kind: 'accept' });
  const nat = (one: Omit<Extract<Effect, { kind: 'nat' }>, 'kind' | 'flags'>, flags: readonly string[] = []) => [
    effect({ kind: 'nat', ...one, flags }),
    accepted,
  ];
  const address = [0x0a000001n, 0x0a000001n] as const;
  it.each<readonly [string, string, readonly Step[]]>([
    ['DNAT --to-destination 10.0.0.1:80', 'PREROUTING', nat({ type: 'dnat', to: { address, port: [80, 80] } })],
    [
      'DNAT --to-destination 10.0.0.1-10.0.0.9 --persistent --random',
      'OUTPUT',
      nat({ type: 'dnat', to: { address: [0x0a000001n, 0x0a000009n] } }, ['persistent', 'random']),
    ],
    [
      'DNAT --to-destination :3000-3100/2000',
      'PREROUTING',
      nat({ type: 'dnat', to: { port: [3000, 3100] }, basePort: 2000 }),
    ],
    [
      'SNAT --to-source 10.0.0.1 --random-fully',
      'POSTROUTING',
      nat({ type: 'snat', to: { address } }, ['fully-random']),
    ],
    ['MASQUERADE', 'POSTROUTING', nat({ type: 'masquerade', to: {} })],
    [
      'MASQUERADE --to-ports 1024-2047 --random',
      'POSTROUTING',
      nat({ type: 'masquerade', to: { port: [1024, 2047] } }, ['random']),
    ],
    ['REDIRECT --to-ports 8080', 'PREROUTING', nat({ type: 'redirect', to: { port: [8080, 8080] } })],
    [
      'NETMAP --to 10.0.0.5/24',
      'PREROUTING',
      nat({ type: 'netmap-dnat', to: { address: [0x0a000000n, 0x0a0000ffn] } }),
    ],
    [
      'NETMAP --to 10.0.0.0/24',
      'POSTROUTING',
      nat({ type: 'netmap-snat', to: { address: [0x0a000000n, 0x0a0000ffn] } }),
    ],
    ['NETMAP --to 10.0.0.0/24', 'INPUT', nat({ type: 'netmap-snat', to: { address: [0x0a000000n, 0x0a0000ffn] } })],
    ['NETMAP --to 10.0.0.0/24', 'OUTPUT', nat({ type: 'netmap-dnat', to: { address: [0x0a000000n, 0x0a0000ffn] } })],
  ])('%s in %s', (text, chain, wanted) => {
    expect(does(`-p tcp -j ${text}`, {}, { table: 'nat', chain })).toEqual(wanted);
  });

  it('NETMAP in a chain of both directions has no model', () => {
    const hooks = ['prerouting', 'postrouting'] as const;
    const place: Place = { table: 'nat', chain: 'PREROUTING', hooks };
    expect(stepsOf('-j NETMAP --to 10.0.0.0/24', place)).toMatchObject([{ kind: 'unmodelled' }]);
  });
});

describe('CT', () => {
  const raw = { table: 'raw', chain: 'PREROUTING' } as const;
  it.each<readonly [string, readonly Step[]]>([
    ['--notrack', [effect({ kind: 'notrack' })]],
    ['--notrack --zone 5', [effect({ kind: 'notrack' })]],
    ['--zone 5', [other('ct zone 5 both')]],
    ['--zone-orig 5', [other('ct zone 5 original')]],
    ['--zone-reply 0', [other('ct zone 0 both')]],
    ['', [other('ct zone 0 both')]],
    ['--zone mark', [other('ct zone of-the-mark-at-lookup both')]],
    ['--helper ftp', [other('ct helper ftp/tcp')]],
    ['--helper ftp --zone-reply 3', [other('ct zone 3 reply'), other('ct helper ftp/tcp')]],
    ['--ctevents new,destroy,secmark --expevents new', [other('ct event 517'), other('ct expectation event 1')]],
    ['--timeout slow', [other('ct timeout policy slow')]],
  ])('CT %s', (options, wanted) => {
    expect(does(`-p tcp -j CT ${options}`, { state: 'invalid' }, raw)).toEqual(wanted);
  });

  it('leaves alone what another rule has excepted from tracking', () => {
    expect(does('-p tcp -j CT --zone 5', { state: 'untracked' }, raw)).toEqual([]);
    expect(does('-j NOTRACK', { state: 'untracked' }, raw)).toEqual([effect({ kind: 'notrack' })]);
  });
});

describe('headers', () => {
  const tos = { kind: 'payload', base: 'nh', offset: 8, length: 8 } as const;
  const trafficClass = { kind: 'payload', base: 'nh', offset: 4, length: 8 } as const;
  const write = (field: Extract<Effect, { kind: 'write' }>['field'], keep: bigint, flip: bigint): Step =>
    effect({ kind: 'write', field, keep, flip });
  it.each<readonly [string, readonly Step[]]>([
    ['DSCP --set-dscp 0x2e', [write(tos, 3n, 0xb8n)]],
    ['DSCP --set-dscp-class CS1', [write(tos, 3n, 0x20n)]],
    ['TOS --set-tos 0x10/0xff', [write(tos, 0n, 0x10n)]],
    ['TOS --set-tos 0x12/0x10', [write(tos, 0xefn, 0x12n)]],
    ['TOS --set-tos Minimize-Delay', [write(tos, 0xc0n, 0x10n)]],
    ['TOS --and-tos 0x0f', [write(tos, 0x0fn, 0n)]],
    ['TOS --or-tos 0x0f', [write(tos, 0xf0n, 0x0fn)]],
    ['TOS --xor-tos 0x0f', [write(tos, 0xffn, 0x0fn)]],
    ['TOS --xor-tos 0', []],
    ['TTL --ttl-set 7', [write({ ...tos, offset: 64 }, 0n, 7n)]],
    ['TTL --ttl-inc 1', [other('ttl +1')]],
    ['TTL --ttl-dec 3', [other('ttl -3')]],
    ['CHECKSUM --checksum-fill', [other('checksum fill')]],
  ])('%s', (text, wanted) => {
    expect(does(`-j ${text}`, {}, mangle)).toEqual(wanted);
  });

  it.each<readonly [string, readonly Step[]]>([
    ['DSCP --set-dscp 0x2e', [write(trafficClass, 3n, 0xb8n)]],
    ['HL --hl-set 7', [write({ ...tos, offset: 56 }, 0n, 7n)]],
  ])('%s (IPv6)', (text, wanted) => {
    expect(does(`-j ${text}`, {}, { ...mangle, family: 'ip6' })).toEqual(wanted);
  });

  const mss = (size: number | string): readonly Step[] => [
    effect({ kind: 'other', text: `mss ${size}`, assumption: 'mss-present' }),
  ];
  const dropped = [verdict({ kind: 'drop' })];
  const bytes = (changes: Readonly<Record<number, number>>, length?: number): Facts => ({
    bytes: packet('ip', changes, length),
  });
  it.each<readonly [string, Facts, readonly Step[]]>([
    ['--set-mss 1400', {}, mss(1400)],
    ['--clamp-mss-to-pmtu', {}, mss('pmtu')],
    ['a later fragment', bytes({ 7: 1 }), []],
    ['less than a header', bytes({ 3: 39 }, 39), dropped],
    ['a header of 16 bytes', bytes({ 32: 0x40 }), dropped],
    ['a header of 24 bytes in 20', bytes({ 32: 0x60 }), dropped],
    ['a later fragment cut short', bytes({ 3: 39, 7: 1 }, 39), []],
  ])('TCPMSS: %s', (text, facts, wanted) => {
    const options = text.startsWith('--') ? text : '--set-mss 1400';
    expect(does(`-p tcp -j TCPMSS ${options}`, facts, { table: 'mangle', chain: 'FORWARD' })).toEqual(wanted);
  });

  it('TCPMSS leaves IPv6 over loopback as it is where the path decides', () => {
    const place: Place = { table: 'mangle', chain: 'POSTROUTING', family: 'ip6' };
    const out = (oifname: string): readonly Step[] =>
      does('-p tcp -j TCPMSS --clamp-mss-to-pmtu', { keys: { oifname } }, place);
    expect([out('lo'), out('eth0')]).toEqual([[], mss('pmtu')]);
  });
});

describe('logs, queues, refusals and sets', () => {
  const log = (one: Omit<Extract<Effect, { kind: 'log' }>, 'kind'>): readonly Step[] => [
    effect({ kind: 'log', ...one }),
  ];
  it.each<readonly [string, readonly Step[]]>([
    ['LOG', log({ prefix: '', level: 4, flags: [] })],
    ['LOG --log-level info --log-prefix "a b"', log({ prefix: 'a b', level: 6, flags: [] })],
    [
      'LOG --log-tcp-sequence --log-tcp-options --log-ip-options --log-uid --log-macdecode',
      log({ prefix: '', level: 4, flags: ['ether', 'ip options', 'skuid', 'tcp options', 'tcp sequence'] }),
    ],
    ['NFLOG', log({ group: 0, prefix: '', flags: [] })],
    [
      'NFLOG --nflog-group 3 --nflog-size 64 --nflog-threshold 5',
      log({ group: 3, prefix: '', flags: [], snaplen: 64, threshold: 5 }),
    ],
    ['NFLOG --nflog-threshold 0 --nflog-range 9', log({ group: 0, prefix: '', flags: [] })],
    ['NFQUEUE', [verdict({ kind: 'queue', from: 0, to: 0, flags: [] })]],
    ['NFQUEUE --queue-num 3 --queue-bypass', [verdict({ kind: 'queue', from: 3, to: 3, flags: ['bypass'] })]],
    [
      'NFQUEUE --queue-balance 1:4 --queue-bypass --queue-cpu-fanout',
      [verdict({ kind: 'queue', from: 1, to: 4, flags: ['bypass', 'fanout'] })],
    ],
    [
      'SET --add-set b src --exist --timeout 4294967294',
      [effect({ kind: 'other', text: 'add @b src exist timeout=2147483', assumption: 'same-set' })],
    ],
    [
      'SET --add-set new src --del-set old src,dst',
      ['add @new src', 'del @old src,dst'].map((text) => effect({ kind: 'other', text, assumption: 'same-set' })),
    ],
    ['REJECT', [verdict({ kind: 'reject', with: 'icmp port-unreachable' })]],
    ['REJECT --reject-with icmp-proto-unreachable', [verdict({ kind: 'reject', with: 'icmp prot-unreachable' })]],
    ['REJECT --reject-with icmp-admin-prohibited', [verdict({ kind: 'reject', with: 'icmp admin-prohibited' })]],
    ['REJECT --reject-with tcp-reset', [verdict({ kind: 'reject', with: 'tcp reset' })]],
  ])('%s', (text, wanted) => {
    expect(does(`-p tcp -j ${text}`)).toEqual(wanted);
  });

  it('REJECT speaks ICMPv6 to IPv6', () => {
    const words = (name: string): readonly Step[] =>
      does(`-p tcp -j REJECT --reject-with ${name}`, {}, { family: 'ip6' });
    expect(words('icmp6-addr-unreachable')).toEqual([verdict({ kind: 'reject', with: 'icmpv6 addr-unreachable' })]);
    expect(does('-j REJECT', {}, { family: 'ip6' })).toEqual([
      verdict({ kind: 'reject', with: 'icmpv6 port-unreachable' }),
    ]);
  });

  it('a legacy NFLOG has 63 bytes for its prefix, iptables-nft 127', () => {
    const lengthOf = (backend: 'legacy' | 'nft'): number => {
      const [step] = does(`-j NFLOG --nflog-prefix ${'x'.repeat(100)}`, {}, { backend });
      return step?.kind === 'effect' && step.effect.kind === 'log' ? step.effect.prefix.length : 0;
    };
    expect([lengthOf('legacy'), lengthOf('nft')]).toEqual([63, 100]);
  });

  it('SET --map-set takes what nobody knows', () => {
    expect(does('-j SET --map-set marks src --map-mark', {}, mangle)).toMatchObject([{ kind: 'unmodelled' }]);
  });

  it('TRACE sets one bit', () => {
    expect(does('-j TRACE', {}, { table: 'raw' })).toEqual([
      effect({ kind: 'set', key: 'nftrace', keep: 0n, flip: 1n }),
    ]);
  });
});
