// JUnit: read by an XML parser that is not ours, and compared with the report.
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { junit } from '../../../src/audit/report/junit.ts';
import type { Report } from '../../../src/audit/report/types.ts';
import { fleetReport, hostileReport, node1, report, setting, whole } from './fixture.ts';
import { anyReport } from './strings.ts';

interface Element {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
  readonly children: readonly Element[];
}

const script = `
import json, sys, xml.etree.ElementTree as e
def of(x): return {'tag': x.tag, 'attributes': x.attrib, 'text': x.text or '', 'children': [of(c) for c in x]}
print(json.dumps([of(e.fromstring(t)) for t in json.load(sys.stdin)]))
`;

const parsed = (...texts: readonly string[]): readonly Element[] => {
  const { stdout, stderr, status } = spawnSync('python3', ['-c', script], { input: JSON.stringify(texts), encoding: 'utf8', maxBuffer: 1e8 }); // prettier-ignore
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as readonly Element[];
};

const read = (one: Report, more = {}): Element => parsed(whole(junit(one, { ...setting, ...more })))[0] as Element;

const casesIn = (suite: Element | undefined): readonly (readonly [string, string])[] =>
  (suite?.children ?? []).map(({ attributes, children }) => [
    attributes['name']?.split(':')[0] ?? '',
    children.map(({ tag }) => tag).join(' '),
  ]);

describe('junit', () => {
  it('has a test case for every check of a host', () => {
    const [suite] = read(report).children;
    expect(suite?.attributes).toEqual({ name: 'node1', tests: '8', failures: '4', errors: '0', skipped: '1' });
    expect(casesIn(suite)).toEqual([
      ['published-past-input', 'failure'],
      ['overlay-drop-behind-accept', 'failure'],
      ['overlay-mark-missing', ''],
      ['mixed-backends', 'system-out'],
      ['translation-loses-u32', ''],
      ['guard-absent', 'failure'],
      ['rule-shadowed', 'failure system-out'],
      ['loopback-from-lan', 'skipped'],
    ]);
  });

  it('fails where --fail-on says so', () => {
    const [suite] = read(report, { failOn: 'high' }).children;
    expect(suite?.attributes['failures']).toBe('2');
    expect(casesIn(suite).find(([code]) => code === 'guard-absent')?.[1]).toBe('system-out');
    expect(read(report, { failOn: 'info' }).children[0]?.attributes['failures']).toBe('4');
  });

  it('tells the whole finding in the failure', () => {
    const failure = read(report).children[0]?.children[1]?.children[0];
    expect(failure?.attributes).toEqual({ type: 'high', message: 'high: VNI 4097 (0x1001), port 4789' });
    for (const { file, line } of node1.findings[1]?.evidence ?? []) expect(failure?.text).toContain(`${file}:${line}`);
    expect(failure?.text).toContain('dnfw simulate node.iptables-save');
  });

  it('adds its figures up, and has hosts that could not be read as errors', () => {
    const all = read(fleetReport);
    for (const key of ['tests', 'failures', 'errors', 'skipped']) {
      const sum = all.children.reduce((total, { attributes }) => total + Number(attributes[key]), 0);
      expect(Number(all.attributes[key])).toBe(sum);
    }
    expect(all.children.map(({ attributes }) => attributes['name'])).toEqual(['all hosts together', 'node1', 'node2', 'node3.of-a-very-long-domain-name.example.net', 'rules-only', 'node5']); // prettier-ignore
    expect(all.children.at(-1)?.children[0]?.children[0]?.tag).toBe('error');
  });

  it('stays XML whatever is in it', () => {
    const texts = [hostileReport, ...fc.sample(anyReport, 60)].map((one) => whole(junit(one, setting)));
    const suites = parsed(...texts);
    expect(suites).toHaveLength(61);
    const tags = new Set(
      JSON.stringify(suites)
        .match(/"tag": ?"[^"]*"/g)
        ?.map((tag) => tag.replaceAll(/.*: ?"|"/g, '')),
    );
    expect([...tags].toSorted()).toEqual(['error', 'failure', 'skipped', 'system-out', 'testcase', 'testsuite', 'testsuites']); // prettier-ignore
    expect(JSON.stringify(suites[0])).toContain('globalThis.hit=1');
  });
});
