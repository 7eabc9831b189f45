// What the options of translate change, and how inputs come together.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codesIn, commandsIn, dnfw, dump, folderWith, reportIn, rulesets, tablesIn } from './dnfw.ts';

const udp = '-p udp --dport 53 -j ACCEPT';
const plain = `*filter\n:INPUT ACCEPT [0:0]\n-A INPUT ${udp}\nCOMMIT\n`;

describe('inputs', () => {
  it('of both families of a host become one document', () => {
    const files = ['node.iptables-save', 'node.ip6tables-save'].map((name) => join(rulesets, 'docker-29', name));
    const { status, stdout } = dnfw(['translate', ...files]);
    expect(status).toBe(0);
    const tables = tablesIn(stdout);
    expect(tables).toContain('ip dnfw-filter');
    expect(tables).toContain('ip6 dnfw-filter');
    const alone = files.flatMap((file) => tablesIn(dnfw(['translate', file]).stdout));
    expect(tables.toSorted()).toEqual(alone.toSorted());
  });

  it('of two hosts are an error', () => {
    const folder = folderWith({ one: dump(udp), two: dump('-j DROP') });
    const { status, stdout, stderr } = dnfw(['translate', 'one', 'two'], { folder });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(codesIn(stderr)).toEqual(['duplicate-table']);
  });

  it('of both backends keep tables of their own, with a warning', () => {
    const folder = folderWith({ nft: dump(udp), legacy: dump('-j DROP').replace(' (nf_tables)', '') });
    const { status, stdout, stderr } = dnfw(['translate', 'nft', 'legacy'], { folder });
    expect(status).toBe(0);
    expect(tablesIn(stdout)).toEqual(['ip dnfw-filter', 'ip dnfw-legacy-filter']);
    expect(codesIn(stderr)).toEqual(['backends-mixed']);
  });

  it('are made anew by the document, so that loading it twice is loading it once', () => {
    const commands = commandsIn(dnfw(['translate', '-'], { input: dump(udp) }).stdout);
    const table = { table: { family: 'ip', name: 'dnfw-filter' } };
    expect(commands.slice(0, 3)).toEqual([{ add: table }, { delete: table }, { add: table }]);
    expect(commands.filter((command) => 'delete' in command)).toHaveLength(1);
  });
});

describe('--from', () => {
  it('says what the input is', () => {
    const input = `-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-A INPUT ${udp}\n`;
    for (const flags of [[], ['--from', 'rules']]) {
      const { status, stdout } = dnfw(['translate', ...flags, '-'], { input });
      expect(status).toBe(0);
      expect(tablesIn(stdout)).toEqual(['ip dnfw-filter']);
    }
  });

  it('with the wrong format is an error', () => {
    const { status, stderr } = dnfw(['translate', '--from', 'rules', '-'], { input: dump(udp) });
    expect(status).toBe(2);
    expect(codesIn(stderr)).toContain('mixed-formats');
  });

  it.each(['save', 'rules', 'commands', 'listing'])('%s takes no binary file for rules', (format) => {
    const input = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * i * 31 + i) % 256));
    const { status, stdout } = dnfw(['translate', '--from', format, '-'], { input });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });
});

describe('--family', () => {
  it('decides where the input does not say it', () => {
    const noted = dnfw(['translate', '--backend', 'nft', '-'], { input: plain });
    expect(codesIn(noted.stderr)).toEqual(['family-assumed']);
    expect(tablesIn(noted.stdout)).toEqual(['ip dnfw-filter']);
    const told = dnfw(['translate', '--backend', 'nft', '--family', 'ip6', '-'], { input: plain });
    expect(codesIn(told.stderr)).toEqual([]);
    expect(tablesIn(told.stdout)).toEqual(['ip6 dnfw-filter']);
  });

  it('is that of the other tables where one shows no sign of it', () => {
    const input = `*mangle\n:INPUT ACCEPT [0:0]\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s fd00::/8 -j DROP\nCOMMIT\n`;
    const { stdout, stderr } = dnfw(['translate', '--backend', 'nft', '-'], { input });
    expect(tablesIn(stdout)).toEqual(['ip6 dnfw-mangle', 'ip6 dnfw-filter']);
    expect(codesIn(stderr)).toEqual([]);
  });

  it('does not overrule the header of a dump', () => {
    const { stdout } = dnfw(['translate', '--family', 'ip6', '-'], { input: dump(udp) });
    expect(tablesIn(stdout)).toEqual(['ip dnfw-filter']);
  });
});

