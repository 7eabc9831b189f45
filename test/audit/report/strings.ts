// Reports with any text in them, for formats that must come back as they went in.
import fc from 'fast-check';
import type { Report } from '../../../src/audit/report/types.ts';
import { evil, findingOf, node1 } from './fixture.ts';

const words = fc.oneof(
  fc.constantFrom(...evil),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
);

const finding = fc
  .record({
    subject: words,
    what: words,
    means: words,
    note: words,
    rule: words,
    file: words,
    line: fc.nat(999),
    command: words,
    reason: fc.option(words, { nil: undefined }),
    severity: fc.constantFrom('critical', 'high', 'info' as const),
  }) // prettier-ignore
  .map(({ subject, what, means, note, rule, file, line, command, reason, severity }) =>
    findingOf('rule-shadowed', {
      subject,
      what,
      means,
      severity,
      evidence: [{ file, line, text: rule, note }],
      fix: [{ what, commands: [command] }],
      ...(reason === undefined ? {} : { accepted: { reason } }),
    }),
  );

export const anyReport: fc.Arbitrary<Report> = fc
  .record({
    name: words,
    files: fc.array(words, { maxLength: 3 }),
    findings: fc.array(finding, { maxLength: 4 }),
    lacks: fc.array(words, { maxLength: 3 }),
    fleet: fc.array(finding, { maxLength: 2 }),
  }) // prettier-ignore
  .map(({ name, files, findings, lacks, fleet }) => ({
    hosts: [{ ...node1, name, files, findings, lacks }],
    broken: [],
    fleet,
  }));
