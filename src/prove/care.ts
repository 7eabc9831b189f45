/**
 * Which combinations of variables are packets at all: what the kernel guarantees before a hook runs, how the lengths
 * belong together, and what the caller chose to assume.
 */
import type { Hook } from '../netfilter/hooks.ts';
import { sctp, tcp } from '../netfilter/protocols.ts';
import { ctStates } from '../packet/field.ts';
import { balanced, isNumber, isSum, reaches, same } from './bits.ts';
import type { Node } from './diagram.ts';
import { isAmong } from './fields.ts';
import {
  headerLengthBits,
  levels,
  nextHeaderBits,
  protocolBits,
  run,
  totalLengthBits,
  transportBit,
  transportLengthBits,
  zero,
} from './layout.ts';
import type { NameTests } from './names.ts';
import type { Space } from './space.ts';

/** Bytes of a whole transport header by protocol number. */
const wholeHeaders: readonly (readonly [protocol: number, bytes: number])[] = [
  [1, 8],
  [6, 20],
  [17, 8],
  [33, 12],
  [50, 8],
  [51, 12],
  [58, 8],
  [132, 12],
  [136, 8],
];

const implies = ({ d }: Space, a: Node, b: Node): Node => d.or(d.not(a), b);

/** Length of the packet and of its transport part; lengths of IPv4 headers are at least five words (ip_rcv_core). */
const lengths = (space: Space): Node => {
  const { d, family, fields } = space;
  if (family === 'ip') {
    const whole = reaches(d, headerLengthBits, 5);
    if (!fields.used.has('totalLength')) return fields.used.has('headerLength') ? whole : d.yes;
    const cases = Array.from({ length: 11 }, (_, i) =>
      d.and(isNumber(d, headerLengthBits, i + 5), isSum(d, totalLengthBits, transportLengthBits, (i + 5) * 4)),
    );
    return balanced(cases, d.no, d.or);
  }
  if (!fields.used.has('totalLength')) return d.yes;
  const extended = d.variable(levels.extended);
  // Extension headers come in units of eight bytes.
  const longer = d.and(
    same(d, totalLengthBits.slice(13), transportLengthBits.slice(13)),
    exceeds(space, totalLengthBits, transportLengthBits),
  );
  return d.choose(extended, longer, same(d, totalLengthBits, transportLengthBits));
};

/** Where `a` is greater than `b`. */
const exceeds = ({ d }: Space, a: readonly number[], b: readonly number[]): Node => {
  let node = d.no;
  for (let i = a.length - 1; i >= 0; i--) {
    const [x, y] = [d.variable(a[i] as number), d.variable(b[i] as number)];
    node = d.choose(x, d.choose(y, node, d.yes), d.choose(y, d.no, node));
  }
  return node;
};

const firstFragments = ({ d }: Space): Node => isNumber(d, run(levels.fragmentOffset, 13), 0);

/** How the IPv6 header chain belongs together. */
const headerChain = (space: Space): Node => {
  const { d, fields } = space;
  const extended = d.variable(levels.extended);
  const parsed = d.variable(levels.chainParsed);
  const authenticated = d.variable(levels.authenticated);
  let node = d.yes;
  if (fields.used.has('fragment')) {
    const present = d.variable(fields.keyLevel('exthdr.44.exists') + 1);
    node = implies(space, d.not(present), firstFragments(space));
  }
  if (fields.used.has('chain') || fields.used.has('totalLength') || fields.used.has('nextHeader')) {
    const fragment = d.not(isNumber(d, run(levels.fragmentOffset, 13), 0));
    const chained = d.and(implies(space, authenticated, extended), d.or(extended, parsed));
    node = d.and(node, d.and(implies(space, fragment, extended), chained));
  }
  if (fields.used.has('nextHeader')) node = d.and(node, d.or(extended, same(d, nextHeaderBits, protocolBits)));
  // nft stops at the authentication header, and takes it for the transport header.
  const stops = d.choose(authenticated, isNumber(d, protocolBits, 51), d.not(isNumber(d, protocolBits, 51)));
  return fields.used.has('xt') ? d.and(node, implies(space, parsed, stops)) : node;
};

/** Which devices a packet has at a hook, as far as rules ask for them. */
const devices = ({ d, fields }: Space, hook: Hook, tests: NameTests): Node => {
  const nameless = (key: string, none: boolean): Node =>
    tests.has(key) ? isAmong(d, fields.names(key), (name) => (name === '') === none) : d.yes;
  switch (hook) {
    case 'prerouting':
    case 'input':
      return d.and(nameless('iifname', false), nameless('oifname', true));
    case 'forward':
      return d.and(nameless('iifname', false), nameless('oifname', false));
    case 'output':
      return d.and(nameless('iifname', true), nameless('oifname', false));
    case 'postrouting':
      return nameless('oifname', false);
  }
};

/** The number of connections' protocols that have something in the place of ports: ICMP an identifier, GRE a key. */
const withPorts: readonly number[] = [1, 6, 17, 33, 47, 58, 132, 136];

