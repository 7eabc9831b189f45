/** Effects: what a capture of this host is made from. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { Capture } from '../capture/document.ts';
import type { Files } from '../capture/files.ts';
import { type CaptureSeams, type NamespaceFiles, takeCapture } from '../capture/take.ts';
import { systemAncestry } from '../guard/ancestry.ts';
import { pathsFrom } from '../guard/paths.ts';
import { systemPrograms } from '../guard/programs.ts';
import { recordsOr } from '../guard/records.ts';
import { version } from './version.ts';

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

const isAbsent = (error: unknown): boolean => codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';

const whyOf = (error: unknown): string =>
  codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM'
    ? 'permission denied'
    : error instanceof Error
      ? error.message
      : String(error);

const systemFiles: Files = {
  read: (path) => {
    try {
      return { kind: 'text', text: readFileSync(path, 'utf8') };
    } catch (error) {
      return isAbsent(error) ? { kind: 'missing' } : { kind: 'failed', why: whyOf(error) };
    }
  },
  list: (folder) => {
    try {
      return { kind: 'names', names: readdirSync(folder).toSorted() };
    } catch (error) {
      return isAbsent(error) ? { kind: 'missing' } : { kind: 'failed', why: whyOf(error) };
    }
  },
};

/** Where Docker keeps the network namespaces of its containers and networks. */
const usualFolder = '/var/run/docker/netns';

const identityOf = (path: string): string | undefined => {
  try {
    const { dev, ino } = statSync(path);
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
};

/** Containers in the host's network have a file there as well, which is the host's own namespace. */
const namespaceFiles = (): NamespaceFiles => {
  const folder = process.env['DNFW_NETNS_DIR'] || usualFolder;
  const found = systemFiles.list(folder);
  if (found.kind === 'failed') return { kind: 'failed', why: `${folder}: ${found.why}` };
  const known = new Set([identityOf('/proc/self/ns/net')]);
  const names = (found.kind === 'names' ? found.names : []).flatMap((name) => {
    const path = join(folder, name);
    const identity = identityOf(path);
    if (known.has(identity)) return [];
    if (identity !== undefined) known.add(identity);
    return [{ name, path }];
  });
  return { kind: 'names', names };
};

const seams = (): CaptureSeams => ({
  programs: systemPrograms,
  ancestry: systemAncestry,
  files: systemFiles,
  records: (listing) => recordsOr(pathsFrom(process.env), listing),
  namespaces: namespaceFiles,
  dnfw: version(),
  now: () => new Date(),
});

export const captureHost = (): Promise<Capture> => takeCapture(seams());
