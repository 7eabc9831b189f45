/** How the NAT targets write addresses and ports: struct nf_nat_range2 in include/uapi/linux/netfilter/nf_nat.h. */
import { type Bad, isBad, type ValueType } from '../iptables/grammar.ts';
import { type Address, parseAddress, printAddress } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import { serviceNumber } from '../netfilter/services.ts';
import { parsePort, type PortRange, printPortRange } from './ports.ts';

/** Ports to map to. With a base, port `base + n` goes to port `low + n` (NF_NAT_RANGE_PROTO_OFFSET). */
export interface NatPorts extends PortRange {
  readonly base?: number;
}

export interface NatRange {
  readonly addresses?: { readonly low: Address; readonly high: Address };
  readonly ports?: NatPorts;
}

/** A part that is missing is shown at the separator in front of it. */
const placeOf = (text: string, at: number): { readonly at: number; readonly length: number } =>
  text === '' ? { at: Math.max(0, at - 1), length: 1 } : { at, length: text.length };

const moved = (bad: Bad, text: string, at: number): Bad => {
  const place = placeOf(text, at);
  return { ...bad, at: bad.at === undefined ? place.at : at + bad.at, length: bad.length ?? place.length };
};

const parseBase = (text: string): number | Bad => {
  const base = parsePort(text);
  return base === 0
    ? { bad: 'ports cannot be counted from 0', code: 'value-out-of-range', help: 'the base goes from 1 to 65535' }
    : base;
};

/** `80`, `http`, `80-90`; with `shift` also `80-90/1080`. Names only where there is no range. */
export const parseNatPorts = (text: string, shift: boolean): NatPorts | Bad => {
  if (text === '') return { bad: 'a port is missing', help: 'give a port, or two with a dash between them' };
  if (serviceNumber(text) !== undefined) {
    const port = parsePort(text);
    return isBad(port) ? port : { low: port, high: port };
  }
  const slash = text.indexOf('/');
  if (slash >= 0 && !shift)
    return { bad: 'only DNAT can shift ports', at: slash, help: 'the kernel has a base port for DNAT only' };
  const ports = slash < 0 ? text : text.slice(0, slash);
  const dash = ports.indexOf('-');
  const ends = dash < 0 ? [ports] : [ports.slice(0, dash), ports.slice(dash + 1)];
  if (dash > 0 && ends.some((end) => serviceNumber(end) !== undefined))
    return { bad: `"${ports}" is a range of services`, help: 'give the ends of a range as numbers' };
  const low = parsePort(ends[0] ?? '');
  if (isBad(low)) return moved(low, ends[0] ?? '', 0);
  const high = dash < 0 ? low : parsePort(ends[1] ?? '');
  if (isBad(high)) return moved(high, ends[1] ?? '', dash + 1);
  if (high < low) return { bad: `the range ${ports} ends before it starts`, help: 'write the lower port first' };
  if (slash < 0) return { low, high };
  const base = parseBase(text.slice(slash + 1));
  return isBad(base) ? moved(base, text.slice(slash + 1), slash + 1) : { low, high, base };
};

const printNatPorts = (ports: NatPorts): string =>
  `${printPortRange(ports, '-')}${ports.base === undefined ? '' : `/${ports.base}`}`;

/** The ports of MASQUERADE and REDIRECT. */
export const natPorts: ValueType<NatPorts> = {
  syntax: 'port[-port]',
  words: 1,
  parse: (text) => parseNatPorts(text, false),
  print: printNatPorts,
  copied: 'port',
  samples: () => ['80', '0', '65535', '1024-65535', '80-80', 'http'],
};

const otherFamily = (family: Family): Family => (family === 'ip' ? 'ip6' : 'ip');

const parseOne = (text: string, family: Family, at: number): Address | Bad => {
  const address = parseAddress(text, family);
  if (address !== undefined) return address;
  const place = placeOf(text, at);
  if (parseAddress(text, otherFamily(family)) !== undefined)
    return { bad: `${text} is an address of the other IP family`, code: 'wrong-family', ...place };
  return {
    bad: text === '' ? 'an address is missing' : `"${text}" is not an ${family === 'ip' ? 'IPv4' : 'IPv6'} address`,
    code: 'bad-address',
    help: 'give an address, or two with a dash between them; names are not resolved',
    ...place,
  };
};

const parseAddresses = (text: string, family: Family, at: number): NonNullable<NatRange['addresses']> | Bad => {
  const dash = text.indexOf('-');
  const low = parseOne(dash < 0 ? text : text.slice(0, dash), family, at);
  if (isBad(low)) return low;
  const high = dash < 0 ? low : parseOne(text.slice(dash + 1), family, at + dash + 1);
  return isBad(high) ? high : { low, high };
};

interface Parts {
  readonly addresses?: { readonly text: string; readonly at: number };
  readonly ports?: { readonly text: string; readonly at: number };
}

/** Where addresses and ports stand: `a:p` in IPv4, `[a]:p` in IPv6, where `a:p` would be one address. */
const splitParts = (text: string, family: Family): Parts | Bad => {
  if (family === 'ip') {
    const colon = text.indexOf(':');
    if (colon < 0) return { addresses: { text, at: 0 } };
    const ports = { text: text.slice(colon + 1), at: colon + 1 };
    return colon === 0 ? { ports } : { addresses: { text: text.slice(0, colon), at: 0 }, ports };
  }
  if (/^:[^:]/.test(text)) return { ports: { text: text.slice(1), at: 1 } };
  if (!text.startsWith('[')) return { addresses: { text, at: 0 } };
  const end = text.indexOf(']');
  if (end < 0) return { bad: 'a square bracket is not closed', help: 'write [address]:port' };
  const addresses = { text: text.slice(1, end), at: 1 };
  if (end === text.length - 1) return { addresses };
  if (text[end + 1] !== ':')
    return { bad: 'a colon is missing behind the bracket', at: end + 1, help: 'write [address]:port' };
  return { addresses, ports: { text: text.slice(end + 2), at: end + 2 } };
};

const parseRange = (text: string, family: Family, shift: boolean): NatRange | Bad => {
  const parts = splitParts(text, family);
  if (isBad(parts)) return parts;
  const addresses = parts.addresses && parseAddresses(parts.addresses.text, family, parts.addresses.at);
  if (isBad(addresses)) return addresses;
  const ports = parts.ports && parseNatPorts(parts.ports.text, shift);
  if (isBad(ports)) return moved(ports, parts.ports?.text ?? '', parts.ports?.at ?? 0);
  return { ...(addresses ? { addresses } : {}), ...(ports ? { ports } : {}) };
};

const printRange = ({ addresses, ports }: NatRange, family: Family): string => {
  const text = addresses
    ? [...new Set([addresses.low, addresses.high])].map((address) => printAddress(address, family)).join('-')
    : '';
  if (!ports) return text;
  return `${family === 'ip6' && text !== '' ? `[${text}]` : text}:${printNatPorts(ports)}`;
};

/** `address[-address][:port[-port]]`; either part may be missing, and `shift` allows `/base` behind the ports. */
export const natRange = (shift: boolean): ValueType<NatRange> => ({
  syntax: `[address[-address]][:port[-port${shift ? '[/base]' : ''}]]`,
  words: 1,
  parse: (text, family) => parseRange(text, family, shift),
  print: printRange,
  copied: 'endpoint',
  samples: (family) =>
    family === 'ip' ? ['10.0.0.1', '10.0.0.1-10.0.0.9'] : ['2001:db8::1', '2001:db8::1-2001:db8::9', '[2001:db8::1]'],
});
