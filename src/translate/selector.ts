/** `-s`, `-d`, `-i`, `-o`, `-p` and `-f` in nft: the tests that ip_tables.c ip_packet_match does before any match. */
import type { Difference, Refusal } from '../extensions/contract.ts';
import { addressBits, maskOf, type Masked, prefixLength, printAddress } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import { ah as ahNumber } from '../netfilter/protocols.ts';
import type { InterfaceName, Selector } from '../iptables/types.ts';
import { and, field, l4proto, match, meta, prefix } from '../nftables/build.ts';
import { always, type Formula, never, test } from '../nftables/formula.ts';
import { sharing } from '../nftables/shared.ts';
import type { Match } from '../nftables/types.ts';

/** An address under a mask as a comparison of `ip saddr` and the like; with holes in the mask by `&`. */
export const addressTest = (
  side: 'saddr' | 'daddr',
  masked: Masked & { readonly inverted: boolean },
  family: Family,
): Formula => {
  const { address, mask, inverted } = masked;
  if (mask === 0n) return inverted ? never : always;
  const left = field(family, side);
  const op = inverted ? '!=' : '==';
  const text = printAddress(address, family);
  const length = prefixLength(mask, family);
  if (length === undefined) return test(match(and(left, printAddress(mask, family)), op, text));
  return test(match(left, op, mask === maskOf(addressBits(family), family) ? text : prefix(text, length)));
};

/** Words that nft's JSON reads as a protocol wherever they stand; and `*` and `@x` as wildcard and set. */
const reserved = new Set(['tcp', 'udp', 'udplite', 'esp', 'ah', 'icmp', 'icmpv6', 'comp', 'dccp', 'sctp', 'redirect']);

/**
 * The value for `iifname`: `eth+` is `eth*`. Undefined where any interface will do. A trailing `*` that the interface's
 * name really has is escaped.
 */
const interfaceValue = (name: string): string | Refusal | undefined => {
  if (name === '+') return undefined;
  const wildcard = name.endsWith('+');
  const stem = wildcard ? name.slice(0, -1) : name;
  if (reserved.has(name) || name.startsWith('@') || name === '*' || name.includes('\\'))
    return {
      kind: 'refused',
      code: 'name-not-expressible',
      what: `an interface called "${name}" cannot be named in nft JSON`,
      why: 'libnftables reads this word as something other than a name',
      help: 'rename the interface, or match its addresses instead',
    };
  if (wildcard) return `${stem}*`;
  return stem.endsWith('*') ? `${stem.slice(0, -1)}\\*` : stem;
};

const interfaceTests = sharing<Match>();

const interfaceTest = (key: 'iifname' | 'oifname', given: InterfaceName | undefined): Formula | Refusal => {
  if (!given) return always;
  const value = interfaceValue(given.name);
  if (value === undefined) return given.inverted ? never : always;
  if (typeof value === 'object') return value;
  // A packet without the device has an empty name on both sides: `! -o eth0` matches it, and so does nft's `!=`.
  const op = given.inverted ? '!=' : '==';
  return test(interfaceTests(`${key}${op}${value}`, () => match(meta(key), op, value)));
};

export interface SelectorTranslation {
  readonly formulas: readonly Formula[];
  readonly differences: readonly Difference[];
}

const laterFragment = (inverted: boolean): Formula =>
  test(match(and(field('ip', 'frag-off'), 0x1fff), inverted ? '==' : '!=', 0));

const headerChain: readonly Difference[] = [
  {
    code: 'ah-header',
    from: 'legacy',
    degree: 'guarded',
    why: 'ip6tables-legacy takes the header behind an authentication header for the protocol; nftables stops at the authentication header',
  },
  {
    code: 'extension-header',
    from: 'legacy',
    degree: 'guarded',
    why: 'ip6tables-legacy drops a packet whose IPv6 header chain is broken on the spot; nftables does not match it',
  },
];

const noDifferences: readonly Difference[] = [];

/** ip6tables-legacy looks behind an authentication header, so that for it no packet's protocol is AH. */
const neverAh = (protocol: number, family: Family, exactLegacy: boolean): boolean =>
  exactLegacy && family === 'ip6' && protocol === ahNumber;

export const translateSelector = (
  selector: Selector,
  family: Family,
  exactLegacy: boolean,
): SelectorTranslation | Refusal => {
  const { source, destination, inInterface, outInterface, protocol, fragment } = selector;
  const iif = interfaceTest('iifname', inInterface);
  if (iif.kind === 'refused') return iif;
  const oif = interfaceTest('oifname', outInterface);
  if (oif.kind === 'refused') return oif;
  const formulas: Formula[] = [];
  // In the kernel's order: addresses, interfaces, protocol, fragment.
  if (source) formulas.push(addressTest('saddr', source, family));
  if (destination) formulas.push(addressTest('daddr', destination, family));
  if (inInterface) formulas.push(iif);
  if (outInterface) formulas.push(oif);
  if (protocol && neverAh(protocol.number, family, exactLegacy)) formulas.push(protocol.inverted ? always : never);
  else if (protocol) formulas.push(test(l4proto(protocol.number, protocol.inverted ? '!=' : '==')));
  if (fragment) formulas.push(laterFragment(fragment.inverted));
  return { formulas, differences: protocol && family === 'ip6' ? headerChain : noDifferences };
};
