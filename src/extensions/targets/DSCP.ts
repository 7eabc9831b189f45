import type { ValueType } from '../../iptables/grammar.ts';
import { field, mangle } from '../../nftables/build.ts';
import { defineTarget, option, statements, type TargetExtension } from '../contract.ts';
import { wholeNumber } from '../value.ts';
import { trafficClassSteps } from '../dsfield.ts';

/** Class selectors, assured and expedited forwarding (RFC 2474, 2597, 3246), best effort. */
const classes: ReadonlyMap<string, number> = new Map([
  ...Array.from({ length: 8 }, (_, i): [string, number] => [`CS${i}`, i * 8]),
  ['BE', 0],
  ...[1, 2, 3, 4].flatMap((c) => [1, 2, 3].map((d): [string, number] => [`AF${c}${d}`, c * 8 + d * 2])),
  ['EF', 46],
]);

const dscp: ValueType<number> = {
  ...wholeNumber(0, 63),
  print: (value) => `0x${value.toString(16).padStart(2, '0')}`,
};

const dscpClass: ValueType<number> = {
  syntax: 'class',
  words: 1,
  parse: (text) =>
    classes.get(text.toUpperCase()) ?? {
      bad: `"${text}" is not a DSCP class`,
      help: `one of ${[...classes.keys()].join(', ')}`,
    },
  print: dscp.print,
  samples: () => [...classes.keys()],
};

export const DSCP: TargetExtension = defineTarget({
  name: 'DSCP',
  families: ['ip', 'ip6'],
  about: 'sets the class of service, the upper six bits of the TOS or traffic class byte',
  kernel: 'net/netfilter/xt_DSCP.c dscp_tg, dscp_tg6',
  support: 'exact',
  tables: ['mangle'],
  options: {
    dscp: option({ name: '--set-dscp', value: dscp, excludes: ['class'], about: 'the class as a number' }),
    class: option({ name: '--set-dscp-class', value: dscpClass, about: 'the class by name' }),
  },
  atLeastOne: ['dscp', 'class'],
  canonical: (info) => (info.class ? { dscp: info.class } : info),
  listing: (text) => {
    const found = /^DSCP set (0x[0-9a-f]{2})(?= |$)/.exec(text);
    return found ? { words: ['--set-dscp', found[1] ?? ''], length: found[0].length } : undefined;
  },
  translate: (info, { family }) => statements(info.dscp ? [mangle(field(family, 'dscp'), info.dscp.value)] : []),
  // ipv4_change_dsfield and ipv6_change_dsfield keep the two bits of ECN.
  meaning: (info, { family }) => {
    const given = info.dscp ?? info.class;
    return given ? trafficClassSteps(given.value << 2, 0xfc, family) : [];
  },
});
