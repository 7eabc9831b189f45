// The policy match against xt_policy.c, on packets with transforms. Transforms are counted as nft does: 0 is outermost.
import { describe, expect, it } from 'vitest';
import type { KeyValue } from '../../src/packet/packet.ts';
import { type Facts, says } from './meanings.ts';

interface Transform {
  readonly reqid: number;
  readonly spi: number;
  readonly proto?: number;
  readonly mode?: number;
  readonly saddr4?: number;
  readonly daddr4?: number;
}

const names = ['reqid', 'spi', 'proto', 'mode', 'saddr4', 'daddr4'] as const;

const through = (dir: 'in' | 'out', transforms: readonly Transform[]): Facts => {
  const keys: Record<string, KeyValue> = { [dir === 'in' ? 'secpath' : 'rtipsec']: transforms.length > 0 ? 1 : 0 };
  for (let i = 0; i < 7; i++)
    for (const name of names) keys[`ipsec.${dir}.${i}.${name}`] = transforms[i]?.[name] ?? null;
  return { keys };
};

const outer: Transform = { reqid: 1, spi: 0x11000000, proto: 50, mode: 1, saddr4: 0xc0000201, daddr4: 0xc0000202 };
const inner: Transform = { reqid: 2, spi: 0x22, proto: 51, mode: 0 };

describe('policy', () => {
  it.each<readonly [string, readonly Transform[], string]>([
    ['--pol ipsec', [], 'no'],
    ['--pol ipsec', [outer], 'yes'],
    ['--pol none', [], 'yes'],
    ['--pol none', [outer], 'no'],
    // Not strict: any transform will do, for all that the element asks at once.
    ['--pol ipsec --reqid 2', [outer, inner], 'yes'],
    ['--pol ipsec --reqid 3', [outer, inner], 'no'],
    ['--pol ipsec ! --reqid 1', [outer], 'no'],
    ['--pol ipsec ! --reqid 1', [outer, inner], 'yes'],
    ['--pol ipsec ! --reqid 1', [], 'no'],
    ['--pol ipsec --reqid 1 --proto ah', [outer, inner], 'no'],
    ['--pol ipsec --reqid 1 --proto esp --mode tunnel', [outer, inner], 'yes'],
    ['--pol ipsec ! --mode tunnel', [outer], 'no'],
    // The number of --spi stands in the rule as a little-endian machine stores it.
    ['--pol ipsec --spi 0x11', [outer], 'yes'],
    ['--pol ipsec --spi 0x11000000', [outer], 'no'],
    ['--pol ipsec ! --spi 0x11', [outer], 'no'],
    ['--pol ipsec --mode tunnel --tunnel-src 192.0.2.0/24', [outer], 'yes'],
    ['--pol ipsec --mode tunnel ! --tunnel-dst 192.0.2.2', [outer], 'no'],
    ['--pol ipsec --mode tunnel --tunnel-src 192.0.2.9', [outer], 'no'],
    // A tunnel of IPv6: its address is compared as if it were one of IPv4.
    ['--pol ipsec --mode tunnel --tunnel-src 192.0.2.9', [{ reqid: 1, spi: 1, mode: 1 }], 'unknown'],
    // Strict: as many transforms as elements.
    ['--pol ipsec --strict --reqid 1', [outer], 'yes'],
    ['--pol ipsec --strict --reqid 1', [outer, inner], 'no'],
    ['--pol ipsec --strict --reqid 2 --next --reqid 1', [outer], 'no'],
    ['--pol ipsec --strict --reqid 1', [], 'no'],
  ])('in %s', (options, transforms, wanted) => {
    expect(says(`-m policy --dir in ${options} -j ACCEPT`, through('in', transforms))).toBe(wanted);
  });

  it('begins a strict list with the innermost transform on arrival and with the outermost on departure', () => {
    const list = '--pol ipsec --strict --reqid 2 --next --reqid 1';
    const incoming = (transforms: readonly Transform[]): string =>
      says(`-m policy --dir in ${list} -j ACCEPT`, through('in', transforms));
    const outgoing = (transforms: readonly Transform[]): string =>
      says(`-m policy --dir out ${list} -j ACCEPT`, through('out', transforms), { chain: 'OUTPUT' });
    expect([incoming([outer, inner]), incoming([inner, outer])]).toEqual(['yes', 'no']);
    expect([outgoing([outer, inner]), outgoing([inner, outer])]).toEqual(['no', 'yes']);
  });

  it('knows what leaves through IPsec by the route', () => {
    const place = { chain: 'OUTPUT' } as const;
    expect(says('-m policy --dir out --pol none -j ACCEPT', through('out', []), place)).toBe('yes');
    expect(says('-m policy --dir out --pol ipsec -j ACCEPT', through('out', [outer]), place)).toBe('yes');
  });
});
