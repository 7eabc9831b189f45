/**
 * Fields as variables. One place of a packet can be reached in several ways (from the network header, whose length
 * varies, from the transport header, from the payload); all of them lead to the same variables here, by cases.
 */
import type { Family } from '../netfilter/family.ts';
import { type Field, keyInfo, type PayloadField } from '../packet/field.ts';
import { isNumber, onBit, reaches } from './bits.ts';
import type { Diagrams, Node } from './diagram.ts';
import {
  type Bit,
  headerLengthBits,
  ipv4Bit,
  ipv6Bit,
  keyStride,
  levels,
  nextHeaderBits,
  protocolBits,
  run,
  totalLengthBits,
  transportBit,
  transportLengthBits,
  zeros,
} from './layout.ts';
import { type NameTests, unnamed } from './names.ts';

/** The bits of a field where `guard` holds; its load succeeds where `present` does. Cases cover every packet and are apart. */
export interface Case {
  readonly guard: Node;
  readonly present: Node;
  readonly bits: readonly Bit[];
}

/** How a key's value is numbered: the value of each code; codes beyond the last one mean the last one. */
export interface Codes<T> {
  readonly values: readonly T[];
  readonly bits: readonly Bit[];
  readonly present: Node;
}

export interface Fields {
  readonly cases: (field: Field) => readonly Case[];
  readonly choices: (key: string) => Codes<number>;
  readonly names: (key: string) => Codes<string>;
  /** Where a packet has the key at all. */
  readonly presence: (key: string) => Node;
  /** The level where a key's variables begin: its presence, then its bits. */
  readonly keyLevel: (key: string) => number;
  /** Which keys have variables of their own, by first level. */
  readonly keys: () => ReadonlyMap<string, number>;
  /** What the encoding has looked at, so that only what matters is assumed of packets. */
  readonly used: ReadonlySet<Used>;
}

export type Used = 'totalLength' | 'headerLength' | 'dataOffset' | 'nextHeader' | 'xt' | 'chain' | 'fragment';

const lastByte = ({ offset, length }: PayloadField): number => Math.ceil((offset + length) / 8) - 1;

const bitsFor = (count: number): number => Math.max(1, Math.ceil(Math.log2(count)));

/** Fixed header sizes in bits. */
const fixedHeader: Readonly<Record<Family, number>> = { ip: 160, ip6: 320 };

