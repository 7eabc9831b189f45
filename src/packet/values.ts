/** How values of header fields and keys are written: numbers, addresses, and the names that nft and iptables know. */
import { packetTypes, routeTypes } from '../netfilter/words.ts';
import type { Code } from '../diagnostics/catalogue.ts';
import { parseAddress, printAddress } from '../netfilter/address.ts';
import { dscpByClass } from '../netfilter/dscp.ts';
import type { Family } from '../netfilter/family.ts';
import { icmpByName, icmpCandidates, nftIcmpType } from '../netfilter/icmp.ts';
import { protocolName, protocolNumber } from '../netfilter/protocols.ts';
import { serviceNumber } from '../netfilter/services.ts';
import { ctStates } from './field.ts';
import type { ValueName } from './layout.ts';
import { nearest } from './suggest.ts';

export interface Bad {
  readonly bad: string;
  readonly help?: string;
  readonly code?: Code;
}

/** A value that says something about fields beside its own, such as an ICMP type with a code. */
export interface Several {
  readonly value: bigint;
  readonly also: Readonly<Record<string, bigint>>;
}

export interface ValueType {
  readonly read: (text: string) => bigint | Several | Bad;
  readonly print: (value: bigint) => string;
}

type Names = Readonly<Record<string, number>>;

const plainNumber = /^(?:0|[1-9]\d*|0x[0-9a-f]+)$/i;

/** Decimal or 0x…; a leading zero is refused, because iptables takes it for octal and nft does not. */
const readNumber = (text: string, bits: number): bigint | Bad => {
  if (!plainNumber.test(text) || text.length > 60)
    return {
      bad: `"${text}" is no number`,
      ...(/^0\d+$/.test(text)
        ? { help: `write ${text.replace(/^0+(?=\d)/, '')}: a leading zero could mean octal` }
        : {}),
    };
  const value = BigInt(text);
  const most = (1n << BigInt(bits)) - 1n;
  return value <= most ? value : { bad: `${text} is too large`, code: 'value-out-of-range', help: `at most ${most}` };
};

export const number = (bits: number): ValueType => ({ read: (text) => readNumber(text, bits), print: String });

export const hex = (bits: number): ValueType => ({
  read: (text) => readNumber(text, bits),
  print: (value) => (value === 0n ? '0' : `0x${value.toString(16)}`),
});

const lookup = (names: Names, text: string): bigint | undefined => {
  const lower = text.toLowerCase();
  return Object.hasOwn(names, lower) ? BigInt(names[lower] ?? 0) : undefined;
};

/** One of some names, or a number; printed as the first name that fits. */
export const named = (bits: number, names: Names): ValueType => ({
  read: (text) => {
    const found = lookup(names, text) ?? readNumber(text, bits);
    if (typeof found === 'bigint' || found.code) return found;
    const near = nearest(text, Object.keys(names));
    return {
      bad: `"${text}" is neither a number nor a name`,
      help: near === undefined ? `names: ${Object.keys(names).join(', ')}` : `did you mean ${near}?`,
    };
  },
  print: (value) => Object.keys(names).find((name) => BigInt(names[name] ?? -1) === value) ?? String(value),
});

/** Names of single bits, joined by | or a comma, or a number. */
export const flags = (bits: number, names: Names): ValueType => ({
  read: (text) => {
    if (/^\d/.test(text)) return readNumber(text, bits);
    let value = 0n;
    for (const part of text.split(/[|,]/)) {
      const bit = lookup(names, part);
      if (bit === undefined)
        return { bad: `"${part}" is no flag`, help: `flags: ${Object.keys(names).join(', ')}; joined by |` };
      value |= bit;
    }
    return value;
  },
  print: (value) => {
    const found = Object.keys(names).filter((name) => (value & BigInt(names[name] ?? 0)) !== 0n);
    const covered = found.reduce((sum, name) => sum | BigInt(names[name] ?? 0), 0n);
    return value !== 0n && covered === value ? found.join('|') : value === 0n ? '0' : `0x${value.toString(16)}`;
  },
});

export const flag: ValueType = {
  ...named(1, { yes: 1, no: 0, true: 1, false: 0, exists: 1, missing: 0, on: 1, off: 0 }),
  print: (value) => (value === 1n ? 'yes' : 'no'),
};

/** What nft calls the answer to "is there one". */
export const existence: ValueType = { ...flag, print: (value) => (value === 1n ? 'exists' : 'missing') };

export const address = (family: Family): ValueType => ({
  read: (text) => {
    const found = parseAddress(text, family);
    if (found !== undefined) return found;
    if (parseAddress(text, family === 'ip' ? 'ip6' : 'ip') !== undefined)
      return { bad: `${text} is an address of the other IP family`, code: 'wrong-family' };
    return /[g-z]/i.test(text) && !text.includes(':')
      ? { bad: `"${text}" is a host name`, code: 'host-name', help: 'write the address itself' }
      : { bad: `"${text}" is no IP${family === 'ip' ? 'v4' : 'v6'} address`, code: 'bad-address' };
  },
  print: (value) => printAddress(value, family),
});

