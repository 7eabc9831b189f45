/** Port numbers, ranges and service names, as every port match and NAT target takes them. */
import { type Bad, isBad, type ValueType } from '../iptables/grammar.ts';
import { serviceNumber } from '../netfilter/services.ts';
import { anyOf, range } from '../nftables/build.ts';
import type { Expression } from '../nftables/types.ts';
import { parseNumber } from './value.ts';

/** First and last port; equal for a single one. `low > high` holds no port: udp and dccp take such a range. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

export const isWholeRange = ({ low, high }: PortRange): boolean => low === 0 && high === 65535;

/** A port by number (0 to 65535) or service name. */
export const parsePort = (text: string): number | Bad => {
  const number = parseNumber(text);
  if (number !== undefined) {
    if (number <= 65535n) return Number(number);
    return { bad: `port ${text} does not exist`, code: 'value-out-of-range', help: 'ports go from 0 to 65535' };
  }
  return (
    serviceNumber(text) ?? { bad: `"${text}" is neither a port nor a known service`, help: 'give the port as a number' }
  );
};

/** `80`, `1024:65535`, `:1023`, `1024:`; `separator` is `:` in port matches and `-` in NAT targets. */
export const parsePortRange = (
  text: string,
  separator: ':' | '-' = ':',
  parse: (text: string) => number | Bad = parsePort,
): PortRange | Bad => {
  const at = text.indexOf(separator);
  if (at < 0 || serviceNumber(text) !== undefined) {
    const port = parse(text);
    return isBad(port) ? port : { low: port, high: port };
  }
  const low = at === 0 ? 0 : parse(text.slice(0, at));
  const high = at === text.length - 1 ? 65535 : parse(text.slice(at + 1));
  if (isBad(low)) return { ...low, at: 0, length: at };
  if (isBad(high)) return { ...high, at: at + 1 };
  return { low, high };
};

/**
 * A port as iptables' own option parser reads it (XTTYPE_PORT): always decimal, so that 010 is ten, which tcp takes
 * for eight. iptables takes a port beyond 65535 modulo 65536; here it is an error.
 */
const parseDecimalPort = (text: string): number | Bad =>
  /^0x/i.test(text)
    ? { bad: `"${text}" is neither a port nor a known service`, help: 'give the port as a decimal number' }
    : parsePort(text.replace(/^0+(?=\d)/, ''));

export const printPortRange = ({ low, high }: PortRange, separator: ':' | '-' = ':'): string =>
  low === high ? String(low) : `${low}${separator}${high}`;

/** As udp and dccp take it. */
export const portRange: ValueType<PortRange> = {
  syntax: 'port[:port]',
  words: 1,
  parse: (text) => parsePortRange(text, ':', parseDecimalPort),
  print: (value) => printPortRange(value),
  copied: 'port',
  samples: () => ['0', '1', '80', '65535', '1024:65535', ':1023', '1024:', '0:65535', '22:22'],
};

export const reversed = (text: string, { low, high }: PortRange): Bad => ({
  bad: `the range ${text} ends before it starts`,
  help: `did you mean ${high}:${low}?`,
});

/** As tcp and sctp take it: they refuse a range that ends before it starts. */
export const ascendingPortRange: ValueType<PortRange> = {
  ...portRange,
  parse: (text) => {
    const value = parsePortRange(text);
    return !isBad(value) && value.low > value.high ? reversed(text, value) : value;
  },
};

export const portExpression = ({ low, high }: PortRange): Expression => (low === high ? low : range(low, high));

/**
 * The same ports in ascending order without overlap, as nft lists the set: it joins neighbours too, once one element
 * is a range.
 */
export const joinRanges = (ranges: readonly PortRange[]): readonly PortRange[] => {
  const gap = ranges.some(({ low, high }) => low !== high) ? 1 : 0;
  const joined: PortRange[] = [];
  for (const next of ranges.toSorted((a, b) => a.low - b.low || a.high - b.high)) {
    const last = joined.at(-1);
    if (last && next.low <= last.high + gap)
      joined[joined.length - 1] = { low: last.low, high: Math.max(last.high, next.high) };
    else joined.push(next);
  }
  return joined;
};

export const portSet = (ranges: readonly PortRange[]): Expression => anyOf(ranges.map(portExpression));
