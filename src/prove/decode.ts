/** An assignment of variables as a packet: its bytes and what is known beside them. */
import type { Hook } from '../netfilter/hooks.ts';
import { writeBits } from '../packet/bits.ts';
import { folded, sum16 } from '../packet/checksum.ts';
import { ctStates, keyInfo } from '../packet/field.ts';
import type { KeyValue, Packet } from '../packet/packet.ts';
import { complete } from '../packet/saying.ts';
import { oracleKey, type Oracle } from '../packet/view.ts';
import { type Assignment, numberAt } from './assignment.ts';
import type { Codes } from './fields.ts';
import {
  headerLengthBits,
  ipv4Bit,
  ipv6Bit,
  levels,
  protocolBits,
  run,
  totalLengthBits,
  transportBit,
  transportLengthBits,
} from './layout.ts';
import type { Space } from './space.ts';

/** A packet that shows something, and the answers that predicates give it. */
export interface Decoded {
  readonly packet: Packet;
  readonly oracle: Oracle;
}

const put = (bytes: Uint8Array, bit: number, value: 0 | 1): void => {
  const at = bit >> 3;
  if (at >= bytes.length) return;
  const mask = 0x80 >> (bit & 7);
  bytes[at] = value === 1 ? (bytes[at] as number) | mask : (bytes[at] as number) & ~mask;
};

/** Bits from `start` on, as far as they are assigned; the rest stays as it is. */
const fill = (
  bytes: Uint8Array,
  start: number,
  count: number,
  levelOf: (bit: number) => number,
  assignment: Assignment,
): void => {
  for (let bit = 0; bit < count; bit++) {
    const value = assignment.get(levelOf(bit));
    if (value !== undefined) put(bytes, start * 8 + bit, value);
  }
};

const number = (assignment: Assignment, bits: readonly number[], otherwise: number): number =>
  Number(numberAt(assignment, bits) ?? otherwise);

/** Where each transport protocol has its checksum, and whether it covers the addresses. */
const checksums: ReadonlyMap<number, readonly [at: number, pseudo: boolean]> = new Map([
  [1, [2, false]],
  [6, [16, true]],
  [17, [6, true]],
  [33, [6, true]],
  [58, [2, true]],
  [136, [6, true]],
]);

/** A rule that asks for a checksum gets the one it asks for. */
const isAsked = (assignment: Assignment, levelOf: (bit: number) => number, start: number): boolean =>
  Array.from({ length: 16 }, (_, bit) => levelOf(start + bit)).some((level) => assignment.has(level));

const setTransportChecksum = (
  bytes: Uint8Array,
  family: 'ip' | 'ip6',
  at: number,
  protocol: number,
  assignment: Assignment,
): void => {
  const [offset, pseudo] = checksums.get(protocol) ?? [];
  if (offset === undefined || at + offset + 2 > bytes.length || isAsked(assignment, transportBit, offset * 8)) return;
  const addresses = family === 'ip' ? [12, 20] : [8, 40];
  const sum =
    sum16(bytes, at, bytes.length) +
    (pseudo === true ? sum16(bytes, addresses[0] as number, addresses[1] as number) + protocol + bytes.length - at : 0);
  const value = folded(sum) || (protocol === 17 ? 0xffff : 0);
  bytes[at + offset] = value >> 8;
  bytes[at + offset + 1] = value & 0xff;
};

/** Options and chunks that the packet has to hold, by their key in field.ts, with their value. */
type Keys = ReadonlyMap<string, bigint>;

const partsOf = ({ fields }: Space, assignment: Assignment): Keys =>
  new Map(
    [...fields.keys()].flatMap(([key, level]): [string, bigint][] => {
      if (!/^(tcpopt|sctp\.chunk)\./.test(key)) return [];
      const value = numberAt(assignment, run(level + 1, keyInfo(key)?.bits ?? 0)) ?? 0n;
      const isThere = key.endsWith('.exists') ? value === 1n : assignment.get(level) === 1;
      return isThere ? [[key, value]] : [];
    }),
  );

