/** Data types of nft: how a constant of each is written in JSON, and how many bits it has. */
import { packetTypes, routeTypes } from '../netfilter/words.ts';
import { parseIpv4, parseIpv6 } from '../netfilter/address.ts';
import { protocolNumber } from '../netfilter/protocols.ts';
import { serviceNumber } from '../netfilter/services.ts';
import { isList, type Json, property, single } from '../nftables/json.ts';
import * as words from './nft-words.ts';

export interface Datatype {
  readonly name: string;
  readonly words?: words.Words;
  /** Words that are no fixed list; undefined for one that only the host knows. */
  readonly read?: (word: string) => bigint | undefined;
  /** A list of words is their bits together, and operator `in` asks for any of them. */
  readonly isBitmask?: boolean;
  /** What a number in JSON counts, in the kernel's unit. */
  readonly scale?: bigint;
  /** A number in JSON is the number of a bit. */
  readonly isBitNumber?: boolean;
}

const etherAddress = (word: string): bigint | undefined =>
  /^[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}$/.test(word)
    ? word.split(':').reduce((value, byte) => (value << 8n) | BigInt(`0x${byte}`), 0n)
    : undefined;

/** `major:minor` in hexadecimal, either of which may be left out (tc(8)). */
const tcHandle = (word: string): bigint | undefined => {
  if (word === 'none') return 0n;
  if (word === 'root') return 0xffff_ffffn;
  const found = /^([0-9a-fA-F]{0,4}):([0-9a-fA-F]{0,4})$/.exec(word);
  if (!found || word === ':') return undefined;
  return (BigInt(`0x${found[1] || '0'}`) << 16n) | BigInt(`0x${found[2] || '0'}`);
};

const day = (word: string): bigint | undefined => {
  const lower = word.toLowerCase();
  const names = Object.keys(words.days).filter((name) => lower.length >= 3 && name.startsWith(lower));
  return names.length === 1 ? BigInt(words.days[names[0] ?? ''] ?? 0) : undefined;
};

const numbered =
  (find: (word: string) => number | undefined) =>
  (word: string): bigint | undefined => {
    const found = find(word);
    return found === undefined ? undefined : BigInt(found);
  };

const worded = (name: string, list: words.Words, more: Partial<Datatype> = {}): Datatype => ({
  name,
  words: list,
  ...more,
});

export const integer: Datatype = { name: 'integer' };
export const ipv4: Datatype = { name: 'ipv4_addr', read: parseIpv4 };
export const ipv6: Datatype = { name: 'ipv6_addr', read: parseIpv6 };
export const ether: Datatype = { name: 'ether_addr', read: etherAddress };
export const protocol: Datatype = { name: 'inet_proto', read: numbered(protocolNumber) };
export const service: Datatype = { name: 'inet_service', read: numbered(serviceNumber) };
export const mark: Datatype = { name: 'mark' };
export const tcpFlag: Datatype = worded('tcp_flag', words.tcpFlags, { isBitmask: true });
export const ctState: Datatype = worded('ct_state', words.ctStates, { isBitmask: true });
export const ctStatus: Datatype = worded('ct_status', words.ctStatuses, { isBitmask: true });
export const ctEvent: Datatype = worded('ct_event', words.ctEvents, { isBitmask: true });
/** Names of labels are in a file of the host. */
export const ctLabel: Datatype = { name: 'ct_label', isBitmask: true, isBitNumber: true };
export const ctDirection: Datatype = worded('ct_dir', words.directions);
export const boolean: Datatype = worded('boolean', words.booleans);
export const nfProtocol: Datatype = worded('nf_proto', words.nfProtocols);
export const etherType: Datatype = worded('ether_type', words.etherTypes);
export const icmpType: Datatype = worded('icmp_type', words.icmpTypes);
export const icmpCode: Datatype = worded('icmp_code', words.icmpCodes);
export const icmpv6Type: Datatype = worded('icmpv6_type', words.icmpv6Types);
export const icmpv6Code: Datatype = worded('icmpv6_code', words.icmpv6Codes);
export const igmpType: Datatype = worded('igmp_type', words.igmpTypes);
export const mhType: Datatype = worded('mh_type', words.mhTypes);
export const dccpType: Datatype = worded('dccp_pkttype', words.dccpTypes);
export const ecn: Datatype = worded('ecn', words.ecns);
export const dscp: Datatype = worded('dscp', words.dscps);
export const packetType: Datatype = worded('pkt_type', packetTypes);
export const routeType: Datatype = worded('fib_addrtype', routeTypes);
export const deviceType: Datatype = worded('iface_type', words.deviceTypes);
export const deviceGroup: Datatype = worded('devgroup', words.deviceGroups);
export const realm: Datatype = worded('realm', words.realms);
export const user: Datatype = worded('uid', words.users);
export const group: Datatype = worded('gid', words.users);
export const priority: Datatype = { name: 'priority', read: tcHandle };
export const weekday: Datatype = { name: 'day', read: day };
/** Seconds of the day. A word is local time of whoever reads it, which the ruleset does not say. */
export const hour: Datatype = { name: 'hour' };
/** The kernel counts nanoseconds since 1970, JSON seconds. A word is local time again. */
export const time: Datatype = { name: 'time', scale: 1_000_000_000n };
/** The kernel counts milliseconds, JSON seconds. */
export const duration: Datatype = { name: 'time', scale: 1000n };
/** The number of a device; 0 is none. `exists` and `missing` are all that dnfw compares it with. */
export const routeDevice: Datatype = worded('iface_index', words.booleans, { scale: 0n });

