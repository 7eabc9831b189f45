/**
 * What iptables-nft makes of tcp and udp tests: loads of nf_tables, which drop nothing and go by the bytes that are
 * there (iptables/nft.c add_nft_tcpudp, add_nft_tcpflags).
 */
import type { Given } from '../iptables/types.ts';
import { all, any, type Condition, is, no, not, present, unmodelled } from '../packet/condition.ts';
import { key, payload, type PayloadField } from '../packet/field.ts';
import { inRange } from './meaning.ts';
import { joinsPorts, type LoadedPorts, losesFlags, losesRange } from './nativeload.ts';
import { isWholeRange } from './ports.ts';
import type { FlagsMask } from './tcpflags.ts';

/** 1, 2 or 4 aligned bytes are there: on some kernels also in a later fragment (nft_payload_fast_eval). */
const isLoaded = (field: PayloadField): Condition =>
  all([present(field), any([is(key('fragoff'), 0), is(key('fragquirk'), 1)])]);

const ports = { sport: payload('th', 0, 16), dport: payload('th', 16, 16) };

/** What iptables-nft may load in another form: nothing is known of packets for which that matters. */
const misloaded = (what: string, condition: Condition): Condition =>
  unmodelled(what, { assumption: 'iptables-fixed', condition });

const portCondition = (side: 'sport' | 'dport', given: LoadedPorts['sport']): readonly Condition[] => {
  if (!given || (isWholeRange(given.value) && !given.inverted)) return [];
  if (losesRange(given))
    return [misloaded('an inverted range of all ports, which iptables-nft up to 1.8.10 leaves out of the rule', no)];
  return [isLoaded(ports[side]), inRange(ports[side], given)];
};

/** Both versions agree on packets with both ports or with neither. */
const bothInverted = (sport: Condition, dport: Condition): readonly Condition[] => [
  isLoaded(ports.sport),
  isLoaded(ports.dport),
  any([
    all([sport, dport]),
    all([
      any([sport, dport]),
      misloaded('two inverted ports, of which iptables-nft up to 1.8.10 wants but one to differ', no),
    ]),
  ]),
];

export const nativePorts = (info: LoadedPorts): readonly Condition[] => {
  const { sport, dport } = info;
  return sport && dport && joinsPorts(info)
    ? bothInverted(inRange(ports.sport, sport), inRange(ports.dport, dport))
    : [...portCondition('sport', sport), ...portCondition('dport', dport)];
};

/** Whether iptables-nft finds anything to load; otherwise it keeps the xt module. */
export const asksPorts = ({ sport, dport }: LoadedPorts): boolean =>
  [sport, dport].some((given) => given !== undefined && (given.inverted || !isWholeRange(given.value)));

export const asksFlags = (given: Given<FlagsMask> | undefined): boolean =>
  given !== undefined && (given.inverted || given.value.mask !== 0 || given.value.flags !== 0);

/** The flags byte under a mask, as the module and nf_tables compare it: flags outside of the mask are never found. */
export const flagsCondition = (
  field: PayloadField,
  { value: { mask, flags }, inverted }: Given<FlagsMask>,
): Condition => {
  const found = (flags & ~mask) !== 0 ? any([]) : mask === 0 ? all([]) : is(field, flags, mask);
  return inverted ? not(found) : found;
};

export const nativeFlags = (given: Given<FlagsMask> | undefined): readonly Condition[] => {
  if (!given || !asksFlags(given)) return [];
  const field = payload('th', 104, 8);
  const asked = all([isLoaded(field), flagsCondition(field, given)]);
  if (!losesFlags(given)) return [asked];
  return [any([asked, misloaded('flags under an empty mask, which iptables-nft leaves out of the rule', no)])];
};
