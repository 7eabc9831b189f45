import type { Bad, ValueType } from '../../iptables/grammar.ts';
import type { Given } from '../../iptables/types.ts';
import { dccp as dccpNumber } from '../../netfilter/protocols.ts';
import { anyOf, field, match } from '../../nftables/build.ts';
import { all, always, type Formula, never, test } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option, refused } from '../contract.ts';
import { portListing, type Taken } from '../portlisting.ts';
import { portOptions, portTests } from '../portmatch.ts';
import { portRange } from '../ports.ts';
import { translateHeader } from '../transport.ts';
import { wholeNumber } from '../value.ts';
import { all as allOf, any, type Condition, interval, invertIf, no, within } from '../../packet/condition.ts';
import { brokenDccpOptions, hasDccpOption } from '../dccpmeaning.ts';
import { portConditions, type Reading, transportField, withHeader } from '../meaning.ts';

/** Packet types 0 to 9 by name; INVALID stands for the other six values of the field (RFC 4340, 5.1). */
const names = ['REQUEST', 'RESPONSE', 'DATA', 'ACK', 'DATAACK', 'CLOSEREQ', 'CLOSE', 'RESET', 'SYNC', 'SYNCACK'];
const invalid = 'INVALID';
const allTypes = 16;

/** Ascending, the six of INVALID always together. */
type Types = readonly number[];

const valuesOf = (name: string): Types => {
  if (name === invalid) return Array.from({ length: allTypes - names.length }, (_, i) => names.length + i);
  const type = names.indexOf(name);
  return type < 0 ? [] : [type];
};

const parseTypes = (text: string): Types | Bad => {
  const types = new Set<number>();
  let at = 0;
  for (const word of text.split(',')) {
    const values = valuesOf(word.toUpperCase());
    if (values.length === 0)
      return {
        bad: `"${word}" is not a DCCP packet type`,
        at: Math.min(at, Math.max(0, text.length - 1)),
        length: Math.max(1, word.length),
        help: `give some of ${names.join(', ')}, ${invalid}`,
      };
    for (const value of values) types.add(value);
    at += word.length + 1;
  }
  return [...types].toSorted((a, b) => a - b);
};

const packetTypes: ValueType<Types> = {
  syntax: 'type[,type]…',
  words: 1,
  parse: parseTypes,
  print: (types) => [...new Set(types.map((type) => names[type] ?? invalid))].join(','),
  samples: () => ['REQUEST', 'RESET,INVALID', 'INVALID', [...names, invalid].join(','), names.join(',')],
};

const typesTest = (given: Given<Types> | undefined): Formula => {
  if (!given) return always;
  const { value, inverted } = given;
  if (value.length === allTypes) return inverted ? never : always;
  const words = value.map((type) => names[type]?.toLowerCase() ?? type);
  return test(match(field('dccp', 'type'), inverted ? '!=' : '==', anyOf(words)));
};

const isOfType = ({ value, inverted }: Given<Types>, context: Reading): Condition => {
  const ranges = value.map((type) => interval(type));
  return invertIf(inverted, within(transportField(context, 67, 4), ranges));
};

/** ` ! 7,10,11,12,13,14,15 option=!38`; the types by name without -n. */
const takeMore = (rest: string): Taken | undefined => {
  const part = /^ (?:option=(!?)(\d+)|(! )?([A-Z]+(?:,[A-Z]+)*|\d+(?:,\d+)*))(?= |$)/.exec(rest);
  if (!part) return undefined;
  const [{ length }, optionBang, kind, typesBang, types = ''] = part;
  const bang = optionBang || typesBang ? ['!'] : [];
  if (kind !== undefined) return { words: [...bang, '--dccp-option', kind], length };
  const named = types.replace(/\d+/g, (type) => names[Number(type)] ?? invalid);
  return { words: [...bang, '--dccp-types', [...new Set(named.split(','))].join(',')], length };
};

export const dccp: MatchExtension = defineMatch({
  name: 'dccp',
  families: ['ip', 'ip6'],
  about: 'ports and packet type of a DCCP header',
  kernel: 'net/netfilter/xt_dccp.c',
  support: 'partial',
  notes: [
    'iptables, with either backend, drops a DCCP packet with fewer than 12 bytes at this match and never matches later fragments, inverted or not.',
    'A port range that ends before it starts holds no port.',
    '--dccp-option is refused: nft 1.0.6 has no expression for it.',
  ],
  protocols: [dccpNumber],
  implicit: true,
  options: {
    ...portOptions(portRange, false),
    types: option({ name: '--dccp-types', value: packetTypes, invertible: true, about: 'packet type' }),
    option: option({
      name: '--dccp-option',
      value: wholeNumber(1, 255),
      invertible: true,
      about: 'a DCCP option of that kind is there',
    }),
  },
  transport: () => true,
  listing: portListing('dccp', takeMore),
  translate: (info, context) =>
    info.option
      ? refused({
          code: 'not-expressible',
          option: 'option',
          what: 'nft cannot look for a DCCP option',
          why: 'nft 1.0.6 has no expression for DCCP options, and kernels are built without it (CONFIG_NFT_EXTHDR_DCCP); either refuses the whole ruleset',
          help: 'keep this rule in iptables',
        })
      : translateHeader(all([portTests('dccp', info), typesTest(info.types)]), 12, context),
  meaning: (info, context) => {
    const { types, option: kind } = info;
    const tests = [...portConditions(context, info), ...(types ? [isOfType(types, context)] : [])];
    const header = withHeader(context, 12, tests);
    if (!kind) return header;
    return {
      hotdrop: any([header.hotdrop ?? no, allOf([header.condition, brokenDccpOptions(kind.value, context)])]),
      condition: allOf([header.condition, hasDccpOption(kind.value, kind.inverted, context)]),
    };
  },
});