/**
 * What keys that the kernel reads out of the packet say about its bytes: an option needs a TCP header with room for it
 * (nft_exthdr.c nft_tcp_header_pointer), a chunk an SCTP header, and a connection without ports has the port 0.
 */
const derivedKeys = (space: Space): Node => {
  const { d, fields } = space;
  const dataOffset = Array.from({ length: 4 }, (_, i) => transportBit(96 + i));
  const isProtocol = (protocol: number): Node => isNumber(d, protocolBits, protocol);
  let node = d.yes;
  const always = (condition: Node, then: Node): void => {
    node = d.and(node, implies(space, condition, then));
  };
  for (const [key, level] of fields.keys()) {
    const value = d.variable(level + 1);
    const [, option] = /^tcpopt\.(\d+)\./.exec(key) ?? [];
    const [, chunk] = /^sctp\.chunk\.(\d+)\./.exec(key) ?? [];
    const isExists = key.endsWith('.exists');
    if (option !== undefined && isExists) {
      const room = d.and(reaches(d, transportLengthBits, 20), reaches(d, dataOffset, 6));
      always(value, d.and(isProtocol(tcp), d.and(firstFragments(space), room)));
    } else if (chunk !== undefined && isExists)
      always(value, d.and(isProtocol(sctp), reaches(d, transportLengthBits, 16)));
    else if (option !== undefined || chunk !== undefined) {
      const exists = option === undefined ? `sctp.chunk.${chunk}.exists` : `tcpopt.${option}.exists`;
      always(d.variable(level), d.variable(fields.keyLevel(exists) + 1));
    } else if (/^exthdr\.\d+\.exists$/.test(key)) always(value, d.variable(levels.extended));
    else if (key === 'ct.protocol') always(fields.presence(key), ofItsConnection(space));
    else if (/^ct\.(original|reply)\.[sd]port$/.test(key)) {
      const [only] = fields.cases({ kind: 'key', key: 'ct.protocol' });
      const has = withPorts.map((protocol) => isNumber(d, only?.bits ?? [], protocol));
      always(d.not(balanced(has, d.no, d.or)), isNumber(d, run(level + 1, 16), 0));
    }
  }
  return node;
};

/**
 * A packet has the protocol of its connection, unless it is an ICMP error about it; conntrack looks behind an
 * authentication header.
 */
const ofItsConnection = ({ d, family, fields }: Space): Node => {
  const [connection] = fields.cases({ kind: 'key', key: 'ct.protocol' });
  const carriers = family === 'ip' ? [1] : [58, 51];
  const carried = carriers.map((protocol) => isNumber(d, protocolBits, protocol));
  return balanced([same(d, connection?.bits ?? [], protocolBits), ...carried], d.no, d.or);
};

/** `whole-headers` of assumption.ts. */
export const wholeTransportHeaders = (space: Space): Node => {
  const { d, fields } = space;
  const enough = wholeHeaders.map(([protocol, bytes]) =>
    implies(space, isNumber(d, protocolBits, protocol), reaches(d, transportLengthBits, bytes)),
  );
  const dataOffset = Array.from({ length: 4 }, (_, i) => transportBit(96 + i));
  // The TCP header says itself how long it is.
  const options = balanced(
    Array.from({ length: 11 }, (_, i) =>
      d.and(isNumber(d, dataOffset, i + 5), reaches(d, transportLengthBits, (i + 5) * 4)),
    ),
    d.no,
    d.or,
  );
  // Said of every rule, it would cost more than the rules themselves.
  const asksLength =
    fields.used.has('dataOffset') || [...fields.keys().keys()].some((key) => key.startsWith('tcpopt.'));
  const ofTcp = asksLength ? implies(space, isNumber(d, protocolBits, tcp), options) : d.yes;
  return d.and(firstFragments(space), balanced([...enough, ofTcp], d.yes, d.and));
};

/** `header-chains` of assumption.ts. */
export const unbrokenChains = ({ d, family }: Space): Node =>
  family === 'ip' ? d.yes : d.and(d.variable(levels.chainParsed), d.not(d.variable(levels.authenticated)));

/**
 * Packets as they come to a hook. IPv4 packets for this host have been put together from their fragments before the
 * input hook (net/ipv4/ip_input.c ip_local_deliver).
 */
export const packetsAt = (space: Space, hook: Hook, tests: NameTests): Node => {
  const { d, family } = space;
  const wellFormed = d.and(d.and(lengths(space), derivedKeys(space)), devices(space, hook, tests));
  if (family === 'ip6') return d.and(wellFormed, headerChain(space));
  if (hook !== 'input') return wellFormed;
  const flags = run(levels.fragmentFlags, 3);
  const noMore = d.not(d.variable(flags[2] ?? zero));
  return d.and(wellFormed, d.and(firstFragments(space), noMore));
};

/** Only the first packet of a connection meets the rules of a chain of type nat (net/netfilter/nf_nat_core.c nf_nat_inet_fn). */
export const startsConnection = ({ d, fields }: Space): Node =>
  isAmong(d, fields.choices('ct.state'), (state) => state === ctStates.new || state === ctStates.related);
