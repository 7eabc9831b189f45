/** Fields and their values in nft's words, for traces, witnesses and explanations. */
import { extensions, layouts, transports } from './layout.ts';
import type { HeaderField, HeaderLayout, HeaderName } from './layout.ts';
import type { Family } from '../netfilter/family.ts';
import { udp } from '../netfilter/protocols.ts';
import type { Interval } from './condition.ts';
import { bitsOf, keyInfo } from './field.ts';
import type { Field, PayloadField } from './field.ts';
import { wordOf } from './keywords.ts';
import type { KeyValue } from './packet.ts';
import { number, valueType } from './values.ts';
import type { ValueType } from './values.ts';

/** What a field's name depends on. */
export interface WordContext {
  readonly family: Family;
  /** Whose header `th` is, if a condition or the packet says it. */
  readonly protocol?: number;
}

interface Named {
  readonly name: string;
  readonly field: HeaderField;
}

const headerOf = ({ base }: PayloadField, { family, protocol }: WordContext): HeaderName | undefined => {
  if (base === 'nh') return family;
  if (base === 'll') return 'ether';
  if (base === 'ih' || protocol === undefined) return undefined;
  return transports.get(protocol) ?? extensions.get(protocol);
};

const findField = (header: HeaderLayout, offset: number, length: number): Named | undefined => {
  for (const [name, field] of header.fields)
    if (field.offset === offset && field.length === length) return { name, field };
  return undefined;
};

/** nft calls all sixteen bits with the flags `frag-off`; libxt and nft both test them behind a mask. */
const fragmentWord: Named = {
  name: 'ip frag-off',
  field: { offset: 48, length: 16, value: 'hex', usual: 0n, view: true },
};
const udpHeaderBits = 64;

const named = (field: PayloadField, context: WordContext): Named | undefined => {
  const header = headerOf(field, context);
  if (header !== undefined) {
    const found = findField(layouts[header], field.offset, field.length);
    if (found) return { ...found, name: `${header} ${found.name}` };
    if (header === 'ip' && field.offset === 48 && field.length === 16) return fragmentWord;
  }
  if (field.base !== 'th' && field.base !== 'xt') return undefined;
  if (context.protocol === udp) {
    const vni = findField(layouts.vxlan, field.offset - udpHeaderBits, field.length);
    return vni?.name === 'vni' ? { ...vni, name: `vxlan ${vni.name}` } : undefined;
  }
  // All protocols with ports have them in the same place.
  const port = context.protocol === undefined ? findField(layouts.udp, field.offset, field.length) : undefined;
  return port?.field.value === 'port' ? { ...port, name: `th ${port.name}` } : undefined;
};

/** Kinds of TCP options as nft names them (tcpopt.c). */
const tcpOptions: ReadonlyMap<number, string> = new Map([
  [0, 'eol'],
  [1, 'nop'],
  [2, 'maxseg'],
  [3, 'window'],
  [4, 'sack-perm'],
  [5, 'sack'],
  [8, 'timestamp'],
  [19, 'md5sig'],
  [30, 'mptcp'],
  [34, 'fastopen'],
]);

const scanned = /^(tcpopt|sctp\.chunk|exthdr)\.(\d+)\.(?:exists|(\d+)\.(\d+))$/;

const scannedWords = (key: string): string | undefined => {
  const [whole, what, code = '', offset, length] = scanned.exec(key) ?? [];
  if (whole === undefined) return undefined;
  const kind = Number(code);
  const thing =
    what === 'tcpopt'
      ? `tcp option ${tcpOptions.get(kind) ?? code}`
      : what === 'exthdr'
        ? `exthdr ${extensions.get(kind) ?? code}`
        : `sctp chunk ${code}`;
  return offset === undefined ? thing : `${thing} @${offset},${length}`;
};

const keyName = (key: string): string => {
  if (!key.includes('.')) return keyInfo(key)?.words ?? key;
  const scannedName = scannedWords(key);
  if (scannedName !== undefined) return scannedName;
  const { context, word } = wordOf(key);
  return context === '' ? word : `${context} ${word}`;
};

/** A field's name: `ip saddr`, `udp dport`, `meta mark`, `vxlan vni`; `@th,96,32` where there is no name. */
export const fieldWords = (field: Field, context: WordContext): string => {
  if (field.kind === 'key') return keyName(field.key);
  const { base, offset, length } = field;
  return named(field, context)?.name ?? `@${base === 'xt' ? 'th' : base},${offset},${length}`;
};

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const plain: ValueType = { ...number(128), print: String };
const bits: ValueType = { ...plain, print: hex };
const presence: ValueType = { ...plain, print: (value) => (value === 0n ? 'missing' : 'exists') };

