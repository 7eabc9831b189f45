// `dnfw audit` of many captures: the same as one by one, broken ones beside them, and what only all of them show.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/audit/finding.ts';
import type { HostReport } from '../../src/audit/report/types.ts';
import { fleet } from '../audit/captures.ts';
import { codesIn, dnfw, folderWith } from './dnfw.ts';

interface Printed {
  readonly hosts: readonly HostReport[];
  readonly broken: readonly { readonly name: string; readonly files: readonly string[]; readonly why: string }[];
  readonly fleet: readonly Finding[];
}

/** More than are audited without threads. */
const number = 18;
const spoilt = { swarm: 1, node: 2 };

const files: string[] = [];
let folder: string;

beforeAll(() => {
  folder = folderWith();
  // One node of one Swarm has lost its rules that drop clear packets.
  const change = (
    { swarm, node }: { readonly swarm: number; readonly node: number },
    _: string,
    dump: string,
  ): string =>
    swarm === spoilt.swarm && node === spoilt.node
      ? dump.split('\n').filter((line) => !(line.includes('-A INPUT') && line.includes('-j DROP'))).join('\n') // prettier-ignore
      : dump;
  for (const { file, text } of fleet(number, { change })) {
    writeFileSync(join(folder, file), text());
    files.push(file);
  }
});

const audit = (names: readonly string[], ...more: readonly string[]): { readonly printed: Printed; readonly status: number | null; readonly stderr: string } => {
  const { status, stdout, stderr } = dnfw(['audit', '--json', ...more, ...names], { folder });
  return { printed: JSON.parse(stdout) as Printed, status, stderr };
}; // prettier-ignore

describe('many captures', () => {
  it('are reported in the order in which they are given, each as if it was alone', () => {
    const { printed, status, stderr } = audit(files);
    expect(status).toBe(0);
    // How far it is, if it takes long.
    expect(stderr).toMatch(/^(?:dnfw: audited \d+ of 18 hosts\n)*$/);
    expect(printed.hosts.map(({ files: of }) => of)).toEqual(files.map((file) => [file]));
    for (const index of [0, 5, number - 1]) expect(printed.hosts[index]).toEqual(audit([files[index] ?? '']).printed.hosts[0]); // prettier-ignore
  });

  it('show together that one node of a Swarm does not enforce what the others do', () => {
    const { printed } = audit(files);
    const partial = printed.fleet.filter(({ code }) => code === 'swarm-vni-partial');
    expect(partial.length).toBeGreaterThan(0);
    expect(partial.every(({ what }) => what.includes(`n${spoilt.node + 1}.swarm${spoilt.swarm}`))).toBe(true);
    const others = files.filter((file) => !file.includes(`swarm${spoilt.swarm}.`));
    expect(audit(others).printed.fleet.filter(({ code }) => code === 'swarm-vni-partial')).toEqual([]);
  });

  it('--host leaves the others out', () => {
    const { printed, status } = audit(files, '--host', 'n2.swarm3', '--host', 'n1.swarm0');
    expect(status).toBe(0);
    expect(printed.hosts.map(({ name }) => name)).toEqual(['n1.swarm0', 'n2.swarm3']);
    expect(dnfw(['audit', '--host', 'n9', ...files], { folder }).status).toBe(2);
  });

  it('--fail-on looks at all of them, and at what they show together', () => {
    expect(dnfw(['audit', '--fail-on', 'high', '--only', 'swarm-vni-partial', ...files], { folder }).status).toBe(12);
    expect(dnfw(['audit', '--fail-on', 'high', '--only', 'swarm-backend-mixed', ...files], { folder }).status).toBe(0);
  });
});

describe('broken captures among them', () => {
  const names = ['cut.json', 'other.json', 'absent.json', 'empty.json', 'blind.json'];

  beforeAll(() => {
    const whole = readFileSync(join(folder, files[0] ?? ''), 'utf8');
    writeFileSync(join(folder, 'cut.json'), whole.slice(0, whole.length / 2));
    writeFileSync(join(folder, 'other.json'), '{"some": "thing"}\n');
    writeFileSync(join(folder, 'empty.json'), '');
    // Taken without any right: nothing found in it would be no good news.
    const { answers, ...rest } = JSON.parse(whole) as { readonly answers: object };
    const failed = Object.fromEntries(Object.keys(answers).map((question) => [question, { failed: 'permission denied' }])); // prettier-ignore
    writeFileSync(join(folder, 'blind.json'), JSON.stringify({ ...rest, answers: failed }));
  });

  it('are reported with the reason, and the others are audited', () => {
    const { printed, status, stderr } = audit([...files.slice(0, 6), ...names, ...files.slice(6)]);
    expect(status).toBe(2);
    expect(printed.hosts.map(({ files: of }) => of[0])).toEqual(files);
    expect(printed.broken.flatMap((one) => one.files).toSorted()).toEqual(names.toSorted());
    expect(printed.broken.every(({ why }) => why.length > 0)).toBe(true);
    expect(codesIn(stderr)).toEqual(expect.arrayContaining(['json-syntax', 'file-unreadable', 'capture-lacks']));
  });

  it('count as findings do not: the status of --fail-on comes first', () => {
    expect(dnfw(['audit', '--fail-on', 'high', ...files, ...names], { folder }).status).toBe(12);
  });

  it('alone are the end', () => {
    const { status, stdout } = dnfw(['audit', 'cut.json'], { folder });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(dnfw(['audit', 'absent.json'], { folder }).status).toBe(1);
    expect(dnfw(['audit', 'blind.json'], { folder })).toMatchObject({ status: 2, stdout: '' });
  });
});
