/** Security parameter indexes, as the ah and esp matches take and list them. */
import type { ValueType } from '../iptables/grammar.ts';
import type { Given } from '../iptables/types.ts';
import { field, match, range } from '../nftables/build.ts';
import { always, type Formula, never, test } from '../nftables/formula.ts';
import { numberRange, type NumberRange } from './numberrange.ts';
import type { Taken } from './portlisting.ts';

const last = 0xffffffff;

export const spiRange: ValueType<NumberRange> = numberRange(0, last, 'spi[:spi]');

export const isEverySpi = ({ low, high }: NumberRange): boolean => low === 0 && high === last;

/** A range that ends before it starts holds no index; its inversion still wants the index to be there. */
export const spiTest = (protocol: 'ah' | 'esp', given: Given<NumberRange> | undefined): Formula => {
  if (!given) return always;
  const { low, high } = given.value;
  const spi = field(protocol, 'spi');
  if (low > high) return given.inverted ? test(match(spi, '>=', 0)) : never;
  if (isEverySpi(given.value)) return given.inverted ? never : always;
  return test(match(spi, given.inverted ? '!=' : '==', low === high ? low : range(low, high)));
};

/** ` spi:500`, ` spis:!500:600`; a listing of ah may go on without a blank. */
export const takeSpi = (option: string, rest: string): Taken | undefined => {
  const part = /^ +spis?:(!?)(\d+(?::\d+)?)/.exec(rest);
  if (!part) return undefined;
  const [{ length }, inverted, spi = ''] = part;
  return { words: [...(inverted ? ['!'] : []), option, spi], length };
};
