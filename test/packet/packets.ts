// Packets for property tests: built from headers, damaged, or of any bytes at all; and keys that a packet can have.
import * as fc from 'fast-check';
import { type Header, build } from '../../src/packet/build.ts';
import { keyValue } from '../../src/packet/defaults.ts';
import { keyInfo } from '../../src/packet/field.ts';
import { type HeaderName, headerNames, layouts } from '../../src/packet/layout.ts';
import type { KeyValue, Packet } from '../../src/packet/packet.ts';

export const hook: fc.Arbitrary<'prerouting' | 'input' | 'forward' | 'output' | 'postrouting' | undefined> =
  fc.constantFrom(undefined, 'prerouting', 'input', 'forward', 'output', 'postrouting');

const number = (bits: number): fc.Arbitrary<bigint> =>
  fc.oneof(fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n }), fc.constantFrom(0n, 1n, (1n << BigInt(bits)) - 1n));

const lengthFields = ['hdrlength', 'doff', 'length', 'protocol', 'nexthdr', 'version', 'checksum'];

const header = (name: HeaderName, wild: boolean): fc.Arbitrary<Header> => {
  const { fields, rest, bytes } = layouts[name];
  const plain = [...fields].filter(([field, { view }]) => !view && (wild || !lengthFields.includes(field)));
  const values = fc
    .tuple(...plain.map(([field, { length }]) => fc.option(number(length)).map((value) => [field, value] as const)))
    .map((all): Record<string, bigint> => {
      const out: Record<string, bigint> = {};
      for (const [field, value] of all) if (value !== null) out[field] = value;
      return out;
    });
  const size = rest ? Math.min(rest.most, 64) : 0;
  return fc
    .tuple(values, fc.option(fc.uint8Array({ maxLength: size }), { freq: 2, nil: undefined }))
    .map(([given, extra]): Header => {
      const unit = rest?.unit ?? 1;
      const kept = extra?.slice(0, Math.max(0, extra.length - ((bytes + extra.length) % unit)));
      return rest && kept ? { name, fields: given, rest: kept } : { name, fields: given };
    });
};

const namesOf = (role: string): readonly HeaderName[] => headerNames.filter((name) => layouts[name].role === role);

const headers = (family: 'ip' | 'ip6', wild: boolean): fc.Arbitrary<readonly Header[]> => {
  const of = (names: readonly HeaderName[]): fc.Arbitrary<Header> =>
    fc.constantFrom(...names).chain((name) => header(name, wild));
  const extra = family === 'ip' ? (['ah'] as const) : namesOf('extension');
  return fc
    .tuple(
      header(family, wild),
      fc.array(of(extra), { maxLength: family === 'ip' ? 1 : 3 }),
      fc.option(of(namesOf('transport')), { freq: 10 }),
      fc.option(header('vxlan', wild), { freq: 2 }),
    )
    .map(([network, extensions, transport, tunnel]) => [
      network,
      ...extensions,
      ...(transport ? [transport] : []),
      ...(tunnel && transport?.name === 'udp' ? [tunnel] : []),
    ]);
};

const damaged = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
  const out = bytes.slice();
  if (out.length > 0) out[at % out.length] = value;
  return out;
};

/** Bytes with, at times, one of them changed. */
export const bytesOf = (family: 'ip' | 'ip6'): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.boolean().chain((wild) =>
        fc
          .tuple(
            headers(family, wild),
            fc.uint8Array({ maxLength: 40 }),
            fc.option(fc.integer({ min: 1, max: 120 }), { freq: 3, nil: undefined }),
            fc.option(fc.tuple(fc.nat(200), fc.nat(255)), { freq: 3 }),
          )
          .map(([list, payload, truncate, damage]) => {
            const { bytes } = build({
              family,
              headers: list,
              payload,
              ...(truncate === undefined ? {} : { truncate }),
            });
            return damage ? damaged(bytes, damage[0], damage[1]) : bytes;
          }),
      ),
    },
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 120 }) },
  );

const keyNames = `
  mark priority pkttype skuid skgid cgroup cpu nftrace
  rtclassid secmark secpath rtipsec time hour day iif
  oif iifname oifname iiftype oifgroup iifkind fragquirk ct.state
  ct.status ct.mark ct.direction ct.expiration ct.l3proto ct.protocol ct.zone ct.helper
  ct.label ct.id ct.original.saddr4 ct.reply.daddr6 ct.original.sport ct.reply.dport ct.both.bytes ct.original.packets
  fib.daddr.type fib.saddr.iif.exists fib.saddr.mark.iif.type ipsec.in.0.reqid ipsec.out.2.spi ipsec.in.1.saddr4 ipsec.in.0.daddr6 ipsec.in.0.mode
  socket.transparent socket.mark socket.cgroupv2
`
  .trim()
  .split(/\s+/);

const text = fc
  .string({ minLength: 1, maxLength: 15, unit: fc.constantFrom(...'abcdefgh0123456789.-_=":\\@*') })
  .filter((name) => name !== '.' && name !== '..');

const valueFor = (key: string): fc.Arbitrary<KeyValue> => {
  const info = keyInfo(key);
  if (!info) throw new Error(key);
  const value: fc.Arbitrary<KeyValue> =
    info.kind === 'name'
      ? fc.oneof(text, fc.constantFrom('eth0', '', 'unknown', 'none', '3'))
      : info.values
        ? fc.constantFrom(...info.values)
        : number(info.bits).map((one) => keyValue(key, one));
  return info.presence === 'always'
    ? value
    : fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: fc.constant(null) });
};

const keys: fc.Arbitrary<ReadonlyMap<string, KeyValue>> = fc
  .uniqueArray(fc.constantFrom(...keyNames), { maxLength: 12 })
  .chain((names) => fc.tuple(...names.map((name) => valueFor(name).map((value) => [name, value] as const))))
  .map((entries) => new Map<string, KeyValue>(entries));

const link = fc.option(fc.oneof(fc.uint8Array({ minLength: 14, maxLength: 14 }), fc.uint8Array({ maxLength: 20 })), {
  nil: undefined,
  freq: 3,
});

/** Any packet: bytes, keys and link header need not fit together. */
export const packet: fc.Arbitrary<Packet> = fc
  .constantFrom('ip' as const, 'ip6' as const)
  .chain((family) =>
    fc
      .record({ bytes: bytesOf(family), keys, link })
      .map((one): Packet => ({ family, bytes: one.bytes, keys: one.keys, ...(one.link ? { link: one.link } : {}) })),
  );
