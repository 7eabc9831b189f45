import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTextHelperName, isTextName, mapName } from '../../src/nftables/names.ts';

const none: ReadonlySet<string> = new Set();

describe('isTextName', () => {
  it('takes words', () => {
    const names = ['INPUT', 'f2b-sshd', 'a.b/c', '_', '.x', '..', 'a-', 'accept-x', 'Accept', 'x'.repeat(255)];
    expect(names.filter((name) => !isTextName(name))).toEqual([]);
  });

  it('refuses what the scanner reads otherwise', () => {
    const names = ['', '-a', '/a', '1a', '10.0.0.1', '5m', 'a:b', 'a b', 'a~b', 'aé', 'a*', 'a"', 'a;', 'a\n'];
    expect(names.filter(isTextName)).toEqual([]);
    expect(isTextName('x'.repeat(256))).toBe(false);
  });

  it('refuses keywords of old and new versions', () => {
    const names = ['.', 'reject', 'dynamic', 'and', 'ip', 'th', 'last', 'destroy', 'vxlan', 'gre', 'tunnel', 'xt'];
    expect(names.filter(isTextName)).toEqual([]);
  });

  it('knows that a helper object stands behind ct', () => {
    expect(isTextName('label')).toBe(true);
    expect(isTextHelperName('label')).toBe(false);
    expect(isTextHelperName('ftp-21')).toBe(true);
    expect(isTextHelperName('ip')).toBe(false);
  });
});

describe('mapName', () => {
  it('leaves names alone that nft takes', () => {
    for (const name of ['INPUT', 'DOCKER-USER', 'f2b-sshd', 'a.b/c', 'label', 'Reject'])
      expect(mapName(name, none)).toBe(name);
  });

  it('keeps the others readable', () => {
    const names = [
      'reject',
      'dynamic',
      'GOOD~STUFF',
      '1a2b3c4d5e6f',
      '-x',
      'a:b',
      'aé',
      '\u{1f433}',
      '.',
      '',
      '7',
      'th\0',
    ];
    expect(names.map((name) => mapName(name, none))).toEqual([
      'reject_',
      'dynamic_',
      'GOOD_STUFF',
      '_1a2b3c4d5e6f',
      '_-x',
      'a_b',
      'a_',
      '_',
      '._',
      '_',
      '_7',
      'th_',
    ]);
  });

  it('keeps names apart', () => {
    expect(mapName('a~b', new Set(['a_b']))).toBe('a_b_2');
    expect(mapName('a~b', new Set(['a_b', 'a_b_2']))).toBe('a_b_3');
    expect(mapName('a', new Set(['a']))).toBe('a_2');
    expect(mapName('x'.repeat(300), new Set(['x'.repeat(255)]))).toBe(`${'x'.repeat(253)}_2`);
  });

  it('always gives a new name that nft takes', () => {
    const name = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('ip', 'th', 'a~b', 'a b', '1', '.'));
    const property = fc.property(fc.array(name, { maxLength: 40 }), (names) => {
      const taken = new Set<string>();
      for (const one of names) {
        const mapped = mapName(one, taken);
        if (!isTextName(mapped) || taken.has(mapped)) return false;
        taken.add(mapped);
      }
      return true;
    });
    expect(() => fc.assert(property)).not.toThrow();
  });
});
