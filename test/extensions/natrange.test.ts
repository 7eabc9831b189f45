// How --to-destination and --to-source are read and printed.
import { isBad } from '../../src/iptables/grammar.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NatRange, natPorts, natRange } from '../../src/extensions/natrange.ts';
import type { Family } from '../../src/netfilter/family.ts';

const shifting = natRange(true);

const range = (family: Family): fc.Arbitrary<NatRange> => {
  const address = fc.bigInt({ min: 0n, max: family === 'ip' ? (1n << 32n) - 1n : (1n << 128n) - 1n });
  const port = fc.integer({ min: 0, max: 65535 });
  const addresses = fc.tuple(address, address).map(([low, high]) => ({ low, high }));
  const ports = fc
    .tuple(port, port, fc.option(fc.integer({ min: 1, max: 65535 }), { nil: undefined }))
    .map(([a, b, base]) => ({ low: Math.min(a, b), high: Math.max(a, b), ...(base === undefined ? {} : { base }) }));
  return fc.oneof(
    addresses.map((a) => ({ addresses: a })),
    ports.map((p) => ({ ports: p })),
    fc.record({ addresses, ports }),
  );
};

describe.each(['ip', 'ip6'] as const)('a NAT range of %s', (family) => {
  it('reads what it prints', () => {
    fc.assert(
      fc.property(range(family), (value) => {
        expect(shifting.parse(shifting.print(value, family), family)).toEqual(value);
      }),
      { numRuns: 1000 },
    );
  });

  it('answers every text with a value or a place inside of it', () => {
    const letters = fc.constantFrom(...'0123456789abf:.-/[]', '::', 'http', '10.0.0.1', 'fd00::1');
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('');
        const value = shifting.parse(text, family);
        if (!isBad(value)) return;
        const { at = 0, length = 1 } = value;
        expect(at).toBeGreaterThanOrEqual(0);
        expect(length).toBeGreaterThan(0);
        expect(at + length).toBeLessThanOrEqual(Math.max(1, text.length));
      }),
      { numRuns: 3000 },
    );
  });
});

describe('the ports of MASQUERADE and REDIRECT', () => {
  it.each(['80', '0', '65535', '1-2', '0-65535'])('take %s', (text) => {
    const value = natPorts.parse(text, 'ip');
    expect(isBad(value) ? value : natPorts.print(value, 'ip')).toBe(text);
  });
  it.each(['', '-', '-80', '80-', '2-1', '65536', '80:90', '80-90/10', 'http-https', '080', '1 2'])(
    'refuse "%s"',
    (text) => {
      expect(isBad(natPorts.parse(text, 'ip'))).toBe(true);
    },
  );
});
