import { type Bad, isBad, type ListingReader, type ValueType } from '../../iptables/grammar.ts';
import type { Given } from '../../iptables/types.ts';
import { dccp, protocolName, sctp, tcp, udp, udplite } from '../../netfilter/protocols.ts';
import { field, match } from '../../nftables/build.ts';
import { all, always, any, type Formula, never, test } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option, type RuleContext } from '../contract.ts';
import {
  isWholeRange,
  joinRanges,
  parsePort,
  parsePortRange,
  type PortRange,
  portSet,
  printPortRange,
} from '../ports.ts';
import { translateHeader } from '../transport.ts';
import { any as anyOf, type Condition, interval, invertIf, within } from '../../packet/condition.ts';
import { type Reading, transportField, withHeader } from '../meaning.ts';

/** XT_MULTI_PORTS: a range takes two of them. */
const slots = 15;

const parseOne = (text: string): PortRange | Bad => {
  if (text.startsWith(':') || text.endsWith(':'))
    return { bad: `"${text}" is no range`, help: 'multiport wants both ends of a range' };
  const value = text === '' ? parsePort(text) : parsePortRange(text);
  if (typeof value === 'number') return { low: value, high: value };
  if (isBad(value)) return value;
  if (text.includes(':') && value.low >= value.high)
    return { bad: `the range ${text} does not ascend`, help: 'multiport wants a range from a lower to a higher port' };
  return value;
};

const parsePorts = (text: string): readonly PortRange[] | Bad => {
  const ports: PortRange[] = [];
  let at = 0;
  let used = 0;
  for (const word of text.split(',')) {
    const value = parseOne(word);
    if (isBad(value)) return { length: Math.max(1, word.length - (value.at ?? 0)), ...value, at: at + (value.at ?? 0) };
    used += value.low === value.high ? 1 : 2;
    if (used > slots)
      return { bad: `more than ${slots} ports`, at, help: 'a range counts twice: divide the list between two rules' };
    ports.push(value);
    at += word.length + 1;
  }
  return ports;
};

const portList: ValueType<readonly PortRange[]> = {
  syntax: 'port[:port][,port[:port]]…',
  words: 1,
  parse: parsePorts,
  print: (value) => value.map((range) => printPortRange(range)).join(','),
  samples: () => [
    '80',
    '80,443',
    '0,65535',
    '0:65535',
    '90,80:100,95',
    '80,80',
    '1,2,3,4,5,6,7,8,9,10,11,12,13,14,15',
    '1:2,4:5,7:8,10:11,13:14,16:17,19:20,22',
  ],
};

type Side = 'sport' | 'dport';

/** `--ports` is one port or the other, and inverted neither of them (xt_multiport.c ports_match_v1). */
const portsTest = (
  sides: readonly Side[],
  { value, inverted }: Given<readonly PortRange[]>,
  protocol: string,
): Formula => {
  const ranges = joinRanges(value);
  if (ranges.some(isWholeRange)) return inverted ? never : always;
  const tests = sides.map((side) => test(match(field(protocol, side), inverted ? '!=' : '==', portSet(ranges))));
  return inverted ? all(tests) : any(tests);
};

/** xt_multiport.c ports_match_v1: the list counts once, whichever of the ports is in it. */
const isListed = (
  sides: readonly Side[],
  { value, inverted }: Given<readonly PortRange[]>,
  context: Reading,
): Condition => {
  const ranges = value.map(({ low, high }) => interval(low, high));
  const places = { sport: transportField(context, 0, 16), dport: transportField(context, 16, 16) };
  return invertIf(inverted, anyOf(sides.map((side) => within(places[side], ranges))));
};

const nameOf = ({ selector }: RuleContext): string =>
  selector.protocol ? protocolName(selector.protocol.number) : 'th';

/** An inverted list stands behind two blanks. */
const listed = /^multiport (sports|dports|ports) {1,2}(!?)([^\s,]+(?:,[^\s,]+)*)(?= |$)/;

const listing: ListingReader = (text) => {
  const part = listed.exec(text);
  if (!part) return undefined;
  const [{ length }, which = '', inverted, ports = ''] = part;
  return { words: [...(inverted ? ['!'] : []), `--${which}`, ports], length };
};

const portsOption = (name: string, aliases: readonly string[], excludes: readonly string[], about: string) =>
  option({ name, aliases, excludes, value: portList, invertible: true, about });

export const multiport: MatchExtension = defineMatch({
  name: 'multiport',
  families: ['ip', 'ip6'],
  about: 'source or destination port in a list of ports and ranges',
  kernel: 'net/netfilter/xt_multiport.c',
  support: 'guarded',
  notes: [
    'Up to 15 ports; a range counts as two.',
    '--ports holds if either port is in the list; inverted, if neither is.',
    'iptables, with either backend, drops a packet with fewer than 4 bytes at this match and never matches later fragments, inverted or not.',
  ],
  protocols: [tcp, udp, udplite, sctp, dccp],
  options: {
    sports: portsOption('--sports', ['--sport', '--source-port', '--source-ports'], ['dports', 'ports'], 'source port'),
    dports: portsOption(
      '--dports',
      ['--dport', '--destination-port', '--destination-ports'],
      ['sports', 'ports'],
      'destination port',
    ),
    ports: portsOption('--ports', ['--port'], ['sports', 'dports'], 'source or destination port'),
  },
  atLeastOne: ['sports', 'dports', 'ports'],
  transport: () => true,
  listing,
  translate: (info, context) => {
    const protocol = nameOf(context);
    const formula = all([
      info.sports ? portsTest(['sport'], info.sports, protocol) : always,
      info.dports ? portsTest(['dport'], info.dports, protocol) : always,
      info.ports ? portsTest(['sport', 'dport'], info.ports, protocol) : always,
    ]);
    return translateHeader(formula, 4, context);
  },
  meaning: (info, context) =>
    withHeader(context, 4, [
      ...(info.sports ? [isListed(['sport'], info.sports, context)] : []),
      ...(info.dports ? [isListed(['dport'], info.dports, context)] : []),
      ...(info.ports ? [isListed(['sport', 'dport'], info.ports, context)] : []),
    ]),
});
