/** The tcp and tcpmss matches: xt_tcpudp.c tcp_mt and xt_tcpmss.c tcpmss_mt. */
import type { Given } from '../iptables/types.ts';
import { all, any, type Condition, interval, invertIf, is, no, not, within } from '../packet/condition.ts';
import { key } from '../packet/field.ts';
import type { MatchMeaning } from './contract.ts';
import {
  atStart,
  fragmentOffset,
  hasHeader,
  portConditions,
  type PortInfo,
  programCondition,
  type Reading,
  readsFragment,
  transportField,
} from './meaning.ts';
import { asksFlags, asksPorts, flagsCondition, nativeFlags, nativePorts } from './nativemeaning.ts';
import type { NumberRange } from './numberrange.ts';
import type { FlagsMask } from './tcpflags.ts';
import { hasTcpOption, hasWholeTcpHeader, maximumSegment } from './tcpscan.ts';

interface TcpInfo extends PortInfo {
  readonly syn?: Given<FlagsMask>;
  readonly flags?: Given<FlagsMask>;
  readonly option?: Given<number>;
}

const fixedLength = 20;

const hasOption = ({ value, inverted }: Given<number>, context: Reading): Condition =>
  invertIf(
    inverted,
    programCondition(
      `tcp option ${value}`,
      (bytes) => hasTcpOption(value, context, bytes),
      is(key(`tcpopt.${value}.exists`), 1),
      ['well-formed-options'],
    ),
  );

const moduleMeaning = (info: TcpInfo, context: Reading): MatchMeaning => {
  const { option } = info;
  const flags = info.syn ?? info.flags;
  const start = atStart(context);
  // Counted in bytes, as ip6_tables does, no offset is 1.
  const overlapping = context.family === 'ip' ? is(fragmentOffset(context), 1) : no;
  const short = all([start, not(hasHeader(context, fixedLength))]);
  const before = all([
    start,
    hasHeader(context, fixedLength),
    ...portConditions(context, info),
    ...(flags ? [flagsCondition(transportField(context, 104, 8), flags)] : []),
  ]);
  if (!option) return { hotdrop: any([overlapping, short]), condition: before };
  // The options are looked at last, and only then whether they are all there.
  const whole = hasWholeTcpHeader(context);
  return {
    hotdrop: any([overlapping, short, all([before, not(whole)])]),
    condition: all([before, whole, hasOption(option, context)]),
  };
};

/** iptables-nft keeps the module where nothing is asked, and with --tcp-option (iptables/nft.c add_nft_tcp). */
export const tcpMeaning = (info: TcpInfo, context: Reading): MatchMeaning => {
  const flags = info.syn ?? info.flags;
  const isNative = context.backend === 'nft' && !info.option && (asksPorts(info) || asksFlags(flags));
  return isNative ? { condition: all([...nativeFlags(flags), ...nativePorts(info)]) } : moduleMeaning(info, context);
};

/** Without the option the answer is no, and inverted yes. A header that is not whole drops the packet. */
export const tcpmssMeaning = (mss: Given<NumberRange> | undefined, context: Reading): MatchMeaning => {
  const reads = readsFragment(context);
  const whole = hasWholeTcpHeader(context);
  const { low, high } = mss?.value ?? { low: 0, high: 0xffff };
  const size = programCondition(
    `tcp maximum segment size ${low}:${high}`,
    (bytes) => {
      const found = maximumSegment(context, bytes);
      return found !== undefined && found >= low && found <= high;
    },
    within(key('tcpopt.2.16.16'), [interval(low, high)]),
    // nft sees no options in later fragments, so that no key says what the module reads there.
    ['whole-headers', 'well-formed-options'],
  );
  return {
    hotdrop: all([reads, not(whole)]),
    condition: all([reads, whole, ...(mss ? [invertIf(mss.inverted, size)] : [])]),
  };
};
