/**
 * What the meanings of several matches and targets share: how an xt module gets at the transport header, and what it
 * does where there is none (net/netfilter/xt_tcpudp.c is the pattern that the others follow).
 */
import type { Given } from '../iptables/types.ts';
import { all, any, type Condition, interval, invertIf, is, not, present, within, yes } from '../packet/condition.ts';
import { type Base, type Field, key, payload, type PayloadField } from '../packet/field.ts';
import type { Assumption } from '../packet/assumption.ts';
import { headersOf, startIndex } from '../packet/headers.ts';
import type { IcmpType } from '../netfilter/icmp.ts';
import type { MatchMeaning, MeaningContext } from './contract.ts';

/** Where the transport header of an xt module begins: ip6_tables finds it by itself, nft_compat.c takes that of nft. */
export const transportBase = ({ backend }: Pick<MeaningContext, 'backend'>): Base =>
  backend === 'legacy' ? 'xt' : 'th';

/** The protocol that goes with it. */
export const transportProtocol = ({ backend }: Pick<MeaningContext, 'backend'>): Field =>
  key(backend === 'legacy' ? 'xtproto' : 'l4proto');

/** Bits of the transport header. */
export const transportField = (
  context: Pick<MeaningContext, 'backend'>,
  offset: number,
  length: number,
): PayloadField => payload(transportBase(context), offset, length);

/** Which of two readings of a header chain the kernel makes. */
export type Reading = Pick<MeaningContext, 'backend' | 'family'>;

/** The fragment offset that goes with it. In IPv4 there is but one. */
export const fragmentOffset = ({ backend, family }: Reading): Field =>
  key(backend === 'legacy' && family === 'ip6' ? 'xtfragoff' : 'fragoff');

/** The packet is whole or a first fragment. */
export const atStart = (context: Reading): Condition => is(fragmentOffset(context), 0);

/**
 * The module does not ask whether it is handed a later fragment, and reads its bytes like a header. Kernels that look
 * at fragments in nft_payload_fast_eval do so here as well: the same series of patches adds both checks.
 */
export const readsFragment = (context: Reading): Condition => any([atStart(context), is(key('fragquirk'), 1)]);

/** The first `length` bytes of the transport header are there, whatever fragment they are of. */
export const hasHeader = (context: Pick<MeaningContext, 'backend'>, length: number): Condition =>
  present(transportField(context, 0, length * 8));

/** Low to high, both included; a range that ends before it starts holds nothing, and its inversion everything. */
export const inRange = (
  field: Field,
  { value, inverted }: Pick<Given<{ readonly low: number; readonly high: number }>, 'value' | 'inverted'>,
): Condition => invertIf(inverted, within(field, [interval(value.low, value.high)]));

/**
 * What most modules for a transport header do: a later fragment does not match; a packet without `length` bytes of
 * the header is dropped on the spot; then the tests.
 */
export const withHeader = (context: Reading, length: number, tests: readonly Condition[]): MatchMeaning => ({
  hotdrop: all([atStart(context), not(hasHeader(context, length))]),
  condition: all([atStart(context), hasHeader(context, length), ...tests]),
});

/** A program over bytes; see `Condition`. */
export const programCondition = (
  text: string,
  run: (bytes: Uint8Array) => boolean,
  same: Condition | undefined,
  assumptions: readonly Assumption[] = [],
): Condition => ({ kind: 'program', text, run, same, ...(assumptions.length === 0 ? {} : { assumptions }) });

/** Where the transport header of an xt module begins in the packet's bytes; -1 where there is none. */
export const transportStart = ({ family, backend }: Reading, bytes: Uint8Array): number =>
  headersOf(family, bytes).starts[startIndex[backend === 'legacy' ? 'xt' : 'th']];

/** xt_tcpudp.c icmp_match and icmp6_match: `field` is the type and the code; `anyType` means every type. */
export const icmpCondition = (
  field: Field,
  { value: { type, code }, inverted }: Given<IcmpType>,
  anyType?: number,
): Condition => {
  const wanted = interval((type << 8) | (code ?? 0), (type << 8) | (code ?? 0xff));
  return invertIf(inverted, type === anyType ? yes : within(field, [wanted]));
};

export interface PortInfo {
  readonly sport?: Given<{ readonly low: number; readonly high: number }> | undefined;
  readonly dport?: Given<{ readonly low: number; readonly high: number }> | undefined;
}

/** Source and destination port as far as they are asked for, from the first 4 bytes of the header. */
export const portConditions = (
  context: Pick<MeaningContext, 'backend'>,
  { sport, dport }: PortInfo,
): readonly Condition[] => [
  ...(sport ? [inRange(transportField(context, 0, 16), sport)] : []),
  ...(dport ? [inRange(transportField(context, 16, 16), dport)] : []),
];
