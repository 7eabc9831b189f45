/** The ah match of IPv6: ip6t_ah.c ah_mt6. */
import type { Given } from '../iptables/types.ts';
import { ah } from '../netfilter/protocols.ts';
import { all, any, type Condition, invertIf, is, no, not, present, unmodelled } from '../packet/condition.ts';
import { key, payload } from '../packet/field.ts';
import type { MatchMeaning } from './contract.ts';
import { inRange, programCondition, type Reading, transportStart } from './meaning.ts';
import type { NumberRange } from './numberrange.ts';

export interface AhInfo {
  readonly spi?: Given<NumberRange>;
  readonly length?: Given<number>;
  readonly reserved?: Given<true>;
}

/** Where nf_tables finds the header, whoever runs the match. */
const nftReading: Reading = { family: 'ip6', backend: 'nft' };

const ip6Header = 40;
const hopByHop = 0;
const routing = 43;
const fragment = 44;
const destination = 60;

/** ipv6_find_hdr for an authentication header: whether the packet ends inside one of the headers in front of it. */
const endsInChain = (bytes: Uint8Array): boolean => {
  let next = bytes[6] ?? 0;
  let start = ip6Header;
  while (next === hopByHop || next === routing || next === fragment || next === destination || next === ah) {
    if (start + (next === fragment || next === routing ? 4 : 2) > bytes.length) return true;
    const offset = ((bytes[start + 2] ?? 0) << 8) | ((bytes[start + 3] ?? 0) & 0xf8);
    if (next === ah || (next === fragment && offset !== 0)) return false;
    const length = next === fragment ? 8 : ((bytes[start + 1] ?? 0) + 1) * 8;
    next = bytes[start] ?? 0;
    start += length;
  }
  return false;
};

/** nf_tables finds no protocol either; but it finds none in a later fragment with more headers, which is no end. */
const broken: Condition = programCondition(
  'ip6 header chain cut short',
  endsInChain,
  all([not(present(key('l4proto'))), any([not(present(key('exthdr.44.16.13'))), is(key('exthdr.44.16.13'), 0)])]),
  // A second fragment header is the one thing of which the condition says something else.
  ['whole-headers'],
);

/** Kernels of 2026 drop a packet without the length that the header gives, older ones want 12 bytes of it. */
const cutShort: Condition = all([
  programCondition(
    'ah header cut short',
    (bytes) => {
      const start = transportStart(nftReading, bytes);
      return start + ((bytes[start + 1] ?? 0) + 2) * 4 > bytes.length;
    },
    no,
    ['whole-headers'],
  ),
  unmodelled('an authentication header that is cut short, which only newer kernels drop'),
]);

/**
 * The module finds the first authentication header wherever it is in the chain, by a walk that goes as far as that of
 * nf_tables: that one ends there, and calls it the transport header.
 */
export const ip6AhMeaning = ({ spi, length, reserved }: AhInfo): MatchMeaning => {
  const header = payload('th', 0, 96);
  const isAh = is(key('l4proto'), ah);
  // The length counts words less two; a length of 0 is no question, inverted or not.
  const words = (length?.value ?? 0) / 4 - 2;
  const fits = Number.isInteger(words) && words >= 0 && words <= 255 ? is(payload('th', 8, 8), words) : no;
  return {
    hotdrop: any([broken, all([isAh, not(present(header))]), all([isAh, present(header), cutShort])]),
    condition: all([
      isAh,
      present(header),
      ...(spi ? [inRange(payload('th', 32, 32), spi)] : []),
      ...(length && length.value !== 0 ? [invertIf(length.inverted, fits)] : []),
      ...(reserved ? [is(payload('th', 16, 16), 0)] : []),
    ]),
  };
};