/** Bytes of an option of each kind, where a rule does not ask for a field beyond them. */
const optionSizes: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 4, 3: 3, 4: 2, 5: 10, 8: 10 };

/** One option or chunk: its type, and the fields that are asked for. */
const partBytes = (prefix: string, type: number, size: number, keys: Keys): Uint8Array => {
  const asked = [...keys].flatMap(([key, value]) => {
    const [, offset, length] = new RegExp(`^${prefix}\\.${type}\\.(\\d+)\\.(\\d+)$`).exec(key) ?? [];
    return offset === undefined ? [] : [{ offset: Number(offset), length: Number(length), value }];
  });
  const end = Math.max(size, ...asked.map(({ offset, length }) => Math.ceil((offset + length) / 8)));
  const bytes = new Uint8Array(end);
  for (const { offset, length, value } of asked) writeBits(bytes, offset, length, value);
  bytes[0] = type;
  return bytes;
};

const typesIn = (prefix: string, keys: Keys): readonly number[] =>
  [...keys.keys()].flatMap((key) => {
    const [, type] = new RegExp(`^${prefix}\\.(\\d+)\\.exists$`).exec(key) ?? [];
    return type === undefined ? [] : [Number(type)];
  });

/** The transport part: what usually stands there, what is asked for, and options and chunks in the room for them. */
const fillTransport = (
  bytes: Uint8Array,
  start: number,
  protocol: number,
  assignment: Assignment,
  keys: Keys,
): void => {
  const length = bytes.length - start;
  if (protocol === 6 && length >= 16) bytes.set([0xfa, 0xf0], start + 14);
  if (protocol === 17 && length >= 6) bytes.set([length >> 8, length & 0xff], start + 4);
  fill(bytes, start, length * 8, transportBit, assignment);
  let at = start + (protocol === 6 ? 20 : 12);
  for (const type of protocol === 6 ? typesIn('tcpopt', keys) : []) {
    const option = partBytes('tcpopt', type, optionSizes[type] ?? 2, keys);
    if (option.length > 1) option[1] = option.length;
    bytes.set(option.subarray(0, Math.max(0, bytes.length - at)), at);
    at += option.length;
  }
  for (const type of protocol === 132 ? typesIn('sctp\\.chunk', keys) : []) {
    const chunk = partBytes('sctp\\.chunk', type, 4, keys);
    chunk[3] = chunk.length;
    bytes.set(chunk.subarray(0, Math.max(0, bytes.length - at)), at);
    at += Math.ceil(chunk.length / 4) * 4;
  }
};

const ipv4Bytes = (assignment: Assignment, keys: Keys): Uint8Array | undefined => {
  const words = Math.max(5, number(assignment, headerLengthBits, 5));
  const protocol = number(assignment, protocolBits, 6);
  const payload = number(
    assignment,
    transportLengthBits,
    Math.max(0, number(assignment, totalLengthBits, 40) - words * 4),
  );
  const length = words * 4 + payload;
  if (length > 65535) return undefined;
  const bytes = new Uint8Array(length);
  bytes[8] = 64;
  // Options that nobody asks about are empty ones.
  bytes.fill(1, 20, words * 4);
  fill(bytes, 0, 160, ipv4Bit, assignment);
  fill(bytes, 20, (words - 5) * 32, (bit) => levels.options + bit, assignment);
  fillTransport(bytes, words * 4, protocol, assignment, keys);
  bytes[0] = 0x40 | words;
  bytes[2] = length >> 8;
  bytes[3] = length & 0xff;
  bytes[9] = protocol;
  if (number(assignment, run(levels.fragmentOffset, 13), 0) === 0)
    setTransportChecksum(bytes, 'ip', words * 4, protocol, assignment);
  if (isAsked(assignment, ipv4Bit, 80)) return bytes;
  bytes[10] = 0;
  bytes[11] = 0;
  const checksum = folded(sum16(bytes, 0, words * 4));
  bytes[10] = checksum >> 8;
  bytes[11] = checksum & 0xff;
  return bytes;
};

