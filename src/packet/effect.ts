/** What a rule does beside letting a packet through or not: effects that two rulesets must share to mean the same. */
import type { Assumption } from './assumption.ts';
import type { PayloadField } from './field.ts';

/** An address and port range as NAT takes it; addresses as numbers, absent where not given. */
export interface NatRange {
  readonly address?: readonly [low: bigint, high: bigint];
  readonly port?: readonly [low: number, high: number];
}

export type Effect =
  /** A key becomes (old & keep) ^ flip. */
  | { readonly kind: 'set'; readonly key: string; readonly keep: bigint; readonly flip: bigint }
  /** A key becomes (old & keep) ^ ((from & take) << shift); a negative shift goes right. */
  | {
      readonly kind: 'copy';
      readonly key: string;
      readonly from: string;
      readonly keep: bigint;
      readonly take: bigint;
      readonly shift: number;
    }
  /** Header bits become (old & keep) ^ flip; checksums follow. */
  | { readonly kind: 'write'; readonly field: PayloadField; readonly keep: bigint; readonly flip: bigint }
  /** What the connection is mapped to. `netmap` keeps the host part: the range is the network. */
  | {
      readonly kind: 'nat';
      readonly type: 'snat' | 'dnat' | 'masquerade' | 'redirect' | 'netmap-snat' | 'netmap-dnat';
      readonly to: NatRange;
      /** `random`, `fully-random`, `persistent`: sorted. */
      readonly flags: readonly string[];
      /** The port that the first port of the range stands for, where ports are shifted one by one. */
      readonly basePort?: number;
    }
  | {
      readonly kind: 'log';
      /** A group of nfnetlink_log, or undefined for the kernel log. */
      readonly group?: number;
      readonly prefix: string;
      /** 0 (emergency) to 7 (debug), for the kernel log. */
      readonly level?: number;
      /** tcp sequence, tcp options, ip options, skuid, ether, macdecode: sorted. */
      readonly flags: readonly string[];
      readonly snaplen?: number;
      readonly threshold?: number;
    }
  | { readonly kind: 'notrack' }
  /**
   * Anything else that can be observed: the conntrack zone, a helper, a set update, a maximum segment size. `text` is
   * one canonical spelling for both sides.
   */
  | { readonly kind: 'other'; readonly text: string; readonly assumption?: Assumption };

/** How a packet is turned away; the reason as nft calls it, e.g. `icmp port-unreachable` or `tcp reset`. */
export type Verdict =
  | { readonly kind: 'accept' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'reject'; readonly with: string }
  | { readonly kind: 'queue'; readonly from: number; readonly to: number; readonly flags: readonly string[] }
  /** Another program of the kernel takes the packet (synproxy, tproxy, a fate that the rule's text says). */
  | { readonly kind: 'taken'; readonly by: string }
  | { readonly kind: 'return' }
  | { readonly kind: 'continue' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string };
