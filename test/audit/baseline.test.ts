// The baseline: what it accepts, what is stale in it, and where it is wrong.
import { describe, expect, it } from 'vitest';
import { applyBaseline, type Baseline, newBaseline, readBaseline } from '../../src/audit/baseline.ts';
import { countsOf } from '../../src/audit/report/words.ts';
import { declared, fleetReport, hostileReport, node1 } from './report/fixture.ts';

const codes = new Set(declared.map(({ code }) => code));
const read = (text: string, name = 'known.yaml') => readBaseline({ name, text }, codes); // oxlint-disable-line explicit-function-return-type

const baseline = (...entries: readonly object[]): Baseline => {
  const { value, diagnostics } = read(
    JSON.stringify(
      entries.map((entry) => ({ reason: 'known', ...entry })),
      null,
      1,
    ),
  );
  expect(diagnostics).toEqual([]);
  if (!value) throw new Error('it cannot be read');
  return value;
};

const mistakes = (text: string, name?: string): readonly string[] =>
  read(text, name).diagnostics.map(({ code, severity, span }) => `${severity} ${code} ${span?.file}:${span?.line}:${span?.column}`); // prettier-ignore

describe('reading', () => {
  it('takes YAML and JSON', () => {
    const entry = {
      code: 'mixed-backends',
      subject: 'IPv4',
      host: 'node1',
      reason: 'moves in May',
      until: '2027-05-31',
    };
    const yaml = `# known\n- code: mixed-backends\n  subject: IPv4\n  host: node1\n  reason: moves in May\n  until: 2027-05-31\n`;
    expect(read(yaml).value?.entries).toMatchObject([{ ...entry, span: { line: 2, column: 9 } }]);
    expect(read(JSON.stringify([entry]), 'known.json').value?.entries).toMatchObject([entry]);
    expect(read('').value?.entries).toEqual([]);
    expect(read('[]').value?.entries).toEqual([]);
  });

  it.each([
    ['code: mixed-backends\nreason: x\n', ['error baseline-syntax known.yaml:1:1']],
    ['- mixed-backends\n', ['error baseline-entry known.yaml:1:3']],
    ['- code: mixed-backends\n', ['error baseline-entry known.yaml:1:3']],
    ['- reason: x\n', ['error baseline-entry known.yaml:1:3']],
    ['- code: mixed-backend\n  reason: x\n', ['error baseline-entry known.yaml:1:9']],
    ['- code: mixed-backends\n  reason: "…"\n', ['error baseline-entry known.yaml:2:11']],
    ['- code: mixed-backends\n  reason: " "\n', ['error baseline-entry known.yaml:2:11']],
    ['- code: mixed-backends\n  reason: x\n  subject: 8080\n', ['error baseline-entry known.yaml:3:12']],
    ['- code: mixed-backends\n  reason: x\n  until: 2027-02-30\n', ['error baseline-entry known.yaml:3:10']],
    ['- code: mixed-backends\n  reason: x\n  expires: 2027-02-28\n', ['error baseline-entry known.yaml:3:3']],
    ['- code: mixed-backends\n  code: guard-absent\n  reason: x\n', ['error baseline-twice known.yaml:2:3']],
    ['- code: &a mixed-backends\n  reason: x\n', ['error baseline-syntax known.yaml:1:12']],
    ['- code: [\n', ['error baseline-syntax known.yaml:2:1']],
  ])('says where %j is wrong', (text, expected) => {
    expect(mistakes(text)).toEqual(expected);
    expect(read(text).value).toBeUndefined();
  });

  it('says where JSON is wrong', () => {
    const found = mistakes('[\n{]', 'known.json');
    expect(found.length).toBeGreaterThan(0);
    for (const one of found) expect(one).toMatch(/^error (?:json|baseline)-syntax known\.json:2:\d$/);
  });
});

const today = '2026-11-28';

const unmarked = node1.findings.map((finding) =>
  // All but the mark.
  Object.fromEntries(Object.entries(finding).filter(([key]) => key !== 'accepted')),
) as unknown as typeof node1.findings;
const marked = (...entries: readonly object[]): readonly string[] =>
  applyBaseline(baseline(...entries), today)
    .host({ ...node1, findings: unmarked })
    .findings.flatMap(({ code, subject, accepted }) => (accepted ? [`${code}: ${subject}: ${accepted.reason}`] : []));

