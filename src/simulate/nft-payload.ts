/**
 * Payload expressions: where each named header field lies, what nft asks for before it loads one, and which loads the
 * kernel makes from later fragments.
 */
import type { Family } from '../netfilter/family.ts';
import { count, type Json, property, textOf } from '../nftables/json.ts';
import { all, any, type Condition, interval, is, within, yes } from '../packet/condition.ts';
import { type Base, key, payload } from '../packet/field.ts';
import { type NftContext, onlyIn } from './nft-context.ts';
import * as types from './nft-datatype.ts';
import { type Bits, bitsRegister, type Register } from './nft-register.ts';

type FieldPlace = readonly [offset: number, bits: number, type?: types.Datatype];
interface Header {
  readonly base: Base;
  /** The transport protocol that nft asks for. */
  readonly protocol?: number;
  /** The IP family; asked for in tables of family inet, which alone see the other one. */
  readonly family?: Family;
  readonly fields: Readonly<Record<string, FieldPlace>>;
}

const { integer, service } = types;
const ports: Header['fields'] = { sport: [0, 16, service], dport: [16, 16, service] };

/** Offsets in bits. Lengths and protocols as `nft --debug=netlink` shows them for each field. */
const headers: Readonly<Record<string, Header>> = {
  ether: {
    base: 'll',
    fields: { daddr: [0, 48, types.ether], saddr: [48, 48, types.ether], type: [96, 16, types.etherType] },
  },
  ip: {
    base: 'nh',
    family: 'ip',
    fields: {
      version: [0, 4],
      hdrlength: [4, 4],
      dscp: [8, 6, types.dscp],
      ecn: [14, 2, types.ecn],
      length: [16, 16],
      id: [32, 16],
      'frag-off': [48, 16],
      ttl: [64, 8],
      protocol: [72, 8, types.protocol],
      checksum: [80, 16],
      saddr: [96, 32, types.ipv4],
      daddr: [128, 32, types.ipv4],
    },
  },
  ip6: {
    base: 'nh',
    family: 'ip6',
    fields: {
      version: [0, 4],
      dscp: [4, 6, types.dscp],
      ecn: [10, 2, types.ecn],
      flowlabel: [12, 20],
      length: [32, 16],
      nexthdr: [48, 8, types.protocol],
      hoplimit: [56, 8],
      saddr: [64, 128, types.ipv6],
      daddr: [192, 128, types.ipv6],
    },
  },
  icmp: {
    base: 'th',
    protocol: 1,
    family: 'ip',
    fields: {
      type: [0, 8, types.icmpType],
      code: [8, 8, types.icmpCode],
      checksum: [16, 16],
      id: [32, 16],
      sequence: [48, 16],
      gateway: [32, 32],
      mtu: [48, 16],
    },
  },
  icmpv6: {
    base: 'th',
    protocol: 58,
    family: 'ip6',
    fields: {
      type: [0, 8, types.icmpv6Type],
      code: [8, 8, types.icmpv6Code],
      checksum: [16, 16],
      'parameter-problem': [32, 32],
      mtu: [32, 32],
      id: [32, 16],
      sequence: [48, 16],
      'max-delay': [32, 16],
    },
  },
  igmp: {
    base: 'th',
    protocol: 2,
    family: 'ip',
    fields: { type: [0, 8, types.igmpType], mrt: [8, 8], checksum: [16, 16], group: [32, 32, types.ipv4] },
  },
  ah: {
    base: 'th',
    protocol: 51,
    fields: {
      nexthdr: [0, 8, types.protocol],
      hdrlength: [8, 8],
      reserved: [16, 16],
      spi: [32, 32],
      sequence: [64, 32],
    },
  },
  esp: { base: 'th', protocol: 50, fields: { spi: [0, 32], sequence: [32, 32] } },
  comp: { base: 'th', protocol: 108, fields: { nexthdr: [0, 8, types.protocol], flags: [8, 8], cpi: [16, 16] } },
  udp: { base: 'th', protocol: 17, fields: { ...ports, length: [32, 16], checksum: [48, 16] } },
  udplite: { base: 'th', protocol: 136, fields: { ...ports, csumcov: [32, 16], checksum: [48, 16] } },
  tcp: {
    base: 'th',
    protocol: 6,
    fields: {
      ...ports,
      sequence: [32, 32],
      ackseq: [64, 32],
      doff: [96, 4],
      reserved: [100, 4],
      flags: [104, 8, types.tcpFlag],
      window: [112, 16],
      checksum: [128, 16],
      urgptr: [144, 16],
    },
  },
  dccp: { base: 'th', protocol: 33, fields: { ...ports, type: [67, 4, types.dccpType] } },
  sctp: { base: 'th', protocol: 132, fields: { ...ports, vtag: [32, 32], checksum: [64, 32] } },
  th: { base: 'th', fields: ports },
};

/** Types of ICMP messages that have the field at all; nft asks for them. */
const messages: Readonly<Record<string, readonly number[]>> = {
  'icmp id': [0, 8],
  'icmp sequence': [0, 8],
  'icmp gateway': [5],
  'icmp mtu': [3],
  'icmpv6 parameter-problem': [4],
  'icmpv6 mtu': [2],
  'icmpv6 id': [128, 129],
  'icmpv6 sequence': [128, 129],
  'icmpv6 max-delay': [130],
};

