/** Conditions as phrases about a packet: "the UDP destination port is 4789", "it came through IPsec". */
import type { Family } from '../netfilter/family.ts';
import { nftIcmpType } from '../netfilter/icmp.ts';
import { icmp, icmpv6 } from '../netfilter/protocols.ts';
import type { Condition, Interval } from '../packet/condition.ts';
import { conditionWords, contextOf } from '../packet/describe.ts';
import { narrowed } from '../packet/narrow.ts';
import { fieldWords, testWords, type WordContext } from '../packet/fieldwords.ts';

const upper: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp', 'dccp', 'icmp', 'icmpv6', 'esp', 'ah', 'gre']);

/** Names of protocols as people write them. */
export const protocolWords = (name: string): string =>
  name === 'ipv6-icmp' ? 'ICMPv6' : name === 'udplite' ? 'UDP-Lite' : upper.has(name) ? name.toUpperCase() : name;

const sides: Readonly<Record<string, string>> = { sport: 'source port', dport: 'destination port' };

const subjects: Readonly<Record<string, string>> = {
  'ip saddr': 'the source address',
  'ip6 saddr': 'the source address',
  'ip daddr': 'the destination address',
  'ip6 daddr': 'the destination address',
  'meta l4proto': 'the protocol',
  protocol: 'the protocol',
  'ip protocol': 'the protocol field of the header',
  'ip length': 'the length of the packet',
  'meta length': 'the length of the packet',
  'ip ttl': 'the time to live',
  'ip6 hoplimit': 'the hop limit',
  'ip dscp': 'the DSCP',
  'ip6 dscp': 'the DSCP',
  'vxlan vni': 'the VXLAN network identifier (vni)',
  'meta mark': 'the mark',
  'ct mark': 'the connection mark',
  'ct state': 'the connection state',
  'ct status': 'the connection status',
  'ct direction': 'the direction in the connection',
  'meta pkttype': 'the packet type',
  'meta skuid': 'the user of the socket',
  'meta skgid': 'the group of the socket',
  'fragment offset': 'the fragment offset (in units of 8 bytes)',
  'fib daddr type': 'the type of the destination address',
  'fib saddr type': 'the type of the source address',
};

const subjectOf = (field: string): string | undefined => {
  const [header = '', name = ''] = field.split(' ');
  const side = sides[name];
  if (side !== undefined) return header === 'th' ? `the ${side}` : `the ${protocolWords(header)} ${side}`;
  return subjects[field];
};

