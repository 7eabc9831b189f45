import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joined, toHex } from '../../src/packet/octets.ts';
import { readHex } from '../../src/packet/hex.ts';
import { packetJson } from '../../src/packet/json.ts';
import type { Packet } from '../../src/packet/packet.ts';
import { readPcap, writePcap } from '../../src/packet/pcap.ts';
import { readPacket } from '../../src/packet/words.ts';
import { bytesOf } from './packets.ts';

const packet = (text: string): Packet => {
  const { value } = readPacket(text);
  if (!value) throw new Error(text);
  return value.packet;
};

const plain = packet('tcp dport=22 payload=68656c6c6f20776f726c6421');
const framed = packet('ether saddr=02:00:00:00:00:09 ip6 udp dport=53 payload=00');
const frame = joined([framed.link ?? new Uint8Array(0), framed.bytes]);

const ascii = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => (byte > 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
const pairs = (bytes: Uint8Array, size: number): readonly string[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => toHex(bytes.subarray(i * size, (i + 1) * size)));
const rows = (bytes: Uint8Array, print: (at: string, row: Uint8Array) => string): string =>
  Array.from({ length: Math.ceil(bytes.length / 16) }, (_, i) =>
    print((i * 16).toString(16), bytes.subarray(i * 16, i * 16 + 16)),
  ).join('\n');

const dumps: Readonly<Record<string, (bytes: Uint8Array) => string>> = {
  digits: toHex,
  'pairs with blanks': (bytes) => pairs(bytes, 1).join(' '),
  'pairs with 0x and commas': (bytes) =>
    pairs(bytes, 1)
      .map((pair) => `0x${pair.toUpperCase()}`)
      .join(', '),
  'pairs with colons': (bytes) => pairs(bytes, 1).join(':'),
  'C escapes': (bytes) =>
    pairs(bytes, 1)
      .map((pair) => `\\x${pair}`)
      .join(''),
  'tcpdump -X': (bytes) =>
    rows(bytes, (at, row) => `\t0x${at.padStart(4, '0')}:  ${pairs(row, 2).join(' ')}  ${ascii(row)}`),
  xxd: (bytes) => rows(bytes, (at, row) => `${at.padStart(8, '0')}: ${pairs(row, 2).join(' ')}  ${ascii(row)}`),
  'hexdump -C': (bytes) =>
    rows(
      bytes,
      (at, row) =>
        `${at.padStart(8, '0')}  ${pairs(row.subarray(0, 8), 1).join(' ')}  ${pairs(row.subarray(8), 1).join(' ')}  |${ascii(row)}|`,
    ),
  Wireshark: (bytes) => rows(bytes, (at, row) => `${at.padStart(4, '0')}   ${pairs(row, 1).join(' ')}   ${ascii(row)}`),
};

describe('hex', () => {
  it.each(Object.entries(dumps))('is read as %s', (_, dump) => {
    for (const bytes of [plain.bytes, framed.bytes]) {
      const { value, diagnostics } = readHex(dump(bytes));
      expect(diagnostics).toEqual([]);
      expect(toHex(value?.bytes ?? frame)).toBe(toHex(bytes));
      expect(value?.link).toBeUndefined();
    }
    const { value } = readHex(dump(frame));
    expect([toHex(value?.bytes ?? plain.bytes), value?.link]).toEqual([toHex(framed.bytes), framed.link]);
    expect(value?.taken).toContain('Ethernet');
  });

  it('drops the padding of a frame, as the kernel does, and says so', () => {
    const { value } = readHex(`${toHex(frame)}${'00'.repeat(10)}`);
    expect(toHex(value?.bytes ?? frame)).toBe(toHex(framed.bytes));
    expect(value?.taken).toContain('10 bytes of padding');
  });

  it('says that a packet is not all there', () => {
    expect(readHex(toHex(plain.bytes.slice(0, 30))).diagnostics.map(({ code }) => code)).toEqual(['packet-cut']);
  });

  it.each([
    ['', 0],
    ['45zz', 1],
    ['450', 1],
    ['1234', 0],
  ])('is refused: %s', (text, line) => {
    const { value, diagnostics } = readHex(text);
    expect(value).toBeUndefined();
    expect(diagnostics.map(({ code, span }) => [code, span?.line ?? 0])).toEqual([['bad-packet', line]]);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789abcdef \n|:x') })), (text) => {
        const { value, diagnostics } = readHex(text);
        expect(value !== undefined || diagnostics.length > 0).toBe(true);
      }),
    );
  });
});

/** The same frames as pcapng, by the layout of the draft. */
const nextGeneration = (frames: readonly Uint8Array[], linkType: number, little: boolean): Uint8Array => {
  const block = (type: number, body: readonly number[], data: Uint8Array = new Uint8Array(0)): Uint8Array => {
    const padded = (data.length + 3) & ~3;
    const out = new Uint8Array(12 + body.length * 4 + padded);
    const view = new DataView(out.buffer);
    for (const [i, value] of [type, out.length, ...body].entries()) view.setUint32(i * 4, value, little);
    out.set(data, 8 + body.length * 4);
    view.setUint32(out.length - 4, out.length, little);
    return out;
  };
  const head = block(0x0a0d0d0a, [0x1a2b3c4d, little ? 1 : 0x10000, 0xffffffff, 0xffffffff]);
  const from = block(1, [little ? linkType : linkType << 16, 0]);
  return joined([head, from, ...frames.map((one) => block(6, [0, 0, 0, one.length, one.length], one))]);
};

