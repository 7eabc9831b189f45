// The live host: real iptables of both backends in a network namespace of its own.
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codesIn, folderWith, program, type Ran, reportIn, run, tablesIn } from './dnfw.ts';

/** Runs these lines in a new network namespace; `dnfw` is the program. */
const onHost = (lines: string, folder: string = folderWith()): Ran =>
  run('unshare', ['-n', 'bash', '-c', `dnfw() { ${process.execPath} ${program} "$@"; }\n${lines}`], { folder });

const found = (name: string): string => run('bash', ['-c', `command -v ${name}`]).stdout.trim();

/** A folder for PATH with these programs of the host. */
const pathWith = (...names: readonly string[]): string => {
  const folder = join(folderWith(), 'bin');
  mkdirSync(folder);
  for (const name of names) symlinkSync(found(name), join(folder, name));
  return folder;
};

describe('the live host', () => {
  it('with rules of both backends and families becomes one document, with a warning', () => {
    const folder = folderWith();
    const { status, stdout, stderr } = onHost(
      `iptables-nft -A INPUT -p tcp --dport 22 -j ACCEPT
       ip6tables-nft -A FORWARD -j DROP
       iptables-legacy -A INPUT -p udp --dport 53 -j DROP
       dnfw translate --report report.json`,
      folder,
    );
    expect(status).toBe(0);
    expect(codesIn(stderr)).toEqual(['backends-mixed']);
    expect(tablesIn(stdout).toSorted()).toEqual(['ip dnfw-filter', 'ip dnfw-legacy-filter', 'ip6 dnfw-filter']);
    expect(reportIn(folder).rules.map(({ file, chain, status: what }) => [file, chain, what])).toEqual([
      ['<iptables-nft-save>', 'INPUT', 'exact'],
      ['<iptables-legacy-save>', 'INPUT', 'guarded'],
      ['<ip6tables-nft-save>', 'FORWARD', 'exact'],
    ]);
  });

  it('is left as it was', () => {
    const { stdout } = onHost(
      `iptables-nft -A INPUT -p tcp --dport 22 -j ACCEPT
       before=$(nft -j list ruleset; cat /proc/net/ip_tables_names)
       dnfw translate >/dev/null 2>&1
       [ "$before" = "$(nft -j list ruleset; cat /proc/net/ip_tables_names)" ] && echo same`,
    );
    expect(stdout).toBe('same\n');
  });

  it('takes the document, twice as well as once', () => {
    const { status, stdout, stderr } = onHost(
      `iptables-nft -t nat -A POSTROUTING -o eth0 -j MASQUERADE
       iptables-legacy -A INPUT -p udp --dport 53 -j DROP
       dnfw translate -o dnfw.json 2>/dev/null && nft -j -c -f dnfw.json && nft -j -f dnfw.json || exit 1
       once=$(nft list ruleset); nft -j -f dnfw.json && [ "$once" = "$(nft list ruleset)" ] && echo same`,
    );
    expect({ status, stdout, stderr: stderr.replace(/^# Warning: .*\n/gm, '') }).toEqual({ status: 0, stdout: 'same\n', stderr: '' }); // prettier-ignore
  });

  it('without rules gives an empty document that nft takes', () => {
    const { status, stdout, stderr } = onHost('dnfw translate -o dnfw.json && nft -j -f dnfw.json && nft list ruleset');
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(stderr).toContain('no iptables rules');
  });

  it('with a table that iptables cannot show gives 2', () => {
    const { status, stdout, stderr } = onHost(
      `iptables-nft -t nat -A POSTROUTING -o eth0 -j MASQUERADE
       nft add rule ip nat POSTROUTING ip saddr 10.0.0.1 tcp dport 1-5 snat to 192.0.2.1-192.0.2.2
       dnfw translate`,
    );
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(codesIn(stderr)).toContain('table-hidden');
  });

  it('without iptables gives 1', () => {
    const { status, stdout, stderr } = onHost(`PATH=${pathWith()}; dnfw translate`);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(codesIn(stderr)).toEqual(['program-missing']);
  });

  it('without one backend is read as far as it can be, with warnings', () => {
    const { status, stdout, stderr } = onHost(
      `iptables-nft -A INPUT -j DROP; PATH=${pathWith('iptables-nft-save', 'ip6tables-nft-save')}; dnfw translate`,
    );
    expect(status).toBe(0);
    expect(tablesIn(stdout)).toEqual(['ip dnfw-filter']);
    expect(codesIn(stderr)).toEqual(['live-read-failed', 'live-read-failed']);
  });

  it.each([
    ['only the old names', ['iptables-save', 'ip6tables-save'], 0],
    ['only the old name of one family', ['iptables-save'], 1],
    ['names for one backend', ['iptables-save', 'iptables-legacy-save', 'ip6tables-save', 'ip6tables-legacy-save'], 2],
  ] as const)('with %s is read once', (_what, programs, warnings) => {
    const legacy = found('iptables-legacy-save');
    const { status, stdout, stderr } = onHost(
      `iptables-legacy -A INPUT -j DROP
       mkdir bin; for name in ${programs.join(' ')}; do ln -s ${legacy} bin/$name; done
       PATH=$PWD/bin; dnfw translate`,
    );
    expect(codesIn(stderr)).toEqual(Array.from({ length: warnings }, () => 'live-read-failed'));
    expect({ status, tables: tablesIn(stdout) }).toEqual({ status: 0, tables: ['ip dnfw-filter'] });
  });

  it('that may not be read gives 1', () => {
    const { status, stdout, stderr } = onHost(
      `iptables-nft -A INPUT -j DROP; setpriv --bounding-set=-all --inh-caps=-all ${process.execPath} ${program} translate`,
    );
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(codesIn(stderr)).toEqual(['live-read-failed']);
  });

  it('that may not be read is not audited: nothing found would say too much', () => {
    const { status, stdout, stderr } = onHost(
      `iptables-nft -A INPUT -j DROP; setpriv --bounding-set=-all --inh-caps=-all ${process.execPath} ${program} audit --fail-on info`,
    );
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(codesIn(stderr)).toEqual(['live-read-failed']);
  });

  it('is read although something was piped in, with a note', () => {
    const { status, stderr } = onHost('echo "-A INPUT -j DROP" | dnfw translate');
    expect(status).toBe(0);
    expect(codesIn(stderr)).toEqual(['usage']);
  });
});
