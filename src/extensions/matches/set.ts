import type { ValueType } from '../../iptables/grammar.ts';
import type { Given } from '../../iptables/types.ts';
import { defineMatch, type MatchExtension, option, refused } from '../contract.ts';
import { setLookup } from '../setlookup.ts';
import { flag, parseNumber } from '../value.ts';
import { invertIf, opaque, yes } from '../../packet/condition.ts';

/** A counter of 64 bits. */
const count: ValueType<bigint> = {
  syntax: 'number',
  words: 1,
  parse: (text) => {
    const value = parseNumber(text);
    if (value === undefined) return { bad: `"${text}" is not a whole number` };
    return value < 1n << 64n ? value : { bad: `${text} has more than 64 bits`, code: 'value-out-of-range' };
  },
  print: String,
  samples: () => ['0', '1', '18446744073709551615'],
};

const packets = ['packetsEq', 'packetsLt', 'packetsGt'];
const bytes = ['bytesEq', 'bytesLt', 'bytesGt'];
const others = (keys: readonly string[], key: string): readonly string[] => keys.filter((other) => other !== key);

const counting = ['packetsEq', 'packetsLt', 'packetsGt', 'bytesEq', 'bytesLt', 'bytesGt'] as const;
const settingNames = ['returnNomatch', 'updateCounters', 'updateSubcounters', ...counting] as const;

type Settings = { readonly [K in (typeof settingNames)[number]]?: Given<bigint | true> | undefined };

/** What else decides about the answer or leaves a trace in the set, in one order; counting is what is done anyway. */
const settings = (info: Settings): readonly string[] =>
  settingNames.flatMap((name) => {
    const given = info[name];
    if (!given || (name.startsWith('update') && !given.inverted)) return [];
    return [`${given.inverted ? '!' : ''}${name}${given.value === true ? '' : `=${given.value}`}`];
  });

export const set: MatchExtension = defineMatch({
  name: 'set',
  families: ['ip', 'ip6'],
  about: 'whether the packet is in an ipset',
  kernel: 'net/netfilter/xt_set.c set_match_v4',
  support: 'refused',
  notes: [
    'The members of an ipset are kept outside of the ruleset and change under it; nftables cannot look into one.',
  ],
  options: {
    set: option({
      name: '--match-set',
      aliases: ['--set'],
      value: setLookup,
      invertible: true,
      mandatory: true,
      about: 'the set, and what of the packet to look up in it',
    }),
    returnNomatch: option({
      name: '--return-nomatch',
      value: flag,
      about: 'match the elements that are marked nomatch',
    }),
    updateCounters: option({
      name: '--update-counters',
      value: flag,
      invertible: true,
      about: 'count the packet in the element (inverted: do not)',
    }),
    updateSubcounters: option({
      name: '--update-subcounters',
      value: flag,
      invertible: true,
      about: 'count it in the member sets (inverted: do not)',
    }),
    packetsEq: option({
      name: '--packets-eq',
      value: count,
      invertible: true,
      excludes: others(packets, 'packetsEq'),
      about: 'the element has counted so many packets',
    }),
    packetsLt: option({
      name: '--packets-lt',
      value: count,
      excludes: others(packets, 'packetsLt'),
      about: 'it has counted fewer',
    }),
    packetsGt: option({
      name: '--packets-gt',
      value: count,
      excludes: others(packets, 'packetsGt'),
      about: 'it has counted more',
    }),
    bytesEq: option({
      name: '--bytes-eq',
      value: count,
      invertible: true,
      excludes: others(bytes, 'bytesEq'),
      about: 'the element has counted so many bytes',
    }),
    bytesLt: option({
      name: '--bytes-lt',
      value: count,
      excludes: others(bytes, 'bytesLt'),
      about: 'it has counted fewer',
    }),
    bytesGt: option({
      name: '--bytes-gt',
      value: count,
      excludes: others(bytes, 'bytesGt'),
      about: 'it has counted more',
    }),
  },
  // Counting is what is done anyway; only its inversion is saved.
  canonical: ({ updateCounters, updateSubcounters, ...rest }) => ({
    ...rest,
    ...(updateCounters?.inverted ? { updateCounters } : {}),
    ...(updateSubcounters?.inverted ? { updateSubcounters } : {}),
  }),
  listing: (text) => {
    const found = /^(! )?match-set (\S+) ((?:src|dst)(?:,(?:src|dst))*)/.exec(text);
    if (!found) return undefined;
    const [whole, inverted, name = '', flags = ''] = found;
    const words = [...(inverted ? ['!'] : []), '--match-set', name, flags];
    let length = whole.length;
    for (;;) {
      const more =
        /^ (! )?(return-nomatch|update-counters|update-subcounters|(?:packets|bytes)-(?:eq|lt|gt) (\d+))(?= |$)/.exec(
          text.slice(length),
        );
      if (!more) return { words, length };
      const [part, not, rest = ''] = more;
      words.push(...(not ? ['!'] : []), ...`--${rest}`.split(' '));
      length += part.length;
    }
  },
  translate: ({ set: given }) => {
    const name = given?.value.name ?? '';
    return refused({
      code: 'external-state',
      option: 'set',
      length: name.length,
      what: `the rule asks the ipset ${name}, which is not part of the ruleset`,
      why: 'ipset keeps the members in tables of its own, which nftables cannot look into and which change without the ruleset',
      help: `make an nft set with the members that "ipset save ${name}" lists, write the rule with it by hand, and let whatever fills the ipset fill the nft set`,
    });
  },
  meaning: ({ set: given, ...more }) => {
    if (!given) return { condition: yes };
    const words = settings(more);
    // Counters of the elements change with every packet that is looked up.
    const stateful = counting.some((name) => more[name] !== undefined);
    const id = [`set ${given.value.name} ${given.value.flags.join(',')}`, ...words].join(' ');
    const found = opaque({ id, stateful, assumption: 'same-set' });
    return { condition: invertIf(given.inverted, found) };
  },
});
