// SARIF: valid by OASIS's schema, and every finding with its rules is in it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { visible } from '../../../src/diagnostics/render.ts';
import { findingRules } from '../../../src/audit/registry.ts';
import { sarif, uriOf } from '../../../src/audit/report/sarif.ts';
import type { Report } from '../../../src/audit/report/types.ts';
import { declared, fleetReport, hostileReport, report, setting, whole } from './fixture.ts';
import { anyReport } from './strings.ts';

/** The official schema is of draft 4, which differs in nothing that it uses but the name of its identifier. */
const official = (): object => {
  const file = createRequire(import.meta.url).resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json');
  const { $schema, id, ...schema } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  expect([$schema, String(id).split('/').at(-1)]).toEqual(['http://json-schema.org/draft-04/schema#', 'sarif-2.1.0-rtm.5.json']); // prettier-ignore
  expect(JSON.stringify(schema)).not.toContain('exclusiveM');
  return schema;
};

const isUri = (text: string): boolean => /^[a-z][a-z0-9+.-]*:[^\s<>"{}|\\^`]+$/i.test(text);
const isReference = (text: string): boolean =>
  /^(?:[\w.~!$&'()*+,;=:@/?#-]|%[0-9A-Fa-f]{2})*$/.test(text) && (isUri(text) || !/^[^/?#]*:/.test(text));

const ajv = new Ajv({
  strict: false,
  allErrors: true,
  // One of its patterns is none with the flag.
  unicodeRegExp: false,
  formats: { uri: isUri, 'uri-reference': isReference, 'date-time': (text) => !Number.isNaN(Date.parse(text)) },
});
const validate = ajv.compile(official());

const mistakesIn = (document: unknown): readonly unknown[] => (validate(document) ? [] : (validate.errors ?? []));

interface Place {
  readonly physicalLocation?: { readonly artifactLocation: { readonly uri: string }; readonly region?: { readonly startLine: number; readonly snippet?: { readonly text: string } } }; // prettier-ignore
  readonly logicalLocations?: readonly { readonly name: string }[];
  readonly message?: { readonly text: string };
}
interface Result {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: string;
  readonly message: { readonly text: string };
  readonly locations: readonly Place[];
  readonly relatedLocations?: readonly Place[];
  readonly partialFingerprints: Readonly<Record<string, string>>;
  readonly suppressions: readonly { readonly justification: string }[];
  readonly properties: Readonly<Record<string, unknown>>;
}
interface Log {
  readonly version: string;
  readonly runs: readonly { readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string; readonly help: { readonly text: string } }[] } }; readonly results: readonly Result[]; readonly invocations: readonly { readonly executionSuccessful: boolean; readonly toolExecutionNotifications: readonly object[] }[] }[]; // prettier-ignore
}

const log = (one: Report): Log => JSON.parse(whole(sarif(one, setting))) as Log;
const results = (one: Report): readonly Result[] => log(one).runs[0]?.results ?? [];

describe('sarif', () => {
  it.each([
    ['one host', report],
    ['several', fleetReport],
    ['hostile names', hostileReport],
    ['none', { hosts: [], broken: [], fleet: [] }],
  ] as const)('of %s is valid', (_name, one) => {
    expect(mistakesIn(log(one))).toEqual([]);
    expect(log(one).runs).toHaveLength(1);
  });

  it('is valid with the declarations of all findings', () => {
    const document = JSON.parse(whole(sarif(report, { ...setting, declared: findingRules }))) as Log;
    expect(mistakesIn(document)).toEqual([]);
    for (const { help } of document.runs[0]?.tool.driver.rules ?? []) expect(help.text.length).toBeGreaterThan(40);
  });

  it('would not be valid with a level that there is not, or a field in the wrong place', () => {
    const spoilt = (change: (result: Record<string, unknown>) => void): boolean => {
      const document = log(report) as unknown as { runs: { results: Record<string, unknown>[] }[] };
      change(document.runs[0]?.results[0] as Record<string, unknown>);
      return validate(document);
    };
    expect(spoilt((result) => (result['level'] = 'critical'))).toBe(false);
    expect(spoilt((result) => (result['file'] = 'x'))).toBe(false);
    expect(spoilt((result) => delete result['message'])).toBe(false);
    expect(spoilt((result) => (result['locations'] = [{ physicalLocation: { artifactLocation: { uri: 'a b' } } }]))).toBe(false); // prettier-ignore
  });

  it('has every finding with its rules as places', () => {
    const [host] = report.hosts;
    expect(results(report)).toHaveLength(host?.findings.length ?? 0);
    for (const [index, finding] of (host?.findings ?? []).entries()) {
      const result = results(report)[index] as Result;
      expect(declared[result.ruleIndex]?.code).toBe(finding.code);
      expect(result.ruleId).toBe(finding.code);
      expect(result.message.text).toBe(`${finding.what} ${finding.means}`);
      expect(result.partialFingerprints).toEqual({ 'dnfw/v1': `node1: ${finding.fingerprint}` });
      expect(result.suppressions.map(({ justification }) => justification)).toEqual(finding.accepted ? [finding.accepted.reason] : []); // prettier-ignore
      const places = [...result.locations, ...(result.relatedLocations ?? [])].filter((one) => one.message ?? one.physicalLocation?.region); // prettier-ignore
      expect(places.map((one) => [one.physicalLocation?.artifactLocation.uri, one.physicalLocation?.region?.startLine, one.physicalLocation?.region?.snippet?.text, one.message?.text])).toEqual(finding.evidence.filter(({ line }) => line > 0).map(({ file, line, text, note }) => [file, line, text, note])); // prettier-ignore
    }
  });

  it('maps severities to levels', () => {
    const levels = new Map(results(fleetReport).map(({ level, properties }) => [properties['severity'], level]));
    expect(Object.fromEntries(levels)).toEqual({ critical: 'error', high: 'error', medium: 'warning', low: 'note', info: 'note' }); // prettier-ignore
  });

  it('says what was not looked at, and who could not be read', () => {
    const [invocation] = log(fleetReport).runs[0]?.invocations ?? [];
    expect(invocation?.executionSuccessful).toBe(false);
    const said = JSON.stringify(invocation?.toolExecutionNotifications);
    expect(said).toContain('node5 could not be read: the file is no JSON: it ends early');
    expect(said).toContain('node1: not known: kernel settings (sysctl)');
    expect(log(report).runs[0]?.invocations[0]?.executionSuccessful).toBe(true);
  });

  it('keeps any text, but for control characters, and stays valid', () => {
    fc.assert(
      fc.property(anyReport, (one) => {
        expect(mistakesIn(log(one))).toEqual([]);
        const shown = (text: string): string => text.split('\n').map(visible).join('\n').replaceAll(/\p{Surrogate}/gu, '\ufffd'); // prettier-ignore
        const findings = [...one.fleet, ...(one.hosts[0]?.findings ?? [])];
        expect(results(one).map(({ message }) => message.text)).toEqual(findings.map(({ what, means }) => shown(`${what} ${means}`))); // prettier-ignore
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['node.iptables-save', 'node.iptables-save'],
    ['a b/c#d?.rules', 'a%20b/c%23d%3F.rules'],
    ['/etc/rules', 'file:///etc/rules'],
    ['//evil.example/x', 'file:///.//evil.example/x'],
    ['http://x', 'http%3A//x'],
  ])('names the file %s as %s', (file, uri) => {
    expect(uriOf(file)).toBe(uri);
  });
});
