/** `dnfw audit`: what Docker did to the firewall of one host or of many. */
import { isError } from '../diagnostics/diagnostic.ts';
import { bareSource } from '../audit/bare.ts';
import { inspectHost } from '../audit/inspect.ts';
import type { Report } from '../audit/report/types.ts';
import { exit, type ExitStatus } from './exit.ts';
import { readInput, writeOut } from './files.ts';
import { report } from './terminal.ts';

export interface AuditFlags {
  readonly json?: boolean;
}

export const auditFiles = (files: readonly string[], _flags: AuditFlags): ExitStatus => {
  const { value, diagnostics } = bareSource(files.map(readInput));
  report(diagnostics);
  if (!value || diagnostics.some(isError)) return exit.usage;
  const result: Report = { hosts: [inspectHost(value)], broken: [], fleet: [] };
  writeOut([`${JSON.stringify({ schemaVersion: 1, ...result }, null, 2)}\n`]);
  return exit.done;
};
