import { readFileSync, writeSync } from 'node:fs';

/** The version in package.json, which stands two folders above the built file and its source alike. */
export const version = (): string => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const parsed: unknown = JSON.parse(text);
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : 'unknown';
};

/** The version on standard output; whoever has closed it does not want to know. */
export const printVersion = (): void => {
  try {
    writeSync(1, `${version()}\n`);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error;
  }
};
