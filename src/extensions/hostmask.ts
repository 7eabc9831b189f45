/** One address with a mask, as conntrack and ipvs take it. Unlike `-s` the host bits are kept and saved. */
import { type Bad, isBad, type ValueType } from '../iptables/grammar.ts';
import { parseAddresses } from '../iptables/selector.ts';
import type { Given } from '../iptables/types.ts';
import {
  type Address,
  addressBits,
  maskOf,
  type Masked,
  parseAddress,
  prefixLength,
  printAddress,
} from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import { and, match, prefix } from '../nftables/build.ts';
import { always, type Formula, never, test } from '../nftables/formula.ts';
import type { Expression } from '../nftables/types.ts';

export interface HostMask {
  readonly address: Address;
  readonly mask: Address;
}

const parseHostMask = (text: string, family: Family): HostMask | Bad => {
  const found: readonly Masked[] | Bad = parseAddresses(text, family);
  if (isBad(found)) return found;
  const [one] = found;
  const address = parseAddress(text.split('/')[0] ?? '', family);
  if (!one || found.length > 1 || address === undefined)
    return { bad: 'one address is needed, not a list', code: 'bad-address', help: 'write one rule for each address' };
  return { address, mask: one.mask };
};

/**
 * Nothing behind a full mask, `/length` behind one without holes. A mask with holes is printed in full, which
 * iptables-save forgets to do.
 */
const printHostMask = ({ address, mask }: HostMask, family: Family): string => {
  const text = printAddress(address, family);
  if (mask === maskOf(addressBits(family), family)) return text;
  return `${text}/${prefixLength(mask, family) ?? printAddress(mask, family)}`;
};

export const hostMask: ValueType<HostMask> = {
  syntax: 'address[/mask]',
  words: 1,
  parse: parseHostMask,
  print: printHostMask,
  samples: (family) =>
    family === 'ip'
      ? ['10.1.2.3', '10.0.0.0/8', '10.1.2.3/16', '192.0.2.0/255.255.255.0', '0.0.0.0/0', '10.1.2.3/32']
      : ['2001:db8::1', '2001:db8::/32', '2001:db8::1/64', '::/0', 'fe80::1/ffff::'],
};

/** The address at `left`, under the mask, is the wanted one. Right only where the load of it cannot fail. */
export const hostMaskTest = (left: Expression, { value, inverted }: Given<HostMask>, family: Family): Formula => {
  const { mask } = value;
  if (mask === 0n) return inverted ? never : always;
  const op = inverted ? '!=' : '==';
  const text = printAddress(value.address & mask, family);
  const length = prefixLength(mask, family);
  if (length === undefined) return test(match(and(left, printAddress(mask, family)), op, text));
  return test(match(left, op, length === addressBits(family) ? text : prefix(text, length)));
};
