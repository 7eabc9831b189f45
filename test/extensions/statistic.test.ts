// Probabilities are kept in parts of 2^31 and saved with eleven decimals.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statistic } from '../../src/extensions/matches/statistic.ts';

const probability = statistic.options['probability']?.value;

describe('a probability', () => {
  it('is read again as what it was', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (parts) => {
        expect(probability?.parse(probability.print(parts, 'ip'), 'ip')).toBe(parts);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['0.1', '0.10000000009'],
    ['0.333333', '0.33333300008'],
    ['5e-1', '0.50000000000'],
    ['1', '1.00000000000'],
    ['1e-12', '0.00000000000'],
    ['0.0000000003', '0.00000000047'],
    // Halves of the last decimal go to the even neighbour.
    ['0.000244140625', '0.00024414062'],
    ['0.000732421875', '0.00073242188'],
  ])('%s is saved as %s', (text, saved) => {
    expect(probability?.print(probability.parse(text, 'ip'), 'ip')).toBe(saved);
  });
});