const fragment = 44;
const destinationOptions = 60;

/** The header chain in front of the transport header, as headers of eight bytes each. */
const ipv6Chain = (
  { fields }: Space,
  assignment: Assignment,
  protocol: number,
): { readonly first: number; readonly bytes: Uint8Array } => {
  const offset = number(assignment, run(levels.fragmentOffset, 13), 0);
  // The first fragment has the header as well.
  const isFragment =
    offset > 0 || (fields.used.has('fragment') && assignment.get(fields.keyLevel('exthdr.44.exists') + 1) === 1);
  if (assignment.get(levels.chainParsed) === 0)
    // A header that says it is longer than the packet.
    return { first: destinationOptions, bytes: Uint8Array.of(protocol, 200, 1, 4, 0, 0, 0, 0) };
  if (isFragment) {
    const more = offset === 0 ? 1 : 0;
    return {
      first: fragment,
      bytes: Uint8Array.of(protocol, 0, offset >> 5, ((offset << 3) & 0xff) | more, 0, 0, 0, 1),
    };
  }
  if (assignment.get(levels.extended) !== 1) return { first: protocol, bytes: new Uint8Array(0) };
  const total = numberAt(assignment, totalLengthBits);
  const payload = number(assignment, transportLengthBits, 0);
  const size = total === undefined ? 8 : Math.min(2048, Math.max(8, Number(total) - payload));
  const bytes = new Uint8Array(size - (size % 8));
  bytes.set([protocol, bytes.length / 8 - 1, 1, Math.min(255, bytes.length - 4)]);
  return { first: destinationOptions, bytes };
};

/** nft takes the authentication header for the transport header; ip6_tables looks behind it. */
const authenticatedBytes = (assignment: Assignment): Uint8Array => {
  const header = 16;
  const payload = number(assignment, run(levels.transportLengthXt, 16), 20);
  const protocol = number(assignment, run(levels.protocolXt, 8), 6);
  const bytes = new Uint8Array(40 + header + payload);
  bytes[7] = 64;
  fill(bytes, 0, 320, ipv6Bit, assignment);
  bytes[0] = 0x60 | ((bytes[0] as number) & 0x0f);
  bytes[4] = (bytes.length - 40) >> 8;
  bytes[5] = (bytes.length - 40) & 0xff;
  bytes[6] = 51;
  fill(bytes, 40, header * 8, transportBit, assignment);
  bytes[40] = protocol;
  bytes[41] = header / 4 - 2;
  fill(bytes, 40 + header, payload * 8, (bit) => levels.transportXt + bit, assignment);
  return bytes;
};

const ipv6Bytes = (space: Space, assignment: Assignment, keys: Keys): Uint8Array | undefined => {
  if (assignment.get(levels.authenticated) === 1) return authenticatedBytes(assignment);
  const protocol = number(assignment, protocolBits, 6);
  const chain = ipv6Chain(space, assignment, protocol);
  const broken = assignment.get(levels.chainParsed) === 0;
  const payload = broken ? 0 : number(assignment, transportLengthBits, 20);
  const bytes = new Uint8Array(40 + chain.bytes.length + payload);
  if (bytes.length > 65535) return undefined;
  bytes[7] = 64;
  fill(bytes, 0, 320, ipv6Bit, assignment);
  bytes[0] = 0x60 | ((bytes[0] as number) & 0x0f);
  const length = bytes.length - 40;
  bytes[4] = length >> 8;
  bytes[5] = length & 0xff;
  bytes[6] = chain.first;
  bytes.set(chain.bytes, 40);
  const start = 40 + chain.bytes.length;
  fillTransport(bytes, start, protocol, assignment, keys);
  if (number(assignment, run(levels.fragmentOffset, 13), 0) === 0)
    setTransportChecksum(bytes, 'ip6', start, protocol, assignment);
  return bytes;
};

