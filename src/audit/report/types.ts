/** What an audit reports. All formats are made from this, and nothing else. */
import type { Rung } from '../../guard/ladder.ts';
import type { Family } from '../../netfilter/family.ts';
import type { Hook } from '../../netfilter/hooks.ts';
import type { Finding } from '../finding.ts';

export interface HookLadder {
  readonly hook: Hook;
  /** In the order in which packets meet them. */
  readonly rungs: readonly Rung[];
}

/** An encrypted overlay on one host. */
export interface OverlayRow {
  readonly family: Family;
  readonly port: number;
  readonly vni: number;
  /** The name of the network, where the engine says it. */
  readonly network?: string;
  /** How many rules there are of each. Absent where the chain is not known that they would stand in. */
  readonly mark?: number;
  readonly accept?: number;
  readonly drop?: number;
  readonly guard: boolean;
  /** What a clear packet of it gets: `drop` as it should be. Undefined where nothing is known of it. */
  readonly clear?: 'accept' | 'drop' | 'unknown';
}

/** Where packets come from. `host`: from this host itself. */
export const sourceClasses = ['anywhere', 'network', 'containers', 'host'] as const;
export type SourceClass = (typeof sourceClasses)[number];

/** `unknown`: it depends on what nobody has said. */
export type Reach = 'open' | 'closed' | 'unknown';

/** One port of this host, or one that is published, and who reaches it. */
export interface ExposureRow {
  readonly family: Family;
  readonly protocol: string;
  readonly port: number;
  /** The last one of a range of ports that all fare alike. */
  readonly last?: number;
  /** `published`: Docker sends it to a container. `listening`: a process of the host has it. */
  readonly kind: 'published' | 'listening';
  /** The address of this host, if it is not all of them. */
  readonly address?: string;
  /** The container's address and port, or the names of the processes. */
  readonly behind: string;
  readonly reach: Readonly<Record<SourceClass, Reach>>;
}

/** A finding that could not be looked for. */
export interface LeftOut {
  readonly code: string;
  /** What would have to be known, in words: `listening sockets (ss)`. */
  readonly because: readonly string[];
}

export interface HostReport {
  readonly name: string;
  /** `comparison`: two states of a host, of which only the differences are told. */
  readonly kind: 'live' | 'capture' | 'rules' | 'comparison';
  readonly files: readonly string[];
  /** ISO 8601. */
  readonly taken?: string;
  readonly engine?: { readonly version?: string; readonly swarm?: string; readonly backend?: string };
  /** The releases of Docker that write the rules that there are, in words; absent where there are none of Docker's. */
  readonly era?: string;
  /** iptables rules, and native ones. */
  readonly rules: { readonly iptables: number; readonly nft: number };
  readonly ladder: readonly HookLadder[];
  readonly overlays: readonly OverlayRow[];
  readonly exposure: readonly ExposureRow[];
  /** Worst first within each job. */
  readonly findings: readonly Finding[];
  /** Codes that were looked for: one without a finding is clean. */
  readonly looked: readonly string[];
  /** Codes that were not, because something is not known of the host: nothing is said about them. */
  readonly left: readonly LeftOut[];
  /** What could not be looked at, and what therefore was not looked for. */
  readonly lacks: readonly string[];
}

/** A host of which nothing could be read. */
export interface BrokenHost {
  readonly name: string;
  readonly files: readonly string[];
  readonly why: string;
}

/** An entry of the baseline that no finding answers to: it can go. */
export interface StaleEntry {
  readonly file: string;
  readonly line: number;
  readonly code: string;
  readonly subject?: string;
  readonly host?: string;
  /** Its last day, if that is why it does not count. */
  readonly until?: string;
}

/** What became of `--baseline`. */
export interface BaselineUse {
  readonly file: string;
  readonly stale: readonly StaleEntry[];
}

export interface Report {
  readonly hosts: readonly HostReport[];
  readonly broken: readonly BrokenHost[];
  /** Findings that only several hosts together show. `evidence` names the hosts' files. */
  readonly fleet: readonly Finding[];
  readonly baseline?: BaselineUse;
}

/**
 * A report as formats take it: they go through the hosts, one at a time and maybe more than once, and never hold them
 * all. Whoever has thousands may keep them on disk.
 */
export interface PrintableReport extends Omit<Report, 'hosts'> {
  readonly hosts: Iterable<HostReport>;
}
