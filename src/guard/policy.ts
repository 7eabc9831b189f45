/** The operator's policy as it is after reading: every default filled in, every address checked. dnfw-policy(5). */
import type { Masked } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';

/** `observe` counts and logs what `enforce` would drop, and lets it pass. */
export type Mode = 'observe' | 'enforce';

export interface Network extends Masked {
  readonly family: Family;
}

/** Addresses by value, or the name of a set in `sets`. */
export type Source =
  { readonly kind: 'network'; readonly network: Network } | { readonly kind: 'set'; readonly name: string };

/** Where in which policy file something was said, for messages: a 1-based line. */
export interface PolicyPlace {
  readonly file: string;
  readonly line: number;
}

/** `allow:` one service. Empty lists mean any. */
export interface Allow {
  readonly place: PolicyPlace;
  readonly proto: 'tcp' | 'udp' | 'sctp' | 'dccp' | 'esp' | 'ah' | 'gre' | 'vrrp' | 'any';
  /** Inclusive ranges; only for protocols with ports. */
  readonly ports: readonly { readonly low: number; readonly high: number }[];
  readonly from: readonly Source[];
  /** Interface names; a trailing `*` stands for any ending. */
  readonly interfaces: readonly string[];
  readonly comment?: string;
}

export interface Swarm {
  readonly place: PolicyPlace;
  readonly peers: readonly Source[];
  readonly dataPathPort: number;
  /**
   * `required`: VXLAN from peers must have come through IPsec, whatever its network. `docker`: as Docker's own rules have
   * it, network by network.
   */
  readonly encrypted: 'required' | 'docker';
}

export interface PolicyLog {
  /** Whether what the policy's default drops is logged. */
  readonly drops: boolean;
  readonly rate: number;
  readonly per: 'second' | 'minute' | 'hour';
  readonly burst: number;
  readonly prefix: string;
}

/** A set of addresses. One that is `external` is made empty and then left to other tools. */
export interface PolicySet {
  readonly name: string;
  readonly external: boolean;
  readonly elements: readonly Network[];
}

/** A rule of the operator that was taken over from iptables INPUT: iptables' own syntax, translated when it is installed. */
export interface TakenRule {
  readonly place: PolicyPlace;
  readonly family: Family;
  readonly rule: string;
}

export interface Policy {
  readonly version: 1;
  readonly mode: Mode;
  /** What happens to a packet that nothing else decides. */
  readonly default: 'drop' | 'accept';
  readonly sets: readonly PolicySet[];
  readonly trusted: readonly Source[];
  readonly allow: readonly Allow[];
  /** Before `allow`, in order; see TakenRule. */
  readonly rules: readonly TakenRule[];
  /** `essential`: errors, path MTU, neighbour discovery, and echo requests at a limited rate. */
  readonly icmp: 'essential' | 'all' | 'none';
  readonly log: PolicyLog;
  readonly swarm: Swarm | undefined;
  /**
   * `keep`: packets that a rule of Docker accepts in INPUT keep passing. `ignore`: the policy alone decides about them.
   */
  readonly dockerAccepts: 'keep' | 'ignore';
}
