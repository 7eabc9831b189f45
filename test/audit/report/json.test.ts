// JSON: valid by the schema that is shipped, and the report itself when it is read back.
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { json } from '../../../src/audit/report/json.ts';
import type { Report } from '../../../src/audit/report/types.ts';
import { fleetReport, hostileReport, report, setting, whole } from './fixture.ts';
import { anyReport } from './strings.ts';

const ajv = new Ajv({ strict: true, allErrors: true });
const validate = ajv.compile(JSON.parse(readFileSync('src/audit/report/report.schema.json', 'utf8')) as object);

const mistakesIn = (document: unknown): readonly unknown[] => (validate(document) ? [] : (validate.errors ?? []));

const printed = (one: Report): Record<string, unknown> =>
  JSON.parse(whole(json(one, setting))) as Record<string, unknown>;

const readBack = (one: Report): Report => {
  const { hosts, broken, fleet, baseline } = printed(one) as unknown as Report;
  const bare = hosts.map((host) => Object.fromEntries(Object.entries(host).filter(([key]) => key !== 'summary')));
  return { hosts: bare as unknown as Report['hosts'], broken, fleet, ...(baseline ? { baseline } : {}) };
};

describe('json', () => {
  it.each([
    ['one host', report],
    ['several', fleetReport],
    ['hostile names', hostileReport],
    ['none', { hosts: [], broken: [], fleet: [] }],
  ] as const)('of %s is valid, and says what the report says', (_name, one) => {
    const document = printed(one);
    expect(mistakesIn(document)).toEqual([]);
    expect(readBack(one)).toEqual(one);
  });

  it('counts what is open, and apart from it what is accepted', () => {
    expect(printed(fleetReport)).toMatchObject({
      schemaVersion: 1,
      dnfw: '0.2.0',
      summary: { hosts: 4, broken: 1, critical: 1, high: 3, medium: 0, low: 3, info: 2, accepted: 1 },
      hosts: [{ summary: { high: 2, accepted: 1 } }, { summary: { high: 1, low: 1 } }, { summary: { high: 0 } }, {}],
    });
  });

  it('keeps any text', () => {
    fc.assert(
      fc.property(anyReport, (one) => {
        expect(readBack(one)).toEqual(one);
        expect(validate(printed(one))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['a severity that there is not', { severity: 'urgent' }],
    ['a field that there is not', { colour: 'red' }],
  ])('with %s is not valid', (_what, more) => {
    const document = printed(report) as unknown as { hosts: { findings: object[] }[] };
    const findings = document.hosts[0]?.findings ?? [];
    findings[0] = { ...findings[0], ...more };
    expect(validate(document)).toBe(false);
  });

  it('comes in pieces: a host of thousands is not held with the others', () => {
    const pieces = [...json({ ...report, hosts: Array.from({ length: 50 }, () => report.hosts[0] as never) }, setting)];
    expect(pieces.length).toBeGreaterThan(50);
  });
});
