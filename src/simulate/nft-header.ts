/**
 * Expressions that walk the packet: IPv6 extension headers, TCP options, SCTP chunks (nft_exthdr.c). Without a field
 * they ask whether the thing is there, and never break a rule of their own protocol.
 */
import { sctpChunks } from '../netfilter/words.ts';
import { count, type Json, property, textOf } from '../nftables/json.ts';
import { key, keyInfo } from '../packet/field.ts';
import { type NftContext, onlyIn } from './nft-context.ts';
import * as types from './nft-datatype.ts';
import { bitsRegister, type Register } from './nft-register.ts';
import { extensionHeaders, tcpOptions, wordIn } from './nft-words.ts';

type Places = Readonly<Record<string, readonly [offset: number, bits: number, type?: types.Datatype]>>;

const unmodelled = (what: string): Register => ({ kind: 'unmodelled', what });

const start: Places = { nexthdr: [0, 8, types.protocol], hdrlength: [8, 8] };
const routing: Places = { ...start, type: [16, 8], 'seg-left': [24, 8] };
const extensionFields: Readonly<Record<string, Places>> = {
  hbh: start,
  dst: start,
  rt: routing,
  srh: { ...routing, 'last-entry': [32, 8], flags: [40, 8], tag: [48, 16] },
  frag: {
    nexthdr: [0, 8, types.protocol],
    reserved: [8, 8],
    'frag-off': [16, 13],
    reserved2: [29, 2],
    'more-fragments': [31, 1],
    id: [32, 32],
  },
  mh: { ...start, type: [16, 8, types.mhType], reserved: [24, 8], checksum: [32, 16] },
};

const placeIn = (tables: Readonly<Record<string, Places>>, name: string, field: string): Places[string] | undefined => {
  const places = Object.hasOwn(tables, name) ? tables[name] : undefined;
  return places && Object.hasOwn(places, field) ? places[field] : undefined;
};

/** A key made of the parts, if field.ts has one for them. */
const registerOf = (
  name: string,
  type: types.Datatype,
  label: string,
  guard?: Parameters<typeof bitsRegister>[3],
): Register => (keyInfo(name) ? bitsRegister(key(name), type, label, guard) : unmodelled(label));

const fieldRegister = (
  family: string,
  [offset, bits, type = types.integer]: Places[string],
  label: string,
  guard?: Parameters<typeof bitsRegister>[3],
): Register => {
  const name = `${family}.${offset}.${bits}`;
  return bits <= 64 && keyInfo(name) ? bitsRegister(key(name), type, label, guard, bits) : unmodelled(label);
};

export const extensionRegister = (value: Json, context: NftContext): Register => {
  const [name, field] = [textOf(value, 'name') ?? '', textOf(value, 'field')];
  const number = wordIn(extensionHeaders, name);
  const label = `exthdr ${name}${field === undefined ? '' : ` ${field}`}`;
  if (number === undefined) return unmodelled(label);
  const guard = onlyIn('ip6', context);
  if (field === undefined)
    // The kinds of routing header are told apart by a field that nft would have to ask for as well.
    return /^(?:rt\d|srh)$/.test(name)
      ? unmodelled(label)
      : registerOf(`exthdr.${number}.exists`, types.boolean, label, guard);
  const place = placeIn(extensionFields, name, field);
  return place ? fieldRegister(`exthdr.${number}`, place, label, guard) : unmodelled(label);
};

const option: Places = { kind: [0, 8], length: [8, 8] };
const sack = (block: number): Places => ({ ...option, left: [16 + 64 * block, 32], right: [48 + 64 * block, 32] });
const optionFields: Readonly<Record<string, Places>> = {
  eol: { kind: [0, 8] },
  nop: { kind: [0, 8] },
  noop: { kind: [0, 8] },
  maxseg: { ...option, size: [16, 16] },
  window: { ...option, count: [16, 8] },
  'sack-perm': option,
  'sack-permitted': option,
  sack: sack(0),
  sack0: sack(0),
  sack1: sack(1),
  sack2: sack(2),
  sack3: sack(3),
  timestamp: { ...option, tsval: [16, 32], tsecr: [48, 32] },
  fastopen: option,
  md5sig: option,
  mptcp: { ...option, subtype: [16, 4] },
};

