/** The commands of audits. */
import { Command, Option } from 'commander';
import { severities } from '../audit/finding.ts';
import type { AuditFlags } from './audit.ts';
import type { ExitStatus } from './exit.ts';

interface Outcome {
  status: ExitStatus;
}

/** Known here too, so that help and completions need not load what makes them. */
const formatNames = ['text', 'json', 'sarif', 'markdown', 'html', 'junit'] as const;

const collected = (name: string, earlier: readonly string[] | undefined): readonly string[] => [
  ...(earlier ?? []),
  name,
];

const listed = (text: string, earlier: readonly string[] = []): readonly string[] => [
  ...earlier,
  ...text.split(',').filter((code) => code !== ''),
];

export const auditCommand = (outcome: Outcome): Command =>
  new Command('audit')
    .summary("say what Docker did to a host's firewall, and what is wrong with it")
    .description(
      'Audits the rules of one host or of many: exposure, encryption, order, migration, guard.\nWithout FILE, the live host is read; - is standard input.',
    )
    .argument('[FILE...]', 'captures, or the rules of one host in any form that dnfw translate reads')
    .option('--before <file...>', 'a capture or the rules of a host before a migration')
    .option('--after <file...>', 'what is to take their place: says what is newly accepted and dropped, by proof')
    .addOption(new Option('--format <format>', 'what to print').choices(formatNames).default('text'))
    .addOption(new Option('--json', 'the same as --format json').conflicts('format'))
    .option('-o, --output <file>', 'write the report to FILE instead of standard output')
    .addOption(
      new Option('--fail-on <severity>', 'end with 12 if there are findings of this severity or worse').choices(severities), // prettier-ignore
    )
    .option('--baseline <file>', 'findings that are known, each with the reason why it is left')
    .option('--write-baseline <file>', 'write such a file of what is found now')
    .option('--explain <code>', 'say what a finding is, and audit nothing')
    .addOption(
      new Option('--only <codes>', 'look for these findings only: codes with commas between').argParser(listed),
    )
    .addOption(new Option('--host <name>', 'report on this host only; may be given several times').argParser(collected))
    .action(async (files: readonly string[], flags: AuditFlags) => {
      const { auditFiles } = await import('./audit.ts');
      outcome.status = await auditFiles(files, flags);
    });
