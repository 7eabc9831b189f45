/** Severities in the terms of other programs. */
import { type Finding, rank, type Severity } from '../finding.ts';
import { isOpen } from './words.ts';

/** SARIF 2.1.0, 3.27.10. */
export const levels: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  critical: 'error',
  high: 'error',
  medium: 'warning',
  low: 'note',
  info: 'note',
};

/** `security-severity`, a figure from 0 to 10 that programs which show SARIF sort by: the middle of CVSS's bands. */
export const scores: Readonly<Record<Severity, string>> = {
  critical: '9.5',
  high: '8.0',
  medium: '5.5',
  low: '2.0',
  info: '0.0',
};

/** Whether a finding counts for `--fail-on`. */
export const counts = (finding: Finding, failOn: Severity): boolean =>
  isOpen(finding) && rank(finding.severity) <= rank(failOn);
