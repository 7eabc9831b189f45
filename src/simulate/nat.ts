/**
 * NAT at one hook: the chains of type nat for the first packet of a connection, the connection's own mapping for all
 * others (nf_nat_core.c nf_nat_inet_fn; nf_nat_proto.c nf_nat_ipv4_fn for ICMP errors).
 */
import type { Hook } from '../netfilter/hooks.ts';
import { icmp, icmpv6 } from '../netfilter/protocols.ts';
import { ctStates } from '../packet/field.ts';
import { type Nat, type NatContext, translateAddresses } from '../packet/nat.ts';
import { setKey, slotOf, valueAt, type View } from '../packet/view.ts';
import { ctState } from './conntrack.ts';
import { deviceName } from './devices.ts';
import { type Facts, fillRouteTypes, firstAddressOf, forgetRouteTypes, routeTypes } from './facts.ts';
import type { Run } from './run.ts';

/** NF_IP_PRI_NAT_DST and NF_IP_PRI_NAT_SRC: chains of type nat run there, whatever their own priority. */
export const natPriority = (hook: Hook): number => (hook === 'prerouting' || hook === 'output' ? -100 : 100);

export const natSide = (hook: Hook): 'daddr' | 'saddr' =>
  hook === 'prerouting' || hook === 'output' ? 'daddr' : 'saddr';

/** Whose rules are asked: those of the chains, the connection's own, or nobody's. */
export type NatStage = 'chains' | 'connection' | 'none' | 'unknown';

export const natStage = (view: View): NatStage => {
  switch (ctState(view)) {
    case undefined:
      return 'unknown';
    case ctStates.new:
      return 'chains';
    case ctStates.related: {
      // An ICMP error is translated like the connection it is about.
      const { l4proto } = view.headers;
      return l4proto === icmp || l4proto === icmpv6 ? 'connection' : 'chains';
    }
    case ctStates.established:
      return 'connection';
    default:
      return 'none';
  }
};

/** The addresses that only the host knows (nf_nat_masquerade.c, nf_nat_redirect.c). */
const contextOf = (view: View, hook: Hook, facts: Facts): NatContext => {
  const out = deviceName(view, 'o');
  const into = deviceName(view, 'i');
  const masqueradeAs = out === undefined ? undefined : firstAddressOf(out, facts);
  const loopback = view.family === 'ip' ? 0x7f000001n : 1n;
  const redirectTo = hook === 'output' ? loopback : into === undefined ? undefined : firstAddressOf(into, facts);
  return {
    ...(masqueradeAs === undefined ? {} : { masqueradeAs }),
    ...(redirectTo === undefined ? {} : { redirectTo }),
  };
};

const moved = (view: View, hook: Hook, facts: Facts): void => {
  forgetRouteTypes(view, natSide(hook));
  fillRouteTypes(view, facts);
};

/** Carries out the mapping that a chain has made. */
export const translateFirst = (run: Run, mapping: Nat, hook: Hook, facts: Facts): void => {
  const { view } = run;
  translateAddresses(view, mapping, contextOf(view, hook, facts));
  run.changes++;
  moved(view, hook, facts);
  // Whichever address it takes, it is one of this host.
  if (mapping.type === 'redirect') setKey(view, 'fib.daddr.type', routeTypes.local);
};

const statusBits = { snat: 16, dnat: 32 } as const;

const numberAt = (view: View, key: string): number | bigint | undefined => {
  const value = valueAt(view, slotOf(key));
  return typeof value === 'number' || typeof value === 'bigint' ? value : undefined;
};

/** Whether the connection's mapping changes this side of the packet; undefined if nobody knows. */
export const isMapped = (view: View, hook: Hook): boolean | undefined => {
  const status = numberAt(view, 'ct.status');
  if (status === undefined) return undefined;
  const direction = numberAt(view, 'ct.direction');
  const bits = Number(status);
  if ((bits & (statusBits.snat | statusBits.dnat)) === 0) return false;
  if (direction === undefined) return undefined;
  // Of a reply, the destination is what the first packet's source was mapped to, and the other way round.
  const side = (natSide(hook) === 'daddr') === (direction === 0) ? 'dnat' : 'snat';
  return (bits & statusBits[side]) !== 0;
};

const kept: readonly string[] = [
  'ct.status',
  ...['saddr4', 'daddr4', 'saddr6', 'daddr6', 'sport', 'dport'].map((name) => `ct.reply.${name}`),
];

/** Rewrites a later packet by the other direction's tuple; what the tuple does not say becomes unknown. */
export const translateLater = (run: Run, hook: Hook, facts: Facts): void => {
  const { view } = run;
  const tuple = numberAt(view, 'ct.direction') === 1 ? 'original' : 'reply';
  const [from, word] = natSide(hook) === 'daddr' ? (['s', 'dnat'] as const) : (['d', 'snat'] as const);
  const address = numberAt(view, `ct.${tuple}.${from}addr${view.family === 'ip' ? 4 : 6}`);
  const port = numberAt(view, `ct.${tuple}.${from}port`);
  const before = kept.map((key) => [key, valueAt(view, slotOf(key))] as const);
  const mapping: Nat =
    address === undefined
      ? { kind: 'nat', type: word === 'dnat' ? 'redirect' : 'masquerade', to: {}, flags: [] }
      : {
          kind: 'nat',
          type: word,
          to: {
            address: [BigInt(address), BigInt(address)],
            ...(port === undefined ? {} : { port: [Number(port), Number(port)] }),
          },
          flags: [],
        };
  translateAddresses(view, mapping);
  // A later packet changes nothing about its connection.
  for (const [key, value] of before) setKey(view, key, value);
  run.changes++;
  moved(view, hook, facts);
};
