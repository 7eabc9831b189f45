import type { ListingReader, ValueType } from '../../iptables/grammar.ts';
import { dscpByClass, dscpClasses } from '../../netfilter/dscp.ts';
import { field, match } from '../../nftables/build.ts';
import { always, test } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option, translated } from '../contract.ts';
import { wholeNumber } from '../value.ts';
import { invertIf, is, yes } from '../../packet/condition.ts';
import { payload } from '../../packet/field.ts';

const hex = (value: number): string => `0x${value.toString(16).padStart(2, '0')}`;

const codePoint: ValueType<number> = { ...wholeNumber(0, 63, 16), print: hex };

const codePointClass: ValueType<number> = {
  syntax: 'class',
  words: 1,
  parse: (text) =>
    dscpByClass(text) ?? {
      bad: `"${text}" is not a DSCP class`,
      help: `one of ${Object.keys(dscpClasses).join(', ')}`,
    },
  print: hex,
  samples: () => Object.keys(dscpClasses),
};

const listing: ListingReader = (text) => {
  const part = /^DSCP match (!?)(0x[0-9a-fA-F]+)(?= |$)/.exec(text);
  if (!part) return undefined;
  return { words: [...(part[1] ? ['!'] : []), '--dscp', part[2] ?? ''], length: part[0].length };
};

export const dscp: MatchExtension = defineMatch({
  name: 'dscp',
  families: ['ip', 'ip6'],
  about: 'the differentiated services code point of the IP header',
  kernel: 'net/netfilter/xt_dscp.c dscp_mt',
  support: 'exact',
  options: {
    value: option({
      name: '--dscp',
      value: codePoint,
      invertible: true,
      excludes: ['class'],
      about: 'code point by number',
    }),
    class: option({
      name: '--dscp-class',
      printsAs: '--dscp',
      value: codePointClass,
      invertible: true,
      excludes: ['value'],
      about: 'code point by class name',
    }),
  },
  atLeastOne: ['value', 'class'],
  listing,
  translate: (info, { family }) => {
    const given = info.value ?? info.class;
    return translated(given ? test(match(field(family, 'dscp'), given.inverted ? '!=' : '==', given.value)) : always);
  },
  meaning: (info, { family }) => {
    const given = info.value ?? info.class;
    const upperSix = payload('nh', family === 'ip' ? 8 : 4, 6);
    return { condition: given ? invertIf(given.inverted, is(upperSix, given.value)) : yes };
  },
});
