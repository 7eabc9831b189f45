// dnfw explain as a user runs it: rules, files and programs, text and JSON, and what is refused.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codesIn, dnfw, dump, folderWith, root, rulesets, shell } from './dnfw.ts';

const u32 = '0x0>>0x16&0x3c@0xc&0xffffff00=0x100600';
const poff = '7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 4102,6 0 0 0,6 0 0 4294967295';
const accept = `-A INPUT -p udp -m policy --dir in --pol ipsec -m udp --dport 4789 -m u32 --u32 "${u32}" -j ACCEPT`;

interface Rule {
  readonly rule: string;
  readonly line: number;
  readonly table: string;
  readonly chain?: string;
  readonly backends: readonly string[];
  readonly matches: readonly string[];
  readonly edges: readonly Readonly<Record<string, unknown>>[];
  readonly nft: { readonly statuses: readonly { readonly status: string; readonly backends: readonly string[] }[] };
  readonly docker?: Readonly<Record<string, unknown>>;
}

// The fields that the tests use are checked by them.
const rulesIn = (stdout: string): readonly Rule[] => (JSON.parse(stdout) as { readonly rules: readonly Rule[] }).rules;

const wide = (text: string): readonly string[] => text.split('\n').filter((line) => line.length > 100);

/** The headings of a text, in order. */
const headings = (text: string): readonly string[] =>
  text.split('\n').flatMap((line) => /^\S.{0,9}?(?= {2,}|$)/.exec(line)?.[0] ?? []);

describe('a rule', () => {
  const ran = dnfw(['explain', accept]);

  it('is explained under headings, in at most 100 columns', () => {
    expect({ status: ran.status, stderr: ran.stderr }).toEqual({ status: 0, stderr: '' });
    expect(headings(ran.stdout)).toEqual(['rule', 'where', 'matches', 'u32', 'does', 'cut short', 'fragments', 'nft', 'Docker']); // prettier-ignore
    expect(wide(ran.stdout)).toEqual([]);
  });

  it('of Docker has its network, role and versions', () => {
    expect(ran.stdout).toContain('the VXLAN network identifier (vni) is 4102 (0x1006)');
    expect(ran.stdout).toContain('accepts decrypted VXLAN, VNI 4102 (0x1006), port 4789');
    expect(ran.stdout).toContain('Docker Engine 17.03.0 to 20.10.27, 23.0.0 to 23.0.18');
  });

  it('is explained for both backends unless something says which', () => {
    const backends = (...args: readonly string[]): readonly string[] => rulesIn(dnfw(['explain', '--json', ...args]).stdout)[0]?.backends ?? [];
    expect(backends(accept)).toEqual(['legacy', 'nft']);
    expect(backends('--backend', 'nft', accept)).toEqual(['nft']);
    expect(backends(`iptables-legacy ${accept}`)).toEqual(['legacy']);
    expect(ran.stdout).toMatch(/^cut short {2}iptables-legacy:$/m);
    expect(ran.stdout).toMatch(/^ +iptables-nft:$/m);
  }); // prettier-ignore

  it.each([
    ['as a script has it', `iptables -w -A INPUT -p udp -m udp --dport 53 -j DROP`],
    ['quoted for a shell', `sudo iptables -A INPUT -p 'udp' --dport 53 -j DROP`],
    ['as iptables-save -c has it', '[12:3456] -A INPUT -p udp -m udp --dport 53 -j DROP'],
    ['to be inserted', '-I INPUT 3 -p udp --dport 53 -j DROP'],
    ['to be checked', 'iptables -C INPUT -p udp --dport 53 -j DROP'],
  ])('may be given %s', (_how, rule) => {
    const { status, stdout, stderr } = dnfw(['explain', rule]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.split('\n')[0]).toBe('rule       -A INPUT -p udp -m udp --dport 53 -j DROP');
  });

  it('needs no chain', () => {
    const { stdout } = dnfw(['explain', '-p udp --dport 53 -j DROP']);
    expect(stdout).toContain('table filter, any chain');
    expect(stdout.split('\n')[0]).toBe('rule       -p udp -m udp --dport 53 -j DROP');
    expect(rulesIn(dnfw(['explain', '--json', '-p udp --dport 53 -j DROP']).stdout)[0]).not.toHaveProperty('chain');
  });

  it('may jump to a chain that nobody has seen', () => {
    expect(dnfw(['explain', '-A FORWARD -j MY-CHAIN']).stdout).toContain('goes on in chain MY-CHAIN');
  });

  it('is of the table that it names, or in which it can stand', () => {
    const tableOf = (...args: readonly string[]): string | undefined => rulesIn(dnfw(['explain', '--json', ...args]).stdout)[0]?.table;
    expect(tableOf('-t mangle -A INPUT -j ACCEPT')).toBe('mangle');
    expect(tableOf('--table', 'raw', '-A PREROUTING -j ACCEPT')).toBe('raw');
    expect(tableOf('-A POSTROUTING -j MASQUERADE')).toBe('nat');
    expect(tableOf('-A INPUT -j ACCEPT')).toBe('filter');
  }); // prettier-ignore

  it('with a list of addresses is one for each', () => {
    expect(rulesIn(dnfw(['explain', '--json', '-A INPUT -s 10.0.0.1,10.0.0.2 -j DROP']).stdout)).toHaveLength(2);
  });

  it('of IPv6 is known by its addresses, its program or --family', () => {
    for (const args of [['-A INPUT -s fe80::/10 -j DROP'], ['ip6tables -A INPUT -j DROP'], ['--family', 'ip6', '-A INPUT -j DROP']]) expect(dnfw(['explain', ...args]).stdout).toContain('IPv6, table filter'); // prettier-ignore
  });

  it('without an nft form says why, and ends well', () => {
    const { status, stdout } = dnfw(['explain', '-A FORWARD -m ipvs --ipvs -j ACCEPT']);
    expect(status).toBe(0);
    expect(stdout).toContain('there is none: nftables has no ipvs match');
  });

  it('does not speak to the terminal', () => {
    const { stdout } = dnfw(['explain', '-A INPUT -m comment --comment "\u001b[31mred" -j DROP']);
    expect(stdout).not.toContain('\u001b');
    const json = dnfw(['explain', '--json', '-A INPUT -j LOG --log-prefix "\u202ered"']).stdout;
    expect(json).not.toContain('\u202e');
    expect(rulesIn(json)[0]?.rule).toContain('\u202ered');
  });

  it.each([
    ['with an option that is none', '-A INPUT -p tcp --dprt 80 -j DROP', 'unknown-option', '<rule>:1:17'],
    ['in a shell’s words', 'iptables -A INPUT -p tcp --dprt 80 -j DROP', 'unknown-option', '<rule>:1:26'],
    ['with a program that is none', '-A INPUT -m u32 --u32 "0=" -j DROP', 'bad-value', '<rule>:1:26'],
    ['in a table without the chain', '-t nat -A FORWARD -j ACCEPT', 'unknown-chain', '<rule>:1:11'],
    ['in a table that is none', '-t none -A INPUT -j ACCEPT', 'unknown-table', '<rule>:1:4'],
    ['with a target of another table', '-t filter -A INPUT -j MASQUERADE', 'wrong-table', '<rule>:1:23'],
    ['that is none', 'iptables -F INPUT', 'unsupported-command', '<rule>:1:1'],
    ['that only a shell knows', 'iptables -A INPUT -s $HOST -j DROP', 'shell-construct', '<rule>:1:22'],
    ['that is two', 'iptables -A INPUT -j DROP; iptables -F', 'shell-construct', '<rule>:1:1'],
    ['whose quote is open', '-A INPUT -m comment --comment "a -j DROP', 'bad-quote', '<rule>:1:31'],
    ['that is empty', ' -j ', 'missing-value', '<rule>:1:2'],
  ])('%s is an error', (_how, rule, code, place) => {
    const { status, stdout, stderr } = dnfw(['explain', rule]);
    expect({ status, stdout, codes: codesIn(stderr) }).toEqual({ status: 2, stdout: '', codes: [code] });
    expect(stderr).toContain(`${place}: `);
    expect(stderr).toContain('^');
  });
});

