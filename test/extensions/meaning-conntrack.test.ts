// What conntrack, state and connmark say of packets with and without an entry, by net/netfilter/xt_conntrack.c.
import { describe, expect, it } from 'vitest';
import { says } from './meanings.ts';

const dnat = { state: 'established', keys: { 'ct.status': 0x2e } } as const;
const plain = { state: 'new', keys: { 'ct.status': 0 } } as const;
const invalid = { state: 'invalid' } as const;
const untracked = { state: 'untracked' } as const;

describe('conntrack', () => {
  it.each([
    // Without an entry --ctstate alone decides.
    ['--ctstate INVALID', invalid, 'yes'],
    ['--ctstate INVALID', untracked, 'no'],
    ['--ctstate UNTRACKED', untracked, 'yes'],
    ['! --ctstate NEW', untracked, 'yes'],
    ['--ctstate INVALID --ctdir ORIGINAL', invalid, 'yes'],
    ['--ctstate INVALID --ctstatus ASSURED', invalid, 'yes'],
    ['! --ctstate NEW ! --ctorigsrc 10.0.0.0/8', invalid, 'yes'],
    // … and without --ctstate nothing matches, inverted or not.
    ['--ctstatus ASSURED', invalid, 'no'],
    ['! --ctstatus ASSURED', invalid, 'no'],
    ['! --ctstatus NONE', untracked, 'no'],
    ['! --ctproto 17', invalid, 'no'],
    ['--ctdir ORIGINAL', untracked, 'no'],
    // The translations are no states: an entry has them beside its state, other packets never.
    ['--ctstate DNAT', dnat, 'yes'],
    ['--ctstate DNAT', plain, 'no'],
    ['--ctstate NEW,DNAT', plain, 'yes'],
    ['--ctstate NEW,DNAT', dnat, 'yes'],
    ['--ctstate SNAT', dnat, 'no'],
    ['--ctstate DNAT', invalid, 'no'],
    ['! --ctstate DNAT', invalid, 'yes'],
    ['! --ctstate DNAT', dnat, 'no'],
    ['! --ctstate NEW,DNAT', { state: 'related', keys: { 'ct.status': 0x10 } }, 'yes'],
    ['--ctstate RELATED,ESTABLISHED', dnat, 'yes'],
    // An empty status mask is met by nothing, and its inversion by every entry.
    ['--ctstatus NONE', plain, 'no'],
    ['! --ctstatus NONE', plain, 'yes'],
    ['--ctstatus ASSURED,EXPECTED', dnat, 'yes'],
    ['--ctstatus EXPECTED', dnat, 'no'],
    ['! --ctstatus CONFIRMED', plain, 'yes'],
  ] as const)('%s', (options, facts, wanted) => {
    expect(says(`-m conntrack ${options} -j ACCEPT`, facts)).toBe(wanted);
  });

  const entry = {
    state: 'established',
    keys: {
      'ct.direction': 1,
      'ct.protocol': 6,
      'ct.original.saddr4': 0x0a010203,
      'ct.reply.daddr4': 0xc0000201,
      'ct.original.dport': 80,
      'ct.expiration': 9999,
    },
  } as const;
  it.each([
    ['--ctdir REPLY', 'yes'],
    ['--ctdir ORIGINAL', 'no'],
    ['--ctproto tcp', 'yes'],
    ['! --ctproto tcp', 'no'],
    // Host bits that the mask leaves out do not matter: conntrack_addrcmp compares by exclusive or.
    ['--ctorigsrc 10.1.9.9/16', 'yes'],
    ['! --ctorigsrc 10.1.0.0/16', 'no'],
    ['--ctorigsrc 0.0.0.0/0', 'yes'],
    ['! --ctorigsrc 0.0.0.0/0', 'no'],
    ['--ctrepldst 192.0.2.1', 'yes'],
    ['--ctorigdstport 79:80', 'yes'],
    ['! --ctorigdstport 81:90', 'yes'],
    ['--ctorigdstport 90:80', 'no'],
    ['! --ctorigdstport 90:80', 'yes'],
    // Whole seconds: 9.999 seconds are nine.
    ['--ctexpire 9', 'yes'],
    ['--ctexpire 10', 'no'],
    ['! --ctexpire 10:20', 'yes'],
    ['--ctexpire 5:', 'yes'],
    ['--ctexpire 20:10', 'no'],
    ['! --ctexpire 20:10', 'yes'],
    ['--ctproto tcp ! --ctorigdstport 80', 'no'],
    ['--ctstate ESTABLISHED --ctproto tcp --ctdir REPLY', 'yes'],
    ['--ctstate ESTABLISHED --ctproto udp', 'no'],
    ['--ctstate NEW --ctproto tcp', 'no'],
  ])('%s of an entry', (options, wanted) => {
    expect(says(`-m conntrack ${options} -j ACCEPT`, entry)).toBe(wanted);
  });

  it('compares whole IPv6 addresses', () => {
    const facts = { state: 'new', keys: { 'ct.original.saddr6': 0xfd00_0000_0000_0000_0000_0000_0000_0001n } } as const;
    const place = { family: 'ip6' } as const;
    expect(says('-m conntrack --ctorigsrc fd00::/16 -j ACCEPT', facts, place)).toBe('yes');
    expect(says('-m conntrack ! --ctorigsrc fd00::2 -j ACCEPT', facts, place)).toBe('yes');
  });
});

describe('state', () => {
  it.each([
    ['--state NEW', plain, 'yes'],
    ['! --state NEW', plain, 'no'],
    ['! --state NEW', invalid, 'yes'],
    ['--state UNTRACKED', untracked, 'yes'],
    ['--state INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED', untracked, 'yes'],
    ['! --state INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED', untracked, 'no'],
  ] as const)('%s', (options, facts, wanted) => {
    expect(says(`-m state ${options} -j ACCEPT`, facts)).toBe(wanted);
  });
});

describe('connmark', () => {
  const marked = { state: 'new', keys: { 'ct.mark': 0x12 } } as const;
  it.each([
    ['--mark 0x12', marked, 'yes'],
    ['--mark 0x2/0xf', marked, 'yes'],
    ['! --mark 0x2/0xf', marked, 'no'],
    // A value outside of its mask is never met.
    ['--mark 0x12/0xf', marked, 'no'],
    ['! --mark 0x12/0xf', marked, 'yes'],
    ['--mark 0/0', marked, 'yes'],
    ['--mark 0/0', invalid, 'no'],
    ['! --mark 0x2', invalid, 'no'],
    ['! --mark 0x12/0xf', untracked, 'no'],
  ] as const)('%s', (options, facts, wanted) => {
    expect(says(`-m connmark ${options} -j ACCEPT`, facts)).toBe(wanted);
  });
});
