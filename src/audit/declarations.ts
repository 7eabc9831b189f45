/** What is said of every finding that an audit can have, of one host or of several: for reports, manual and `--explain`. */
import type { FindingRule } from './contract.ts';
import { fleetRules } from './fleet/registry.ts';
import { migrationFindings } from './migration-findings.ts';
import { findingRules } from './registry.ts';

export type Declared = Omit<FindingRule, 'find'>;

export const declared: readonly Declared[] = [
  ...findingRules,
  ...fleetRules.map((one) => ({ ...one, needs: [] })),
  ...migrationFindings.map((one) => ({ ...one, needs: [] })),
];
