/** `dnfw audit`: what Docker did to the firewall of one host or of many. */
import { isError } from '../diagnostics/diagnostic.ts';
import { inspectHost } from '../audit/inspect.ts';
import type { Report } from '../audit/report/types.ts';
import { liveSource, sourcesIn } from './audit-sources.ts';
import { exit, type ExitStatus } from './exit.ts';
import { readInput, writeOut } from './files.ts';
import { report } from './terminal.ts';

export interface AuditFlags {
  readonly json?: boolean;
}

export const auditFiles = async (files: readonly string[], _flags: AuditFlags): Promise<ExitStatus> => {
  const { value, diagnostics } =
    files.length === 0 ? { value: [await liveSource()], diagnostics: [] } : await sourcesIn(files.map(readInput));
  report(diagnostics);
  if (diagnostics.some(isError)) return exit.usage;
  const result: Report = { hosts: value.map((source) => inspectHost(source)), broken: [], fleet: [] };
  writeOut([`${JSON.stringify({ schemaVersion: 1, ...result }, null, 2)}\n`]);
  return exit.done;
};
