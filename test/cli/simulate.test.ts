// dnfw simulate as a user runs it: packets in every form, text and JSON, and what is refused.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codesIn, dnfw, dump, folderWith, rulesets, shell } from './dnfw.ts';

const firstEra = join(rulesets, 'listing-first-era/input.iptables-nvL');
const docker = join(rulesets, 'docker-29/node.iptables-save');
const words = 'hook=input in=eth0 ip saddr=10.0.0.2 ip daddr=10.0.0.1 udp sport=50000 udp dport=4789 vxlan vni=4102';

interface Result {
  readonly schemaVersion: number;
  readonly verdict: string;
  readonly dependsOn: readonly string[];
  readonly packet: { readonly words: string; readonly bytes: string };
  readonly ways: readonly { readonly verdict: string; readonly events: readonly { readonly kind: string }[] }[];
}

// The fields that the tests use are checked by them.
const resultIn = (stdout: string): Result => JSON.parse(stdout) as Result;

const widths = (text: string): readonly string[] => text.split('\n').filter((line) => line.length > 100);

describe('a verdict', () => {
  it.each([
    ['secpath=yes', 'accept', 0],
    ['secpath=no', 'drop', 0],
    ['', 'unknown', 14],
  ] as const)('for "%s" is %s', (more, verdict, status) => {
    const ran = dnfw(['simulate', firstEra, '--packet', `${words} ${more}`, '--json']);
    expect(ran.status).toBe(status);
    expect(resultIn(ran.stdout)).toMatchObject({ schemaVersion: 1, verdict });
    expect(Object.keys(resultIn(ran.stdout)).slice(0, 2)).toEqual(['schemaVersion', 'verdict']);
  });

  it('is in the first line of the text, with the rule', () => {
    const { stdout, status } = dnfw(['simulate', firstEra, '--packet', `${words} secpath=no`]);
    expect(status).toBe(0);
    expect(stdout.split('\n')[0]).toBe('verdict: drop, line 4');
    expect(stdout).toContain('vxlan flags=0x8');
  });

  it('that is unknown says what it depends on and shows a way for each end', () => {
    const { stdout } = dnfw(['simulate', firstEra, '--packet', words]);
    expect(stdout.split('\n').slice(0, 2)).toEqual(['verdict: unknown', '         it depends on: meta secpath yes']);
    expect(stdout).toMatch(/^way 1: accept$/m);
    expect(stdout).toMatch(/^way 2: drop, line 4$/m);
    expect(stdout).toContain('supposed true: meta secpath yes');
  });
});

describe('the text', () => {
  const published = ['simulate', docker, '--local', '192.0.2.1@eth0', '--route', '172.17.0.0/16=docker0', '--packet', 'in=eth0 ip daddr=192.0.2.1 tcp dport=8080 secpath=no']; // prettier-ignore

  it('fits 100 columns', () => {
    expect(widths(dnfw([...published, '--all']).stdout)).toEqual([]);
    expect(widths(dnfw(['simulate', firstEra, '--packet', words, '--all']).stdout)).toEqual([]);
  });

  it('shows the rules that did not match only if asked', () => {
    const [short, long] = [dnfw(published).stdout, dnfw([...published, '--all']).stdout];
    expect(short).toMatch(/^rules that did not match and are not shown \(--all\): \d+$/m);
    expect(long).not.toContain('not shown');
    expect(long.length).toBeGreaterThan(short.length);
    expect(short).toContain('→ accept');
    expect(short).toContain('nat: dnat to 172.17.0.2:80');
  });

  it('shows what a rule says without letting it speak to the terminal', () => {
    const folder = folderWith({ rules: dump('-m comment --comment "\u001b[31mred" -j DROP') });
    const { stdout } = dnfw(['simulate', 'rules', '--packet', 'hook=input udp dport=53'], { folder });
    expect(stdout).toContain('\u241b[31mred');
    expect(stdout).not.toContain('\u001b');
  });
});