describe('applying', () => {
  it('accepts by code, subject and host', () => {
    expect(marked({ code: 'rule-shadowed' })).toEqual([
      'rule-shadowed: ip filter INPUT 7: known',
      'rule-shadowed: ip filter INPUT 9: known',
    ]);
    expect(marked({ code: 'rule-shadowed', subject: 'ip filter INPUT 9', reason: 'a' }, { code: 'guard-absent', host: 'node1' })).toEqual(['guard-absent: inet dnfw: known', 'rule-shadowed: ip filter INPUT 9: a']); // prettier-ignore
    expect(
      marked({ code: 'rule-shadowed', host: 'node2' }, { code: 'rule-shadowed', subject: 'ip filter INPUT' }),
    ).toEqual([]);
  });

  it('counts to the end of the last day', () => {
    const until = (day: string): number => marked({ code: 'guard-absent', until: day }).length;
    expect([until('2026-11-27'), until('2026-11-28'), until('2026-11-29')]).toEqual([0, 1, 1]);
  });

  it('changes nothing but the mark, and takes accepted findings out of the counts', () => {
    const applied = applyBaseline(baseline({ code: 'guard-absent' }), today).host(node1);
    expect({ ...applied, findings: applied.findings.map((finding) => (finding.code === 'guard-absent' ? { ...finding, accepted: undefined } : finding)) }).toEqual({ ...node1, findings: node1.findings.map((finding) => (finding.code === 'guard-absent' ? { ...finding, accepted: undefined } : finding)) }); // prettier-ignore
    expect(countsOf(applied.findings)).toMatchObject({ low: 1, accepted: 2 });
  });

  it('reports entries that accept nothing, and those that have ended', () => {
    const applied = applyBaseline(
      baseline(
        { code: 'guard-absent' },
        { code: 'rule-shadowed', subject: 'nothing of the kind' },
        { code: 'guard-absent', until: '2026-01-01' },
        { code: 'overlay-mark-missing', host: 'node2' },
        // Not looked for on any host: nobody knows.
        { code: 'loopback-from-lan' },
      ),
      today,
    );
    for (const host of [node1, ...fleetReport.hosts]) applied.host(host);
    applied.fleet([]);
    expect(applied.use().stale.map(({ code, line, until }) => [code, line, until])).toMatchObject([
      ['rule-shadowed', 8, undefined],
      ['guard-absent', 13, '2026-01-01'],
      ['overlay-mark-missing', 18, undefined],
      ...(fleetReport.hosts.some(({ looked }) => looked.includes('loopback-from-lan')) ? [['loopback-from-lan', 23, undefined]] : []), // prettier-ignore
    ]);
    expect(applied.warnings().map(({ code, severity, span }) => [code, severity, span?.line])).toMatchObject([
      ['baseline-stale', 'warning', 8],
      ['baseline-stale', 'warning', 13],
      ['baseline-stale', 'warning', 18],
    ]);
  });

  it('accepts what several hosts show together only where no host is named', () => {
    const fleet = (entry: object): number =>
      applyBaseline(baseline(entry), today)
        .fleet(fleetReport.fleet)
        .filter(({ accepted }) => accepted).length;
    expect(fleet({ code: 'overlay-mark-missing' })).toBe(1);
    expect(fleet({ code: 'overlay-mark-missing', host: 'node1' })).toBe(0);
  });
});

describe('a first baseline', () => {
  it.each([
    ['known.yaml', false],
    ['known.json', true],
  ])('in %s accepts all that was open, once its reasons are written', (name, isJson) => {
    for (const one of [fleetReport, hostileReport]) {
      const text = newBaseline(one, isJson);
      expect(new Set(mistakes(text, name).map((line) => line.split(' ')[1]))).toEqual(new Set(['baseline-entry']));
      const { value } = read(text.replaceAll('"…"', '"because"'), name);
      if (!value) throw new Error('it cannot be read');
      const applied = applyBaseline(value, today);
      const open = [...one.fleet, ...one.hosts.flatMap(({ findings }) => findings)].filter(({ accepted }) => !accepted);
      expect(value.entries).toHaveLength(open.length);
      const left = [...applied.fleet(one.fleet), ...one.hosts.flatMap((host) => applied.host(host).findings)];
      expect(left.filter(({ accepted }) => !accepted)).toEqual([]);
    }
  });

  it('of nothing is an empty list', () => {
    expect(read(newBaseline({ hosts: [], broken: [], fleet: [] }, false)).value?.entries).toEqual([]);
  });
});
