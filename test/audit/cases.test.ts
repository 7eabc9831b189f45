// Every finding has a host that has it, with the rules drawn that show it, and one that almost has it and is silent.
import { describe, expect, it } from 'vitest';
import { inspectHost } from '../../src/audit/inspect.ts';
import { findingRules } from '../../src/audit/registry.ts';
import { readCases } from './cases.ts';

const cases = readCases();
const codes = findingRules.map(({ code }) => code);

describe('cases', () => {
  it('are there for every finding, of both kinds, and for nothing else', () => {
    const complete = codes.filter((code) => {
      const kinds = new Set(cases.get(code)?.map(({ kind }) => kind));
      return kinds.has('has') && kinds.has('silent');
    });
    expect(complete).toEqual(codes);
    expect([...cases.keys()].filter((code) => !codes.includes(code))).toEqual([]);
    expect(new Set(codes).size).toBe(codes.length);
  });
});

describe.each([...cases])('%s', (code, some) => {
  it.each(some.map((one) => [`${one.kind}: ${one.name}`, one] as const))(
    '%s',
    (_, { kind, source, subjects, marks }) => {
      const found = inspectHost(source).findings.filter((finding) => finding.code === code);
      expect(found.map(({ subject }) => subject)).toEqual(subjects);
      expect(found.length > 0).toBe(kind === 'has');
      const shown = new Set(found.flatMap(({ evidence }) => evidence.map(({ line }) => line)));
      shown.delete(0);
      expect([...shown].toSorted((a, b) => a - b)).toEqual([...new Set(marks.map(({ line }) => line))].toSorted((a, b) => a - b)); // prettier-ignore
      for (const { line, severity, note } of marks) {
        const here = found.filter(({ evidence }) => evidence.some((one) => one.line === line));
        if (severity !== undefined) expect(here.map((finding) => finding.severity)).toContain(severity);
        if (note !== undefined)
        expect(here.flatMap(({ evidence }) => evidence.filter((one) => one.line === line).map((one) => one.note))).toContain(note); // prettier-ignore
      }
      for (const finding of found) {
        expect(finding.what).toMatch(/[.!]$/);
        expect(finding.means).toMatch(/[.!]$/);
        expect(finding.fix.length).toBeGreaterThan(0);
      }
    },
  );
});
