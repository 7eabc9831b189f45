/** `dnfw audit --before A --after B`: a host before and after a migration. */
import { beforeAfter } from '../audit/before-after.ts';
import type { HostReport } from '../audit/report/types.ts';
import type { Source } from '../audit/source.ts';
import type { Diagnostic, Outcome } from '../diagnostics/diagnostic.ts';
import { isError } from '../diagnostics/diagnostic.ts';
import { readSources } from './audit-sources.ts';

const several: Diagnostic = {
  code: 'usage',
  severity: 'error',
  what: '--before and --after each take the files of one host',
  help: 'give one capture each, or the dumps of one host together',
};

const sourceIn = async (files: readonly string[]): Promise<Outcome<Source | undefined>> => {
  const { sources, diagnostics } = await readSources(files);
  return sources.length > 1 ? { value: undefined, diagnostics: [several] } : { value: sources[0], diagnostics };
};

/** Undefined if one of them cannot be read; the diagnostics say why. */
export const auditBefore = async (
  before: readonly string[],
  after: readonly string[],
): Promise<Outcome<HostReport | undefined>> => {
  const [a, b] = [await sourceIn(before), await sourceIn(after)];
  const diagnostics = [...a.diagnostics, ...b.diagnostics];
  if (!a.value || !b.value || diagnostics.some(isError)) return { value: undefined, diagnostics };
  return { value: beforeAfter(a.value, b.value), diagnostics };
};
