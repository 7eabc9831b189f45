import type { Family } from '../netfilter/family.ts';

/** A key's value: a number where it has at most 48 bits, else a bigint; `null` where this packet has none. */
export type KeyValue = number | bigint | string | null;

/**
 * One packet as a hook sees it. A key that is not in `keys` is unknown: whatever asks for it has no answer. Keys that
 * the bytes themselves answer (length, l4proto, fragoff, options, chunks, extension headers) are never in `keys`.
 */
export interface Packet {
  readonly family: Family;
  /** From the network header to the end: skb->len bytes. */
  readonly bytes: Uint8Array;
  /** The Ethernet header: empty where there is none, absent where nobody has said. */
  readonly link?: Uint8Array;
  /** Keys of field.ts. */
  readonly keys: ReadonlyMap<string, KeyValue>;
}
