/** `dnfw audit`: what Docker did to the firewall of one host or of many. */
import { isError } from '../diagnostics/diagnostic.ts';
import { inspectHost } from '../audit/inspect.ts';
import type { Report } from '../audit/report/types.ts';
import { auditBefore } from './audit-before.ts';
import { liveSource, sourcesIn } from './audit-sources.ts';
import { exit, type ExitStatus } from './exit.ts';
import { readInput, writeOut } from './files.ts';
import { report } from './terminal.ts';

export interface AuditFlags {
  readonly json?: boolean;
  readonly before?: readonly string[];
  readonly after?: readonly string[];
}

const misused = (): ExitStatus => {
  report([
    {
      code: 'usage',
      severity: 'error',
      what: '--before and --after go together, without other files',
      help: 'dnfw audit --before A --after B',
    },
  ]);
  return exit.usage;
};

export const auditFiles = async (files: readonly string[], { before, after }: AuditFlags): Promise<ExitStatus> => {
  if (before || after) {
    if (!before || !after || files.length > 0) return misused();
    const compared = await auditBefore(before, after);
    report(compared.diagnostics);
    if (!compared.value) return exit.usage;
    const both: Report = { hosts: [compared.value], broken: [], fleet: [] };
    writeOut([`${JSON.stringify({ schemaVersion: 1, ...both }, null, 2)}\n`]);
    return exit.done;
  }
  const { value, diagnostics } =
    files.length === 0 ? { value: [await liveSource()], diagnostics: [] } : await sourcesIn(files.map(readInput));
  report(diagnostics);
  if (diagnostics.some(isError)) return exit.usage;
  const result: Report = { hosts: value.map((source) => inspectHost(source)), broken: [], fleet: [] };
  writeOut([`${JSON.stringify({ schemaVersion: 1, ...result }, null, 2)}\n`]);
  return exit.done;
};
