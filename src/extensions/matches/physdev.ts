import type { ValueType } from '../../iptables/grammar.ts';
import { parseInterface } from '../../iptables/selector.ts';
import { defineMatch, type MatchExtension, option, refused } from '../contract.ts';
import { flag } from '../value.ts';
import { unmodelled } from '../../packet/condition.ts';

const port: ValueType<string> = {
  syntax: 'name[+]',
  words: 1,
  parse: parseInterface,
  print: (name) => (/[\s"\\]/.test(name) ? `"${name.replace(/["\\]/g, '\\$&')}"` : name),
  samples: () => ['eth0', 'veth+', '+', 'abcdefghijklmno'],
};

export const physdev: MatchExtension = defineMatch({
  name: 'physdev',
  families: ['ip', 'ip6'],
  about: 'the port of a bridge',
  kernel: 'net/netfilter/xt_physdev.c physdev_mt',
  support: 'refused',
  notes: [
    'ip and ip6 tables of nftables see the bridge itself as the device, never its port; only chains of family bridge see ports, and they run for every bridged frame.',
  ],
  options: {
    isIn: option({
      name: '--physdev-is-in',
      value: flag,
      invertible: true,
      about: 'the packet came in by a bridge port',
    }),
    in: option({ name: '--physdev-in', value: port, invertible: true, about: 'the port it came in by' }),
    isOut: option({
      name: '--physdev-is-out',
      value: flag,
      invertible: true,
      about: 'the packet leaves by a bridge port',
    }),
    out: option({ name: '--physdev-out', value: port, invertible: true, about: 'the port it leaves by' }),
    isBridged: option({
      name: '--physdev-is-bridged',
      value: flag,
      invertible: true,
      about: 'the packet is bridged, not routed',
    }),
  },
  atLeastOne: ['isIn', 'in', 'isOut', 'out', 'isBridged'],
  listing: (text) => {
    const found =
      /^PHYSDEV match((?: (?:! )?(?:--physdev-is-(?:in|out|bridged)|--physdev-(?:in|out) \S+))+)(?= |$)/.exec(text);
    if (!found) return undefined;
    const [whole, options = ''] = found;
    return { words: options.trim().split(' '), length: whole.length };
  },
  translate: () =>
    refused({
      code: 'no-native-form',
      what: 'nftables has no physdev match',
      why: 'br_netfilter keeps the bridge port beside the packet, and no nft expression of an ip or ip6 table reads it there',
      help: 'write the rule for a table of family bridge, or leave it in iptables; with net.bridge.bridge-nf-call-iptables=0 bridged packets do not pass here at all',
    }),
  // nf_bridge_info_get beside the packet, which no key holds; a packet that is not bridged meets what is inverted only.
  meaning: () => ({ condition: unmodelled('the bridge port of the packet (match physdev)') }),
});
