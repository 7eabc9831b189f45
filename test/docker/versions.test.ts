import { describe, expect, it } from 'vitest';
import { between, everyVersion, from, inBoth, until, versionWords } from '../../src/docker/versions.ts';

describe('ranges of versions', () => {
  it.each([
    [everyVersion, 'every version'],
    [from('25.0.0'), '25.0.0 and later'],
    [until('28.5.2'), 'up to 28.5.2'],
    [between('28.0.0', '28.0.0'), '28.0.0'],
    [[...between('20.10.24', '20.10.27'), ...from('23.0.3')], '20.10.24 to 20.10.27, 23.0.3 and later'],
    [[], 'no version'],
  ])('are said %#', (ranges, words) => {
    expect(versionWords(ranges)).toBe(words);
  });

  it('are compared as numbers, part by part', () => {
    expect(inBoth(from('9.0.0'), from('20.10.0'))).toEqual(from('20.10.0'));
    expect(inBoth(from('20.9.0'), from('20.10.0'))).toEqual(from('20.10.0'));
    expect(inBoth(until('20.10.23'), from('20.10.3'))).toEqual(between('20.10.3', '20.10.23'));
  });

  it('with a short upper end hold all of it', () => {
    expect(inBoth(until('27'), from('27.5.1'))).toEqual([{ from: '27.5.1', to: '27' }]);
    expect(inBoth(until('27'), from('28.0.0'))).toEqual([]);
  });

  it('that never went together leave none', () => {
    expect(inBoth(until('20.10.23'), [...between('20.10.24', '20.10.27'), ...from('24.0.0')])).toEqual([]);
  });

  it('may leave several', () => {
    const two = [...between('20.10.24', '20.10.27'), ...between('23.0.3', '23.0.18')];
    expect(inBoth(two, from('20.10.26'))).toEqual([
      ...between('20.10.26', '20.10.27'),
      ...between('23.0.3', '23.0.18'),
    ]);
  });
});
