// How iptables rounds a rate: what iptables 1.8.9 saves for it.
import { describe, expect, it } from 'vitest';
import { limit } from '../../src/extensions/matches/limit.ts';

const rate = limit.options['rate']?.value;
const saved = (text: string): unknown => rate?.print(rate.parse(text, 'ip'), 'ip');

describe('a rate', () => {
  it.each([
    ['5', '5/sec'],
    ['60/min', '1/sec'],
    ['61/min', '61/min'],
    ['700/min', '700/min'],
    ['9000/min', '151/sec'],
    ['13/hour', '13/hour'],
    ['1000/hour', '1000/hour'],
    ['24/day', '1/hour'],
    ['23/day', '23/day'],
    ['100/day', '100/day'],
    ['3333/sec', '3333/sec'],
    ['6000/sec', '10000/sec'],
    ['9999/sec', '10000/sec'],
    ['010/sec', '10/sec'],
  ])('%s is saved as %s', (given, text) => expect(saved(given)).toBe(text));

  it('is saved as something that is saved the same again', () => {
    for (let count = 1; count <= 10000; count++)
      for (const unit of ['sec', 'min', 'hour', 'day']) {
        const once = saved(`${count}/${unit}`);
        expect(saved(String(once))).toBe(once);
      }
  });
});
