/**
 * `-s`, `-d`, `-i`, `-o`, `-p` and `-f` as steps, from what ip_tables.c ip_packet_match and ip6_tables.c
 * ip6_packet_match do, and for iptables-nft from the expressions that it loads (iptables/nft-ipv4.c and nft-ipv6.c).
 */
import { type Core, core } from '../iptables/reading.ts';
import type { InterfaceName, Rule, Selector } from '../iptables/types.ts';
import { addressBits, maskOf, type Masked } from '../netfilter/address.ts';
import type { Backend, Family } from '../netfilter/family.ts';
import { all, type Condition, invertIf, is, isNamed, no, not, present, yes } from '../packet/condition.ts';
import { key, payload, type PayloadField } from '../packet/field.ts';
import type { Step } from '../packet/program.ts';

/** Where the addresses stand in the network header: RFC 791 and RFC 8200. */
const addressFields: Readonly<Record<Family, Readonly<Record<'source' | 'destination', PayloadField>>>> = {
  ip: { source: payload('nh', 96, 32), destination: payload('nh', 128, 32) },
  ip6: { source: payload('nh', 64, 128), destination: payload('nh', 192, 128) },
};

const addressCondition = (
  side: 'source' | 'destination',
  { address, mask, inverted }: Masked & { readonly inverted: boolean },
  family: Family,
): Condition => {
  // Under an empty mask every address is the same one.
  if (mask === 0n) return inverted ? no : yes;
  const whole = mask === maskOf(addressBits(family), family);
  return invertIf(inverted, is(addressFields[family][side], address, whole ? undefined : mask));
};

/** A packet without the device has the empty name there: `! -o eth0` matches it, and `-o +` too. */
const interfaceCondition = (keyName: 'iifname' | 'oifname', { name, inverted }: InterfaceName): Condition => {
  const prefix = name.endsWith('+');
  const stem = prefix ? name.slice(0, -1) : name;
  return invertIf(inverted, prefix && stem === '' ? yes : isNamed(keyName, stem, prefix));
};

const l4proto = key('l4proto');
const xtproto = key('xtproto');
const fragoff = key('fragoff');

type Protocol = NonNullable<Selector['protocol']>;

/**
 * ip6_tables.ko looks for the protocol behind every extension header and drops the packet if it finds none. nf_tables
 * breaks the rule where it has found none, inverted or not.
 */
const protocolSteps = ({ number, inverted }: Protocol, family: Family, backend: Backend): readonly Step[] => {
  if (family === 'ip6' && backend === 'legacy')
    return [
      { kind: 'hotdrop', condition: not(present(xtproto)) },
      { kind: 'test', condition: invertIf(inverted, is(xtproto, number)) },
    ];
  const equal = is(l4proto, number);
  if (!inverted) return [{ kind: 'test', condition: equal }];
  return [{ kind: 'test', condition: backend === 'nft' ? all([present(l4proto), not(equal)]) : not(equal) }];
};

const tests = (condition: Condition): readonly Step[] =>
  condition.kind === 'constant' && condition.value ? [] : [{ kind: 'test', condition }];

/** The steps in the kernel's order: addresses, interfaces, protocol, fragment. What asks nothing has none. */
export const selectorSteps = (selector: Selector, family: Family, backend: Backend): readonly Step[] => {
  const { source, destination, inInterface, outInterface, protocol, fragment } = selector;
  const steps: Step[] = [];
  if (source) steps.push(...tests(addressCondition('source', source, family)));
  if (destination) steps.push(...tests(addressCondition('destination', destination, family)));
  if (inInterface) steps.push(...tests(interfaceCondition('iifname', inInterface)));
  if (outInterface) steps.push(...tests(interfaceCondition('oifname', outInterface)));
  if (protocol) steps.push(...protocolSteps(protocol, family, backend));
  if (fragment) steps.push({ kind: 'test', condition: invertIf(!fragment.inverted, is(fragoff, 0)) });
  return steps;
};

const selecting: ReadonlySet<Core> = new Set(['source', 'destination', 'in', 'out', 'protocol', 'fragment']);

/** Whether a word could be a part of the selector: `-s`, `-s10.0.0.1`, `--source=10.0.0.1`. */
const selects = (word: string): boolean => {
  const bare = word.replace(/^["']/, '');
  const name = bare.startsWith('--') ? (bare.split('=')[0] ?? '') : bare.slice(0, 2);
  const kind = Object.hasOwn(core, name) ? core[name] : undefined;
  return kind !== undefined && selecting.has(kind);
};

const nothing: Selector = {};

/**
 * What is certain of the selector of a rule with an extension that has no model: all of it if no word behind the
 * extension's name could be a part of it, for there it might be a value of the extension; otherwise nothing.
 */
export const knownSelector = ({ selector, unmodelled, origin }: Rule): Selector => {
  if (!unmodelled) return selector;
  const rest = origin.text.slice(unmodelled.column - 1 + unmodelled.length);
  return rest.split(/\s+/).some(selects) ? nothing : selector;
};
