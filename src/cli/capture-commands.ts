/** The command that takes captures. */
import { Command } from 'commander';
import type { CaptureFlags } from './capture.ts';
import type { ExitStatus } from './exit.ts';

interface Outcome {
  status: ExitStatus;
}

export const captureCommand = (outcome: Outcome): Command =>
  new Command('capture')
    .summary('write down all that is needed to audit this host elsewhere')
    .description(
      'Writes the rules of this host and what they depend on to one JSON document, which every other command reads\nin the place of a host. It holds no keys and no environments, and taking it changes nothing.',
    )
    .option('-o, --output <file>', 'write the capture to FILE instead of standard output')
    .action(async (flags: CaptureFlags) => {
      const { captureToFile } = await import('./capture.ts');
      outcome.status = await captureToFile(flags);
    });
