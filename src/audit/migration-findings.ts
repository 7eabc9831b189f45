/** What a comparison of a host before and after a migration can find. */
import type { FindingRule } from './contract.ts';

export type Declared = Omit<FindingRule, 'find' | 'needs'>;

const job = 'migration';

const how =
  'dnfw audit --before A --after B compares all rules of a host, iptables and native together, with those that are to replace them: every hook, both families, by proof. Each difference is shown by a packet that the simulator has sent through both, with what all packets like it have in common.';

export const migrationAccepts: Declared = {
  code: 'migration-accepts',
  severity: 'high',
  job,
  title: 'Packets are newly accepted',
  about: `${how} These packets were kept out before and get in after. One finding for each rule or policy that kept them out.`,
};

export const migrationDrops: Declared = {
  code: 'migration-drops',
  severity: 'medium',
  job,
  title: 'Packets are newly dropped',
  about: `${how} These packets passed before and are kept out after. High where Docker has published a port for them.`,
};

export const migrationEffects: Declared = {
  code: 'migration-effects',
  severity: 'low',
  job,
  title: 'Packets pass as before, with another effect',
  about: `${how} The verdict is the same, but marks, translated addresses, log lines or the like are not. High where a packet of an encrypted network loses the mark that sends it through IPsec.`,
};

export const migrationProven: Declared = {
  code: 'migration-proven',
  severity: 'info',
  job,
  title: 'The rules after do the same as those before',
  about: `${how} Nothing differs for this family; what the proof takes for granted is said.`,
};

export const migrationUnknown: Declared = {
  code: 'migration-unknown',
  severity: 'medium',
  job,
  title: 'Whether the rules after do the same is not known',
  about: `${how} At these hooks something stands in the way of an answer: an extension without a model, or more memory than is allowed.`,
};

export const migrationFindings: readonly Declared[] = [
  migrationAccepts,
  migrationDrops,
  migrationEffects,
  migrationProven,
  migrationUnknown,
];
