// What iptables -L prints for targets, as iptables 1.8.9 wrote it, and the options that are read from it.
import { describe, expect, it } from 'vitest';
import type { TargetExtension } from '../../src/extensions/contract.ts';
import { registry } from '../../src/extensions/registry.ts';

const target = (name: string): TargetExtension => {
  const found = registry.targets.get(name);
  if (!found) throw new Error(`${name} is not registered`);
  return found;
};

const forms: readonly (readonly [name: string, text: string, words: readonly string[]])[] = [
  ['REJECT', 'reject-with icmp-port-unreachable', ['--reject-with', 'icmp-port-unreachable']],
  ['REJECT', 'reject-with tcp-reset', ['--reject-with', 'tcp-reset']],
  ['LOG', 'LOG flags 0 level 4', ['--log-level', '4']],
  ['LOG', 'LOG level warn', ['--log-level', '4']],
  [
    'LOG',
    'LOG flags 47 level 7 prefix "a "b" \\ c"',
    [
      '--log-prefix',
      'a "b" \\ c',
      '--log-level',
      '7',
      '--log-tcp-sequence',
      '--log-tcp-options',
      '--log-ip-options',
      '--log-uid',
      '--log-macdecode',
    ],
  ],
  [
    'LOG',
    'LOG level debug tcp-options uid prefix "trailing "',
    ['--log-prefix', 'trailing ', '--log-level', '7', '--log-tcp-options', '--log-uid'],
  ],
  ['NFLOG', '', []],
  [
    'NFLOG',
    'nflog-prefix "q \\" \\\\ z" nflog-group 3 nflog-size 64 nflog-threshold 10',
    ['--nflog-prefix', 'q " \\ z', '--nflog-group', '3', '--nflog-size', '64', '--nflog-threshold', '10'],
  ],
  ['MARK', 'MARK set 0x1', ['--set-mark', '0x1']],
  ['MARK', 'MARK xset 0x101/0xff', ['--set-xmark', '0x101/0xff']],
  ['MARK', 'MARK and 0xff', ['--and-mark', '0xff']],
  ['CONNMARK', 'CONNMARK save', ['--save-mark']],
  ['CONNMARK', 'CONNMARK restore mask 0xff', ['--restore-mark', '--mask', '0xff']],
  ['CONNMARK', 'CONNMARK save nfmask 0xff ctmask ~0xff00', ['--save-mark', '--nfmask', '0xff', '--ctmask', '0xff00']],
  [
    'CONNMARK',
    'CONNMARK restore ctmask 0xff00 nfmask ~0xff right-shift-mark 8',
    ['--restore-mark', '--ctmask', '0xff00', '--nfmask', '0xff', '--right-shift-mark', '8'],
  ],
  ['CONNMARK', 'CONNMARK set 0x1 left-shift-mark 8', ['--set-mark', '0x1', '--left-shift-mark', '8']],
  ['DNAT', 'to:10.0.0.1:80 random persistent', ['--to-destination', '10.0.0.1:80', '--random', '--persistent']],
  ['DNAT', 'to:[2001:db8::1]:80', ['--to-destination', '[2001:db8::1]:80']],
  ['SNAT', 'to::53', ['--to-source', ':53']],
  ['SNAT', 'to:10.0.0.1 random random-fully', ['--to-source', '10.0.0.1', '--random', '--random-fully']],
  ['MASQUERADE', '', []],
  ['MASQUERADE', 'random-fully', ['--random-fully']],
  ['MASQUERADE', 'masq ports: 80-90 random', ['--to-ports', '80-90', '--random']],
  ['REDIRECT', 'redir ports 80 random', ['--to-ports', '80', '--random']],
  ['NETMAP', 'to:10.0.0.0/24', ['--to', '10.0.0.0/24']],
  ['TCPMSS', 'TCPMSS clamp to PMTU', ['--clamp-mss-to-pmtu']],
  ['TCPMSS', 'TCPMSS set 1400', ['--set-mss', '1400']],
  ['CT', 'CT', []],
  [
    'CT',
    'CT helper ftp ctevents new,related expevents new zone 5',
    ['--helper', 'ftp', '--ctevents', 'new,related', '--expevents', 'new', '--zone', '5'],
  ],
  ['CT', 'CT notrack', ['--notrack']],
  ['NOTRACK', 'NOTRACK', []],
  ['TRACE', '', []],
  ['CHECKSUM', 'CHECKSUM fill', ['--checksum-fill']],
  ['TTL', 'TTL decrement by 1', ['--ttl-dec', '1']],
  ['HL', 'HL set to 64', ['--hl-set', '64']],
  ['DSCP', 'DSCP set 0x2e', ['--set-dscp', '0x2e']],
  ['TOS', 'TOS set 0x10/0xff', ['--set-tos', '0x10/0xff']],
  ['TOS', 'TOS setMinimize-Delay', ['--set-tos', 'Minimize-Delay']],
  ['TOS', 'TOS and 0x0f', ['--and-tos', '0x0f']],
  ['NFQUEUE', 'NFQUEUE num 0', ['--queue-num', '0']],
  [
    'NFQUEUE',
    'NFQUEUE balance 1:4 bypass cpu-fanout',
    ['--queue-balance', '1:4', '--queue-bypass', '--queue-cpu-fanout'],
  ],
  [
    'SET',
    'add-set two src,dst exist timeout 5 del-set foo src map-set foo src map-mark',
    [
      '--add-set',
      'two',
      'src,dst',
      '--exist',
      '--timeout',
      '5',
      '--del-set',
      'foo',
      'src',
      '--map-set',
      'foo',
      'src',
      '--map-mark',
    ],
  ],
];

describe('a listing of', () => {
  it.each(forms)('%s: %s', (name, text, words) => {
    expect(target(name).listing?.(text, { family: 'ip', numeric: true })).toEqual({ words, length: text.length });
  });
  it.each([...new Set(forms.map(([name]) => name))])('%s is not mistaken for something else', (name) => {
    expect(target(name).listing?.('policy match dir in pol none', { family: 'ip', numeric: true })).toBeUndefined();
  });
});