describe('rulesets side by side', () => {
  const guard = JSON.stringify({
    nftables: [
      { add: { table: { family: 'inet', name: 'guard' } } },
      {
        add: {
          chain: {
            family: 'inet',
            table: 'guard',
            name: 'in',
            type: 'filter',
            hook: 'input',
            prio: -10,
            policy: 'accept',
          },
        },
      },
      {
        add: {
          rule: {
            family: 'inet',
            table: 'guard',
            chain: 'in',
            expr: [
              { match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: 22 } },
              { drop: null },
            ],
          },
        },
      },
    ],
  });
  const folder = folderWith({ rules: dump('-p tcp -m tcp --dport 22 -j ACCEPT'), 'guard.json': guard });
  const packet = ['--packet', 'hook=input in=eth0 tcp dport=22'];

  it('are all in force', () => {
    expect(dnfw(['simulate', 'rules', ...packet], { folder }).stdout).toMatch(/^verdict: accept$/m);
    const both = dnfw(['simulate', 'rules', 'guard.json', ...packet], { folder });
    expect(both.stdout).toMatch(/^verdict: drop, line 1$/m);
    expect(dnfw(['simulate', 'guard.json', ...packet], { folder }).stdout).toMatch(/^verdict: drop/);
  });

  it('may come from standard input', () => {
    expect(shell(`dnfw simulate - ${packet[0]} '${packet[1]}' < guard.json`, { folder }).stdout).toMatch(
      /^verdict: drop/,
    );
  });

  it('read a table of iptables-nft once, where its arguments are', () => {
    const twin = JSON.stringify({
      nftables: [
        { table: { family: 'ip', name: 'filter', handle: 1 } },
        {
          chain: {
            family: 'ip',
            table: 'filter',
            name: 'INPUT',
            handle: 1,
            type: 'filter',
            hook: 'input',
            prio: 0,
            policy: 'accept',
          },
        },
        {
          rule: {
            family: 'ip',
            table: 'filter',
            chain: 'INPUT',
            handle: 2,
            expr: [{ xt: { type: 'match', name: 'tcp' } }, { drop: null }],
          },
        },
      ],
    });
    const there = folderWith({ rules: dump('-p tcp -m tcp --dport 22 -j ACCEPT'), 'list.json': twin });
    const { stdout, stderr, status } = dnfw(['simulate', 'list.json', 'rules', ...packet], { folder: there });
    expect({ status, codes: codesIn(stderr).includes('duplicate-table') }).toEqual({ status: 0, codes: true });
    expect(stdout).toMatch(/^verdict: accept$/m);
    expect(dnfw(['simulate', 'list.json', ...packet], { folder: there }).status).toBe(14);
  });

  it('of the other family do not stop the packet, which is said', () => {
    const { stdout, stderr } = dnfw(['simulate', 'rules', '--packet', 'hook=input ip6 saddr=::1 tcp dport=22'], {
      folder,
    });
    expect(stdout).toMatch(/^verdict: accept$/m);
    expect(stderr).toContain('none of the rulesets has tables for IPv6');
  });
});

describe('a packet', () => {
  const folder = folderWith({ rules: dump('-p udp -m udp --dport 4789 -j DROP') });

  it('comes from a capture, which --pcap-out wrote', () => {
    const first = dnfw(['simulate', 'rules', '--packet', words, '--pcap-out', 'p.pcap', '--json'], { folder });
    const again = dnfw(['simulate', 'rules', '--pcap', 'p.pcap', '--hook', 'input', '--json'], { folder });
    expect(again.status).toBe(0);
    expect(resultIn(again.stdout).verdict).toBe('drop');
    expect(resultIn(again.stdout).packet.bytes).toBe(resultIn(first.stdout).packet.bytes);
  });

  it('comes as hex, with words for what is known beside it', () => {
    const { stdout } = dnfw(['simulate', 'rules', '--packet', words, '--json'], { folder });
    const there = folderWith({ rules: readFileSync(join(folder, 'rules')), 'p.hex': resultIn(stdout).packet.bytes });
    const ran = dnfw(['simulate', 'rules', '--hex', 'p.hex', '--packet', 'hook=input in=eth7', '--json'], {
      folder: there,
    });
    expect(resultIn(ran.stdout)).toMatchObject({ verdict: 'drop' });
    expect(resultIn(ran.stdout).packet.words).toContain('in=eth7');
  });

  it.each([
    ['without one', []],
    ['from two files', ['--hex', 'a', '--pcap', 'b']],
    ['with a number but no capture', ['--packet', words, '--index', '2']],
    ['that starts twice', ['--packet', words, '--hook', 'output']],
    ['of unknown words', ['--packet', 'tcp dort=22']],
    ['with a number that is none', ['--pcap', 'p.pcap', '--index', '0']],
    ['with a number that is not there', ['--pcap', 'p.pcap', '--index', '9']],
    ['with a route that is none', ['--packet', words, '--route', 'docker0']],
    ['with an address that is none', ['--packet', words, '--local', 'localhost']],
  ])('%s is refused', (_how, flags) => {
    const { status, stdout, stderr } = dnfw(['simulate', 'rules', ...flags], { folder });
    expect({ status, stdout, said: stderr !== '' }).toEqual({ status: 2, stdout: '', said: true });
  });

  it('that is wrong is shown where it is wrong', () => {
    const { stderr } = dnfw(['simulate', 'rules', '--packet', 'tcp dort=22'], { folder });
    expect(codesIn(stderr)).toContain('unknown-word');
    expect(stderr).toContain('^^^^');
  });
});

describe('a ruleset', () => {
  const packet = ['--packet', 'hook=input udp dport=53'];
  it.each([
    ['that cannot be read', dump('-p udp -m udp --dport 99999 -j DROP'), 'value-out-of-range'],
    ['that is broken JSON', '{"nftables": [', 'json-syntax'],
    ['in the text form of nft', 'table ip t {\n}\n', 'nft-text'],
    ['that is nothing', 'hello\n', 'unknown-format'],
  ])('%s is an error', (_how, rules, code) => {
    const folder = folderWith({ rules });
    const { status, stdout, stderr } = dnfw(['simulate', 'rules', ...packet], { folder });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(codesIn(stderr)).toContain(code);
  });

  it('that is not there is a matter of the environment', () => {
    expect(dnfw(['simulate', 'nowhere', ...packet]).status).toBe(1);
  });
});
