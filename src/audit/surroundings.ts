/** What an audit may know of a host beside its rules. Everything may be missing: then what rests on it is not said. */
import type { DockerNetwork } from '../docker/networks.ts';
import type { Ruleset } from '../iptables/types.ts';
import type { Family } from '../netfilter/family.ts';
import type { Json } from '../nftables/json.ts';
import type { NftRuleset } from '../nftables/ruleset.ts';

/** A port that the engine says it publishes. */
export interface ContainerPort {
  readonly container: string;
  readonly protocol: string;
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly containerPort: number;
}

/** The network namespace of a container, a load balancer or an overlay. */
export interface Namespace {
  readonly name: string;
  readonly iptables: Ruleset;
  readonly nft: NftRuleset;
}

export interface Ipset {
  readonly name: string;
  readonly type: string;
  readonly family: Family | undefined;
  readonly entries: number;
}

export interface Ufw {
  /** ENABLED of ufw.conf. */
  readonly enabled: boolean;
}

export interface Firewalld {
  readonly running: boolean;
  readonly version?: string;
  /** FirewallBackend of firewalld.conf. */
  readonly backend?: string;
}

/** What the records of the guard say of the generation that is loaded, or that was. */
export interface GuardRecord {
  readonly generation: number;
  readonly mode: string;
  /** When it was made. */
  readonly made?: Date;
  readonly confirmed: boolean;
  readonly persistent: boolean;
  /** What the kernel listed when it was loaded: what there is now is compared with it. */
  readonly listing?: Json;
  /** Sets that other programs fill. */
  readonly external: ReadonlySet<string>;
}

export interface Surroundings {
  /** When the host was read. */
  readonly taken?: Date;
  readonly versions?: { readonly kernel?: string; readonly nft?: string; readonly iptables?: string };
  /** Whether the kernel has a module or could load it: `xt_u32`, `xt_bpf`, `xt_policy`. */
  readonly modules?: ReadonlyMap<string, boolean>;
  /** `net.ipv4.ip_forward` and its like. */
  readonly sysctls?: ReadonlyMap<string, string>;
  readonly networks?: readonly DockerNetwork[];
  readonly ports?: readonly ContainerPort[];
  /** `iptables`, `iptables+firewalld`, `nftables`: docker info, since 29.0. */
  readonly firewallBackend?: string;
  /** The identifier of the Swarm, where the engine is a manager. */
  readonly cluster?: string;
  readonly ipsets?: readonly Ipset[];
  readonly xfrm?: { readonly states: number; readonly policies: number };
  readonly firewalld?: Firewalld;
  /** Absent where it is not installed, or not known. */
  readonly ufw?: Ufw;
  readonly namespaces?: readonly Namespace[];
  /** `null`: there is none, and there was none. */
  readonly guard?: GuardRecord | null;
}
