/**
 * What a rule does with packets that are cut short and with later fragments, worked out from its meaning: its tests
 * are gone through under the supposition that bytes are missing.
 */
import type { Family } from '../netfilter/family.ts';
import { type Condition, no } from '../packet/condition.ts';
import type { PayloadField } from '../packet/field.ts';
import type { Step } from '../packet/program.ts';
import { payloadsIn, protocolKeys, suppose, type Supposition, wholePacket } from './suppose.ts';

/** `as-usual`: the bytes that are there decide. `without-looking`: they would, and the test of what is missing holds. */
export type Match = 'never' | 'as-usual' | 'without-looking';

export interface Outcome {
  readonly match: Match;
  /** Packets that are dropped on the spot: all that come so far, or those that meet a condition. */
  readonly dropped: 'none' | 'all' | Condition;
  /** Whether bytes behind the IP header decide. */
  readonly reads: boolean;
}

const readsTransport = (condition: Condition): boolean =>
  condition.kind === 'program' || payloadsIn(condition).some(({ base }) => base !== 'nh' && base !== 'll');

/** How packets under the supposition fare that meet everything else that the rule asks. */
export const outcomeOf = (steps: readonly Step[], supposed: Supposition): Outcome => {
  const whole = wholePacket(supposed.family);
  let dropped: Outcome['dropped'] = 'none';
  let reads = false;
  let match: Match = 'as-usual';
  for (const step of steps) {
    if (step.kind !== 'test' && step.kind !== 'hotdrop') continue;
    const left = suppose(step.condition, supposed);
    const isNo = left.kind === 'constant' && !left.value;
    const isYes = left.kind === 'constant' && left.value;
    if (step.kind === 'test') {
      if (isNo) return { match: 'never', dropped, reads };
      reads ||= readsTransport(left);
      if (isYes && suppose(step.condition, whole).kind !== 'constant') match = 'without-looking';
    } else if (isYes) return { match: 'never', dropped: 'all', reads };
    else if (!isNo && dropped === 'none') dropped = left;
  }
  return { match, dropped, reads };
};

/** Packets with so many bytes behind the IP header, or in all; both ends belong to it. */
export interface ShortPacket {
  readonly of: 'transport' | 'packet';
  readonly low: number;
  readonly high: number;
  readonly outcome: Outcome;
}

const conditionsOf = (steps: readonly Step[]): readonly Condition[] =>
  steps.flatMap((step) => (step.kind === 'test' || step.kind === 'hotdrop' ? [step.condition] : []));

const endOf = ({ offset, length }: PayloadField): number => Math.ceil((offset + length) / 8);

const isTransport = ({ base }: PayloadField): boolean => base === 'th' || base === 'xt';

/** Bytes of the network header that every packet has which the stack lets in. */
const sureBytes: Readonly<Record<Family, number>> = { ip: 20, ip6: 40 };

const sameOutcome = (a: Outcome, b: Outcome): boolean =>
  a.match === b.match && a.dropped === b.dropped && (a.match === 'never' || a.reads === b.reads);

/** The lengths between the ends of fields, each with what happens to packets of that length. */
const segments = (
  steps: readonly Step[],
  family: Family,
  of: ShortPacket['of'],
  concerned: (field: PayloadField) => boolean,
  least: number,
): readonly ShortPacket[] => {
  const fields = conditionsOf(steps).flatMap(payloadsIn).filter(concerned);
  const ends = [...new Set(fields.map(endOf))].filter((end) => end > least).toSorted((a, b) => a - b);
  const whole = outcomeOf(steps, wholePacket(family));
  const out: ShortPacket[] = [];
  let low = least;
  for (const end of ends) {
    const has = (field: PayloadField): boolean => !concerned(field) || endOf(field) <= low;
    const outcome = outcomeOf(steps, { ...wholePacket(family), has });
    const last = out.at(-1);
    if (last && sameOutcome(last.outcome, outcome)) out[out.length - 1] = { ...last, high: end - 1 };
    else out.push({ of, low, high: end - 1, outcome });
    low = end;
  }
  return out.filter(({ outcome }) => !sameOutcome(outcome, whole));
};

export interface Edges {
  /** Whether a byte behind the IP header is asked for at all. */
  readonly reads: boolean;
  readonly short: readonly ShortPacket[];
  /** What happens to a later fragment, on kernels that do not load its bytes as a header and on those that do. */
  readonly fragment: { readonly plain: Outcome; readonly quirk: Outcome };
  /** IPv6: packets whose chain of extension headers is broken, where they are dropped. */
  readonly broken?: Outcome;
}

export const edgesOf = (steps: readonly Step[], family: Family): Edges => {
  const later = (quirk: boolean): Outcome =>
    outcomeOf(steps, { family, fragment: 'later', quirk, has: () => undefined, absent: new Set() });
  const least = sureBytes[family];
  const asksChain = conditionsOf(steps).some((condition) => JSON.stringify(condition, (_key, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)).includes('"xtproto"')); // prettier-ignore
  const broken = family === 'ip6' && asksChain ? { broken: outcomeOf(steps, { ...wholePacket(family), has: (field) => !isTransport(field), absent: protocolKeys }) } : {}; // prettier-ignore
  return {
    reads: outcomeOf(steps, wholePacket(family)).reads,
    short: [
      ...segments(steps, family, 'transport', isTransport, 0),
      ...segments(steps, family, 'packet', ({ base }) => base === 'nh', least),
    ],
    fragment: { plain: later(false), quirk: later(true) },
    ...broken,
  };
};

const isUnknown = (condition: Condition): boolean => {
  switch (condition.kind) {
    case 'unmodelled':
      return true;
    case 'not':
      return isUnknown(condition.of);
    case 'all':
    case 'any':
      return condition.of.some(isUnknown);
    default:
      return false;
  }
};

/** Whether a part of the rule has no model, so that nothing is certain about its edges. */
export const hasUnknown = (steps: readonly Step[]): boolean =>
  steps.some((step) => step.kind === 'unmodelled') || conditionsOf(steps).some(isUnknown);

/** The tests of a rule as they are for a whole packet, without those that always hold then. */
export const wholeTests = (steps: readonly Step[], family: Family): readonly Condition[] =>
  steps.flatMap((step): readonly Condition[] => {
    if (step.kind !== 'test') return [];
    const left = suppose(step.condition, wholePacket(family));
    // A rule about fragments never matches a whole packet: then its tests are said as they are.
    if (left === no || (left.kind === 'constant' && !left.value)) return [step.condition];
    return left.kind === 'constant' ? [] : left.kind === 'all' ? left.of : [left];
  });
