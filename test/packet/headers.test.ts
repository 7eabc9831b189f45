import { describe, expect, it } from 'vitest';
import { findHeader, headersOf } from '../../src/packet/headers.ts';
import { authentication, bytesOf, fragment, ip4, ip6, joined, options, routing, tcp, udp } from './crafted.ts';

const dns = udp(1024, 53);

describe('IPv4', () => {
  it.each([5, 6, 7, 15])('finds the transport header behind %i words', (words) => {
    const headers = headersOf('ip', ip4({ protocol: 17, body: dns, words }));
    expect(headers).toEqual({
      starts: [0, words * 4, words * 4, words * 4 + 8],
      l4proto: 17,
      xtproto: 17,
      fragoff: 0,
      xtfragoff: 0,
    });
  });

  it('gives later fragments a protocol and a transport header, but no payload behind it', () => {
    const headers = headersOf('ip', ip4({ protocol: 17, body: dns, fragoff: 0x2003 }));
    expect(headers).toMatchObject({ starts: [0, 20, 20, -1], l4proto: 17, fragoff: 3, xtfragoff: 3 });
  });

  it('does not take the flags for an offset', () => {
    expect(headersOf('ip', ip4({ protocol: 17, body: dns, fragoff: 0xe000 })).fragoff).toBe(0);
  });

  it('finds nothing in less than a header', () => {
    const whole = ip4({ protocol: 17, body: dns });
    for (let length = 0; length < 20; length++)
      expect(headersOf('ip', whole.slice(0, length))).toMatchObject({ starts: [0, -1, -1, -1], l4proto: null });
  });

  it('finds a transport header of which nothing is there', () => {
    expect(headersOf('ip', ip4({ protocol: 17, body: new Uint8Array(0) })).starts).toEqual([0, 20, 20, 28]);
  });
});

describe('the payload', () => {
  const payloadStart = (protocol: number, body: Uint8Array): number =>
    headersOf('ip', ip4({ protocol, body })).starts[3];

  it('follows the data offset of TCP, whatever it is', () => {
    expect(payloadStart(6, tcp(1, 2))).toBe(40);
    expect(payloadStart(6, tcp(1, 2, '01010101'))).toBe(44);
    expect(payloadStart(6, tcp(1, 2, '', 15))).toBe(80);
    expect(payloadStart(6, tcp(1, 2, '', 0))).toBe(20);
    expect(payloadStart(6, tcp(1, 2).slice(0, 19))).toBe(-1);
  });

  it.each([
    ['0000 0800', 24],
    ['8000 0800', 28],
    ['2000 0800', 28],
    ['1000 0800', 28],
    ['b000 0800', 36],
    ['4000 0800', -1],
    ['0001 0800', -1],
    ['0007 0800', -1],
    ['0008 0800', 24],
    ['0000 08', -1],
  ])('follows the flags of GRE: %s', (hex, start) => {
    expect(payloadStart(47, bytesOf(hex))).toBe(start);
  });

  it('is the inner packet itself in IP over IP, and nowhere in other protocols', () => {
    expect(payloadStart(4, dns)).toBe(20);
    expect(payloadStart(132, dns)).toBe(-1);
    expect(payloadStart(1, dns)).toBe(-1);
  });
});

