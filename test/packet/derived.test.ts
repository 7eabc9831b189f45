import { describe, expect, it } from 'vitest';
import { derivation } from '../../src/packet/derived.ts';
import { keyInfo } from '../../src/packet/field.ts';
import { headersOf } from '../../src/packet/headers.ts';
import type { Family } from '../../src/netfilter/family.ts';
import { bytesOf, fragment, ip4, ip6, joined, options, routing, tcp } from './crafted.ts';

const ask = (bytes: Uint8Array, key: string, family: Family = 'ip'): number | bigint | null => {
  expect(keyInfo(key)).toBeDefined();
  const derived = derivation(key);
  if (!derived) throw new Error(`${key} is not derived`);
  return derived({ family, bytes, headers: headersOf(family, bytes) });
};

describe('what a header says', () => {
  it('is read as it is', () => {
    const packet = ip4({ protocol: 6, body: tcp(1, 2), fragoff: 0x2007 });
    expect(ask(packet, 'length')).toBe(40);
    expect(ask(packet, 'l4proto')).toBe(6);
    expect(ask(packet, 'fragoff')).toBe(7);
  });

  it('leaves every other key to the packet', () => {
    expect(['mark', 'iifname', 'ct.state', 'fragquirk', 'toString'].map(derivation)).toEqual(Array.from({ length: 5 }));
  });
});

describe('TCP options', () => {
  const withOptions = (rest: string, words?: number): Uint8Array =>
    ip4({ protocol: 6, body: words === undefined ? tcp(1, 2, rest) : tcp(1, 2, rest, words) });

  it('are found behind padding, by the first of their kind', () => {
    const packet = withOptions('01 01 0204 05b4 0204 1000 01 01'.replaceAll(' ', ''));
    expect(ask(packet, 'tcpopt.2.exists')).toBe(1);
    expect(ask(packet, 'tcpopt.2.16.16')).toBe(0x5b4);
    expect(ask(packet, 'tcpopt.1.exists')).toBe(1);
    expect(ask(packet, 'tcpopt.8.exists')).toBe(0);
    expect(ask(packet, 'tcpopt.8.16.32')).toBeNull();
  });

  it('are found behind the end of the options too', () => {
    expect(ask(withOptions('00000000020405b4'), 'tcpopt.2.exists')).toBe(1);
  });

  it('are not looked for in the last byte of the header', () => {
    expect(ask(withOptions('03030401'), 'tcpopt.1.exists')).toBe(0);
    expect(ask(withOptions('03030101'), 'tcpopt.3.16.8')).toBe(1);
  });

  it('have to end within the header, and hold the field', () => {
    expect(ask(withOptions('01010204'), 'tcpopt.2.exists')).toBe(0);
    expect(ask(withOptions('02030501'), 'tcpopt.2.exists')).toBe(1);
    expect(ask(withOptions('02030501'), 'tcpopt.2.16.16')).toBeNull();
    expect(ask(withOptions('02030501'), 'tcpopt.2.16.8')).toBe(5);
  });

  it('take one byte where their length is zero', () => {
    expect(ask(withOptions('0800020405b40101'), 'tcpopt.2.exists')).toBe(1);
    // The zero behind it is the end of options by its number.
    expect(ask(withOptions('0800020405b40101'), 'tcpopt.0.exists')).toBe(1);
  });

  it('need the whole header of an unfragmented TCP segment', () => {
    const packet = withOptions('020405b4');
    expect(ask(packet.slice(0, -1), 'tcpopt.2.exists')).toBe(0);
    expect(ask(withOptions('020405b4', 4), 'tcpopt.2.exists')).toBe(0);
    expect(ask(ip4({ protocol: 6, body: tcp(1, 2, '020405b4'), fragoff: 1 }), 'tcpopt.2.exists')).toBe(0);
    expect(ask(ip4({ protocol: 17, body: tcp(1, 2, '020405b4') }), 'tcpopt.2.exists')).toBe(0);
  });
});

describe('SCTP chunks', () => {
  const header = '0001 0002 00000000 00000000';
  const withChunks = (chunks: string, fragoff = 0): Uint8Array =>
    ip4({ protocol: 132, body: bytesOf(header + chunks), fragoff });
  const data = '00 03 0014 0000002a 00010002 00000000 61626364';
  const heartbeat = '04 00 0005 ff 000000';

  it('are found by their type, padded to 4 bytes', () => {
    const packet = withChunks(heartbeat + data);
    expect(ask(packet, 'sctp.chunk.0.exists')).toBe(1);
    expect(ask(packet, 'sctp.chunk.0.32.32')).toBe(42);
    expect(ask(packet, 'sctp.chunk.0.8.8')).toBe(3);
    expect(ask(packet, 'sctp.chunk.1.exists')).toBe(0);
    expect(ask(packet, 'sctp.chunk.1.32.32')).toBeNull();
  });

  it('give a field only from within their length, and if they are there as a whole', () => {
    expect(ask(withChunks('00 03 0004'), 'sctp.chunk.0.exists')).toBe(1);
    expect(ask(withChunks('00 03 0004 0000002a'), 'sctp.chunk.0.32.32')).toBeNull();
    expect(ask(withChunks(data).slice(0, -1), 'sctp.chunk.0.8.8')).toBeNull();
    expect(ask(withChunks(data).slice(0, -1), 'sctp.chunk.0.exists')).toBe(1);
  });

  it('end with a length of zero or a chunk that is cut short', () => {
    expect(ask(withChunks(`05 00 0000${data}`), 'sctp.chunk.0.exists')).toBe(0);
    expect(ask(withChunks('00 03 00'), 'sctp.chunk.0.exists')).toBe(0);
  });

  it('are looked for in later fragments as well', () => {
    expect(ask(withChunks(data, 5), 'sctp.chunk.0.exists')).toBe(1);
  });
});

describe('IPv6 extension headers', () => {
  const packet = ip6(60, options(43), routing(44), fragment(17, 0), new Uint8Array(8));

  it('exist by their number, with fields', () => {
    expect([0, 60, 43, 44, 51].map((number) => ask(packet, `exthdr.${number}.exists`, 'ip6'))).toEqual([0, 1, 1, 1, 0]);
    expect(ask(packet, 'exthdr.60.0.8', 'ip6')).toBe(43);
    expect(ask(packet, 'exthdr.43.16.8', 'ip6')).toBe(4);
    expect(ask(packet, 'exthdr.44.32.32', 'ip6')).toBe(7);
    expect(ask(packet, 'exthdr.0.0.8', 'ip6')).toBeNull();
  });

  it('have the fields whose bytes are there', () => {
    const short = ip6(44, joined(fragment(17, 4))).slice(0, 46);
    expect(ask(short, 'exthdr.44.16.13', 'ip6')).toBe(4);
    expect(ask(short, 'exthdr.44.32.32', 'ip6')).toBeNull();
  });

  it('do not exist in IPv4', () => {
    expect(ask(ip4({ protocol: 44, body: fragment(17, 0) }), 'exthdr.44.exists')).toBe(0);
  });
});