describe('capture files', () => {
  const bytesIn = (file: Uint8Array): readonly string[] =>
    readPcap(file, 'x').value.packets.map(({ bytes }) => toHex(bytes));

  it('are read as they were written', () => {
    const raw = readPcap(writePcap([plain, framed]), 'x');
    expect(raw.value.packets.map(({ bytes, link, family, number }) => [toHex(bytes), link, family, number])).toEqual([
      [toHex(plain.bytes), undefined, 'ip', 1],
      [toHex(framed.bytes), undefined, 'ip6', 2],
    ]);
    const ethernet = readPcap(writePcap([framed]), 'x');
    expect(ethernet.value.packets.map(({ bytes, link }) => [toHex(bytes), link])).toEqual([
      [toHex(framed.bytes), framed.link],
    ]);
    expect([...raw.diagnostics, ...ethernet.diagnostics]).toEqual([]);
  });

  it('may be little-endian, have nanoseconds, or be pcapng in either byte order', () => {
    const classic = writePcap([plain]);
    const swapped = classic.slice();
    for (const at of [0, 8, 12, 16, 20, 24, 28, 32, 36]) swapped.set(classic.slice(at, at + 4).toReversed(), at);
    for (const at of [4, 6]) swapped.set(classic.slice(at, at + 2).toReversed(), at);
    const nanoseconds = classic.slice();
    nanoseconds.set([0xa1, 0xb2, 0x3c, 0x4d]);
    for (const file of [
      swapped,
      nanoseconds,
      nextGeneration([plain.bytes], 101, true),
      nextGeneration([plain.bytes], 101, false),
    ])
      expect(bytesIn(file)).toEqual([toHex(plain.bytes)]);
  });

  it('may come from other links', () => {
    const cooked = joined([Uint8Array.from([0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0]), plain.bytes]);
    const cooked2 = joined([Uint8Array.from([0x86, 0xdd, ...Array.from({ length: 18 }, () => 0)]), framed.bytes]);
    expect(bytesIn(nextGeneration([cooked], 113, true))).toEqual([toHex(plain.bytes)]);
    expect(bytesIn(nextGeneration([cooked2], 276, true))).toEqual([toHex(framed.bytes)]);
    expect(bytesIn(nextGeneration([plain.bytes], 228, true))).toEqual([toHex(plain.bytes)]);
    expect(bytesIn(nextGeneration([framed.bytes], 229, true))).toEqual([toHex(framed.bytes)]);
  });

  it('may hold frames that are not IP', () => {
    const arp = Uint8Array.from([...Array.from({ length: 12 }, () => 2), 8, 6, ...Array.from({ length: 28 }, () => 0)]);
    const { value } = readPcap(nextGeneration([arp, frame], 1, true), 'x');
    expect([value.packets.map(({ number }) => number), value.others]).toEqual([[2], 1]);
  });

  it('say what is wrong with them', () => {
    const file = writePcap([plain, plain]);
    const codes = (bytes: Uint8Array): readonly string[] =>
      readPcap(bytes, 'x').diagnostics.map(({ code, severity }) => `${severity} ${code}`);
    expect(codes(new Uint8Array(0))).toEqual(['error bad-capture']);
    expect(codes(file.slice(0, 20))).toEqual(['error bad-capture']);
    expect(codes(file.slice(0, -1))).toEqual(['warning bad-capture']);
    expect(bytesIn(file.slice(0, -1))).toHaveLength(1);
    expect(codes(nextGeneration([plain.bytes], 105, true))).toEqual(['error bad-capture']);
  });

  it('never throw or hang, whatever is in them', () => {
    const base = fc.constantFrom(
      writePcap([plain, framed]),
      nextGeneration([plain.bytes, frame], 1, true),
      nextGeneration([frame], 1, false),
    );
    const damaged = fc
      .tuple(base, fc.array(fc.tuple(fc.nat(400), fc.constantFrom(0, 1, 4, 0x7f, 0xff)), { maxLength: 6 }), fc.nat(400))
      .map(([file, changes, length]) => {
        const out = file.slice(0, Math.max(4, file.length - length));
        for (const [at, value] of changes) if (at < out.length) out[at] = value;
        return out;
      });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 100 })), (file) => {
        for (const one of readPcap(file, 'x').value.packets) expect(one.bytes.length).toBeLessThanOrEqual(file.length);
      }),
      { numRuns: 3000 },
    );
  });

  it('hold any packet', () => {
    fc.assert(
      fc.property(bytesOf('ip6'), (bytes) => {
        const { value } = readPcap(writePcap([{ bytes }]), 'x');
        for (const one of value.packets) expect(toHex(bytes).startsWith(toHex(one.bytes))).toBe(true);
      }),
    );
  });
});

describe('JSON', () => {
  it('has bytes, words, fields and keys', () => {
    const json = packetJson(packet('hook=input in=eth0 ip saddr=10.0.0.2 udp dport=53 ct label=1'), 'input');
    expect(json).toMatchObject({
      family: 'ip',
      hook: 'input',
      words: 'hook=input in=eth0 ip saddr=10.0.0.2 udp ct label=1',
      headers: [
        { header: 'ip', offset: 0, fields: { saddr: '10.0.0.2', protocol: 'udp', length: '28' } },
        { header: 'udp', offset: 20, fields: { dport: '53', length: '8' } },
      ],
      keys: { iifname: 'eth0', 'ct.state': 8, 'ct.label': '0x1' },
    });
    expect(json.keyWords).toContain('ct state=new');
    expect(JSON.parse(JSON.stringify(json))).toEqual(json);
  });
});
