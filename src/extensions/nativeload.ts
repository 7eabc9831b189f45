/**
 * What iptables-nft makes another rule of than it was given, as its loads show (`nft --debug=netlink list ruleset`;
 * iptables/nft.c add_nft_tcpudp and add_nft_tcp).
 */
import type { Given } from '../iptables/types.ts';
import type { Difference } from './contract.ts';
import { isWholeRange, type PortRange } from './ports.ts';
import type { FlagsMask } from './tcpflags.ts';

export interface LoadedPorts {
  readonly sport?: Given<PortRange> | undefined;
  readonly dport?: Given<PortRange> | undefined;
}

const isOneInverted = (given: Given<PortRange> | undefined): boolean =>
  given?.inverted === true && given.value.low === given.value.high && given.value.low !== 0;

/** Two inverted ports: up to 1.8.10 one comparison of all 4 bytes, which holds as soon as one of them differs. */
export const joinsPorts = ({ sport, dport }: LoadedPorts): boolean => isOneInverted(sport) && isOneInverted(dport);

/** An inverted range of all ports: up to 1.8.10 nothing is loaded for it. */
export const losesRange = (given: Given<PortRange> | undefined): boolean =>
  given?.inverted === true && isWholeRange(given.value);

/** Flags under an empty mask: nothing is loaded for them. Without flags and not inverted they ask nothing anyway. */
export const losesFlags = (given: Given<FlagsMask> | undefined): boolean =>
  given !== undefined && given.value.mask === 0 && (given.inverted || given.value.flags !== 0);

const joined =
  'iptables-nft up to 1.8.10 compares both ports at once, so that its rule matches as soon as one of them differs; the native form wants both to differ';
const range =
  'iptables-nft up to 1.8.10 leaves an inverted range of all ports out of the rule and matches whatever port there is; the native form never matches';
const flagsNever =
  'iptables-nft leaves flags under an empty mask out of the rule and matches whatever flags there are; the native form never matches';
const flagsThere =
  'iptables-nft leaves flags under an empty mask out of the rule; the native form wants the flags to be there';

/** What differs where iptables-nft loads the match natively. */
export const loadedOtherwise = (ports: LoadedPorts, flags?: Given<FlagsMask>): readonly Difference[] => {
  const isOrdinary = joinsPorts(ports) || losesRange(ports.sport) || losesRange(ports.dport);
  // Inverted, flags outside of the mask are met by every header.
  const isMet = flags?.inverted === true && flags.value.flags !== 0;
  const why = [
    ...(joinsPorts(ports) ? [joined] : []),
    ...(losesRange(ports.sport) || losesRange(ports.dport) ? [range] : []),
    ...(losesFlags(flags) ? [isMet ? flagsThere : flagsNever] : []),
  ];
  if (why.length === 0) return [];
  const degree = isOrdinary || !isMet ? 'approximate' : 'guarded';
  return [{ code: 'iptables-version', from: 'nft', degree, why: why.join('; ') }];
};