const ether: ValueType = {
  read: (text) =>
    /^[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}$/i.test(text)
      ? text.split(':').reduce((value, part) => (value << 8n) | BigInt(`0x${part}`), 0n)
      : { bad: `"${text}" is no Ethernet address`, code: 'bad-address', help: 'write six bytes as 02:00:00:00:00:01' },
  print: (value) =>
    Array.from({ length: 6 }, (_, i) => ((value >> BigInt(40 - 8 * i)) & 0xffn).toString(16).padStart(2, '0')).join(
      ':',
    ),
};

const port: ValueType = {
  read: (text) => {
    const service = serviceNumber(text);
    if (service !== undefined) return BigInt(service);
    const found = readNumber(text, 16);
    return typeof found === 'bigint' || found.code ? found : { bad: `"${text}" is neither a port nor a known service` };
  },
  print: String,
};

export const protocol: ValueType = {
  read: (text) => {
    if (/^\d/.test(text)) return readNumber(text, 8);
    const found = text.toLowerCase() === 'all' ? undefined : protocolNumber(text);
    return found === undefined ? { bad: `"${text}" is neither a protocol nor a number` } : BigInt(found);
  },
  print: (value) => (value === 0n ? '0' : protocolName(Number(value))),
};

const icmpType = (family: Family): ValueType => ({
  read: (text) => {
    if (/^\d/.test(text)) return readNumber(text, 8);
    const nft = Array.from({ length: 256 }, (_, type) => type).find((type) => nftIcmpType(type, family) === text);
    if (nft !== undefined) return BigInt(nft);
    const [name, ...others] = icmpCandidates(text, family).filter((one) => one !== 'any');
    if (name === undefined) return { bad: `"${text}" is no ${family === 'ip' ? 'ICMP' : 'ICMPv6'} type` };
    if (others.length > 0) return { bad: `"${text}" could be ${[name, ...others].join(', ')}` };
    const { type, code } = icmpByName(name, family);
    return code === undefined ? BigInt(type) : { value: BigInt(type), also: { code: BigInt(code) } };
  },
  print: (value) => String(nftIcmpType(Number(value), family)),
});

const dscp: ValueType = {
  read: (text) => {
    const found = dscpByClass(text);
    return found === undefined ? named(6, {}).read(text) : BigInt(found);
  },
  print: String,
};

/** The sixteen bits of nft's `ip frag-off`: above 0x1fff its flags are said too. */
const fragment: ValueType = {
  read: (text) => {
    const found = readNumber(text, 16);
    if (typeof found !== 'bigint' || found <= 0x1fffn) return found;
    const bit = (at: bigint): bigint => (found >> at) & 1n;
    return {
      value: found & 0x1fffn,
      also: { 'more-fragments': bit(13n), 'dont-fragment': bit(14n), reserved: bit(15n) },
    };
  },
  print: String,
};

/** The order in which nft lists them; the bits are those of the TCP header. */
const tcpFlags = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ecn: 64, cwr: 128 };

/** RFC 4340, table 1. */
const dccpTypes: Names = {
  request: 0,
  response: 1,
  data: 2,
  ack: 3,
  dataack: 4,
  closereq: 5,
  close: 6,
  reset: 7,
  sync: 8,
  syncack: 9,
};

const etherTypes: Names = { ip: 0x0800, ip6: 0x86dd, arp: 0x0806, vlan: 0x8100, ipv4: 0x0800, ipv6: 0x86dd };

/** The type of a header's field of so many bits. */
export const valueType = (name: ValueName, bits: number): ValueType => {
  switch (name) {
    case 'number':
      return number(bits);
    case 'hex':
      return hex(bits);
    case 'address':
      return address('ip');
    case 'address6':
      return address('ip6');
    case 'ether':
      return ether;
    case 'ethertype':
      return named(16, etherTypes);
    case 'port':
      return port;
    case 'protocol':
      return protocol;
    case 'flag':
      return flag;
    case 'fragment':
      return fragment;
    case 'tcpflags':
      return flags(8, tcpFlags);
    case 'dscp':
      return dscp;
    case 'ecn':
      return named(2, { 'not-ect': 0, ect1: 1, ect0: 2, ce: 3 });
    case 'icmptype':
      return icmpType('ip');
    case 'icmpv6type':
      return icmpType('ip6');
    case 'dccptype':
      return named(4, dccpTypes);
  }
};

export const ctState: ValueType = named(32, ctStates);

/** Bits of enum ip_conntrack_status in include/uapi/linux/netfilter/nf_conntrack_common.h. */
export const ctStatusBits: { readonly [name in 'expected' | 'snat' | 'dnat']: number } = {
  expected: 1,
  snat: 16,
  dnat: 32,
};

export const ctStatus: ValueType = flags(32, {
  expected: 1,
  'seen-reply': 2,
  assured: 4,
  confirmed: 8,
  snat: 16,
  dnat: 32,
  dying: 512,
});

export const pkttype: ValueType = named(3, packetTypes);
export const direction: ValueType = named(1, { original: 0, reply: 1 });
/** NFPROTO_IPV4 and NFPROTO_IPV6. */
export const nfproto: ValueType = named(8, { ipv4: 2, ipv6: 10, ip: 2, ip6: 10 });

export const routeType: ValueType = named(32, routeTypes);
