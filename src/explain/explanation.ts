/** What `dnfw explain` says of a rule; printed as text by print.ts, and as it is in JSON. */
import type { ProgramLine } from '../extensions/programline.ts';
import type { Backend, Family } from '../netfilter/family.ts';
import type { TableName } from '../netfilter/hooks.ts';
import type { VersionRange } from '../docker/versions.ts';
import type { Status } from '../translate/report.ts';

export interface ExplainedProgram {
  /** The match that holds it. */
  readonly match: string;
  readonly lines: readonly ProgramLine[];
}

/** What happens to packets at the edges, for one backend or for both alike. */
export interface ExplainedEdges {
  readonly backends: readonly Backend[];
  readonly short: readonly string[];
  readonly fragments: readonly string[];
  /** Whether a packet fares otherwise than by not matching: worth a line in a long list too. */
  readonly notable: { readonly short: boolean; readonly fragments: boolean };
}

/** How true the nft form is to what a backend does with the rule. */
export interface ExplainedStatus {
  readonly backends: readonly Backend[];
  readonly status: Status;
  readonly codes: readonly string[];
  /** Why it is not exact, or refused. */
  readonly why: readonly string[];
}

export interface ExplainedNft {
  /** None for a rule that is refused, and for one that no packet can match. */
  readonly rules: readonly { readonly chain: string; readonly text: string }[];
  readonly statuses: readonly ExplainedStatus[];
  readonly help?: string;
}

export interface ExplainedDocker {
  readonly part: string;
  readonly about: string;
  readonly versions: readonly VersionRange[];
  /** The versions in words. */
  readonly releases: string;
  readonly role?: string;
  readonly vni?: number;
  readonly port?: number;
  readonly matcher?: string;
  readonly remark?: string;
}

export interface Explanation {
  readonly file: string;
  readonly line: number;
  /** The line as it stands there. */
  readonly text: string;
  /** The rule as iptables-save prints it, behind `-A CHAIN`. */
  readonly rule: string;
  readonly family: Family;
  readonly backends: readonly Backend[];
  readonly table: TableName;
  readonly chain?: string;
  /** What has to hold of a packet, all of it; empty for a rule that every packet matches. */
  readonly matches: readonly string[];
  readonly programs: readonly ExplainedProgram[];
  readonly does: readonly string[];
  readonly edges: readonly ExplainedEdges[];
  readonly nft: ExplainedNft;
  readonly docker?: ExplainedDocker;
}
