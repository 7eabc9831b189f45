/** `dnfw capture`: all of a host in one file. */
import process from 'node:process';
import type { Capture, NotRead } from '../capture/document.ts';
import { printCapture } from '../capture/print.ts';
import { captureHost } from './capture-host.ts';
import { exit, type ExitStatus } from './exit.ts';
import { writeAtomically, writeOut } from './files.ts';
import { step } from './guard-engine.ts';

export interface CaptureFlags {
  readonly output?: string;
}

/** Rules say who may reach what: they are nobody else's business. */
const ownersOnly = 0o600;

/** Many questions fail for the same reason, most often a missing right. */
const notReadLines = (all: readonly NotRead[]): readonly string[] => {
  const byReason = new Map<string, string[]>();
  for (const { what, why } of all) byReason.set(why, [...(byReason.get(why) ?? []), what]);
  return [...byReason].map(([why, whats]) => `not read: ${whats.join('; ')}: ${why}`);
};

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

const summary = ({ host, answers, namespaces }: Capture): string => {
  const inside = namespaces === undefined ? '' : `, ${plural(namespaces.length, 'network namespace')} of containers`;
  return `host ${host.name}: ${plural(answers.size, 'question')} asked${inside}`;
};

export const captureToFile = async ({ output }: CaptureFlags): Promise<ExitStatus> => {
  const capture = await captureHost();
  if (output === undefined) writeOut(printCapture(capture));
  else writeAtomically(output, printCapture(capture), ownersOnly);
  for (const line of notReadLines(capture.notRead)) step(line);
  if (capture.notRead.length > 0 && process.getuid?.() !== 0) step('run as root, it would read more');
  step(summary(capture));
  return exit.done;
};
