import type { ValueType } from '../../iptables/grammar.ts';
import type { Family } from '../../netfilter/family.ts';
import {
  addressBits,
  type Masked,
  parseMasked,
  prefixLength,
  printAddress,
  printMasked,
} from '../../netfilter/address.ts';
import { dnat, prefix, snat } from '../../nftables/build.ts';
import { defineTarget, option, refused, statements, type TargetExtension } from '../contract.ts';
import { toListing } from '../natlisting.ts';
import { natSteps } from '../natmeaning.ts';

const network: ValueType<Masked> = {
  syntax: 'address[/mask]',
  words: 1,
  parse: (text, family) => {
    const value = parseMasked(text, family);
    if (!value) return { bad: `"${text}" is not a network`, code: 'bad-address', help: 'write address/prefix length' };
    if (prefixLength(value.mask, family) === undefined)
      return {
        bad: 'a mask with holes',
        at: text.indexOf('/') + 1,
        help: 'iptables-save writes such a mask as a full one; only prefixes survive it',
      };
    return value;
  },
  print: printMasked,
  samples: (family) =>
    family === 'ip' ? ['10.0.0.0/24', '10.0.0.5', '10.0.0.5/16', '10.0.0.0/255.0.0.0'] : ['2001:db8::/64', 'fd00::1'],
};

/** The whole prefix as minimum and maximum, with the flag that keeps the host part (NF_NAT_RANGE_NETMAP). */
const mapped = ({ address, mask }: Masked, family: Family) => ({
  addr: prefix(printAddress(address, family), prefixLength(mask, family) ?? 0),
  flags: ['netmap'],
  type_flags: ['prefix'],
});

export const NETMAP: TargetExtension = defineTarget({
  name: 'NETMAP',
  families: ['ip', 'ip6'],
  about: 'maps a network to another one and keeps the host part of the address',
  kernel: 'net/netfilter/xt_NETMAP.c netmap_tg4, netmap_tg6',
  support: 'exact',
  notes: [
    'It changes the destination in PREROUTING and OUTPUT and the source in INPUT and POSTROUTING, so a chain that is reached from both kinds of hook is not translated.',
  ],
  tables: ['nat'],
  hooks: ['prerouting', 'input', 'output', 'postrouting'],
  options: {
    to: option({ name: '--to', value: network, mandatory: true, about: 'network to map to' }),
  },
  listing: toListing('--to'),
  translate: ({ to }, { family, hooks }) => {
    const source = hooks.has('postrouting') || hooks.has('input');
    const destination = hooks.has('prerouting') || hooks.has('output');
    if (source && destination)
      return refused({
        code: 'not-expressible',
        what: 'NETMAP in a chain that is reached from hooks of both directions',
        why: 'the kernel maps the destination in PREROUTING and OUTPUT and the source in INPUT and POSTROUTING; nft needs to be told which',
        help: 'make one chain for each direction',
      });
    if (!to) return statements([]);
    const parts = mapped(to.value, family);
    return statements([source ? snat(parts) : dnat(parts)], { terminal: true });
  },
  // HOOK2MANIP: the hook says which address is mapped. In a chain that nothing reaches it does not matter.
  meaning: ({ to }, { family, hooks }) => {
    const source = hooks?.has('postrouting') || hooks?.has('input');
    const destination = hooks?.has('prerouting') || hooks?.has('output');
    if (!to) return [];
    if (!hooks || (source && destination))
      return [{ kind: 'unmodelled', what: 'NETMAP in a chain that does not say which address it maps' }];
    const { address, mask } = to.value;
    const hostBits = ((1n << BigInt(addressBits(family))) - 1n) & ~mask;
    return natSteps(source ? 'netmap-snat' : 'netmap-dnat', {
      addresses: { low: address & mask, high: (address & mask) | hostBits },
    });
  },
});
