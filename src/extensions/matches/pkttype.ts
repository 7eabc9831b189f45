import type { ValueType } from '../../iptables/grammar.ts';
import { match, meta } from '../../nftables/build.ts';
import { always, test } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option, translated } from '../contract.ts';
import { invertIf, is, yes } from '../../packet/condition.ts';
import { key } from '../../packet/field.ts';

/** What may be written, in any case, and what nft calls it; the first spelling of a type is the one that is saved. */
const types: Readonly<Record<string, string>> = {
  unicast: 'host',
  broadcast: 'broadcast',
  multicast: 'multicast',
  otherhost: 'other',
  host: 'host',
  bcast: 'broadcast',
  mcast: 'multicast',
};

/** PACKET_HOST … PACKET_OTHERHOST of include/uapi/linux/if_packet.h. */
const numbers: Readonly<Record<string, number>> = { host: 0, broadcast: 1, multicast: 2, other: 3 };

const packetType: ValueType<string> = {
  syntax: '{unicast|broadcast|multicast|otherhost}',
  words: 1,
  parse: (text) => {
    const name = text.toLowerCase();
    const type = Object.hasOwn(types, name) ? types[name] : undefined;
    return type ?? { bad: `"${text}" is not a packet type`, help: 'unicast, broadcast, multicast or otherhost' };
  },
  print: (value) => Object.keys(types).find((name) => types[name] === value) ?? value,
  samples: () => Object.keys(types),
};

export const pkttype: MatchExtension = defineMatch({
  name: 'pkttype',
  families: ['ip', 'ip6'],
  about: 'whom the link layer addressed the packet to',
  kernel: 'net/netfilter/xt_pkttype.c pkttype_mt',
  support: 'exact',
  options: {
    type: option({
      name: '--pkt-type',
      value: packetType,
      invertible: true,
      mandatory: true,
      about: 'the packet was sent to this host, to all, to a group, or to another host',
    }),
  },
  listing: (text) => {
    const found = /^PKTTYPE (!?)= ([a-z]+)(?= |$)/.exec(text);
    if (!found) return undefined;
    const [whole, inverted, type = ''] = found;
    return { words: [...(inverted ? ['!'] : []), '--pkt-type', type], length: whole.length };
  },
  // Looped back multicasts have a type of their own; both sides tell them by the address (nft_meta.c pkttype_lo).
  translate: ({ type }) =>
    translated(type ? test(match(meta('pkttype'), type.inverted ? '!=' : '==', type.value)) : always),
  meaning: ({ type }) => ({
    condition: type ? invertIf(type.inverted, is(key('pkttype'), numbers[type.value] ?? -1)) : yes,
  }),
});
