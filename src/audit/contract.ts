/** One finding = one file in rules/. Its declaration drives report, manual, `--explain` and tests. */
import type { Found, Job, Severity } from './finding.ts';
import type { AuditHost } from './host.ts';

/**
 * What a finding rests on beside the iptables rules that are given. Where it is not known, the finding is not looked
 * for, and the report says so.
 */
export const needs = {
  nft: 'what nft lists',
  engine: 'what the engine says of itself (docker info)',
  networks: "the engine's networks (docker network inspect)",
  sockets: 'listening sockets (ss)',
  addresses: 'addresses and routes (ip)',
  modules: 'kernel modules',
  firewalld: 'whether firewalld runs, and how it is set up',
  sysctls: 'kernel settings (sysctl)',
  guard: "the guard's records",
  ipsets: 'ipsets',
  namespaces: 'network namespaces of containers',
} as const;
export type Need = keyof typeof needs;

export interface FindingRule {
  /** Never renamed once released. */
  readonly code: string;
  /** The usual one. */
  readonly severity: Severity;
  readonly job: Job;
  /** A few words, no full stop. */
  readonly title: string;
  /** What it is, why it matters and what is looked at: full sentences, for the manual and `--explain`. */
  readonly about: string;
  /** When it says nothing although somebody might expect it to. */
  readonly silent?: string;
  /** Advisories and issues: `CVE-2023-28840`, `moby#45280`. */
  readonly references?: readonly string[];
  readonly needs: readonly Need[];
  readonly find: (host: AuditHost) => readonly Found[];
}
