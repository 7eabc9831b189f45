import { isBad, type ValueType } from '../../iptables/grammar.ts';
import { field, mangle } from '../../nftables/build.ts';
import type { Statement } from '../../nftables/types.ts';
import { defineTarget, option, refused, statements, type TargetExtension } from '../contract.ts';
import { parseNumber, wholeNumber } from '../value.ts';
import { trafficClassSteps } from '../dsfield.ts';

interface TosMask {
  readonly value: number;
  readonly mask: number;
}

/** The names of RFC 1349, which has four bits for them and leaves the lowest one alone. */
const names: Readonly<Record<string, number>> = {
  'minimize-delay': 0x10,
  'maximize-throughput': 0x08,
  'maximize-reliability': 0x04,
  'minimize-cost': 0x02,
  'normal-service': 0x00,
};
const named = 0x3f;

const byte = (text: string, at: number): number | ReturnType<ValueType<number>['parse']> => {
  const number = parseNumber(text);
  if (number !== undefined && number <= 255n) return Number(number);
  return {
    bad: `"${text}" is not a TOS value`,
    ...(number === undefined ? {} : { code: 'value-out-of-range' as const }),
    ...(text === '' ? { at: Math.max(0, at - 1), length: 1 } : { at, length: text.length }),
    help: `a number from 0 to 255, or one of ${Object.keys(names).join(', ')}`,
  };
};

const hex = (value: number): string => `0x${value.toString(16).padStart(2, '0')}`;

const tosMask: ValueType<TosMask> = {
  syntax: 'value[/mask]',
  words: 1,
  parse: (text) => {
    const name = names[text.toLowerCase()];
    if (name !== undefined) return { value: name, mask: named };
    const slash = text.indexOf('/');
    const value = byte(slash < 0 ? text : text.slice(0, slash), 0);
    if (isBad(value)) return value;
    const mask = slash < 0 ? 0xff : byte(text.slice(slash + 1), slash + 1);
    return isBad(mask) ? mask : { value, mask };
  },
  print: ({ value, mask }) => `${hex(value)}/${hex(mask)}`,
  samples: () => ['0x10', '0', '0xff', '0xb8/0xfc', '0x01/0x03', '0/0'],
};

const byteValue: ValueType<number> = { ...wholeNumber(0, 255), print: hex };

/** One of the two fields that share the byte: its new value, `same`, or `mixed` where old bits stay beside new ones. */
const part = (value: number, mask: number, all: number): number | 'same' | 'mixed' => {
  if (mask === all) return value;
  return mask === 0 && value === 0 ? 'same' : 'mixed';
};

export const TOS: TargetExtension = defineTarget({
  name: 'TOS',
  families: ['ip', 'ip6'],
  about: 'changes the TOS byte of IPv4 or the traffic class of IPv6',
  kernel: 'net/netfilter/xt_DSCP.c tos_tg, tos_tg6',
  support: 'partial',
  notes: [
    'nftables has the byte as two fields, dscp (six bits) and ecn (two); a mask that goes through the middle of one, as that of the names of RFC 1349 does, is not translated.',
  ],
  tables: ['mangle'],
  options: {
    set: option({
      name: '--set-tos',
      value: tosMask,
      excludes: ['and', 'or', 'xor'],
      about: 'clear the bits of the mask, then flip those of the value',
    }),
    and: option({
      name: '--and-tos',
      value: byteValue,
      excludes: ['or', 'xor'],
      about: 'keep the bits of the value only',
    }),
    or: option({ name: '--or-tos', value: byteValue, excludes: ['xor'], about: 'set the bits of the value' }),
    xor: option({ name: '--xor-tos', value: byteValue, about: 'flip the bits of the value' }),
  },
  atLeastOne: ['set', 'and', 'or', 'xor'],
  canonical: (info) => {
    const { set, and, or, xor } = info;
    if (set) return info;
    if (and) return { set: { ...and, value: { value: 0, mask: ~and.value & 0xff } } };
    if (or) return { set: { ...or, value: { value: or.value, mask: or.value } } };
    return xor ? { set: { ...xor, value: { value: xor.value, mask: 0 } } } : info;
  },
  listing: (text) => {
    const found =
      /^TOS (?:set (0x[0-9a-f]{2}\/0x[0-9a-f]{2})|set([A-Z][A-Za-z-]+)|(and|or|xor) (0x[0-9a-f]{2}))(?= |$)/.exec(text);
    if (!found) return undefined;
    const [whole, both, name, verb, value = ''] = found;
    return { words: verb ? [`--${verb}-tos`, value] : ['--set-tos', both ?? name ?? ''], length: whole.length };
  },
  translate: ({ set }, { family }) => {
    const { value, mask } = set?.value ?? { value: 0, mask: 0 };
    const dscp = part(value >> 2, mask >> 2, 0x3f);
    const ecn = part(value & 3, mask & 3, 3);
    if (dscp === 'mixed' || ecn === 'mixed')
      return refused({
        code: 'not-expressible',
        option: 'set',
        what: `a TOS whose ${dscp === 'mixed' ? 'DSCP' : 'ECN'} bits are changed in part`,
        why: 'nftables sets dscp and ecn as a whole and cannot compute them from their old value; for raw bytes it does not correct the header checksum',
        help: 'use a mask of 0xff, 0xfc or 0x03',
      });
    const list: Statement[] = [];
    if (dscp !== 'same') list.push(mangle(field(family, 'dscp'), dscp));
    if (ecn !== 'same') list.push(mangle(field(family, 'ecn'), ecn));
    return statements(list);
  },
  meaning: ({ set, and, or, xor }, { family }) => {
    if (set) return trafficClassSteps(set.value.value, set.value.mask, family);
    if (and) return trafficClassSteps(0, ~and.value & 0xff, family);
    if (or) return trafficClassSteps(or.value, or.value, family);
    return xor ? trafficClassSteps(xor.value, 0, family) : [];
  },
});
