// `dnfw audit` as a user runs it: formats, statuses, baselines, colours, and commands in its report that work.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { declared } from '../../src/audit/declarations.ts';
import type { Finding } from '../../src/audit/finding.ts';
import { formatNames } from '../../src/audit/report/formats.ts';
import { explanation } from '../../src/audit/report/explain.ts';
import { plainBrush } from '../../src/audit/report/format.ts';
import type { HostReport } from '../../src/audit/report/types.ts';
import { codesIn, dnfw, dump, folderWith, root, rulesets, run, shell } from './dnfw.ts';

const mixed = join(rulesets, 'docker-mixed-eras/node.iptables-save');
const only = ['--only', 'overlay-drop-behind-accept'];

interface Printed {
  readonly schemaVersion: number;
  readonly dnfw: string;
  readonly summary: Readonly<Record<string, number>>;
  readonly hosts: readonly HostReport[];
  readonly broken: readonly { readonly name: string; readonly why: string }[];
  readonly baseline?: { readonly stale: readonly { readonly code: string; readonly line: number }[] };
}

const json = (args: readonly string[], folder?: string): Printed =>
  JSON.parse(dnfw(['audit', '--json', ...args], folder === undefined ? {} : { folder }).stdout) as Printed;

const findingsIn = ({ hosts }: Printed): readonly Finding[] => hosts.flatMap(({ findings }) => findings);

