import { expect, it } from 'vitest';
import { ct, equal, field, l4proto, redirect, tcpOption } from '../../src/nftables/build.ts';
import { withoutImplied } from '../../src/translate/implied.ts';

const protocol = l4proto(6);
const port = equal(field('tcp', 'dport'), 80);
const size = equal(tcpOption('maxseg', 'size'), 500);
const to = redirect({ port: 1024 });

it('leaves the protocol out where a field of its header is tested', () => {
  expect(withoutImplied([protocol, port, to])).toEqual([port, to]);
});

it('keeps the protocol, behind an option, where a NAT port needs it: nft concludes no protocol from an option', () => {
  expect(withoutImplied([protocol, size, to])).toEqual([size, protocol, to]);
  expect(withoutImplied([protocol, size, port, to])).toEqual([size, port, to]);
});

it('keeps the protocol in front of a conntrack port', () => {
  const tuple = equal(ct('proto-dst', 'reply'), 22);
  expect(withoutImplied([protocol, tuple, size])).toEqual([size, protocol, tuple]);
});

it('keeps the protocol beside an option that is absent', () => {
  const absent = equal(tcpOption('maxseg'), false);
  expect(withoutImplied([protocol, absent])).toEqual([protocol, absent]);
});
