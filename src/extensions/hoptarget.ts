/** TTL and HL: the same target on `ip ttl` and on `ip6 hoplimit` (net/netfilter/xt_HL.c). */
import type { Family } from '../netfilter/family.ts';
import { field, mangle } from '../nftables/build.ts';
import { payload } from '../packet/field.ts';
import { defineTarget, option, refused, statements, type TargetExtension } from './contract.ts';
import { wholeNumber } from './value.ts';

interface Names {
  readonly name: 'TTL' | 'HL';
  readonly family: Family;
  readonly field: 'ttl' | 'hoplimit';
}

const verbs: Readonly<Record<string, string>> = { 'set to': 'set', 'increment by': 'inc', 'decrement by': 'dec' };

export const hopLimitTarget = ({ name, family, field: part }: Names): TargetExtension => {
  const stem = `--${name.toLowerCase()}`;
  return defineTarget({
    name,
    families: [family],
    about: `sets, raises or lowers the ${family === 'ip' ? 'time to live' : 'hop limit'}`,
    kernel: `net/netfilter/xt_HL.c ${family === 'ip' ? 'ttl_tg' : 'hl_tg6'}`,
    support: 'partial',
    notes: ['Raising and lowering is not translated: nft 1.0.6 cannot compute a header field from itself.'],
    tables: ['mangle'],
    options: {
      set: option({
        name: `${stem}-set`,
        value: wholeNumber(0, 255),
        excludes: ['dec', 'inc'],
        about: 'the new value',
      }),
      dec: option({
        name: `${stem}-dec`,
        value: wholeNumber(1, 255),
        excludes: ['inc'],
        about: 'lower it, at most to 0',
      }),
      inc: option({ name: `${stem}-inc`, value: wholeNumber(1, 255), about: 'raise it, at most to 255' }),
    },
    atLeastOne: ['set', 'dec', 'inc'],
    listing: (text) => {
      const found = new RegExp(`^${name} (set to|increment by|decrement by) (\\d+)(?= |$)`).exec(text);
      if (!found) return undefined;
      return { words: [`${stem}-${verbs[found[1] ?? '']}`, found[2] ?? ''], length: found[0].length };
    },
    translate: ({ set, dec }) =>
      set
        ? statements([mangle(field(family, part), set.value)])
        : refused({
            code: 'not-expressible',
            option: dec ? 'dec' : 'inc',
            what: `a ${family === 'ip' ? 'TTL' : 'hop limit'} computed from the old one`,
            why: 'nftables has no addition, and nft 1.0.6 takes no map from a header field to itself',
            help: `set a fixed value with ${stem}-set`,
          }),
    // Counted without end in an int, then cut to a byte: never below 0 or above 255.
    meaning: ({ set, dec, inc }) => {
      const by = inc ? `+${inc.value}` : `-${dec?.value ?? 0}`;
      return [
        {
          kind: 'effect',
          effect: set
            ? { kind: 'write', field: payload('nh', family === 'ip' ? 64 : 56, 8), keep: 0n, flip: BigInt(set.value) }
            : { kind: 'other', text: `ttl ${by}` },
        },
      ];
    },
  });
};
