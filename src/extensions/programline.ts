/** What `dnfw explain` says of programs over a packet's bytes: which bytes they load and what they leave of them. */
import type { Family } from '../netfilter/family.ts';
import { udp } from '../netfilter/protocols.ts';
import { conditionWords } from '../packet/describe.ts';
import type { WordContext } from '../packet/fieldwords.ts';
import type { PayloadField } from '../packet/field.ts';
import { narrowed } from '../packet/narrow.ts';
import { type HeaderName, layouts, transports } from '../packet/layout.ts';
import type { MeaningContext } from './contract.ts';
import { inNumbers, type NumberRanges, type Selection } from './selection.ts';

/** One step of a program, as it stands there, and what it does. */
export interface ProgramLine {
  readonly text: string;
  readonly about: string;
}

const ipNames: Readonly<Record<Family, string>> = { ip: 'IPv4', ip6: 'IPv6' };
const ipLengths: Readonly<Record<Family, number>> = { ip: 20, ip6: 40 };

interface Part {
  readonly header: HeaderName;
  /** Where it begins, in bits from the field's base. */
  readonly start: number;
}

const protocolOf = ({ selector: { protocol } }: MeaningContext): number | undefined =>
  protocol && !protocol.inverted ? protocol.number : undefined;

/** Without a protocol, that of the programs that Docker writes. */
const wordContext = (context: MeaningContext): WordContext & { readonly protocol: number } => ({
  family: context.family,
  protocol: protocolOf(context) ?? udp,
});

const partsAt = ({ base }: PayloadField, context: MeaningContext): readonly Part[] => {
  if (base === 'nh') return [{ header: context.family, start: 0 }];
  const { protocol } = wordContext(context);
  const header = transports.get(protocol);
  if (header === undefined) return [];
  const behind: readonly Part[] = protocol === udp ? [{ header: 'vxlan', start: layouts.udp.bytes * 8 }] : [];
  return [{ header, start: 0 }, ...behind];
};

/** The header fields all of whose bits a masked load takes. */
const fieldsIn = (field: PayloadField, mask: number, context: MeaningContext): readonly string[] =>
  partsAt(field, context).flatMap(({ header, start }) =>
    [...layouts[header].fields].flatMap(([name, { offset, length, view }]) => {
      const from = start + offset - field.offset;
      if (view || /^reserved|^x$/.test(name) || from < 0 || from + length > field.length) return [];
      const bits = (2 ** length - 1) * 2 ** (field.length - from - length);
      // Numbers of up to 32 bits: & would make them signed.
      return (BigInt(mask) & BigInt(bits)) === BigInt(bits) ? [`${header} ${name}`] : [];
    }),
  );

const named = (field: PayloadField, mask: number, context: MeaningContext): string => {
  const fields = fieldsIn(field, mask, context);
  if (fields.length === 0) return '';
  const guess = field.base === 'nh' || protocolOf(context) !== undefined ? '' : 'for UDP: ';
  return ` (${guess}${fields.join(', ')})`;
};

const span = (first: number, bytes: number): string =>
  bytes === 1 ? `byte ${first}` : `bytes ${first} to ${first + bytes - 1}`;

/** `bytes 12 to 15 of the IPv4 header (ip saddr)`; bytes count from 0. */
export const bytesWords = (field: PayloadField, context: MeaningContext): string => {
  const first = field.offset / 8;
  const bytes = field.length / 8;
  const where =
    field.base !== 'nh'
      ? `behind the ${ipNames[context.family]} header`
      : first + bytes <= ipLengths[context.family]
        ? `of the ${ipNames[context.family]} header`
        : 'of the packet';
  return `${span(first, bytes)} ${where}${named(field, 2 ** field.length - 1, context)}`;
};

const hex = (value: number): string => `0x${value.toString(16)}`;

/** What a mask and shifts leave of a load. */
export const selectionWords = ({ field, mask, shift }: Selection, context: MeaningContext): string => {
  if (field.kind !== 'payload') return `bits ${hex(mask)}`;
  if (mask === 0) return 'nothing: the number is 0';
  const ones = mask.toString(2).padStart(field.length, '0');
  const [from, to] = [ones.indexOf('1'), ones.lastIndexOf('1')];
  const solid = !ones.slice(from, to).includes('0');
  const bits = from === to ? `bit ${from}` : `bits ${from} to ${to}`;
  const moved = shift === 0 ? '' : shift > 0 ? `, shifted right by ${shift}` : `, shifted left by ${-shift}`;
  return `leaves ${solid ? bits : `the bits of ${hex(mask)}`} of them${named(field, mask, context)}${moved}`;
};

/** The comparison in nft's words: `vxlan vni 4102`. */
export const comparisonWords = (selection: Selection, ranges: NumberRanges, context: MeaningContext): string => {
  const words = wordContext(context);
  const condition = inNumbers(selection, ranges);
  return conditionWords(condition.kind === 'test' ? narrowed(condition, words) : condition, words);
};
