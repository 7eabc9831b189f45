import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { policy } from '../../src/extensions/matches/policy.ts';
import type { Given, Info } from '../../src/iptables/types.ts';
import { contextOf, matches, type Transform } from './evaluate.ts';

const given = <T>(value: T, inverted = false): Given<T> => ({ value, inverted, column: 1 });

interface Element {
  readonly reqid?: Given<number>;
  readonly spi?: Given<number>;
}

const small = fc.integer({ min: 0, max: 3 });
const condition = fc.tuple(small, fc.boolean()).map(([value, inverted]) => given(value, inverted));
const element: fc.Arbitrary<Element> = fc.oneof(
  condition.map((reqid) => ({ reqid })),
  condition.map((spi) => ({ spi })),
  fc.tuple(condition, condition).map(([reqid, spi]) => ({ reqid, spi })),
);
const transforms: fc.Arbitrary<readonly Transform[]> = fc.array(
  fc.record({ reqid: small, spi: small.map((value) => value * 2 ** 24) }),
  {
    maxLength: 6,
  },
);

const satisfies = (transform: Transform, { reqid, spi }: Element): boolean =>
  (!reqid || (transform.reqid === reqid.value) !== reqid.inverted) &&
  (!spi || (transform.spi === spi.value * 2 ** 24) !== spi.inverted);

/** Little-endian machines compare the SPI with its bytes the other way round. net/netfilter/xt_policy.c, with the transforms in the order in which they were or will be processed. */
const kernel = (
  elements: readonly Element[],
  strict: boolean,
  dir: 'in' | 'out',
  of: readonly Transform[],
): boolean => {
  if (of.length === 0) return false;
  if (!strict) return of.some((transform) => satisfies(transform, elements[0] ?? {}));
  const ordered = dir === 'in' ? of.toReversed() : of;
  return ordered.length === elements.length && ordered.every((transform, i) => satisfies(transform, elements[i] ?? {}));
};

describe('policy', () => {
  it.each(['in', 'out'] as const)('means what the kernel does with it, --dir %s', (dir) => {
    fc.assert(
      fc.property(
        fc.array(element, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        transforms,
        (elements, strict, of) => {
          const used = strict ? elements : elements.slice(0, 1);
          const [first = {}, ...more] = used;
          const info: Info = {
            dir: given(dir),
            pol: given('ipsec'),
            ...first,
            ...(strict ? { strict: given(true) } : {}),
          };
          const context = contextOf({ hooks: new Set(['forward']) });
          const result = policy.translate(
            { name: 'policy', info, more: more.map((one): Info => ({ ...one })), column: 1 },
            context,
          );
          if (result.kind === 'refused') throw new Error(result.what);
          expect(matches(result.formula, { bytes: new Uint8Array(20), transport: 20, transforms: of })).toBe(
            kernel(used, strict, dir, of),
          );
        },
      ),
      { numRuns: 3000 },
    );
  });
  it.each([
    ['policy match dir in pol none', ['--dir', 'in', '--pol', 'none']],
    [
      'policy match dir out pol ipsec ! reqid 2 spi 0x186a0',
      ['--dir', 'out', '--pol', 'ipsec', '!', '--reqid', '2', '--spi', '0x186a0'],
    ],
    [
      'policy match dir in pol ipsec strict [0] ! reqid 2 proto 50 mode tunnel tunnel-dst 1.1.1.1 tunnel-src 1.2.3.0/24 [1] ! proto 51 ! mode transport',
      // prettier-ignore
      ['--dir', 'in', '--pol', 'ipsec', '--strict', '!', '--reqid', '2', '--proto', '50', '--mode', 'tunnel', '--tunnel-dst', '1.1.1.1',
        '--tunnel-src', '1.2.3.0/24', '--next', '!', '--proto', '51', '!', '--mode', 'transport'],
    ],
    [
      'policy match dir in pol ipsec strict mode tunnel',
      ['--dir', 'in', '--pol', 'ipsec', '--strict', '--mode', 'tunnel'],
    ],
  ])('reads its listing: %s', (text, words) => {
    expect(policy.listing?.(`${text} udp dpt:53`, { family: 'ip', numeric: true })).toEqual({
      words,
      length: text.length,
    });
    expect(policy.listing?.(text, { family: 'ip', numeric: true })).toEqual({ words, length: text.length });
  });
  it('leaves other text alone', () => {
    expect(policy.listing?.('policy match dir fwd', { family: 'ip', numeric: true })).toBeUndefined();
  });
});