describe('a program', () => {
  it('of u32 names the network, step by step', () => {
    const { status, stdout } = dnfw(['explain', '--u32', u32]);
    expect(status).toBe(0);
    expect(headings(stdout)).toEqual(['u32', 'steps', 'matches', 'cut short', 'fragments', 'nft', 'Docker']);
    expect(stdout).toContain('VXLAN network identifier (vni) is 4102 (0x1006)');
    expect(stdout).toContain('@th,96,32 & 0xffffff00 == 0x100600');
    expect(wide(stdout)).toEqual([]);
  });

  it('of BPF names the network, instruction by instruction', () => {
    const { status, stdout } = dnfw(['explain', '--bytecode', poff]);
    expect(status).toBe(0);
    expect(stdout).toContain('VXLAN network identifier (vni) is 4102 (0x1006)');
    expect(stdout).toContain('2: ld [x + 4]           A = bytes 12 to 15 behind the IPv4 header (vxlan vni)');
    expect(stdout).toContain('Docker Engine 24.0.0 and later');
    expect(wide(stdout)).toEqual([]);
  });

  it('that asks for a protocol is explained with that one', () => {
    expect(dnfw(['explain', '--u32', '6&0xff=6&&0>>22&0x3C@0&0xffff=22']).stdout).toContain('the TCP destination port is 22');
  }); // prettier-ignore

  it('is JSON too', () => {
    const found = JSON.parse(dnfw(['explain', '--json', '--u32', u32]).stdout) as Readonly<Record<string, unknown>>;
    expect(found).toMatchObject({ schemaVersion: 1, kind: 'u32', program: u32, protocol: 'udp', docker: { matcher: 'u32' } }); // prettier-ignore
  });

  it.each([
    ['--u32', '0==', 'bad-value', '<--u32>:1:3'],
    ['--bytecode', '2,6 0 0 1', 'bad-value', '<--bytecode>:1:1'],
    ['--bytecode', '1,0 0 0 0', 'bpf-invalid', '<--bytecode>:1:3'],
  ])('%s %s is an error', (option, program, code, place) => {
    const { status, stdout, stderr } = dnfw(['explain', option, program]);
    expect({ status, stdout, codes: codesIn(stderr) }).toEqual({ status: 2, stdout: '', codes: [code] });
    expect(stderr).toContain(`${place}: `);
  });
});