const keyType = (key: string): ValueType => {
  if (key === 'l4proto' || key === 'xtproto') return valueType('protocol', 8);
  if (scanned.test(key)) return key.endsWith('.exists') ? presence : bits;
  const { value } = wordOf(key);
  return value === 'text' ? plain : value;
};

const typeOf = (field: Field, context: WordContext): ValueType => {
  if (field.kind === 'key') return keyType(field.key);
  const found = named(field, context);
  return found ? valueType(found.field.value, found.field.length) : bits;
};

/** Names that hold nothing but what interfaces usually have; everything else in quotes, escaped. */
const nameWords = (name: string): string => (/^[\w.:@+-]+$/.test(name) ? name : JSON.stringify(name));

/** A value as nft lists it. `undefined` is unknown, `null` absent. */
export const valueWords = (field: Field, value: KeyValue | undefined, context: WordContext): string => {
  if (value === undefined) return 'unknown';
  if (value === null) return 'absent';
  return typeof value === 'string' ? nameWords(value) : typeOf(field, context).print(BigInt(value));
};

const bitLength = (value: bigint): number => (value === 0n ? 0 : value.toString(2).length);

/** How many of the leading bits of a field a mask takes, if it takes nothing else. */
const prefixOf = (mask: bigint, length: number): number | undefined => {
  const zeros = ((1n << BigInt(length)) - 1n) ^ mask;
  return (zeros & (zeros + 1n)) === 0n ? length - bitLength(zeros) : undefined;
};

const isAddress = (field: Field, context: WordContext): boolean =>
  field.kind === 'payload'
    ? ['address', 'address6'].includes(named(field, context)?.field.value ?? '')
    : /addr[46]$/.test(field.key);

/** How many ranges are written out before the rest is only counted. */
const shown = 8;

const intervalWords = (field: Field, { low, high }: Interval, context: WordContext): string => {
  const type = typeOf(field, context);
  if (low === high) return type.print(low);
  const length = bitsOf(field);
  if (isAddress(field, context)) {
    const host = low ^ high;
    if ((host & (host + 1n)) === 0n && (low & host) === 0n) return `${type.print(low)}/${length - bitLength(host)}`;
  }
  return `${type.print(low)}-${type.print(high)}`;
};

const listWords = (field: Field, ranges: readonly Interval[], context: WordContext): string => {
  const words = ranges.slice(0, shown).map((range) => intervalWords(field, range, context));
  const more = ranges.length - words.length;
  return more > 0 ? `${words.join(',')} and ${more} more` : words.join(',');
};

export interface TestWords {
  readonly field: string;
  readonly wanted: string;
}

/** What a test asks: the field, with its mask where that is not a prefix, and the values. */
export const testWords = (
  field: Field,
  mask: bigint | undefined,
  ranges: readonly Interval[],
  context: WordContext,
): TestWords => {
  const name = fieldWords(field, context);
  const length = bitsOf(field);
  const all = (1n << BigInt(length)) - 1n;
  if (mask === undefined || (mask & all) === all) return { field: name, wanted: listWords(field, ranges, context) };
  const prefix = prefixOf(mask, length);
  const [only] = ranges;
  const single = ranges.length === 1 && only !== undefined && only.low === only.high;
  if (prefix !== undefined && single && isAddress(field, context))
    return { field: name, wanted: `${typeOf(field, context).print(only.low)}/${prefix}` };
  const vni = { ...field, length: 24 } as const;
  // Docker's program and many raw rules load the VNI with the reserved byte behind it.
  if (vni.kind === 'payload' && length === 32 && mask === 0xffffff00n && named(vni, context)?.name === 'vxlan vni')
    return testWords(
      vni,
      undefined,
      ranges.map(({ low, high }) => ({ low: low >> 8n, high: high >> 8n })),
      context,
    );
  return { field: `${name} & ${maskWords(field, mask, context)}`, wanted: listWords(field, ranges, context) };
};

const maskWords = (field: Field, mask: bigint, context: WordContext): string => {
  const words = isAddress(field, context) ? typeOf(field, context).print(mask) : hex(mask);
  const flags = typeOf(field, context).print(mask);
  return flags.includes('|') ? `(${flags})` : words;
};
