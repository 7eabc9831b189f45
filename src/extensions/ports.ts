/** Port numbers, ranges and service names, as every port match and NAT target takes them. */
import { serviceNumber } from '../netfilter/services.ts';
import { range } from '../nftables/build.ts';
import type { Expression } from '../nftables/types.ts';
import { type Bad, isBad, parseNumber, type ValueType } from './value.ts';

/** First and last port; equal for a single one. `low > high` is possible and matches nothing. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

/** A port by number (0 to 65535) or service name. */
export const parsePort = (text: string): number | Bad => {
  const number = parseNumber(text);
  if (number !== undefined) {
    if (number <= 65535n) return Number(number);
    return { bad: `port ${text} does not exist`, code: 'value-out-of-range', help: 'ports go from 0 to 65535' };
  }
  return serviceNumber(text) ?? { bad: `"${text}" is neither a port nor a known service`, help: 'give the port as a number' };
};

/** `80`, `1024:65535`, `:1023`, `1024:`; `separator` is `:` in port matches and `-` in NAT targets. */
export const parsePortRange = (text: string, separator: ':' | '-' = ':'): PortRange | Bad => {
  const at = text.indexOf(separator);
  if (at < 0 || serviceNumber(text) !== undefined) {
    const port = parsePort(text);
    return isBad(port) ? port : { low: port, high: port };
  }
  const low = at === 0 ? 0 : parsePort(text.slice(0, at));
  const high = at === text.length - 1 ? 65535 : parsePort(text.slice(at + 1));
  if (isBad(low)) return { ...low, length: at };
  if (isBad(high)) return { ...high, at: at + 1 };
  return { low, high };
};

export const printPortRange = ({ low, high }: PortRange, separator: ':' | '-' = ':'): string =>
  low === high ? String(low) : `${low}${separator}${high}`;

export const portRange: ValueType<PortRange> = {
  syntax: 'port[:port]',
  words: 1,
  parse: (text) => parsePortRange(text),
  print: (value) => printPortRange(value),
  samples: () => ['0', '1', '80', '65535', '1024:65535', ':1023', '1024:', '0:65535', '22:22'],
};

export const portExpression = ({ low, high }: PortRange): Expression => (low === high ? low : range(low, high));