/** Where an option's field lies, for a rule that writes it. */
export const optionPlace = (value: Json): readonly [kind: number, offset: number, bits: number] | undefined => {
  const [name, field] = [textOf(value, 'name'), textOf(value, 'field')];
  if (name === undefined) {
    const [kind, offset, bits] = ['base', 'offset', 'len'].map((part) => count(property(value, part)));
    return kind === undefined || offset === undefined || bits === undefined ? undefined : [kind, offset, bits];
  }
  const kind = wordIn(tcpOptions, name);
  const place = field === undefined ? undefined : placeIn(optionFields, name, field);
  return kind === undefined || !place ? undefined : [kind, place[0], place[1]];
};

export const optionRegister = (value: Json): Register => {
  const name = textOf(value, 'name');
  const found = optionPlace(value);
  if (name === undefined && found) {
    const [kind, offset, bits] = found;
    const label = `tcp option @${kind},${offset},${bits}`;
    // The kind byte of an option by number is how JSON asks whether the option is there (nftables src/tcpopt.c).
    return offset === 0 && bits === 8
      ? registerOf(`tcpopt.${kind}.exists`, types.boolean, label)
      : fieldRegister(`tcpopt.${kind}`, [offset, bits], label);
  }
  const field = textOf(value, 'field');
  const label = `tcp option ${name ?? '?'}${field === undefined ? '' : ` ${field}`}`;
  if (found) return fieldRegister(`tcpopt.${found[0]}`, [found[1], found[2]], label);
  const kind = name === undefined ? undefined : wordIn(tcpOptions, name);
  return kind === undefined || field !== undefined
    ? unmodelled(label)
    : registerOf(`tcpopt.${kind}.exists`, types.boolean, label);
};

const chunk: Places = { type: [0, 8], flags: [8, 8], length: [16, 16] };
const init: Places = {
  ...chunk,
  'init-tag': [32, 32],
  'a-rwnd': [64, 32],
  'num-outbound-streams': [96, 16],
  'num-inbound-streams': [112, 16],
  'initial-tsn': [128, 32],
};
const chunkFields: Readonly<Record<string, Places>> = {
  data: { ...chunk, tsn: [32, 32], stream: [64, 16], ssn: [80, 16], ppid: [96, 32] },
  init,
  'init-ack': init,
  sack: {
    ...chunk,
    'cum-tsn-ack': [32, 32],
    'a-rwnd': [64, 32],
    'num-gap-ack-blocks': [96, 16],
    'num-dup-tsns': [112, 16],
  },
  shutdown: { ...chunk, 'cum-tsn-ack': [32, 32] },
  ecne: { ...chunk, 'lowest-tsn': [32, 32] },
  cwr: { ...chunk, 'lowest-tsn': [32, 32] },
  'asconf-ack': { ...chunk, seqno: [32, 32] },
  asconf: { ...chunk, seqno: [32, 32] },
  'forward-tsn': { ...chunk, 'new-cum-tsn': [32, 32] },
};

export const chunkRegister = (value: Json): Register => {
  const [name, field] = [textOf(value, 'name') ?? '', textOf(value, 'field')];
  const type = wordIn(sctpChunks, name);
  const label = `sctp chunk ${name}${field === undefined ? '' : ` ${field}`}`;
  if (type === undefined) return unmodelled(label);
  if (field === undefined) return registerOf(`sctp.chunk.${type}.exists`, types.boolean, label);
  const place = placeIn(chunkFields, name, field) ?? (Object.hasOwn(chunk, field) ? chunk[field] : undefined);
  return place ? fieldRegister(`sctp.chunk.${type}`, place, label) : unmodelled(label);
};
