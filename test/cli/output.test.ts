// Where results go: files that are whole or not there, pipes that close, terminals that obey control characters.
import { chmodSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codesIn, commandsIn, dnfw, dump, folderWith, program, reportIn, rulesets, run, shell } from './dnfw.ts';

const rule = '-p tcp --dport 22 -j ACCEPT';
const many = Array.from({ length: 3000 }, (_, i) => `-p tcp --dport ${i + 1} -j ACCEPT`);

describe('--output', () => {
  it('writes what standard output would have', () => {
    const folder = folderWith({ rules: dump(rule) });
    const { status, stdout } = dnfw(['translate', '-o', 'out.json', 'rules'], { folder });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(readFileSync(join(folder, 'out.json'), 'utf8')).toBe(dnfw(['translate', 'rules'], { folder }).stdout);
    expect(readdirSync(folder).toSorted()).toEqual(['out.json', 'rules']);
  });

  it('replaces a file, keeps its mode, and leaves a link to it a link', () => {
    const folder = folderWith({ rules: dump(rule), real: 'before' });
    chmodSync(join(folder, 'real'), 0o600);
    symlinkSync('real', join(folder, 'link'));
    expect(dnfw(['translate', '-o', 'link', 'rules'], { folder }).status).toBe(0);
    expect(commandsIn(readFileSync(join(folder, 'real'), 'utf8')).length).toBeGreaterThan(3);
    expect(statSync(join(folder, 'real')).mode & 0o777).toBe(0o600);
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true);
  });

  it('writes into devices and pipes instead of putting a file in their place', () => {
    const folder = folderWith({ rules: dump(rule) });
    const made = run('mknod', ['null', 'c', '1', '3'], { folder });
    expect(made).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(dnfw(['translate', '-o', 'null', '--report', '/dev/null', 'rules'], { folder }).status).toBe(0);
    expect(lstatSync(join(folder, 'null')).isCharacterDevice()).toBe(true);
    expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true);
    const { stdout } = shell('dnfw translate -o >(wc -l) rules; wait $!', { folder });
    expect(Number(stdout)).toBe(9);
  });

  it.each([
    ['a folder that is missing', 'nowhere/out.json'],
    ['a folder', '.'],
  ])('to %s gives 1 and leaves nothing behind', (_what, path) => {
    const folder = folderWith({ rules: dump(rule) });
    const { status, stdout, stderr } = dnfw(['translate', '-o', path, 'rules'], { folder });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(codesIn(stderr)).toEqual(['file-unwritable']);
    expect(readdirSync(folder)).toEqual(['rules']);
  });

  it('to a disk that fills up gives 1 and keeps the old file whole', () => {
    const folder = folderWith({ rules: dump(...many) });
    const script = `mkdir small; mount -t tmpfs -o size=64k none small; echo before > small/out.json
      ${process.execPath} ${program} translate -o small/out.json rules; echo $?; cat small/out.json; ls small`;
    const { stdout, stderr } = run('unshare', ['-m', 'bash', '-c', script], { folder });
    expect(stdout).toBe('1\nbefore\nout.json\n');
    expect(codesIn(stderr)).toEqual(['file-unwritable']);
  });
});

describe('--report', () => {
  const folder = folderWith({ rules: dump(rule, '-m limit --limit 1/s -j DROP', '! -i eth0 -p udp -j DROP') });

  it('has an entry for every rule that leads to its commands', () => {
    const { stdout } = dnfw(['translate', '--backend', 'legacy', '--report', 'report.json', 'rules'], { folder });
    const { schemaVersion, tally, rules } = reportIn(folder);
    expect(schemaVersion).toBe(1);
    expect(tally).toEqual({ rules: 3, exact: 1, guarded: 1, approximate: 1, refused: 0 });
    expect(rules.map(({ line, status }) => [line, status])).toEqual([
      [6, 'guarded'],
      [7, 'approximate'],
      [8, 'exact'],
    ]);
    expect(rules[0]).toMatchObject({ codes: ['short-header'], why: [expect.any(String)], chain: 'INPUT' });
    expect(rules[1]).toMatchObject({ codes: ['stateful-bucket'], why: [expect.any(String)], table: 'filter' });
    const commands = commandsIn(stdout);
    for (const { nft } of rules)
      for (const position of nft as number[]) expect(commands[position]).toHaveProperty('add.rule.chain', 'INPUT');
    expect(commands[(rules[0]?.['nft'] as number[] | undefined)?.[0] ?? 0]).toHaveProperty('add.rule.expr.1', {
      accept: null,
    });
  });

  it('of a whole host leads from every rule to commands of its table', () => {
    const files = ['node.iptables-save', 'node.ip6tables-save'].map((name) => join(rulesets, 'docker-29', name));
    const { stdout } = dnfw(['translate', '--report', 'host.json', ...files], { folder });
    const commands = commandsIn(stdout);
    const { rules } = reportIn(folder, 'host.json');
    const reached = new Set<number>();
    for (const { nft, table } of rules)
      for (const position of nft as number[]) {
        expect(commands[position]).toHaveProperty('add.rule.table', `dnfw-${String(table)}`);
        reached.add(position);
      }
    expect(reached.size).toBe(commands.filter(({ add }) => add?.['rule']).length);
  });

  it('that cannot be written gives 1, and nothing is printed', () => {
    const { status, stdout, stderr } = dnfw(['translate', '--report', 'nowhere/r', '-o', 'out', 'rules'], { folder });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(codesIn(stderr)).toEqual(['file-unwritable']);
    expect(readdirSync(folder)).not.toContain('out');
  });
});

