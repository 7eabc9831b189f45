/** What a format is: a report as pieces of text, made as they are asked for. */
import type { FindingRule } from '../contract.ts';
import type { Severity } from '../finding.ts';
import type { PrintableReport } from './types.ts';

/** What is said of a finding wherever it is: its declaration without the parts that look for it. */
export type Declaration = Omit<FindingRule, 'find' | 'needs'>;

/** A part of a line that is coloured, where colours are allowed. Nothing is said by colour alone. */
export type Brush = (style: Severity | 'strong' | 'faint', text: string) => string;

export const plainBrush: Brush = (_style, text) => text;

export interface Setting {
  readonly version: string;
  /** Of every finding that may be in the report. */
  readonly declared: readonly Declaration[];
  /** `--fail-on`: findings of this severity and worse are failures. */
  readonly failOn?: Severity;
  readonly brush: Brush;
}

export type Format = (report: PrintableReport, setting: Setting) => Iterable<string>;