describe('IPv6', () => {
  it('needs no extension header', () => {
    expect(headersOf('ip6', ip6(17, dns))).toEqual({
      starts: [0, 40, 40, 48],
      l4proto: 17,
      xtproto: 17,
      fragoff: 0,
      xtfragoff: 0,
    });
  });

  it('goes past hop-by-hop options, destination options, routing and first fragment headers', () => {
    const packet = ip6(0, options(60), options(43), routing(44), fragment(60, 0), options(17), dns);
    expect(headersOf('ip6', packet)).toMatchObject({ starts: [0, 80, 80, 88], l4proto: 17, xtproto: 17, fragoff: 0 });
  });

  it('counts the length of an extension header in units of 8 bytes', () => {
    const long = joined(Uint8Array.from([17, 2]), new Uint8Array(22));
    expect(headersOf('ip6', ip6(60, long, dns)).starts).toEqual([0, 64, 64, 72]);
  });

  it('stops at an authentication header for nft, and goes past it for ip6_tables', () => {
    expect(headersOf('ip6', ip6(51, authentication(17), dns))).toMatchObject({
      starts: [0, 40, 56, -1],
      l4proto: 51,
      xtproto: 17,
    });
  });

  it('takes the rest for broken where only ip6_tables looks', () => {
    const packet = ip6(51, authentication(60));
    expect(headersOf('ip6', packet)).toMatchObject({ starts: [0, 40, -1, -1], l4proto: 51, xtproto: null });
  });

  it('sees a fragment header behind an authentication header with one eye', () => {
    expect(headersOf('ip6', ip6(51, authentication(44), fragment(17, 3), dns))).toMatchObject({
      starts: [0, 40, 0, -1],
      l4proto: 51,
      xtproto: 17,
      fragoff: 0,
      xtfragoff: 3,
    });
  });

  it('leaves the transport header of later fragments where the packet begins', () => {
    expect(headersOf('ip6', ip6(44, fragment(17, 5), dns))).toEqual({
      starts: [0, 0, 0, -1],
      l4proto: 17,
      xtproto: 17,
      fragoff: 5,
      xtfragoff: 5,
    });
  });

  it('takes a later fragment that would go on with an extension header for broken', () => {
    for (const next of [0, 43, 44, 51, 60])
      expect(headersOf('ip6', ip6(44, fragment(next, 5), dns))).toMatchObject({
        starts: [0, -1, -1, -1],
        l4proto: null,
        xtproto: null,
        fragoff: 0,
      });
    expect(headersOf('ip6', ip6(44, fragment(59, 5), dns)).l4proto).toBe(59);
  });

  it('takes "no next header", ESP and mobility for the last header', () => {
    for (const last of [59, 50, 135])
      expect(headersOf('ip6', ip6(60, options(last)))).toMatchObject({ starts: [0, 48, 48, -1], l4proto: last });
  });

  it('finds a chain broken wherever an extension header is cut short', () => {
    const whole = ip6(0, options(43), routing(44), fragment(60, 0), options(17), dns);
    // How many bytes of the header that begins at each place are read; a header's own length is believed.
    const needed = [40 + 2, 48 + 4, 56 + 4, 64 + 2];
    for (let length = 0; length <= whole.length; length++) {
      const known = needed.every((bytes) => length >= bytes);
      const { l4proto, xtproto, starts } = headersOf('ip6', whole.slice(0, length));
      expect([length, l4proto, xtproto, starts[1]]).toEqual(known ? [length, 17, 17, 72] : [length, null, null, -1]);
    }
  });

  it('needs two bytes of an authentication header, to stop there or to go past it', () => {
    const whole = ip6(51, authentication(17), dns);
    expect(headersOf('ip6', whole.slice(0, 41))).toMatchObject({ l4proto: null, xtproto: null });
    expect(headersOf('ip6', whole.slice(0, 42))).toMatchObject({ l4proto: 51, xtproto: 17 });
  });
});

describe('findHeader', () => {
  const packet = ip6(0, options(60), options(51), authentication(43), routing(44), fragment(17, 0), dns);

  it('finds each header by its number, behind an authentication header too', () => {
    expect([0, 60, 51, 43, 44, 17].map((number) => findHeader(packet, number))).toEqual([40, 48, 56, 72, 80, 88]);
    expect(findHeader(packet, 6)).toBeUndefined();
  });

  it('finds the fragment header of a later fragment, and nothing behind it', () => {
    const later = ip6(60, options(44), fragment(17, 4), dns);
    expect(findHeader(later, 44)).toBe(48);
    expect(findHeader(later, 60)).toBe(40);
    expect(findHeader(later, 17)).toBeUndefined();
  });

  it('takes the mobility header at its word and reads two or four bytes of the others', () => {
    expect(findHeader(ip6(135), 135)).toBe(40);
    expect(findHeader(ip6(60, Uint8Array.from([17])), 60)).toBeUndefined();
    expect(findHeader(ip6(60, Uint8Array.from([17, 0])), 60)).toBe(40);
    expect(findHeader(ip6(43, Uint8Array.from([17, 0, 0])), 43)).toBeUndefined();
    expect(findHeader(ip6(44, Uint8Array.from([17, 0, 0])), 44)).toBeUndefined();
  });
});