describe('standard output', () => {
  it('that closes early is no error, and no stack trace', () => {
    const folder = folderWith({ rules: dump(...many) });
    const { stdout, stderr } = shell('dnfw translate rules | head -1; echo ${PIPESTATUS[0]}', { folder });
    expect(stdout).toBe('{"nftables": [\n0\n');
    expect(stderr).toMatch(/^dnfw: 3000 rules: .*\n$/);
  });

  it('that is full gives 1', () => {
    const { status, stderr } = shell('dnfw translate rules > /dev/full', { folder: folderWith({ rules: dump(rule) }) });
    expect(status).toBe(1);
    expect(codesIn(stderr)).toEqual(['file-unwritable']);
  });

  it('and the status stay what they are when the reader of the messages goes away', () => {
    const refused = Array.from({ length: 100 }, () => '-m string --string x --algo bm -j DROP');
    const folder = folderWith({ rules: dump(rule, ...refused) });
    const line = '{ dnfw translate --allow-untranslated -o out rules; echo $? > status; } 2>&1 >/dev/null | true';
    shell(`${line}; sleep 0.1`, { folder });
    expect(readFileSync(join(folder, 'status'), 'utf8')).toBe('10\n');
    expect(readdirSync(folder)).toContain('out');
  });
});

describe('colours', () => {
  const folder = folderWith({ rules: dump('-j DORP') });
  const escape = '\u001b';
  /** In a terminal of its own. */
  const onTerminal = (env: Readonly<Record<string, string>>): string =>
    run('script', ['-qefc', `${process.execPath} ${program} translate rules`, '/dev/null'], { folder, env }).stdout;

  it('are there on a terminal only', () => {
    expect(onTerminal({ TERM: 'xterm' })).toContain(`${escape}[31merror${escape}[0m[unknown-chain]`);
    expect(dnfw(['translate', 'rules'], { folder, env: { TERM: 'xterm' } }).stderr).not.toContain(escape);
  });

  it('are there in no message of the environment either', () => {
    expect(dnfw(['translate', 'nowhere'], { folder }).stderr).not.toContain(escape);
    expect(dnfw(['translate', 'nowhere'], { folder, env: { FORCE_COLOR: '1' } }).stderr).toContain(escape);
  });

  it('obey NO_COLOR, FORCE_COLOR and TERM', () => {
    expect(onTerminal({ TERM: 'xterm', NO_COLOR: '1' })).not.toContain(escape);
    expect(onTerminal({ TERM: 'xterm', NO_COLOR: '1', FORCE_COLOR: '1' })).not.toContain(escape);
    expect(onTerminal({ TERM: 'xterm', NO_COLOR: '' })).toContain(escape);
    expect(onTerminal({ TERM: 'dumb' })).not.toContain(escape);
    expect(onTerminal({ TERM: 'xterm', FORCE_COLOR: '0' })).not.toContain(escape);
    expect(dnfw(['translate', 'rules'], { folder, env: { FORCE_COLOR: '1' } }).stderr).toContain(escape);
  });
});

describe('control characters of an input', () => {
  // Escape sequences of seven and of eight bits, backspaces, and characters that turn the direction of text.
  const hostile = 'a\u001b[2Jb\u0008c\u009b31md\u202ee\u2066f\u007f';
  // eslint-disable-next-line no-control-regex -- they are what must not be there
  const obeyed = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

  it.each([
    ['in a comment', `-m comment --comment "${hostile}" -j DROP`],
    ['in a comment of a rule with an error', `-m comment --comment "${hostile}" -j DORP`],
    ['in a value', `-p tcp --dport "${hostile}" -j DROP`],
    ['in a name of a target', `-j "${hostile}"`],
    ['in a refused rule', `-m comment --comment "${hostile}" -m string --string "${hostile}" --algo bm -j DROP`],
    ['in a log prefix', `-j LOG --log-prefix "${hostile}"`],
    ['in a prefix of a group', `-j NFLOG --nflog-prefix "${hostile}"`],
    ['in an interface', `-i "${hostile.slice(0, 9)}" -j DROP`],
  ])('%s never reach a terminal', (_where, one) => {
    const folder = folderWith({ rules: dump(one) });
    const flags = ['translate', '--allow-untranslated', '--report', 'report', 'rules'];
    for (const format of ['json', 'nft']) {
      const { stdout, stderr } = dnfw([...flags, '--format', format], { folder });
      expect(stdout.replaceAll('\t', '')).not.toMatch(obeyed);
      expect(stderr).not.toMatch(obeyed);
    }
    if (readdirSync(folder).includes('report'))
      expect(readFileSync(join(folder, 'report'), 'utf8')).not.toMatch(obeyed);
  });

  it('in the name of a file never reach a terminal', () => {
    const folder = folderWith({ [`x${hostile}`]: dump('-j DORP') });
    for (const name of [`x${hostile}`, `y${hostile}`]) {
      const { status, stderr } = dnfw(['translate', name], { folder });
      expect(status).toBe(name.startsWith('x') ? 2 : 1);
      expect(stderr).not.toMatch(obeyed);
    }
  });

  it('are in the document all the same', () => {
    const { stdout } = dnfw(['translate', '-'], { input: dump(`-m comment --comment "${hostile}" -j DROP`) });
    expect(commandsIn(stdout).at(-1)).toHaveProperty('add.rule.comment', hostile);
  });
});
