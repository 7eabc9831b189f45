// Value types that several extensions share, and what iptables makes of their edges.
import { describe, expect, it } from 'vitest';
import { hostMask } from '../../src/extensions/hostmask.ts';
import { markMask } from '../../src/extensions/mark.ts';
import { addrtype } from '../../src/extensions/matches/addrtype.ts';
import { comment } from '../../src/extensions/matches/comment.ts';
import { owner } from '../../src/extensions/matches/owner.ts';
import { wordList } from '../../src/extensions/wordlist.ts';

describe('a mark with a mask', () => {
  it.each([
    ['1', '0x1'],
    ['0x1/0xffffffff', '0x1'],
    ['010/7', '0x8/0x7'],
  ])('%s is printed as %s', (text, printed) => {
    const parsed = markMask.parse(text, 'ip');
    expect('bad' in parsed ? parsed : markMask.print(parsed, 'ip')).toBe(printed);
  });

  it.each([
    ['1/', { at: 1 }],
    ['/1', { length: 0 }],
    ['0x100000000/1', { code: 'value-out-of-range', length: 11 }],
    ['1/0x100000000', { code: 'value-out-of-range', at: 2 }],
    ['1/2/3', { at: 2 }],
    ['0x', {}],
  ])('%s is refused', (text, bad) =>
    expect(markMask.parse(text, 'ip')).toMatchObject({ bad: expect.anything(), ...bad }),
  );
});

describe('a list of words', () => {
  const list = wordList(['ALPHA', 'BETA', 'BRAVO'], 'letter');

  it('takes the first word that starts so', () => expect(list.parse('b,alp', 'ip')).toEqual(['ALPHA', 'BETA']));
  it('knows where the wrong one is', () => expect(list.parse('BETA,GAMMA', 'ip')).toMatchObject({ at: 5, length: 5 }));
  it('refuses an empty word', () => expect(list.parse('', 'ip')).toMatchObject({ at: 0, length: 1 }));
});

describe('an address with a mask', () => {
  it.each([
    ['10.1.2.3/255.255.0.0', '10.1.2.3/16', 'ip'],
    ['10.1.2.3/32', '10.1.2.3', 'ip'],
    ['10.1.2.3/0', '10.1.2.3/0', 'ip'],
    ['2001:db8::1/ffff:ffff::', '2001:db8::1/32', 'ip6'],
    ['2001:db8::1/ffff::ffff', '2001:db8::1/ffff::ffff', 'ip6'],
  ] as const)('%s is printed as %s', (text, printed, family) => {
    const parsed = hostMask.parse(text, family);
    expect('bad' in parsed ? parsed : hostMask.print(parsed, family)).toBe(printed);
  });
});

describe('a comment', () => {
  const text = comment.options['comment']?.value;

  it('is cut to 255 bytes, never inside a character', () => {
    expect(text?.parse('é'.repeat(128), 'ip')).toBe('é'.repeat(127));
    expect(text?.parse('x'.repeat(300), 'ip')).toBe('x'.repeat(255));
  });
});

describe('address types', () => {
  const types = addrtype.options['source']?.value;

  it('are fewer for IPv6', () => {
    expect(types?.parse('LOCAL,BROADCAST', 'ip')).toEqual(['LOCAL', 'BROADCAST']);
    expect(types?.parse('LOCAL,BROADCAST', 'ip6')).toMatchObject({ bad: expect.stringContaining('BROADCAST') });
  });

  it('are taken in the order of iptables: U is UNSPEC', () => expect(types?.parse('u', 'ip')).toEqual(['UNSPEC']));
});

describe('owner ids', () => {
  const ids = owner.options['uid']?.value;

  it.each(['5-', '-5', '5-1', 'root', '4294967295', '1-4294967295', '', 'a-b'])('"%s" is refused', (text) =>
    expect(ids?.parse(text, 'ip')).toHaveProperty('bad'),
  );
});