describe('--backend', () => {
  it('overrules the input', () => {
    const folder = folderWith();
    const status = (...flags: readonly string[]): unknown => {
      dnfw(['translate', ...flags, '--report', 'report.json', '-'], { folder, input: dump(udp) });
      return reportIn(folder).rules[0]?.['status'];
    };
    expect(status()).toBe('exact');
    expect(status('--backend', 'nft')).toBe('exact');
    expect(status('--backend', 'legacy')).toBe('guarded');
    expect(status('--exact-legacy')).toBe('exact');
  });

  it('is assumed with a note where nothing tells it', () => {
    const { stderr } = dnfw(['translate', '--family', 'ip', '-'], { input: plain });
    expect(codesIn(stderr)).toEqual(['backend-assumed']);
  });
});

describe('--exact-legacy', () => {
  it('drops what iptables-legacy drops', () => {
    const verdicts = (...flags: readonly string[]): number =>
      dnfw(['translate', ...flags, '-'], { input: dump(udp) }).stdout.split('"drop"').length - 1;
    expect(verdicts()).toBe(0);
    expect(verdicts('--exact-legacy')).toBeGreaterThan(0);
  });
});

describe('--table', () => {
  const listing = [
    'Chain INPUT (policy ACCEPT 0 packets, 0 bytes)',
    ' pkts bytes target     prot opt in     out     source               destination',
    '    0     0 ACCEPT     udp  --  *      *       0.0.0.0/0            0.0.0.0/0            udp dpt:53',
    '',
  ].join('\n');

  it('names the table of a listing', () => {
    for (const table of ['filter', 'mangle', 'security']) {
      const { status, stdout, stderr } = dnfw(['translate', '--table', table, '-'], { input: listing });
      expect(status).toBe(0);
      expect(tablesIn(stdout)).toEqual([`ip dnfw-${table}`]);
      expect(codesIn(stderr)).not.toContain('listing-table-assumed');
    }
    expect(codesIn(dnfw(['translate', '-'], { input: listing }).stderr)).toContain('listing-table-assumed');
  });

  it('without the chains of the listing is an error', () => {
    expect(dnfw(['translate', '--table', 'raw', '-'], { input: listing }).status).toBe(2);
  });

  it('does not choose a table of a dump, and says so', () => {
    const { status, stdout, stderr } = dnfw(['translate', '--table', 'nat', '-'], { input: dump(udp) });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(codesIn(stderr)).toEqual(['usage']);
  });
});

describe('--table-prefix', () => {
  it('begins the names of all tables', () => {
    const file = join(rulesets, 'docker-23.0.3/node.iptables-save');
    const names = tablesIn(dnfw(['translate', '--table-prefix', 'my_', file]).stdout);
    expect(names.length).toBeGreaterThan(1);
    expect(names.every((name) => /^ip my_[a-z]+$/.test(name))).toBe(true);
  });
});

describe('--counters', () => {
  it('carries the figures over', () => {
    const input = dump(udp).replace('-A INPUT', '[12:345] -A INPUT');
    const { stdout } = dnfw(['translate', '--counters', '-'], { input });
    expect(JSON.stringify(commandsIn(stdout).at(-1))).toContain('{"counter":{"packets":12,"bytes":345}}');
    expect(dnfw(['translate', '-'], { input }).stdout).not.toContain('counter');
  });
});

describe('--format nft', () => {
  it('prints text with the original lines above the rules', () => {
    const { status, stdout } = dnfw(['translate', '--format', 'nft', '-'], { input: dump(udp) });
    expect(status).toBe(0);
    expect(stdout).toMatch(/# <stdin>:6: -A INPUT -p udp --dport 53 -j ACCEPT\n\s*udp dport 53 accept\n/);
  });
});

describe('a ruleset of 100,000 rules', () => {
  it('is translated whole', () => {
    const count = 100_000;
    const rules = Array.from({ length: count }, (_, i) => `-s 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32 -p tcp -m tcp --dport ${(i % 65_535) + 1} -j ACCEPT`); // prettier-ignore
    const folder = folderWith({ rules: dump(...rules) });
    const { status, stdout, stderr } = dnfw(['translate', 'rules'], { folder });
    expect(status).toBe(0);
    expect(stderr).toBe(`dnfw: ${count} rules: ${count} exact, 0 guarded, 0 approximate, 0 refused; proven\n`);
    const commands = commandsIn(stdout);
    expect(commands).toHaveLength(count + 6);
    expect(commands.at(-1)).toHaveProperty('add.rule.expr.1.match.right', ((count - 1) % 65_535) + 1);
  });
});
