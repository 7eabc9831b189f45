import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { render } from '../../src/diagnostics/render.ts';
import type { Packet } from '../../src/packet/packet.ts';
import { printPacket } from '../../src/packet/wordprint.ts';
import { readPacket } from '../../src/packet/words.ts';
import { hook, packet } from './packets.ts';

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const plain = (one: Packet | undefined): unknown =>
  one && {
    ...one,
    bytes: hex(one.bytes),
    link: one.link && hex(one.link),
    keys: Object.fromEntries(one.keys),
  };

describe('reading and printing', () => {
  it('reads back what it prints, for any packet', () => {
    fc.assert(
      fc.property(packet, hook, (one, at) => {
        const text = printPacket(one, at);
        const { value, diagnostics } = readPacket(text);
        const errors = diagnostics.filter(({ severity }) => severity === 'error').map(({ what }) => what);
        expect({ text, errors, hook: value?.hook, packet: plain(value?.packet) }).toEqual({
          text,
          errors: [],
          hook: at,
          packet: plain(one),
        });
        expect(printPacket(value?.packet ?? one, at)).toBe(text);
      }),
      { numRuns: 1500 },
    );
  });

  it('never throws', () => {
    const word = fc.constantFrom(
      'ip',
      'ip6',
      'tcp',
      'udp',
      'saddr=',
      'dport=',
      'ct',
      'state=',
      'original',
      'fib',
      '.',
      'rt',
      'ipsec',
      'in',
      '=',
      '"',
      'in=eth0',
      'hook=input',
      'length=5',
      'truncate=0',
      'bytes=45',
      'payload=zz',
      'vxlan',
      'vni=0x1006',
      'ah',
      'frag',
      'frag-off=8191',
      'mark=unknown',
      'mark=4294967296',
      'sctp',
      'chunk=data/1:00,9',
      'meta',
      'time=2025-02-30',
      'l4proto=253',
      'l4proto=tcp',
      'family=ip7',
      'constructor=1',
      '__proto__',
      'toString=2',
      'option=01',
      'spnum',
      '6',
      'link=00',
      'l4proto=0',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(word, { maxLength: 12 }).map((words) => words.join(' ')),
          fc.string(),
        ),
        (text) => {
          const { value, diagnostics } = readPacket(text);
          for (const one of diagnostics) render(one);
          expect(value === undefined).toBe(diagnostics.some(({ severity }) => severity === 'error'));
          if (value)
            expect(plain(readPacket(printPacket(value.packet, value.hook)).value?.packet)).toEqual(plain(value.packet));
        },
      ),
      { numRuns: 1500 },
    );
  });
});

interface Reading {
  readonly hook: string | undefined;
  readonly bytes: string;
  readonly keys: Readonly<Record<string, unknown>>;
}

const read = (text: string): Reading => {
  const { value, diagnostics } = readPacket(text);
  expect(diagnostics).toEqual([]);
  if (!value) throw new Error(text);
  return { hook: value.hook, bytes: hex(value.packet.bytes), keys: Object.fromEntries(value.packet.keys) };
};

/** The code, and the text that the caret stands under. */
const complaint = (text: string): readonly string[] => {
  const { value, diagnostics } = readPacket(text);
  expect(value).toBeUndefined();
  return diagnostics.map(
    ({ code, span }) => `${code} ${span?.text.slice(span.column - 1, span.column - 1 + span.length)}`,
  );
};

