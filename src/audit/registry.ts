/** All findings of one host. A new one costs its file, a line here and its cases in test/audit/cases. */
import type { FindingRule } from './contract.ts';
import { mixedBackends } from './rules/mixed-backends.ts';
import { overlayDropBehindAccept } from './rules/overlay-drop-behind-accept.ts';

export const findingRules: readonly FindingRule[] = [
  // encryption
  overlayDropBehindAccept,
  // ordering
  mixedBackends,
];
