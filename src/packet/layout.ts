/**
 * The headers that a packet can be built of, as tables: where each field lies, under nft's name for it, how its value
 * is written and what it is when nobody says. Reading and printing packets in words know headers from here only.
 */
import * as protocols from '../netfilter/protocols.ts';

/** How a value is written; values.ts reads and prints each. */
export type ValueName =
  | 'number'
  | 'hex'
  | 'address'
  | 'address6'
  | 'ether'
  | 'ethertype'
  | 'port'
  | 'protocol'
  | 'flag'
  | 'fragment'
  | 'tcpflags'
  | 'dscp'
  | 'ecn'
  | 'icmptype'
  | 'icmpv6type'
  | 'dccptype';

/** What build.ts computes unless it is given. */
export type Computed = 'words' | 'extension' | 'ah' | 'total' | 'behind' | 'datagram' | 'next' | 'checksum';

/** In bits from the start of the header. */
export interface HeaderField {
  readonly offset: number;
  readonly length: number;
  readonly value: ValueName;
  readonly usual: bigint | Computed;
  /** Another name for bits that other fields cover too: it is read, and never printed. */
  readonly view: boolean;
}

/** What follows the fixed part and still belongs to the header. */
export interface Rest {
  readonly word: string;
  /** It is filled up with zeros to a multiple of so many bytes, counted with the fixed part. */
  readonly unit: number;
  readonly most: number;
  /** In hex. */
  readonly usual: string;
}

export type Role = 'link' | 'network' | 'extension' | 'transport' | 'tunnel';

export interface HeaderLayout {
  readonly role: Role;
  /** The number by which the header in front names it; absent for link and network headers and for tunnels. */
  readonly protocol?: number;
  readonly bytes: number;
  readonly fields: ReadonlyMap<string, HeaderField>;
  readonly rest?: Rest;
}

type Row = readonly [name: string, length: number, value?: ValueName, usual?: bigint | number | Computed];
type View = readonly [name: string, offset: number, length: number, value?: ValueName];

/** Fields one after the other, then other names for the same bits. */
const layout = (
  role: Role,
  protocol: number | undefined,
  rows: readonly Row[],
  views: readonly View[] = [],
  rest?: Rest,
): HeaderLayout => {
  const fields = new Map<string, HeaderField>();
  let at = 0;
  for (const [name, length, value = 'number', usual = 0n] of rows) {
    fields.set(name, {
      offset: at,
      length,
      value,
      usual: typeof usual === 'number' ? BigInt(usual) : usual,
      view: false,
    });
    at += length;
  }
  for (const [name, offset, length, value = 'number'] of views)
    fields.set(name, { offset, length, value, usual: 0n, view: true });
  return {
    role,
    bytes: at / 8,
    fields,
    ...(protocol === undefined ? {} : { protocol }),
    ...(rest ? { rest } : {}),
  };
};

const ports = (dport: number): readonly Row[] => [
  ['sport', 16, 'port', 49152],
  ['dport', 16, 'port', dport],
];
const checksum: Row = ['checksum', 16, 'hex', 'checksum'];
const nexthdr: Row = ['nexthdr', 8, 'protocol', 'next'];
/** PadN over six bytes (RFC 8200, section 4.2): the smallest options header without meaning. */
const padding: Rest = { word: 'option', unit: 8, most: 2046, usual: '010400000000' };

export const vxlanPort = 4789;

export type HeaderName =
  | 'ether'
  | 'ip'
  | 'ip6'
  | 'hbh'
  | 'dst'
  | 'rt'
  | 'frag'
  | 'mh'
  | 'ah'
  | 'tcp'
  | 'udp'
  | 'udplite'
  | 'sctp'
  | 'dccp'
  | 'icmp'
  | 'icmpv6'
  | 'igmp'
  | 'esp'
  | 'gre'
  | 'vxlan';

