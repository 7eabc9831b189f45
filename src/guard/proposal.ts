/** A policy and a host on their way to the kernel: the document, and what it stands for. */
import { createHash } from 'node:crypto';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { type Json, listOf, property, textOf } from '../nftables/json.ts';
import { printDocument } from '../nftables/print.ts';
import { validateCommands } from '../nftables/validate.ts';
import type { HostFacts } from './facts.ts';
import { type GenerationMark, objectsOf } from './loaded.ts';
import type { Policy } from './policy.ts';
import { type GuardCommands, guardCommands } from './ruleset.ts';
import { externalSets, type LiveElements } from './ruleset-sets.ts';

export interface Proposal {
  readonly policy: Policy;
  /** Where the policy was read from, for people. */
  readonly policyName: string;
  readonly facts: HostFacts;
  readonly priority: number;
}

/** Addresses are big numbers, which JSON has no form for. */
export const plainJson = (value: unknown, indent?: number): string =>
  JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `0x${item.toString(16)}` : item), indent);

/** The same for the same policy, facts and priority. */
export const hashOf = ({ policy, facts, priority }: Proposal): string =>
  createHash('sha256')
    .update(plainJson([policy, facts, priority]))
    .digest('hex')
    .slice(0, 12);

export const externalOf = ({ policy }: Proposal): ReadonlySet<string> => new Set(externalSets(policy.sets));

const liveIn = (listing: Json | undefined): LiveElements =>
  new Map(
    (listing === undefined ? [] : objectsOf(listing))
      .filter(({ kind }) => kind === 'set')
      .map(({ value }) => [textOf(value, 'name') ?? '', listOf(property(value, 'elem'))]),
  );

export interface GuardDocument extends Pick<GuardCommands, 'places' | 'diagnostics'> {
  readonly commands: GuardCommands['value'];
  readonly text: string;
  readonly json: Json;
}

/** The guard that `mark` will name, with what the external sets of a loaded one hold. */
export const documentOf = (proposal: Proposal, mark: GenerationMark, listing: Json | undefined): GuardDocument => {
  const { value, diagnostics, places } = guardCommands(proposal.policy, proposal.facts, {
    generation: mark.generation,
    tag: mark.hash,
    priority: proposal.priority,
    liveElements: liveIn(listing),
  });
  const problem = validateCommands(value);
  const broken: readonly Diagnostic[] = problem
    ? [{ code: 'invalid-document', severity: 'error', what: `command ${problem.index} of the guard: ${problem.what}` }]
    : [];
  const text = printDocument({ nftables: value });
  // What JSON.parse gives is Json.
  return { commands: value, places, diagnostics: [...diagnostics, ...broken], text, json: JSON.parse(text) as Json };
};