describe('words', () => {
  it('make an encrypted VXLAN packet', () => {
    const vxlan =
      'hook=input in=eth0 ip saddr=10.0.0.2 ip daddr=10.0.0.1 udp sport=50000 udp dport=4789 vxlan vni=0x1006 secpath=no';
    const found = read(vxlan);
    // The VNI stands 12 bytes behind the transport header, with a zero byte behind it: all that u32 asks for is there.
    expect(found.bytes.slice(2 * (20 + 12))).toBe('00100600');
    expect(found.hook).toBe('input');
    expect(found.keys).toMatchObject({
      iifname: 'eth0',
      oifname: '',
      secpath: 0,
      mark: 0,
      'ct.state': 8,
      'ct.status': 0,
    });
    expect(found.keys).not.toHaveProperty('iif');
    expect(
      read('hook=input in=eth0 ip saddr=10.0.0.2 daddr=10.0.0.1 vxlan vni=4102 udp sport=50000 secpath=no'),
    ).toEqual(found);
  });

  it('stay in their context until the next one', () => {
    expect(read('udp sport=1 dport=2')).toEqual(read('udp sport=1 udp dport=2'));
    expect(read('ct state=new ct mark=5').keys).toMatchObject({ mark: 0, 'ct.mark': 5 });
    expect(read('ct state=new meta mark=5').keys).toMatchObject({ mark: 5, 'ct.mark': 0 });
    expect(complaint('ct state=new mark=5')).toEqual(['ambiguous-option mark']);
  });

  it('give keys as nft calls them', () => {
    const { keys } = read(
      'fib daddr type=local fib saddr . iif oif=missing rt ipsec=yes ipsec in spnum 1 reqid=5 ipsec out ip saddr=1.2.3.4 ' +
        'meta pkttype=multicast skuid=1000 hour=12:30 day=Monday time=2025-01-01 ct original saddr=10.0.0.9 proto-dst=80',
    );
    expect(keys).toMatchObject({
      'fib.daddr.type': 2,
      'fib.saddr.iif.exists': 0,
      rtipsec: 1,
      'ipsec.in.1.reqid': 5,
      'ipsec.out.0.saddr4': 0x01020304,
      pkttype: 2,
      skuid: 1000,
      hour: 45_000,
      day: 1,
      time: 1_735_689_600,
      'ct.original.saddr4': 0x0a000009,
      'ct.original.dport': 80,
    });
    expect(read('fib saddr . iif . mark type=unicast').keys).toHaveProperty(['fib.saddr.mark.iif.type'], 1);
  });

  it('tell a name from what is not known and from what is not there', () => {
    expect(read('hook=input in=unknown').keys).not.toHaveProperty('iifname');
    expect(read('hook=input in="unknown"').keys).toHaveProperty('iifname', 'unknown');
    expect(read('mark=unknown ct state=unknown').keys).not.toHaveProperty('mark');
    expect(read('skuid=none').keys).toHaveProperty('skuid', null);
    expect(read('iif=eth0').keys).toHaveProperty('iifname', 'eth0');
    expect(read('iif=3').keys).toHaveProperty('iif', 3);
  });

  it('leave a packet without conntrack entry without its keys', () => {
    for (const text of [
      'ct state=invalid',
      'ct state=untracked',
      'frag-off=5',
      'ip more-fragments=yes',
      'tcp truncate=30',
    ])
      expect(read(text).keys).not.toHaveProperty(['ct.status']);
    expect(read('ct state=established').keys).not.toHaveProperty(['ct.mark']);
    expect(read('ct status=dnat').keys).not.toHaveProperty(['ct.original.daddr4']);
  });

  it('cut a packet short with the length that is left', () => {
    const { bytes } = read('udp truncate=24');
    expect(bytes).toHaveLength(48);
    expect(bytes.slice(4, 8)).toBe('0018');
  });

  it('tell what was filled in', () => {
    const { value } = readPacket('hook=input in=eth0 tcp dport=22');
    expect(value?.given).toEqual(['hook=input', 'in=eth0', 'tcp dport=22']);
    expect(value?.assumed).toEqual(
      expect.arrayContaining(['ip saddr=198.51.100.2', 'tcp sport=49152', 'tcp flags=syn', 'ct state=new', 'mark=0']),
    );
    expect(value?.assumed).not.toContain('tcp dport=80');
  });

  it('take the bytes of a capture, and say only what is beside them', () => {
    const bytes = Uint8Array.from(Buffer.from(read('udp dport=4789').bytes, 'hex'));
    const { value } = readPacket('hook=input in=eth0', { family: 'ip', bytes });
    expect(value?.packet.bytes).toEqual(bytes);
    expect(readPacket('udp dport=1', { family: 'ip', bytes }).diagnostics.map(({ code }) => code)).toEqual([
      'options-exclusive',
    ]);
  });

  it('are printed as short as they can be', () => {
    const short = (text: string): string => {
      const { value } = readPacket(text);
      return value ? printPacket(value.packet, value.hook) : '';
    };
    for (const text of [
      'hook=input in=eth0 ip saddr=10.0.0.2 daddr=10.0.0.1 udp sport=50000 vxlan vni=4102 secpath=no',
      'ip6 hbh dst rt type=4 dst tcp dport=22',
      'ip more-fragments=yes frag-off=185 protocol=udp payload=0102',
      'tcp flags=syn|ack option=020405b4 ct state=established',
      'sctp chunk=data/3:00,init',
      'ether saddr=02:00:00:00:00:03 udp meta length=1000',
      'hook=forward in=eth0 out=docker0 icmp type=destination-unreachable code=3',
    ])
      expect(short(text)).toBe(text);
    expect(short('udp sport=49152 dport=53 ip ttl=64 mark=0')).toBe('udp');
  });

  it.each([
    ['hook=inptu', ['bad-value inptu']],
    ['upd dport=80', ['unknown-word upd']],
    ['tcp dprot=80', ['unknown-word dprot']],
    ['udp dport 80', ['unknown-word dport', 'unknown-word 80']],
    ['saddr=1.2.3.4', ['unknown-word saddr']],
    ['ip saddr=10.0.0.256', ['bad-address 10.0.0.256']],
    ['ip saddr=::1', ['wrong-family ::1']],
    ['ip saddr=example.org', ['host-name example.org']],
    ['ip ttl=256', ['value-out-of-range 256']],
    ['ip ttl=064', ['bad-value 064']],
    ['ip ttl=1 ttl=2', ['option-twice ttl=2']],
    ['ip tos=1 dscp=2', ['options-exclusive dscp=2']],
    ['vxlan vni=0x1000000', ['value-out-of-range 0x1000000']],
    ['tcp vxlan', ['options-exclusive vxlan']],
    ['tcp udp', ['options-exclusive udp']],
    ['ip6 icmpv6 ip saddr=1.2.3.4', ['wrong-family saddr=1.2.3.4', 'options-exclusive saddr=1.2.3.4']],
    ['in=averyverylongname', ['interface-name averyverylongname']],
    ['ct state=nwe', ['bad-value nwe']],
    ['ct state=3', ['value-out-of-range 3']],
    ['ct', ['missing-value ct']],
    ['payload=123', ['bad-value 123']],
    ['length=10', ['value-out-of-range 10']],
    ['meta length=70000', ['value-out-of-range 70000']],
    ['in="eth0', ['bad-quote in="eth0']],
    ['exthdr.0.exists=1', ['bad-value exthdr.0.exists=1']],
    ['bytes=4500 tcp dport=1', ['options-exclusive dport=1']],
    ['mark=1 mark=2', ['option-twice mark=2']],
  ])('are refused: %s', (text, expected) => {
    expect(complaint(text)).toEqual(expected);
  });

  it.each(['hook=output in=eth0', 'ct state=invalid ct mark=5', 'tcp dport=22 truncate=22'])(
    'are doubted: %s',
    (text) => {
      const { value, diagnostics } = readPacket(text);
      expect(value).toBeDefined();
      expect(diagnostics.map(({ severity }) => severity)).toEqual(['warning']);
    },
  );
});
