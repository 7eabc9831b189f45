/** Whether the engine of a host is of a release with a flaw: by what it says, else by the rules that it has written. */
import { areAllAmong, isAmong, isDistributions, type VersionRange, versionWords } from '../../docker/versions.ts';
import type { AuditHost } from '../host.ts';

export interface Affected {
  /** `the engine says it is 20.10.5`, with what is not sure about it. */
  readonly words: string;
  readonly by: 'engine' | 'rules';
}

/** Undefined: it is not, or nobody can tell. */
export const affectedBy = (host: AuditHost, ranges: readonly VersionRange[]): Affected | undefined => {
  const { version } = host;
  if (version !== undefined) {
    if (isAmong(version, ranges) !== true) return undefined;
    const doubt = isDistributions(version)
      ? ', a build of a distribution, which may have the fix under this number'
      : '';
    return { by: 'engine', words: `The engine says that it is ${version}${doubt}` };
  }
  const written = host.versionsByRules();
  return areAllAmong(written, ranges)
    ? { by: 'rules', words: `The engine was not asked; its rules are those of ${versionWords(written)}` }
    : undefined;
};
