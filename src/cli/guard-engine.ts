/** What the guard's commands share: the real seams, and how they talk. */
import process from 'node:process';
import type { Engine } from '../guard/engine.ts';
import { nftProcess } from '../guard/nft-process.ts';
import { type Paths, pathsFrom } from '../guard/paths.ts';
import { createServices } from '../guard/services.ts';
import { createTimer } from '../guard/timer.ts';
import { visible } from '../diagnostics/render.ts';
import { writeOut } from './files.ts';
import { say } from './terminal.ts';

export const guardPaths = (): Paths => pathsFrom(process.env);

/** One step of what is being done, on standard error. */
export const step = (text: string): void => say(`dnfw: ${text.split('\n').map(visible).join('\n')}`);

export const guardEngine = (): Engine => ({
  nft: nftProcess(),
  paths: guardPaths(),
  timer: createTimer(),
  services: createServices(),
  now: () => new Date(),
  say: step,
});

/** SSH_CONNECTION tells two sessions apart; sudo drops it. */
export const sshConnection = (): string => process.env['SSH_CONNECTION'] ?? '';

/** The result on standard output: an object, or lines for people. */
export const answer = (json: boolean | undefined, object: object, lines: readonly string[]): void =>
  writeOut([
    json === true
      ? `${JSON.stringify({ schemaVersion: 1, ...object }, null, 2)}\n`
      : `${lines.map(visible).join('\n')}\n`,
  ]);