const decodeCode = <T>({ values, bits }: Codes<T>, assignment: Assignment, otherwise: T): T => {
  const code = numberAt(assignment, bits);
  return code === undefined ? otherwise : (values[Math.min(Number(code), values.length - 1)] as T);
};

/** Empty where the packet has no Ethernet header, undefined where nobody asks. */
const linkHeader = (assignment: Assignment): Uint8Array | undefined => {
  const asked = assignment.get(levels.linkPresent);
  if (asked !== 1) return asked === undefined ? undefined : new Uint8Array(0);
  const bytes = Uint8Array.of(2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0);
  fill(bytes, 0, 112, (bit) => levels.link + bit, assignment);
  return bytes;
};

const keysOf = ({ fields }: Space, assignment: Assignment, hook: Hook): ReadonlyMap<string, KeyValue> => {
  const keys = new Map<string, KeyValue>();
  const state = decodeCode(fields.choices('ct.state'), assignment, ctStates.new as number);
  const isTracked = state !== ctStates.invalid && state !== ctStates.untracked;
  keys.set('ct.state', state);
  const { input, output } = devicesAt[hook];
  keys.set('iifname', decodeCode(fields.names('iifname'), assignment, input));
  keys.set('oifname', decodeCode(fields.names('oifname'), assignment, output));
  const quirk = assignment.get(levels.fragquirk);
  if (quirk !== undefined) keys.set('fragquirk', quirk);
  for (const key of fields.keys().keys()) {
    const info = keyInfo(key);
    if (!info || derived.test(key)) continue;
    const present =
      info.presence === 'tracked'
        ? isTracked
        : info.presence === 'always' || assignment.get(fields.keyLevel(key)) === 1;
    // What a tracked key would be without an entry goes without saying.
    if (!present && info.presence === 'tracked') continue;
    if (!present) keys.set(key, null);
    else if (info.kind === 'name') keys.set(key, decodeCode(fields.names(key), assignment, ''));
    else if (info.kind === 'choice') keys.set(key, decodeCode(fields.choices(key), assignment, 0));
    else {
      const value = numberAt(assignment, run(fields.keyLevel(key) + 1, info.bits));
      // A value that does not matter is what it usually is.
      if (value === undefined && isUsual.test(key)) continue;
      keys.set(key, info.bits <= 48 ? Number(value ?? 0n) : (value ?? 0n));
    }
  }
  return keys;
};

/** Keys that `complete` fills in from the packet itself. */
const isUsual = /^(mark|ct\.)/;

const devicesAt: Readonly<Record<Hook, { readonly input: string; readonly output: string }>> = {
  prerouting: { input: 'eth0', output: '' },
  input: { input: 'eth0', output: '' },
  forward: { input: 'eth0', output: 'eth1' },
  output: { input: '', output: 'eth0' },
  postrouting: { input: '', output: 'eth0' },
};

const derived = /^(length|l4proto|xtproto|xtfragoff|fragoff|tcpopt\.|sctp\.chunk\.|exthdr\.)/;

/** The packet, or undefined where no bytes make it: a header chain that this does not build. */
export const decode = (space: Space, assignment: Assignment, hook: Hook): Decoded | undefined => {
  const { family } = space;
  const wanted = partsOf(space, assignment);
  const bytes = family === 'ip' ? ipv4Bytes(assignment, wanted) : ipv6Bytes(space, assignment, wanted);
  if (!bytes) return undefined;
  const link = linkHeader(assignment);
  const { packet } = complete({
    family,
    hook,
    content: bytes,
    ...(link ? { link } : {}),
    keys: keysOf(space, assignment, hook),
  });
  const answers = new Map<string, boolean>();
  for (const [i, unknown] of space.unknowns().entries()) {
    if (unknown.kind !== 'predicate') continue;
    const answer = assignment.get(levels.opaque + i) === 1;
    const { id, instance } = unknown;
    // A predicate without state has one answer, whoever asks.
    answers.set(oracleKey({ id, stateful: true }, instance), answer);
    if (instance === 0) answers.set(oracleKey({ id, stateful: false }), answer);
  }
  return { packet, oracle: answers };
};
