/** What is audited, host by host: of thousands of captures, a few at a time are in memory. */
import { closeSync, openSync, readSync } from 'node:fs';
import type { HostSummary } from '../audit/fleet/summary.ts';
import { inspectNode } from '../audit/inspect.ts';
import type { BrokenHost, HostReport } from '../audit/report/types.ts';
import { type Diagnostic, EnvironmentError } from '../diagnostics/diagnostic.ts';
import { readSources } from './audit-sources.ts';

/** The files of one host; none: the live host. */
export type AuditJob = readonly string[];

export interface JobOptions {
  /** Codes to look for; all if it is not given. */
  readonly only?: readonly string[];
  /** Names of hosts to look at; all if it is not given. */
  readonly names?: readonly string[];
}

/** What became of one job: plain data, which may come from another thread. `R`: how reports of hosts are held. */
export interface Audited<R = HostReport> {
  readonly hosts: readonly { readonly report: R; readonly summary: HostSummary }[];
  readonly broken: readonly BrokenHost[];
  /** The names of all hosts that were read, also of those that are not looked at. */
  readonly read: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

const headSize = 512;

/** The beginning of a file; nothing of one that is no file, or that cannot be read: whoever reads it will say why. */
const headOf = (path: string): string => {
  try {
    const file = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(headSize);
      return bytes.toString('utf8', 0, readSync(file, bytes, 0, headSize, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
};

/** An object of JSON that does not begin as nft's listings do: a capture, or nothing that is known. */
const looksCaptured = (path: string): boolean =>
  path !== '-' && /^\ufeff?\s*\{/.test(headOf(path)) && !/^\ufeff?\s*\{\s*"nftables"/.test(headOf(path));

/** Each capture is a host of its own; all other files together are one. */
export const jobsFor = (files: readonly string[]): readonly AuditJob[] => {
  if (files.length === 0) return [[]];
  const captures = files.filter(looksCaptured);
  const rest = files.filter((file) => !captures.includes(file));
  return [...captures.map((file) => [file]), ...(rest.length > 0 ? [rest] : [])];
};

/** Throws EnvironmentError only where a file cannot be read and `alone`: one of many is a broken host. */
export const runJob = async (job: AuditJob, { only, names }: JobOptions, alone: boolean): Promise<Audited> => {
  try {
    const { sources, broken, diagnostics } = await readSources(job);
    const codes = only && new Set(only);
    const isWanted = ({ name }: { readonly name: string }): boolean => names?.includes(name) ?? true;
    return {
      hosts: sources.filter(isWanted).map((source) => inspectNode(source, codes)),
      broken: broken.filter(isWanted),
      read: [...sources, ...broken].map(({ name }) => name),
      diagnostics,
    };
  } catch (error) {
    if (!(error instanceof EnvironmentError) || alone) throw error;
    const { code, message: what } = error;
    return brokenJob(job, { code, severity: 'error', what });
  }
};

export const brokenJob = (job: AuditJob, diagnostic: Diagnostic): Audited<never> => {
  const name = job[0] ?? '';
  return { hosts: [], broken: [{ name, files: job, why: diagnostic.what }], read: [name], diagnostics: [diagnostic] };
};
