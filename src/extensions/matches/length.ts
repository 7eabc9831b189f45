import type { Given } from '../../iptables/types.ts';
import { match, meta, range } from '../../nftables/build.ts';
import { always, type Formula, never, test } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option, translated } from '../contract.ts';
import { numberRange, type NumberRange } from '../numberrange.ts';
import { yes } from '../../packet/condition.ts';
import { key } from '../../packet/field.ts';
import { inRange } from '../meaning.ts';

const last = 65535;

/**
 * The packet's length from its network header on. `meta length` rather than `ip length`: both are the same except for
 * segments above 65535 bytes that the kernel keeps together, which have no length in their header (skb_ip_totlen).
 */
const lengthTest = ({ value: { low, high }, inverted }: Given<NumberRange>): Formula => {
  if (low > high) return inverted ? always : never;
  const length = meta('length');
  if (low === high) return test(match(length, inverted ? '!=' : '==', low));
  if (low === 0) return test(match(length, inverted ? '>' : '<=', high));
  return test(match(length, inverted ? '!=' : '==', range(low, high)));
};

export const length: MatchExtension = defineMatch({
  name: 'length',
  families: ['ip', 'ip6'],
  about: 'the length of the packet, IP header included',
  kernel: 'net/netfilter/xt_length.c',
  support: 'exact',
  notes: ['A range that ends before it starts holds no length.'],
  options: {
    length: option({
      name: '--length',
      value: numberRange(0, last, 'length[:length]'),
      invertible: true,
      mandatory: true,
      about: 'bytes of the packet',
    }),
  },
  listing: (text) => {
    const part = /^length (!?)(\d+(?::\d+)?)(?= |$)/.exec(text);
    if (!part) return undefined;
    return { words: [...(part[1] ? ['!'] : []), '--length', part[2] ?? ''], length: part[0].length };
  },
  translate: (info) => translated(info.length ? lengthTest(info.length) : always),
  // skb_ip_totlen in IPv4, skb->len in IPv6: the same number, for the stack cuts padding off.
  meaning: ({ length: given }) => ({ condition: given ? inRange(key('length'), given) : yes }),
});
