/**
 * A ruleset as steps over packets, the form that both readers of a ruleset compile to: simulate/iptables-program.ts
 * from the extensions' meaning, simulate/nft-program.ts from the JSON. One program speaks of one IP family, because no
 * packet meets the rules of both.
 */
import type { Family } from '../netfilter/family.ts';
import type { Hook } from '../netfilter/hooks.ts';
import type { Condition } from './condition.ts';
import type { Effect, Verdict } from './effect.ts';

export type Step =
  /** Goes on if the condition holds; otherwise the rule is over. A stateful predicate is the whole condition of a step. */
  | { readonly kind: 'test'; readonly condition: Condition }
  /** The packet is dropped on the spot if the condition holds (hotdrop of ip_tables.ko); otherwise the rule goes on. */
  | { readonly kind: 'hotdrop'; readonly condition: Condition }
  | { readonly kind: 'effect'; readonly effect: Effect }
  /** Goes on with the steps of the one arm whose condition holds; without one the rule is over (a map lookup). */
  | { readonly kind: 'choose'; readonly arms: readonly Arm[] }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  /** Something without a model: what it would do is unknown. */
  | { readonly kind: 'unmodelled'; readonly what: string };

export interface Arm {
  readonly condition: Condition;
  readonly steps: readonly Step[];
}

export interface RuleOrigin {
  readonly file: string;
  /** 1-based; 0 where a ruleset was made in memory. */
  readonly line: number;
  readonly text: string;
}

export interface ProgramRule {
  readonly origin: RuleOrigin;
  readonly steps: readonly Step[];
}

export interface BaseChain {
  readonly hook: Hook;
  readonly priority: number;
  readonly type: 'filter' | 'nat' | 'route';
  readonly policy: 'accept' | 'drop';
}

export interface ProgramChain {
  readonly name: string;
  /** Only base chains are called by the kernel itself. */
  readonly base?: BaseChain;
  readonly rules: readonly ProgramRule[];
}

export interface ProgramTable {
  readonly name: string;
  /** Who runs it: ip_tables.ko, or nf_tables with or without iptables' translation layer. */
  readonly runs: 'iptables-legacy' | 'iptables-nft' | 'nft';
  /** As the ruleset calls it, for messages: `ip filter`, `inet dnfw`. */
  readonly label: string;
  readonly chains: ReadonlyMap<string, ProgramChain>;
}

export interface Program {
  readonly family: Family;
  /** In the order in which they were read: of base chains with equal priority nobody knows which one runs first. */
  readonly tables: readonly ProgramTable[];
}