const listed = (words: readonly string[], by: string): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${by} ${words.at(-1)}`;

/** `0x1006` behind the number by which Docker and VXLAN tools call a network. */
const vniWords = (value: bigint): string => `${value} (0x${value.toString(16)})`;

const isOne = (ranges: readonly Interval[]): boolean =>
  ranges.length === 1 && ranges[0] !== undefined && ranges[0].low === ranges[0].high;

const valuesOf = (name: string, wanted: string, ranges: readonly Interval[], shift: bigint): readonly string[] => {
  if (name === 'vxlan vni')
    return ranges.map(({ low, high }) =>
      low >> shift === high >> shift
        ? vniWords(low >> shift)
        : `${vniWords(low >> shift)} to ${vniWords(high >> shift)}`,
    );
  return wanted.split(',').map((word) => (subjects[name] === 'the protocol' ? protocolWords(word) : word));
};

type Test = Extract<Condition, { readonly kind: 'test' }>;

const special = ({ field, ranges }: Test, negated: boolean): string | undefined => {
  if (field.kind !== 'key' || !isOne(ranges)) return undefined;
  const value = ranges[0]?.low;
  const yes = (value === 1n) !== negated;
  if (field.key === 'secpath')
    return yes ? 'it came through IPsec and was decrypted (whatever the security association)' : 'it did not come through IPsec'; // prettier-ignore
  if (field.key === 'fragoff' || field.key === 'xtfragoff') {
    if (value === 0n) return negated ? 'it is a later fragment' : 'it is not a later fragment';
    return `it is ${negated ? 'not ' : ''}the fragment at byte ${Number(value) * 8}`;
  }
  if (field.key === 'rtipsec') return yes ? 'it will leave through IPsec' : 'it will not leave through IPsec';
  if (/^fib\.[sd]addr.*\.type$/.test(field.key) && value === 2n) {
    const which = field.key.startsWith('fib.d') ? 'destination' : 'source';
    return `the ${which} address is ${negated ? 'not ' : ''}one of this host (type local)`;
  }
  return undefined;
};

/** Type and code of ICMP in one load of 16 bits. */
const icmpPhrase = ({ field, mask, ranges }: Test, negated: boolean, { family, protocol }: WordContext): string | undefined => {
  const isIcmp = protocol === icmp || protocol === icmpv6;
  if (!isIcmp || field.kind !== 'payload' || field.base === 'nh' || field.offset !== 0 || field.length !== 16 || mask !== undefined) return undefined;
  const words = ranges.map(({ low, high }) => {
    const type = Number(low >> 8n);
    const code = Number(low & 0xffn);
    const name = `${nftIcmpType(type, family)} (${type})`;
    return (low & 0xffn) === 0n && high === low + 0xffn ? name : `${name} with code ${code}${high === low ? '' : ` to ${Number(high & 0xffn)}`}`;
  });
  return `the ${protocol === icmp ? 'ICMP' : 'ICMPv6'} type is ${negated ? 'not ' : ''}${listed(words, 'or')}`;
}; // prettier-ignore

const testPhrase = (given: Test, negated: boolean, context: WordContext): string => {
  const test = narrowed(given, context);
  const { field, mask, ranges } = test;
  const found = special(test, negated) ?? icmpPhrase(test, negated, context);
  if (found !== undefined) return found;
  const { field: name, wanted } = testWords(field, mask, ranges, context);
  const subject = subjectOf(name);
  const shift = name === 'vxlan vni' && field.kind === 'payload' && field.length === 32 ? 8n : 0n;
  if (subject === undefined) return negated ? `not ${conditionWords(test, context)}` : conditionWords(test, context);
  const values = valuesOf(name, wanted, ranges, shift);
  const verb = /\//.test(wanted) && isOne(ranges) ? 'is in' : 'is';
  return `${subject} ${negated ? verb.replace('is', 'is not') : verb} ${listed(values, 'or')}`;
};

type Name = Extract<Condition, { readonly kind: 'name' }>;

const namePhrase = (condition: Name, negated: boolean, context: WordContext): string => {
  const { key, text, prefix } = condition;
  const device = `${prefix ? 'a device whose name begins with ' : ''}${text === '' ? 'no device' : text}`;
  if (key === 'iifname') return negated ? `it did not come in through ${device}` : `it came in through ${device}`;
  if (key === 'oifname') return negated ? `it does not leave through ${device}` : `it leaves through ${device}`;
  return negated ? `not ${conditionWords(condition, context)}` : conditionWords(condition, context);
};

const limitId = /^limit rate=(\S+) burst=(\d+) packets$/;

const opaquePhrase = (id: string, negated: boolean): string => {
  const limit = limitId.exec(id);
  if (limit) return `the rate limit of ${limit[1]} with a burst of ${limit[2]} ${negated ? 'is used up' : 'is not used up'}`; // prettier-ignore
  const random = /^random p=(\d+)\/2147483648$/.exec(id)?.[1];
  if (random !== undefined)
    return `a random draw ${negated ? 'fails' : 'succeeds'} (${((Number(random) / 2 ** 31) * 100).toPrecision(3)} %)`;
  const nth = /^nth every=(\d+) packet=(\d+)$/.exec(id);
  if (nth) return `it is ${negated ? 'not ' : ''}packet ${Number(nth[2])} (from 0) of every ${nth[1]}`;
  return negated ? `not: ${id}` : id;
};

/** Longer phrases are harder to read than the program that they explain. */
const longest = 400;

const joined = (parts: readonly Condition[], by: string, negated: boolean, context: WordContext): string =>
  parts
    .map((part) => {
      const words = phrase(part, context, negated);
      const isJoined = part.kind === 'all' || part.kind === 'any';
      return isJoined ? `(${words})` : words;
    })
    .join(`, ${by} `);

/** `negated`: the phrase for the opposite. */
export const phrase = (condition: Condition, around: WordContext, negated = false): string => {
  const context = contextOf(condition, around);
  switch (condition.kind) {
    case 'test':
      return testPhrase(condition, negated, context);
    case 'name':
      return namePhrase(condition, negated, context);
    case 'not':
      return phrase(condition.of, context, !negated);
    case 'all':
      return joined(condition.of, negated ? 'or' : 'and', negated, context);
    case 'any':
      return joined(condition.of, negated ? 'and' : 'or', negated, context);
    case 'opaque':
      return opaquePhrase(condition.predicate.id, negated);
    case 'present':
      return `it has ${negated ? 'no ' : ''}${fieldWords(condition.field, context)}`;
    case 'program':
      return negated ? `the program does not match: ${condition.text}` : `the program matches: ${condition.text}`;
    case 'constant':
      return condition.value === negated ? 'never' : 'always';
    case 'unmodelled':
      return `${condition.what} (dnfw has no model of it)`;
  }
};

/** As `phrase`; what would be too long to read is said by `instead`. */
export const shortPhrase = (condition: Condition, context: WordContext, instead: string): string => {
  const words = phrase(condition, context);
  return words.length > longest ? instead : words;
};

export const familyWords: Readonly<Record<Family, string>> = { ip: 'IPv4', ip6: 'IPv6' };
