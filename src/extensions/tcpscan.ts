/** How xt_tcpudp.c and xt_tcpmss.c look for TCP options in the bytes of a packet, and what they drop beforehand. */
import { all, any, type Condition, is } from '../packet/condition.ts';
import { hasHeader, type Reading, transportField, transportStart } from './meaning.ts';

const fixedLength = 20;
const maximumSegmentSize = 2;

/** The header says that it has at least 20 bytes, and all that it says are there. */
export const hasWholeTcpHeader = (context: Reading): Condition =>
  any(
    Array.from({ length: 11 }, (_, i) => i + 5).map((words) =>
      all([is(transportField(context, 96, 4), words), hasHeader(context, words * 4)]),
    ),
  );

interface Options {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** Where the options are; they are taken to be there. */
const optionsOf = (context: Reading, bytes: Uint8Array): Options => {
  const start = transportStart(context, bytes);
  const to = start + ((bytes[start + 12] ?? 0) >> 4) * 4;
  return { bytes, from: start + fixedLength, to: start < 0 ? start : Math.min(to, bytes.length) };
};

/**
 * Every place where an option begins. The kernel goes on behind an end-of-options byte, takes an option of length 0
 * for one byte, and does not mind an option that goes beyond the header.
 */
const places = ({ bytes, from, to }: Options): readonly number[] => {
  const out: number[] = [];
  for (let at = from; at < to;) {
    out.push(at);
    at += (bytes[at] ?? 0) < 2 || at + 1 === to ? 1 : (bytes[at + 1] ?? 0) || 1;
  }
  return out;
};

/** xt_tcpudp.c tcp_find_option */
export const hasTcpOption = (kind: number, context: Reading, bytes: Uint8Array): boolean =>
  places(optionsOf(context, bytes)).some((at) => bytes[at] === kind);

/** xt_tcpmss.c tcpmss_mt: the first maximum segment size option with the length that it must have. */
export const maximumSegment = (context: Reading, bytes: Uint8Array): number | undefined => {
  const options = optionsOf(context, bytes);
  const found = places(options).find(
    (at) => bytes[at] === maximumSegmentSize && options.to - at >= 4 && bytes[at + 1] === 4,
  );
  return found === undefined ? undefined : ((bytes[found + 2] ?? 0) << 8) | (bytes[found + 3] ?? 0);
};