describe('formats', () => {
  const starts: Readonly<Record<string, RegExp>> = { text: /^node\.iptables-save \(/, json: /^\{\n {2}"schemaVersion": 1,/, sarif: /^\{"\$schema"/, markdown: /^## dnfw audit\n/, html: /^<!doctype html>/, junit: /^<\?xml / }; // prettier-ignore

  it.each(formatNames)('%s goes to standard output, and nothing to standard error', (format) => {
    const { status, stdout, stderr } = dnfw(['audit', '--format', format, mixed]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(starts[format] ?? /never/);
    expect(stdout.endsWith('\n')).toBe(true);
  });

  it('text is the usual one, and --json is one of them', () => {
    expect(dnfw(['audit', mixed]).stdout).toBe(dnfw(['audit', '--format', 'text', mixed]).stdout);
    expect(dnfw(['audit', '--json', mixed]).stdout).toBe(dnfw(['audit', '--format', 'json', mixed]).stdout);
    const { status, stderr } = dnfw(['audit', '--json', '--format', 'html', mixed]);
    expect(status).toBe(2);
    expect(stderr).toContain('--json');
  });

  it('-o writes what standard output would have had', () => {
    const folder = folderWith();
    expect(dnfw(['audit', '--format', 'html', '-o', 'out.html', mixed], { folder })).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
    expect(readFileSync(join(folder, 'out.html'), 'utf8')).toBe(dnfw(['audit', '--format', 'html', mixed]).stdout);
  });

  const ajv = new Ajv({ strict: true });
  const validate = ajv.compile(JSON.parse(readFileSync(join(root, 'src/audit/report/report.schema.json'), 'utf8')) as object); // prettier-ignore
  const hosts = ['docker-17.03', 'docker-20.10.24-legacy', 'docker-28.5.2', 'docker-29', 'docker-mixed-eras', 'operator-ufw', 'operator-firewalld-direct']; // prettier-ignore

  it.each(hosts)('JSON of %s is valid by its schema, text is narrow', (host) => {
    const { stdout } = shell(`dnfw audit --json ${join(rulesets, host)}/node.ip*tables-save`);
    validate(JSON.parse(stdout));
    expect(validate.errors ?? []).toEqual([]);
    const text = shell(`dnfw audit node.ip*tables-save`, { folder: join(rulesets, host) }).stdout;
    expect(text.split('\n').filter((line) => line.length > 100)).toEqual([]);
  });
});

describe('the commands of a report', () => {
  it('show the packet with the verdict that is told', () => {
    const folder = join(rulesets, 'docker-mixed-eras');
    const { stdout } = dnfw(['audit', ...only, 'node.iptables-save'], { folder });
    const told = findingsIn(json([...only, 'node.iptables-save'], folder)).map(({ witness }) => witness?.verdict);
    const commands = [...stdout.matchAll(/^ {12}(dnfw simulate [^]*?')$/gm)].map(([, command]) => command ?? '');
    expect(commands.length).toBeGreaterThan(1);
    expect(commands).toHaveLength(told.length);
    for (const [index, command] of commands.entries()) {
      const { stdout: simulated, status, stderr } = shell(`${command} --json`, { folder });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect((JSON.parse(simulated) as { verdict: string }).verdict).toBe(told[index]);
    }
  });

  it('end with one that works', () => {
    const last = dnfw(['audit', ...only, mixed])
      .stdout.trimEnd()
      .split('\n')
      .at(-1);
    expect(last).toBe('next: dnfw audit --explain overlay-drop-behind-accept');
    expect(shell(last?.replace('next: ', '') ?? '').status).toBe(0);
  });
});

describe('the exit status', () => {
  it.each([
    ['no threshold', [], 0],
    ['worse ones than what is there', ['--fail-on', 'critical'], 0],
    ['the severity that is there', ['--fail-on', 'high'], 12],
    ['less than what is there', ['--fail-on', 'info'], 12],
  ] as const)('with %s', (_what, flags, status) => {
    expect(dnfw(['audit', ...only, ...flags, mixed]).status).toBe(status);
  });

  it('is 12 only when the report is written', () => {
    const folder = folderWith();
    expect(dnfw(['audit', ...only, '--fail-on', 'low', '-o', 'report', mixed], { folder }).status).toBe(12);
    expect(readFileSync(join(folder, 'report'), 'utf8')).toContain('HIGH');
    expect(dnfw(['audit', '--fail-on', 'low', '-o', 'no/report', mixed], { folder }).status).toBe(1);
  });

  it.each([
    [['--fail-on', 'urgent'], /urgent/],
    [['--format', 'pdf'], /pdf/],
    [['--only', 'no-such-code'], /no finding "no-such-code"/],
    [['--only', ''], /no finding ""/],
    [['--only', ','], /no finding ""/],
    [['--explain', 'no-such-code'], /no finding "no-such-code"/],
    [['--host', 'nobody'], /no host "nobody"/],
  ])('is 2 for %j', (flags, words) => {
    const { status, stdout, stderr } = dnfw(['audit', ...flags, mixed]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(words);
  });

  it('is 2 for rules that cannot be read, with the place', () => {
    const folder = folderWith({ rules: dump('-p tcp --dport 99999 -j ACCEPT') });
    const { status, stdout, stderr } = dnfw(['audit', 'rules'], { folder });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^rules:6:\d+: error/m);
  });

  it('is 1 for a file that is not there', () => {
    const { status, stderr } = dnfw(['audit', 'no-such-file']);
    expect(status).toBe(1);
    expect(codesIn(stderr)).toEqual(['file-unreadable']);
  });

  it('is 2 where a host of several is broken, and the others are reported', () => {
    const folder = folderWith();
    const { status, stdout, stderr } = dnfw(['audit', '--json', mixed, 'no-such-file'], { folder });
    expect(status).toBe(2);
    expect(codesIn(stderr)).toEqual(['file-unreadable']);
    const printed = JSON.parse(stdout) as Printed;
    expect(printed.hosts).toHaveLength(1);
    expect(printed.broken).toMatchObject([{ name: 'no-such-file' }]);
  });
});

describe('--only', () => {
  it('looks for these and no others', () => {
    const { hosts } = json(['--only', 'mixed-backends,overlay-drop-behind-accept', mixed]);
    expect(hosts[0]?.looked.toSorted()).toEqual(['mixed-backends', 'overlay-drop-behind-accept']);
    expect(new Set(hosts[0]?.findings.map(({ code }) => code))).toEqual(new Set(['overlay-drop-behind-accept']));
  });
});

describe('--explain', () => {
  it.each(declared)('says what $code is', (rule) => {
    const lines = explanation(rule, plainBrush);
    const flat = lines.join(' ').replaceAll(/\s+/g, ' ');
    for (const part of [rule.code, rule.title, rule.severity, rule.about, rule.silent, ...(rule.references ?? [])]) expect(flat).toContain((part ?? '').replaceAll(/\s+/g, ' ')); // prettier-ignore
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
  });

  it('needs no file, and reads none', () => {
    const { status, stdout, stderr } = dnfw(['audit', '--explain', 'mixed-backends', 'no-such-file']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^mixed-backends: /);
  });

  it('says it as JSON, too', () => {
    const { stdout } = dnfw(['audit', '--explain', 'mixed-backends', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, code: 'mixed-backends', job: 'ordering', needs: [] });
  });
});

describe('--baseline', () => {
  it('accepts what a first one names once its reasons are written, and then nothing fails', () => {
    const folder = folderWith();
    const first = dnfw(['audit', '--write-baseline', 'known.yaml', mixed], { folder });
    expect(first.status).toBe(0);
    expect(first.stderr).toMatch(/^wrote \d+ findings to known\.yaml/);
    const unwritten = dnfw(['audit', '--baseline', 'known.yaml', mixed], { folder });
    expect({ status: unwritten.status, stdout: unwritten.stdout }).toEqual({ status: 2, stdout: '' });
    expect(unwritten.stderr).toMatch(/^known\.yaml:5:11: error\[baseline-entry\]/m);
    const path = join(folder, 'known.yaml');
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll('"…"', '"known"'));
    const { status, stdout, stderr } = dnfw(['audit', '--baseline', 'known.yaml', '--fail-on', 'info', mixed], { folder }); // prettier-ignore
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('no findings; ');
    expect(stdout).toContain('because known');
  });

  it('says what is stale in it', () => {
    const known = '- code: mixed-backends\n  reason: was so\n';
    const folder = folderWith({ 'known.yaml': known });
    const args = ['audit', '--json', '--baseline', 'known.yaml', mixed];
    const { status, stdout, stderr } = dnfw(args, { folder });
    expect(status).toBe(0);
    expect(codesIn(stderr)).toEqual(['baseline-stale']);
    expect((JSON.parse(stdout) as Printed).baseline?.stale).toMatchObject([{ code: 'mixed-backends', line: 1 }]);
    // Where it was not looked for, nobody knows.
    expect(dnfw([...args, ...only], { folder }).stderr).toBe('');
  });

  it('is never written over', () => {
    const folder = folderWith({ 'known.yaml': 'mine' });
    const { status, stdout, stderr } = dnfw(['audit', '--write-baseline', 'known.yaml', mixed], { folder });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(codesIn(stderr)).toEqual(['baseline-exists']);
    expect(readFileSync(join(folder, 'known.yaml'), 'utf8')).toBe('mine');
    expect(existsSync(join(folder, 'known.yaml.tmp'))).toBe(false);
  });
});

describe('colours', () => {
  // oxlint-disable-next-line no-control-regex -- colours are what is looked for
  const isColoured = (text: string): boolean => /\u001b\[/.test(text);
  const on = (env: Readonly<Record<string, string>>): string => dnfw(['audit', ...only, mixed], { env }).stdout;

  it('are not there in a pipe, are where FORCE_COLOR says so, and NO_COLOR is stronger', () => {
    expect([on({}), on({ FORCE_COLOR: '1' }), on({ FORCE_COLOR: '1', NO_COLOR: '1' }), on({ FORCE_COLOR: '0' })].map(isColoured)).toEqual([false, true, false, false]); // prettier-ignore
  });

  it('are there on a terminal that is not dumb, and never in a file or another format', () => {
    const folder = folderWith();
    const terminal = (args: string, term: string): string =>
      run('script', ['-qec', `${process.execPath} ${join(root, 'dist/cli/main.js')} audit ${only.join(' ')} ${args} ${mixed}`, '/dev/null'], { folder, env: { TERM: term } }).stdout; // prettier-ignore
    expect(isColoured(terminal('', 'xterm'))).toBe(true);
    expect(isColoured(terminal('', 'dumb'))).toBe(false);
    expect(isColoured(terminal('--json', 'xterm'))).toBe(false);
    terminal('-o report', 'xterm');
    expect(isColoured(readFileSync(join(folder, 'report'), 'utf8'))).toBe(false);
  });
});

describe('hostile rules', () => {
  it('reach the terminal as text', () => {
    const comment = '-p udp -m udp --dport 4789 -m comment --comment "\u001b]0;owned\u0007\u001b[2J" -j ACCEPT';
    const rules = readFileSync(mixed, 'utf8').replace(/^-A INPUT -i lo -j ACCEPT$/m, `-A INPUT ${comment}`);
    const folder = folderWith({ rules });
    const { stdout } = dnfw(['audit', 'rules'], { folder });
    expect(stdout).toContain('␛]0;owned␇␛[2J');
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    expect(/[\u0000-\u0009\u000b-\u001f]/.test(stdout)).toBe(false);
  });
});