/** A load in bits: what the kernel loads are the bytes that it touches. */
export interface Span {
  readonly base: Base;
  readonly offset: number;
  readonly length: number;
}

/** Loads of 1, 2 and 4 bytes at a multiple of their length take a way of their own (nft_payload.c nft_payload_select_ops). */
const isFast = ({ offset, length }: Span): boolean => {
  const first = Math.floor(offset / 8);
  const bytes = Math.ceil((offset + length) / 8) - first;
  return [1, 2, 4].includes(bytes) && first % bytes === 0;
};

/**
 * What keeps a load from later fragments: everything behind the network header is refused there
 * (nft_payload.c nft_payload_eval), but not on the fast way (nf_tables_core.c nft_payload_fast_eval), as long as the
 * kernel does not look at the fragment offset there as well.
 */
export const fragmentGuard = (span: Span): Condition => {
  if (span.base !== 'th' && span.base !== 'ih') return yes;
  const first = is(key('fragoff'), 0);
  return span.base === 'th' && isFast(span) ? any([first, is(key('fragquirk'), 1)]) : first;
};

/** nft asks for the first device's type before it looks at an Ethernet header. */
const linkGuard = (base: Base): Condition => (base === 'll' ? is(key('iiftype'), 1) : yes);

const messageGuard = (name: string): Condition => {
  const asked = messages[name];
  if (!asked) return yes;
  const span: Span = { base: 'th', offset: 0, length: 8 };
  return all([
    fragmentGuard(span),
    within(
      payload('th', 0, 8),
      asked.map((type) => interval(type)),
    ),
  ]);
};

const register = (span: Span, before: Condition, type: types.Datatype, label: string, joined: Span = span): Bits => ({
  ...bitsRegister(payload(span.base, span.offset, span.length), type, label, all([before, fragmentGuard(joined)])),
  narrow: (bits) => register({ ...span, length: bits }, before, type, label),
});

const bases: readonly string[] = ['ll', 'nh', 'th', 'ih'];
const isBase = (name: string): name is Base => bases.includes(name);

interface Described {
  readonly span: Span;
  readonly before: Condition;
  readonly type: types.Datatype;
  readonly label: string;
}

const describeRaw = (value: Json): Described | undefined => {
  const [base, offset, length] = [
    textOf(value, 'base'),
    count(property(value, 'offset')),
    count(property(value, 'len')),
  ];
  if (base === undefined || !isBase(base) || offset === undefined || length === undefined) return undefined;
  // The longest register is 16 bytes (NFT_REG_SIZE).
  if (offset < 0 || length < 1 || length > 128) return undefined;
  return { span: { base, offset, length }, before: yes, type: integer, label: `@${base},${offset},${length}` };
};

const describeNamed = (value: Json, context: NftContext): Described | undefined => {
  const [protocol, field] = [textOf(value, 'protocol') ?? '', textOf(value, 'field') ?? ''];
  if (property(value, 'tunnel') !== undefined) return undefined;
  const header = Object.hasOwn(headers, protocol) ? headers[protocol] : undefined;
  const place = header && Object.hasOwn(header.fields, field) ? header.fields[field] : undefined;
  if (!header || !place) return undefined;
  const [offset, length, type = integer] = place;
  const isAsked = header.family !== undefined && (header.base === 'nh' || context.table.family === 'inet');
  const label = `${protocol} ${field}`;
  const before = all([
    isAsked && header.family ? onlyIn(header.family, context) : yes,
    linkGuard(header.base),
    header.protocol === undefined ? yes : is(key('l4proto'), header.protocol),
    messageGuard(label),
  ]);
  return { span: { base: header.base, offset, length }, before, type, label };
};

const describe = (value: Json, context: NftContext): Described | undefined =>
  property(value, 'base') === undefined ? describeNamed(value, context) : describeRaw(value);

/** The bits that `{"payload": value}` loads; undefined for a header that dnfw does not know. */
export const payloadSpan = (value: Json, context: NftContext): Span | undefined => describe(value, context)?.span;

const readPayload = (value: Json, context: NftContext, joined?: Span): Register => {
  const found = describe(value, context);
  if (found) return register(found.span, found.before, found.type, found.label, joined);
  const name = ['tunnel', 'protocol', 'field'].flatMap((part) => textOf(value, part) ?? []).join(' ');
  return { kind: 'unmodelled', what: `payload ${name || JSON.stringify(value)}` };
};

/** `joined` is the load of which this one has become a part; see nft-join.ts. */
export const payloadRegister = (value: Json, context: NftContext, joined?: Span): Register => {
  const name = joined ? undefined : textOf(value, 'field');
  if (name === undefined || property(value, 'tunnel') !== undefined) return readPayload(value, context, joined);
  const label = `${textOf(value, 'protocol')} ${name}`;
  const known = context.fields.get(label);
  if (known) return known;
  const found = readPayload(value, context);
  context.fields.set(label, found);
  return found;
};