describe('a file', () => {
  const host = join(rulesets, 'docker-28.5.2/node.iptables-save');

  it('is explained rule by rule, by table and chain, in at most 100 columns', () => {
    const { status, stdout } = dnfw(['explain', host]);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^Docker {5}\d+ of \d+ rules are as Docker writes them\n {11}Docker Engine 28\.2\.0 to 28\.5\.2\n/,
    );
    expect(stdout).toMatch(/^IPv4 table filter \(iptables-nft\)$/m);
    expect(stdout).toMatch(/^chain INPUT, policy accept$/m);
    expect(wide(stdout)).toEqual([]);
    const rules = readFileSync(host, 'utf8').split('\n').filter((line) => /-A /.test(line)).length; // prettier-ignore
    expect(stdout.match(/^ {2}line \d+ {2}/gm)).toHaveLength(rules);
  });

  it.each([
    ['listing-first-era/input.iptables-nvL', []],
    ['docker-20.10.24-legacy/node.iptables-save', []],
    ['docker-29/node.ip6tables-save', []],
  ])('%s has every rule in JSON', (file) => {
    const text = dnfw(['explain', join(rulesets, file)]).stdout;
    const rules = rulesIn(dnfw(['explain', '--json', join(rulesets, file)]).stdout);
    expect(text.match(/^ {2}line \d+ {2}/gm)).toHaveLength(rules.length);
    for (const { nft, edges } of rules) {
      expect(nft.statuses).toHaveLength(1);
      expect(edges).toHaveLength(1);
      expect(Object.keys(edges[0] ?? {})).toEqual(['backends', 'short', 'fragments']);
    }
  });

  it('may come with --file, and from standard input', () => {
    const folder = folderWith({ 'my rules': dump('-p udp -m udp --dport 53 -j DROP') });
    const [one, other] = [dnfw(['explain', '--file', 'my rules'], { folder }), shell('dnfw explain - < "my rules"', { folder })]; // prettier-ignore
    expect(one.stdout).toContain('line 6  -p udp');
    expect(other.stdout).toBe(one.stdout);
  });

  it('of several generations says so', () => {
    const { stdout } = dnfw(['explain', join(rulesets, 'docker-mixed-eras/node.iptables-save')]);
    expect(stdout).toContain('by several releases of Docker Engine: no single one writes all of them');
  });

  it('that is broken is an error; one that is not there is a matter of the environment', () => {
    const folder = folderWith({ rules: dump('-p udp -m udp --dport 99999 -j DROP') });
    const { status, stdout, stderr } = dnfw(['explain', 'rules'], { folder });
    expect({ status, stdout, codes: codesIn(stderr) }).toEqual({ status: 2, stdout: '', codes: ['value-out-of-range'] });
    expect(dnfw(['explain', 'nowhere'], { folder }).status).toBe(1);
  }); // prettier-ignore
});

describe('the command line', () => {
  it.each([
    ['without anything', []],
    ['with a rule and a program', ['-A INPUT -j DROP', '--u32', '0=0']],
    ['with two programs', ['--bytecode', poff, '--u32', '0=0']],
    ['with a rule without quotes', ['-A', 'INPUT', '-j', 'DROP']],
    ['with an option that is none', ['--jsn', '--u32', '0=0']],
    ['with only an option that is none', ['--jsn']],
    ['with a format of a rule', ['--from', 'save', '-A INPUT -j DROP']],
    ['with a table of a dump', ['--table', 'nat', join(rulesets, 'docker-29/node.iptables-save')]],
  ])('%s is refused', (_how, args) => {
    const { status, stdout, stderr } = dnfw(['explain', ...args]);
    expect({ status, stdout, codes: codesIn(stderr) }).toEqual({ status: 2, stdout: '', codes: ['usage'] });
  });

  it('says what to do with a rule without quotes', () => {
    expect(dnfw(['explain', '-A', 'INPUT', '-j', 'DROP']).stderr).toContain("dnfw explain '-A INPUT -j DROP'");
  });
});

describe('the manual', () => {
  const page = readFileSync(join(root, 'man/dnfw-explain.1'), 'utf8');
  const shown = [...page.matchAll(/^\.Bd -literal\n\$ (dnfw .*)\n([^]*?)\n\.Ed$/gm)].map(([, line, text]) => [line ?? '', text ?? ''] as const); // prettier-ignore

  it('shows what the command prints', () => {
    expect(shown.length).toBeGreaterThan(0);
    for (const [line, text] of shown) expect(shell(line).stdout).toBe(`${text.replaceAll('\\e', '\\')}\n`);
  });
});