export const createFields = (d: Diagrams, family: Family, nameTests: NameTests): Fields => {
  const slots = new Map<string, number>();
  const used = new Set<Used>();
  const known = new Map<string, readonly Case[]>();
  const headerBit = family === 'ip' ? ipv4Bit : ipv6Bit;

  const keyLevel = (key: string): number => {
    if (key === 'ct.state') return levels.state;
    if (key === 'iifname') return levels.iifname;
    if (key === 'oifname') return levels.oifname;
    if (key === 'fragquirk') return levels.fragquirk - 1;
    if (key === 'exthdr.51.exists' && family === 'ip6') return levels.authenticated - 1;
    const found = slots.get(key);
    if (found !== undefined) return found;
    const level = levels.keys + slots.size * keyStride;
    slots.set(key, level);
    return level;
  };

  const hasTransport = (bytes: number): Node =>
    d.and(family === 'ip' ? d.yes : d.variable(levels.chainParsed), reaches(d, transportLengthBits, bytes));

  const single = (present: Node, bits: readonly Bit[]): readonly Case[] => [{ guard: d.yes, present, bits }];

  const transport = (offset: number, length: number): readonly Bit[] =>
    Array.from({ length }, (_, i) => transportBit(offset + i));

  const xt = (field: PayloadField): readonly Case[] => {
    const { offset, length } = field;
    const usual = { present: hasTransport(lastByte(field) + 1), bits: transport(offset, length) };
    if (family === 'ip') return [{ guard: d.yes, ...usual }];
    used.add('xt');
    // Behind an authentication header ip6_tables reads what nft never sees.
    const behind = d.variable(levels.authenticated);
    return [
      { guard: d.not(behind), ...usual },
      {
        guard: behind,
        present: d.and(
          d.variable(levels.chainParsedXt),
          reaches(d, run(levels.transportLengthXt, 16), lastByte(field) + 1),
        ),
        bits: run(levels.transportXt + offset, length),
      },
    ];
  };

  /** Beyond the fixed IPv4 header: options, or the transport header, by the header's length. */
  const beyondIpv4 = (field: PayloadField): readonly Case[] => {
    used.add('headerLength');
    return Array.from({ length: 11 }, (_, i): Case => {
      const words = i + 5;
      const bits = Array.from({ length: field.length }, (_unused, at) => {
        const bit = field.offset + at;
        if (bit < 160) return ipv4Bit(bit);
        return bit < words * 32 ? levels.options + bit - 160 : transportBit(bit - words * 32);
      });
      return {
        guard: isNumber(d, headerLengthBits, words),
        present: reaches(d, transportLengthBits, lastByte(field) + 1 - words * 4),
        bits,
      };
    });
  };

  const beyondIpv6 = (field: PayloadField): readonly Case[] => {
    used.add('chain');
    const extended = d.variable(levels.extended);
    const bitsFrom = (place: (bit: number) => Bit): readonly Bit[] =>
      Array.from({ length: field.length }, (_, at) => {
        const bit = field.offset + at;
        return bit < 320 ? ipv6Bit(bit) : place(bit - 320);
      });
    used.add('totalLength');
    return [
      {
        guard: d.not(extended),
        present: reaches(d, transportLengthBits, lastByte(field) + 1 - 40),
        bits: bitsFrom(transportBit),
      },
      {
        guard: extended,
        present: reaches(d, totalLengthBits, lastByte(field) + 1 - 40),
        bits: bitsFrom((bit) => levels.beyond + bit),
      },
    ];
  };

  const network = (field: PayloadField): readonly Case[] => {
    const { offset, length } = field;
    if (offset + length > fixedHeader[family]) return family === 'ip' ? beyondIpv4(field) : beyondIpv6(field);
    const bits = Array.from({ length }, (_, i) => headerBit(offset + i));
    if (bits.some((bit) => totalLengthBits.includes(bit))) used.add('totalLength');
    if (bits.some((bit) => headerLengthBits.includes(bit))) used.add('headerLength');
    if (bits.some((bit) => nextHeaderBits.includes(bit))) used.add('nextHeader');
    return single(d.yes, bits);
  };

  /** UDP: behind 8 bytes; TCP: behind its data offset; anything else has variables of its own. */
  const inner = (field: PayloadField): readonly Case[] => {
    const { offset, length } = field;
    const isUdp = isNumber(d, protocolBits, 17);
    const isTcp = isNumber(d, protocolBits, 6);
    const dataOffset = transport(96, 4);
    const tcp = Array.from({ length: 16 }, (_, words): Case => ({
      guard: d.and(isTcp, isNumber(d, dataOffset, words)),
      present: d.and(hasTransport(20), hasTransport(words * 4 + lastByte(field) + 1)),
      bits: transport(words * 32 + offset, length),
    }));
    return [
      { guard: isUdp, present: hasTransport(8 + lastByte(field) + 1), bits: transport(64 + offset, length) },
      ...tcp,
      {
        guard: d.and(d.not(isUdp), d.not(isTcp)),
        present: d.variable(levels.innerPresent),
        bits: run(levels.inner + offset, length),
      },
    ];
  };

  const payloadCases = (field: PayloadField): readonly Case[] => {
    const { base, offset, length } = field;
    // Bits 96 to 99 of a TCP header say how long it is; the payload begins where it ends. Longer loads there are of VXLAN.
    const overDataOffset = offset < 100 && offset + length > 96 && length <= 16;
    if (base === 'ih' || (base !== 'nh' && base !== 'll' && overDataOffset)) used.add('dataOffset');
    switch (field.base) {
      case 'nh':
        return network(field);
      case 'th':
        return single(hasTransport(lastByte(field) + 1), transport(field.offset, field.length));
      case 'xt':
        return xt(field);
      case 'ih':
        return inner(field);
      case 'll':
        return single(d.variable(levels.linkPresent), run(levels.link + field.offset, field.length));
    }
  };

  const tracked = (): Node => {
    const { values, bits } = choices('ct.state');
    // New, established, related: the states of packets that have an entry.
    return d.or(
      isNumber(d, bits, values.indexOf(8)),
      d.or(isNumber(d, bits, values.indexOf(2)), isNumber(d, bits, values.indexOf(4))),
    );
  };

  const presence = (key: string): Node => {
    switch (keyInfo(key)?.presence) {
      case 'tracked':
        return tracked();
      case 'sometimes':
        return d.variable(keyLevel(key));
      default:
        return d.yes;
    }
  };

  const protocolXt = (): readonly Case[] => {
    if (family === 'ip') return single(d.yes, protocolBits);
    used.add('xt');
    const behind = d.variable(levels.authenticated);
    return [
      { guard: d.not(behind), present: d.variable(levels.chainParsed), bits: protocolBits },
      { guard: behind, present: d.variable(levels.chainParsedXt), bits: run(levels.protocolXt, 8) },
    ];
  };

  const fragmentXt = (): readonly Case[] => {
    const bits = run(levels.fragmentOffset, 13);
    if (family === 'ip') return single(d.yes, bits);
    used.add('xt');
    const behind = d.variable(levels.authenticated);
    return [
      { guard: d.not(behind), present: d.yes, bits },
      { guard: behind, present: d.yes, bits: run(keyLevel('xtfragoff') + 1, 13) },
    ];
  };

  const keyCases = (key: string): readonly Case[] => {
    switch (key) {
      case 'l4proto':
        return single(family === 'ip' ? d.yes : d.variable(levels.chainParsed), protocolBits);
      case 'xtproto':
        return protocolXt();
      case 'xtfragoff':
        return fragmentXt();
      case 'fragoff':
        return single(d.yes, run(levels.fragmentOffset, 13));
      // The fragment header says the offset, and is there or not.
      case 'exthdr.44.16.13':
        used.add('fragment');
        return single(d.variable(keyLevel('exthdr.44.exists') + 1), run(levels.fragmentOffset, 13));
      case 'length':
        used.add('totalLength');
        return single(d.yes, [...zeros(4), ...totalLengthBits]);
      case 'exthdr.51.exists':
        // Where nft finds the transport header depends on it.
        if (family === 'ip6') used.add('xt');
        return single(presence(key), run(keyLevel(key) + 1, 1));
      default:
        return single(presence(key), run(keyLevel(key) + 1, keyInfo(key)?.bits ?? 0));
    }
  };

  const codesOf = <T>(key: string, values: readonly T[]): Codes<T> => ({
    values,
    bits: run(keyLevel(key) + (key === 'ct.state' ? 0 : 1), bitsFor(values.length)),
    present: presence(key),
  });

  /** In an order in which the states of packets with an entry share their first bit. */
  const stateOrder: readonly number[] = [8, 2, 4, 1, 64];
  const choices = (key: string): Codes<number> =>
    codesOf(key, key === 'ct.state' ? stateOrder : (keyInfo(key)?.values ?? []));

  const nameCodes = new Map<string, Codes<string>>();
  const names = (key: string): Codes<string> => {
    const found = nameCodes.get(key);
    if (found) return found;
    const made = codesOf(key, (nameTests.get(key) ?? unnamed).values);
    nameCodes.set(key, made);
    return made;
  };

  return {
    cases: (field) => {
      const name = field.kind === 'key' ? field.key : `${field.base} ${field.offset} ${field.length}`;
      const found = known.get(name);
      if (found) return found;
      const made = field.kind === 'key' ? keyCases(field.key) : payloadCases(field);
      known.set(name, made);
      return made;
    },
    choices,
    names,
    presence,
    keyLevel,
    keys: () => slots,
    used,
  };
};

/** Where the code is that of one value, by its index. */
export const isCode = <T>(d: Diagrams, { values, bits }: Codes<T>, index: number): Node =>
  index === values.length - 1 ? reaches(d, bits, index) : isNumber(d, bits, index);

/** Where the code is one of the wanted ones. A code beyond the last one means the last one. */
export const isAmong = <T>(d: Diagrams, codes: Codes<T>, wanted: (value: T) => boolean): Node => {
  const { values, bits } = codes;
  const flags = values.map(wanted);
  const from = (i: number, code: number): Node => {
    const width = 2 ** (bits.length - i);
    const last = values.length - 1;
    if (width === 1) return (flags[Math.min(code, last)] ?? false) ? d.yes : d.no;
    return onBit(d, bits[i] as Bit, from(i + 1, code + width / 2), from(i + 1, code));
  };
  return from(0, 0);
};