export const layouts: Readonly<Record<HeaderName, HeaderLayout>> = {
  ether: layout('link', undefined, [
    ['daddr', 48, 'ether', 0x02_00_00_00_00_01],
    ['saddr', 48, 'ether', 0x02_00_00_00_00_02],
    ['type', 16, 'ethertype', 'next'],
  ]),
  ip: layout(
    'network',
    undefined,
    [
      ['version', 4, 'number', 4],
      ['hdrlength', 4, 'number', 'words'],
      ['dscp', 6, 'dscp'],
      ['ecn', 2, 'ecn'],
      ['length', 16, 'number', 'total'],
      ['id', 16],
      ['reserved', 1, 'flag'],
      ['dont-fragment', 1, 'flag'],
      ['more-fragments', 1, 'flag'],
      ['frag-off', 13, 'fragment'],
      ['ttl', 8, 'number', 64],
      ['protocol', 8, 'protocol', 'next'],
      checksum,
      ['saddr', 32, 'address', 0xc6336402],
      ['daddr', 32, 'address', 0xcb007101],
    ],
    [['tos', 8, 8, 'hex']],
    { word: 'option', unit: 4, most: 40, usual: '' },
  ),
  ip6: layout(
    'network',
    undefined,
    [
      ['version', 4, 'number', 6],
      ['dscp', 6, 'dscp'],
      ['ecn', 2, 'ecn'],
      ['flowlabel', 20, 'hex'],
      ['length', 16, 'number', 'behind'],
      nexthdr,
      ['hoplimit', 8, 'number', 64],
      ['saddr', 128, 'address6', 0x20010db8_00000000_00000000_00000002n],
      ['daddr', 128, 'address6', 0x20010db8_00000000_00000000_00000001n],
    ],
    [['tclass', 4, 8, 'hex']],
  ),
  hbh: layout('extension', 0, [nexthdr, ['hdrlength', 8, 'number', 'extension']], [], padding),
  dst: layout('extension', 60, [nexthdr, ['hdrlength', 8, 'number', 'extension']], [], padding),
  rt: layout('extension', 43, [nexthdr, ['hdrlength', 8, 'number', 'extension'], ['type', 8], ['seg-left', 8]], [], {
    word: 'data',
    unit: 8,
    most: 2044,
    usual: '00000000',
  }),
  frag: layout('extension', 44, [
    nexthdr,
    ['reserved', 8],
    ['frag-off', 13],
    ['reserved2', 2],
    ['more-fragments', 1, 'flag'],
    ['id', 32],
  ]),
  mh: layout(
    'extension',
    135,
    [
      ['nexthdr', 8, 'protocol', 'next'],
      ['hdrlength', 8, 'number', 'extension'],
      ['type', 8],
      ['reserved', 8],
      checksum,
    ],
    [],
    { word: 'data', unit: 8, most: 2042, usual: '0000' },
  ),
  ah: layout(
    'extension',
    protocols.ah,
    [
      nexthdr,
      ['hdrlength', 8, 'number', 'ah'],
      ['reserved', 16],
      ['spi', 32, 'hex', 256],
      ['sequence', 32, 'number', 1],
    ],
    [],
    { word: 'icv', unit: 4, most: 1016, usual: '00'.repeat(12) },
  ),
  tcp: layout(
    'transport',
    protocols.tcp,
    [
      ...ports(80),
      ['sequence', 32],
      ['ackseq', 32],
      ['doff', 4, 'number', 'words'],
      ['reserved', 4],
      ['flags', 8, 'tcpflags', 2],
      ['window', 16, 'number', 64240],
      checksum,
      ['urgptr', 16],
    ],
    [],
    { word: 'option', unit: 4, most: 40, usual: '' },
  ),
  udp: layout('transport', protocols.udp, [...ports(53), ['length', 16, 'number', 'datagram'], checksum]),
  udplite: layout('transport', protocols.udplite, [...ports(53), ['csumcov', 16], checksum]),
  sctp: layout(
    'transport',
    protocols.sctp,
    [...ports(80), ['vtag', 32, 'hex'], ['checksum', 32, 'hex', 'checksum']],
    [],
    {
      word: 'chunk',
      unit: 1,
      most: 65535,
      // INIT with nothing but the window and the numbers of streams that RFC 4960 section 3.3.2 asks for.
      usual: '01000014000000010000ffff0001000100000001',
    },
  ),
  dccp: layout(
    'transport',
    protocols.dccp,
    [
      ...ports(80),
      ['doff', 8, 'number', 'words'],
      ['ccval', 4],
      ['cscov', 4],
      checksum,
      ['reserved', 3],
      ['type', 4, 'dccptype'],
      ['x', 1, 'flag', 1],
      ['reserved2', 8],
      ['sequence', 48],
    ],
    [],
    // The service code of a DCCP-Request (RFC 4340, section 5.1); options come behind it.
    { word: 'option', unit: 4, most: 1004, usual: '00000000' },
  ),
  icmp: layout(
    'transport',
    protocols.icmp,
    [['type', 8, 'icmptype', 8], ['code', 8], checksum, ['id', 16], ['sequence', 16]],
    [
      ['gateway', 32, 32, 'address'],
      ['mtu', 48, 16],
    ],
  ),
  icmpv6: layout(
    'transport',
    protocols.icmpv6,
    [['type', 8, 'icmpv6type', 128], ['code', 8], checksum, ['id', 16], ['sequence', 16]],
    [
      ['parameter-problem', 32, 32],
      ['packet-too-big', 32, 32],
      ['mtu', 32, 32],
      ['max-delay', 32, 16],
    ],
  ),
  igmp: layout('transport', 2, [['type', 8, 'hex', 0x11], ['mrt', 8], checksum, ['group', 32, 'address']]),
  esp: layout('transport', protocols.esp, [
    ['spi', 32, 'hex', 256],
    ['sequence', 32, 'number', 1],
  ]),
  gre: layout('transport', 47, [
    ['flags', 5, 'hex'],
    ['reserved', 8],
    ['version', 3],
    ['protocol', 16, 'ethertype', 0x800],
  ]),
  vxlan: layout('tunnel', undefined, [
    ['flags', 8, 'hex', 8],
    ['reserved', 24],
    ['vni', 24],
    ['reserved2', 8],
  ]),
};

export const isHeaderName = (name: string): name is HeaderName => Object.hasOwn(layouts, name);

// `Object.keys` forgets that the keys of a record are its names.
export const headerNames: readonly HeaderName[] = Object.keys(layouts) as HeaderName[];

const byProtocol = (role: Role): ReadonlyMap<number, HeaderName> =>
  new Map(
    headerNames.flatMap((name): [number, HeaderName][] => {
      const { protocol, role: own } = layouts[name];
      return own === role && protocol !== undefined ? [[protocol, name]] : [];
    }),
  );

export const transports: ReadonlyMap<number, HeaderName> = byProtocol('transport');
/** All of them for IPv6; of IPv4 only the authentication header stands in front of a transport. */
export const extensions: ReadonlyMap<number, HeaderName> = byProtocol('extension');
