import type { ValueType } from '../../iptables/grammar.ts';
import { field, match } from '../../nftables/build.ts';
import { always, test } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option, translated } from '../contract.ts';
import { all, invertIf, is, present, yes } from '../../packet/condition.ts';
import { key, payload } from '../../packet/field.ts';

/** Six hexadecimal bytes with colons; iptables takes one digit for a byte, too. */
const macAddress: ValueType<string> = {
  syntax: 'XX:XX:XX:XX:XX:XX',
  words: 1,
  parse: (text) => {
    if (/^[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}$/i.test(text))
      return text
        .toLowerCase()
        .split(':')
        .map((byte) => byte.padStart(2, '0'))
        .join(':');
    return { bad: `"${text}" is not an Ethernet address`, help: 'write six bytes as XX:XX:XX:XX:XX:XX' };
  },
  print: (value) => value,
  samples: () => ['00:11:22:33:44:55', 'AA:bb:CC:dd:EE:ff', '0:1:2:3:4:5', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff'],
};

/** ARPHRD_ETHER of include/uapi/linux/if_arp.h. */
const ethernet = 1;

export const mac: MatchExtension = defineMatch({
  name: 'mac',
  families: ['ip', 'ip6'],
  about: 'the Ethernet address of the sender',
  kernel: 'net/netfilter/xt_mac.c mac_mt',
  support: 'exact',
  notes: ['A packet that came over no Ethernet device is never matched, inverted or not.'],
  hooks: ['prerouting', 'input', 'forward'],
  options: {
    source: option({
      name: '--mac-source',
      value: macAddress,
      invertible: true,
      mandatory: true,
      about: 'the source address of the Ethernet header',
    }),
  },
  listing: (text) => {
    const found = /^MAC (! ?)?([0-9a-f]{2}(?::[0-9a-f]{2}){5})(?= |$)/i.exec(text);
    if (!found) return undefined;
    const [whole, inverted, address = ''] = found;
    return { words: [...(inverted ? ['!'] : []), '--mac-source', address], length: whole.length };
  },
  // nft tests `meta iiftype ether` by itself first, so that `!=` leaves other devices out as xt_mac.c does.
  translate: ({ source }) =>
    translated(source ? test(match(field('ether', 'saddr'), source.inverted ? '!=' : '==', source.value)) : always),
  // A device of another kind fails the match, and so does a packet without its Ethernet header (ETH_HLEN).
  meaning: ({ source }) => {
    if (!source) return { condition: yes };
    const address = payload('ll', 48, 48);
    const wanted = is(address, BigInt(`0x${source.value.replaceAll(':', '')}`));
    return { condition: all([is(key('iiftype'), ethernet), present(address), invertIf(source.inverted, wanted)]) };
  },
});
