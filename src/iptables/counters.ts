/** Packet and byte counters as the various outputs of iptables write them. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Counters } from './types.ts';
import { errorAt, type Line } from './words.ts';

const bracketed = /^\[(\d{1,20}):(\d{1,20})\]/;

/** `[packets:bytes]` at the start of a text. */
export const parseCounters = (text: string): Counters | undefined => {
  const found = bracketed.exec(text);
  return found ? { packets: Number(found[1]), bytes: Number(found[2]) } : undefined;
};

export interface Leading {
  readonly counters?: Counters;
  /** Where the command starts in the line, counted from 0. */
  readonly from: number;
}

/** The counters in front of a rule's `-A`, where there are some. */
export const leadingCounters = (line: Line, from = 0): Leading | Diagnostic => {
  if (line.text[from] !== '[') return { from };
  const counters = parseCounters(line.text.slice(from));
  if (counters) return { counters, from: line.text.indexOf(']', from) + 1 };
  const place = { column: from + 1, length: Math.max(1, line.text.indexOf(' ', from) - from) };
  return errorAt(line, place, 'bad-counters', 'these are no counters', 'write [packets:bytes] -A …');
};

const units: Readonly<Record<string, number>> = { K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** A counter of a listing: `8115K`, rounded to thousands where it has more than five digits. */
export const parseRounded = (text: string): number | undefined => {
  const found = /^(\d{1,20})([KMGT]?)$/.exec(text);
  return found ? Number(found[1]) * (units[found[2] ?? ''] ?? 1) : undefined;
};
