/** The commands of audits. */
import { Command } from 'commander';
import type { AuditFlags } from './audit.ts';
import type { ExitStatus } from './exit.ts';

interface Outcome {
  status: ExitStatus;
}

export const auditCommand = (outcome: Outcome): Command =>
  new Command('audit')
    .summary("say what Docker did to a host's firewall, and what is wrong with it")
    .description('Audits the rules of one host or of many.')
    .argument('[FILE...]', 'captures, or the rules of one host in any form that dnfw translate reads')
    .option('--before <file...>', 'a capture or the rules of a host before a migration')
    .option('--after <file...>', 'what is to take their place: says what is newly accepted and dropped, by proof')
    .option('--json', 'print the report as JSON')
    .action(async (files: readonly string[], flags: AuditFlags) => {
      const { auditFiles } = await import('./audit.ts');
      outcome.status = await auditFiles(files, flags);
    });
