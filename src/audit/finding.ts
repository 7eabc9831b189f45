/** What an audit finds. Plain data: it is printed in six formats, and kept of thousands of hosts. */
import type { Family } from '../netfilter/family.ts';
import type { Hook } from '../netfilter/hooks.ts';

/** Worst first. */
export const severities = ['critical', 'high', 'medium', 'low', 'info'] as const;
export type Severity = (typeof severities)[number];

/** What somebody who reads it wants to get done, in the order of the report. */
export const jobs = ['exposure', 'encryption', 'ordering', 'migration', 'guard', 'hygiene'] as const;
export type Job = (typeof jobs)[number];

/** A rule that shows it: where it stands, 1-based, and as it stands there. Line 0: the file as a whole. */
export interface Evidence {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  /** What this rule has to do with it: `lets it in`, `never asked`. */
  readonly note?: string;
}

/** A packet that shows it: chosen by the prover or made for the purpose, and always sent through the simulator. */
export interface Witness {
  readonly family: Family;
  /** In the words of dnfw-simulate(1): `--packet` takes them as they are. */
  readonly packet: string;
  readonly hex: string;
  /** Where it starts: a hook, or all of its way. */
  readonly hook: Hook | 'all';
  /** What becomes of it: `accept`, `drop`, … */
  readonly verdict: string;
  /** What it is sent through, where that is not all that its host was read from. */
  readonly files?: readonly string[];
  /** The simulator's trace, as lines. */
  readonly trace: readonly string[];
}

/** One way out: what it does, and the commands, one a line. */
export interface Fix {
  readonly what: string;
  readonly commands: readonly string[];
}

/** What a finding rule gives. */
export interface Found {
  /** What it is about, the same from run to run: `VNI 4097, port 4789`, `8080/tcp`. */
  readonly subject: string;
  /** If it is not the usual one of its code. */
  readonly severity?: Severity;
  /** What was seen, in one or two sentences. */
  readonly what: string;
  /** What follows from it for this host. */
  readonly means: string;
  readonly evidence: readonly Evidence[];
  readonly witness?: Witness;
  readonly fix: readonly Fix[];
}

export interface Acceptance {
  readonly reason: string;
  /** The last day on which it counts, as 2027-03-31. */
  readonly until?: string;
}

/** A finding of a host. */
export interface Finding extends Omit<Found, 'severity'> {
  readonly code: string;
  readonly job: Job;
  readonly title: string;
  readonly severity: Severity;
  readonly references: readonly string[];
  /** `CODE: SUBJECT`: the same finding of the same host has it again tomorrow, wherever the rule then stands. */
  readonly fingerprint: string;
  /** Somebody knows of it (`--baseline`), and why it is left. */
  readonly accepted?: Acceptance;
}

export const rank = (severity: Severity): number => severities.indexOf(severity);