const all: readonly Datatype[] = [
  integer, ipv4, ipv6, ether, protocol, service, mark, tcpFlag, ctState, ctStatus, ctEvent, ctLabel, ctDirection, boolean,
  nfProtocol, etherType, icmpType, icmpCode, icmpv6Type, icmpv6Code, igmpType, mhType, dccpType, ecn, dscp, packetType,
  routeType, deviceType, deviceGroup, realm, user, group, priority, weekday, hour, time,
]; // prettier-ignore
const byName: ReadonlyMap<string, Datatype> = new Map(all.map((type) => [type.name, type]));

/** The type that a set declares for its keys. */
export const datatypeNamed = (name: string): Datatype | undefined => byName.get(name);

const readNumber = (value: bigint, type: Datatype): bigint | undefined => {
  if (type === routeDevice) return value === 0n ? 0n : undefined;
  if (type.isBitNumber) return value < 128n ? 1n << value : undefined;
  return value * (type.scale ?? 1n);
};

const readWord = (word: string, type: Datatype): bigint | undefined => {
  const known = type.words && words.wordIn(type.words, word);
  if (known !== undefined) return BigInt(known);
  const read = type.read?.(word);
  if (read !== undefined) return read;
  return /^(?:0x[0-9a-fA-F]+|\d+)$/.test(word) ? readNumber(BigInt(word), type) : undefined;
};

/** One constant: a number, a word, several flags, or constants joined by `|`. */
export const readConstant = (value: Json | undefined, type: Datatype): bigint | undefined => {
  if (typeof value === 'number')
    return Number.isSafeInteger(value) && value >= 0 ? readNumber(BigInt(value), type) : undefined;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value === 'string') return readWord(value, type);
  const parts = isList(value) ? value : property(value, '|');
  if (isList(parts) && (type.isBitmask === true || !isList(value))) {
    let bits = 0n;
    for (const part of parts) {
      const bit = readConstant(part, type);
      if (bit === undefined) return undefined;
      bits |= bit;
    }
    return parts.length > 0 ? bits : undefined;
  }
  const found = single(value);
  return found && (found[0] === '&' || found[0] === '^' || found[0] === '<<' || found[0] === '>>')
    ? readArithmetic(found[0], found[1], type)
    : undefined;
};

/** nft itself computes what has constants on both sides. */
const readArithmetic = (operator: '&' | '^' | '<<' | '>>', operands: Json, type: Datatype): bigint | undefined => {
  if (!isList(operands) || operands.length < 2) return undefined;
  const isShift = operator === '<<' || operator === '>>';
  let value: bigint | undefined;
  for (const [index, operand] of operands.entries()) {
    const next = readConstant(operand, isShift && index > 0 ? integer : type);
    if (next === undefined || (isShift && next > 128n)) return undefined;
    if (value === undefined) value = next;
    else if (operator === '&') value &= next;
    else if (operator === '^') value ^= next;
    else if (operator === '<<') value <<= next;
    else value >>= next;
  }
  return value;
};
