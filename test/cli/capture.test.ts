// dnfw capture as a user runs it, and captures as every other command is given them.
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { captureOf, dockerHost } from '../capture/fakes.ts';
import { codesIn, dnfw, dump, folderWith, program, type Ran, run } from './dnfw.ts';

const { text } = await captureOf(dockerHost);
const folder = folderWith({ 'host.json': text, 'rules.iptables-save': dump('-j DROP') });

/** A folder for PATH with these scripts in the place of programs. */
const pathWith = (scripts: Readonly<Record<string, string>>): string => {
  const bin = join(folderWith(), 'bin');
  mkdirSync(bin);
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(bin, name), `#!/bin/bash\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return bin;
};

/** In a network namespace of its own, with a folder of programs before those of the host, or in their place. */
const capture = (args: readonly string[], PATH: string, where: string): Ran =>
  run('/usr/bin/unshare', ['-n', '/usr/bin/env', `PATH=${PATH}`, process.execPath, program, 'capture', ...args], {
    folder: where,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });

describe('dnfw capture', () => {
  const usual = '/usr/sbin:/usr/bin:/sbin:/bin';

  it('writes to standard output, or to a file that only its owner reads', () => {
    const where = folderWith();
    const { status, stdout } = capture([], usual, where);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, kind: 'dnfw-capture' });
    expect(capture(['-o', 'host.json'], usual, where)).toMatchObject({ status: 0, stdout: '' });
    expect(readdirSync(where)).toEqual(['host.json']);
    expect(statSync(join(where, 'host.json')).mode & 0o777).toBe(0o600);
    expect(capture(['-o', 'none/host.json'], usual, where).status).toBe(1);
  }, 60_000);

  it('is not stopped by programs that hang, fail, or answer nonsense without end', () => {
    const bin = pathWith({
      docker: 'sleep 300',
      ss: 'echo "a\xff\xfe b" >&2; exit 3',
      ip: "printf '{\\xff\\xfe'",
      nft: 'head -c 30000000 /dev/zero | tr "\\0" "x"',
      'iptables-nft-save': 'kill -9 $$',
      'iptables-legacy-save': "printf '*filter\\n:INPUT ACCEPT [0:0]\\n-A INPUT -j DROP\\nCOMMIT\\n'",
      uname: 'exit 1',
    });
    const where = folderWith();
    const began = performance.now();
    const { status, stderr } = capture(['-o', 'host.json'], `${bin}:/usr/bin:/bin`, where);
    expect(status).toBe(0);
    expect(performance.now() - began).toBeLessThan(60_000);
    for (const part of ['docker info', 'ss -H -ltuwnp', 'iptables-nft-save -c']) expect(stderr).toContain(part);
    const { status: translated, stderr: said } = dnfw(['translate', 'host.json'], { folder: where });
    expect({ translated, codes: codesIn(said) }).toMatchObject({ translated: 2, codes: expect.arrayContaining(['capture-lacks']) }); // prettier-ignore
  }, 100_000);

  it('finds nothing where there are no programs, and says so', () => {
    const { status, stdout, stderr } = capture([], pathWith({}), folderWith());
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ answers: { 'nft -j list ruleset': { missing: true } } });
    expect(stderr).toMatch(/not read: .*iptables-save.*: it is not installed/);
  }, 60_000);
});

describe('a capture in the place of rules', () => {
  it('shows rules that are wrong where they stand in it', () => {
    const wrong = text.replace('-A INPUT -i lo -j ACCEPT', '-A INPUT -i lo --colour red -j ACCEPT');
    const where = folderWith({ 'wrong.json': wrong });
    const line = wrong.split('\n').findIndex((one) => one.includes('--colour')) + 1;
    for (const command of [
      ['translate', 'wrong.json'],
      ['check', 'wrong.json', 'wrong.json'],
      ['explain', '--file', 'wrong.json'],
      ['simulate', 'wrong.json', '--packet', 'in=eth0 tcp dport=1'],
    ]) {
      const { status, stderr } = dnfw(command, { folder: where });
      expect(status).toBe(2);
      expect(stderr).toContain(`wrong.json:${line}:22: error[unknown-option]`);
      const drawn = stderr.split('\n');
      const rule = drawn.findIndex((one) => one.includes('| [0:0] -A INPUT -i lo --colour red'));
      expect(drawn[rule]?.indexOf('--colour')).toBe(drawn[rule + 1]?.indexOf('^'));
    }
  });

  it('is read by every command', () => {
    const at = (args: readonly string[]): Ran => dnfw(args, { folder });
    expect(at(['translate', 'host.json'])).toMatchObject({ status: 0 });
    expect(at(['check', 'host.json', 'host.json'])).toMatchObject({ status: 0 });
    expect(at(['explain', 'host.json']).stdout).toContain('chain INPUT');
    expect(at(['audit', '--json', 'host.json'])).toMatchObject({ status: 0 });
    expect(at(['status', '--capture', 'host.json'])).toMatchObject({ status: 13 });
    const packet = ['--packet', 'in=eth0 ip saddr=198.51.100.7 daddr=192.0.2.1 tcp dport=25'];
    expect(at(['simulate', 'host.json', ...packet]).stdout).toContain('192.0.2.1 is delivered to this host');
    const routed = ['--packet', 'in=eth0 ip saddr=198.51.100.7 daddr=172.17.0.2 tcp dport=25'];
    expect(at(['simulate', 'host.json', ...routed]).stdout).toContain('docker0');
  }, 60_000);

  it('gives a first policy with what listens there', () => {
    const env = { DNFW_CONFIG_DIR: join(folder, 'etc'), DNFW_STATE_DIR: join(folder, 'lib'), DNFW_RUN_DIR: join(folder, 'run') }; // prettier-ignore
    for (const source of [['--from', 'host.json'], ['--from-host', '--capture', 'host.json']]) {
      const { stderr } = dnfw(['install', '--dry-run', ...source], { folder, env });
      expect(stderr).toContain('taken: -A INPUT -p tcp -m tcp --dport 22');
      expect(stderr).toMatch(/192\.0\.2\.2/);
    } // prettier-ignore
  }, 60_000);

  it.each([
    [['translate', 'host.json', '--backend', 'nft'], 2, ['usage']],
    [['check', 'host.json', 'rules.iptables-save', '--family', 'ip'], 2, ['usage']],
    [['simulate', 'host.json', 'host.json', '--packet', 'in=eth0 tcp dport=1'], 2, ['usage']],
    [['status', '--capture', 'rules.iptables-save'], 2, ['usage']],
    [['install', '--capture', 'host.json'], 2, []],
    [['install', '--dry-run', '--capture', 'rules.iptables-save'], 2, ['usage']],
    [['status', '--capture', 'none.json'], 1, ['file-unreadable']],
  ] as const)('%j: %i', (args, expected, codes) => {
    const { status, stdout, stderr } = dnfw(args, { folder });
    expect({ status, stdout, codes: codesIn(stderr) }).toEqual({ status: expected, stdout: '', codes });
  });

  it.each([
    ['broken', text.slice(0, 2000), 'json-syntax'],
    ['newer', text.replace('"schemaVersion": 1', '"schemaVersion": 9'), 'capture-newer'],
    ['wrong', text.replace('"answers": {', '"answer": {'), 'capture-invalid'],
  ])(
    'that is %s is refused by every command, with its place',
    (_what, document, code) => {
      const where = folderWith({ 'x.json': document });
      for (const command of [
        ['translate', 'x.json'],
        ['check', 'x.json', 'x.json'],
        ['simulate', 'x.json', '--packet', 'in=eth0 tcp dport=1'],
        ['explain', 'x.json'],
        ['audit', 'x.json'],
        ['status', '--capture', 'x.json'],
        ['install', '--dry-run', '--capture', 'x.json'],
      ]) {
        const { status, stdout, stderr } = dnfw(command, { folder: where });
        expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
        expect(new Set(codesIn(stderr))).toEqual(new Set([code]));
        expect(stderr).toMatch(/x\.json:\d+:\d+: error/);
      }
    },
    60_000,
  );

  it('is no other JSON', () => {
    const where = folderWith({ 'x.json': '{"kind": "something else"}\n' });
    for (const command of ['translate', 'audit', 'explain']) {
      const { status, stderr } = dnfw([command, 'x.json'], { folder: where });
      expect(status).toBe(2);
      expect(stderr).toMatch(/x\.json:1:1: error/);
    }
  });

  it('has the same JSON for lines as for the places of its rules', () => {
    const { stdout } = dnfw(['audit', '--json', 'host.json'], { folder });
    const lines = readFileSync(join(folder, 'host.json'), 'utf8').split('\n');
    const places = [...stdout.matchAll(/"file": "host\.json",\s*"line": (\d+),\s*"text": "(.*)"/g)];
    expect(places.length).toBeGreaterThan(0);
    for (const [, line, rule] of places)
      if (line !== '0') expect(lines[Number(line) - 1]).toContain(/^[-*]/.test(rule ?? '') ? rule : '{"rule":');
  });
});
