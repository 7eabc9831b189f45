/** When the conntrack and state matches hold (net/netfilter/xt_conntrack.c conntrack_mt). */
import type { Given } from '../iptables/types.ts';
import type { Family } from '../netfilter/family.ts';
import { all, any, type Condition, interval, invertIf, is, no, not, within } from '../packet/condition.ts';
import { type CtState, ctStates, key } from '../packet/field.ts';
import type { MatchMeaning } from './contract.ts';
import type { State } from './conntrack.ts';
import type { Seconds } from './ctexpire.ts';
import type { StateWord, Status } from './ctvalues.ts';
import { maskedIs, resting } from './fieldtest.ts';
import type { HostMask } from './hostmask.ts';
import type { PortRange } from './ports.ts';

const numbers: Readonly<Record<State, CtState>> = {
  INVALID: 'invalid',
  NEW: 'new',
  RELATED: 'related',
  ESTABLISHED: 'established',
  UNTRACKED: 'untracked',
};

/** Bits of nf_conn.status: enum ip_conntrack_status of nf_conntrack_common.h. */
const statusBits = { EXPECTED: 1, SEEN_REPLY: 2, ASSURED: 4, CONFIRMED: 8, SNAT: 16, DNAT: 32 } as const;

const state = key('ct.state');
const status = key('ct.status');

const inStates = (states: readonly CtState[]): Condition =>
  within(
    state,
    states.map((name) => interval(ctStates[name])),
  );

/** nf_ct_get gives an entry: the packet is neither invalid nor untracked. */
export const hasEntry: Condition = inStates(['new', 'established', 'related']);

const anyBit = (mask: number): Condition => (mask === 0 ? no : within(status, [interval(1, mask)], BigInt(mask)));

const isTranslated = (word: StateWord): word is 'SNAT' | 'DNAT' => word === 'SNAT' || word === 'DNAT';

/** The state is one bit; for a packet with an entry, the bits SNAT and DNAT stand beside it in the same word. */
export const stateCondition = ({ value, inverted }: Given<readonly StateWord[]>): Condition => {
  const states = value.flatMap((word) => (isTranslated(word) ? [] : [numbers[word]]));
  const translated = value.filter(isTranslated).reduce((mask, word) => mask | statusBits[word], 0);
  return invertIf(inverted, any([inStates(states), anyBit(translated)]));
};

const tuples = [
  { name: 'ctorigsrc', key: 'ct.original.saddr' },
  { name: 'ctorigdst', key: 'ct.original.daddr' },
  { name: 'ctreplsrc', key: 'ct.reply.saddr' },
  { name: 'ctrepldst', key: 'ct.reply.daddr' },
] as const;

const ports = [
  { name: 'ctorigsrcport', key: 'ct.original.sport' },
  { name: 'ctorigdstport', key: 'ct.original.dport' },
  { name: 'ctreplsrcport', key: 'ct.reply.sport' },
  { name: 'ctrepldstport', key: 'ct.reply.dport' },
] as const;

export type ConntrackInfo = {
  readonly ctstate?: Given<readonly StateWord[]>;
  readonly ctproto?: Given<number>;
  readonly ctstatus?: Given<readonly Status[]>;
  readonly ctexpire?: Given<Seconds>;
  readonly ctdir?: Given<'original' | 'reply'>;
} & { readonly [K in (typeof tuples)[number]['name']]?: Given<HostMask> } & {
  readonly [K in (typeof ports)[number]['name']]?: Given<PortRange>;
};

const lastMillisecond = 0xffff_ffffn;

/**
 * The kernel compares whole seconds; the key counts milliseconds in 32 bits, in which 49 days are the last. A range
 * that goes on beyond them is read as one without an end.
 */
const expiry = ({ value: { low, high }, inverted }: Given<Seconds>): Condition => {
  const expiration = key('ct.expiration');
  const end = BigInt(high) * 1000n + 999n;
  const last = end > lastMillisecond ? lastMillisecond : end;
  const range = low > high ? no : within(expiration, [interval(BigInt(low) * 1000n, last)]);
  return resting(invertIf(inverted, range), expiration, 'soon-expired');
};

/** What the options other than --ctstate ask of the entry; each stands alone with its own inversion. */
const entryConditions = (info: ConntrackInfo, family: Family): readonly Condition[] => {
  const { ctproto, ctstatus, ctexpire, ctdir } = info;
  const out: Condition[] = [];
  if (ctdir) out.push(is(key('ct.direction'), ctdir.value === 'original' ? 0 : 1));
  for (const { name, key: stem } of tuples) {
    const given = info[name];
    if (!given) continue;
    const { address, mask } = given.value;
    const field = key(`${stem}${family === 'ip' ? 4 : 6}`);
    out.push(invertIf(given.inverted, maskedIs(field, { value: address & mask, mask })));
  }
  if (ctproto) out.push(invertIf(ctproto.inverted, is(key('ct.protocol'), ctproto.value)));
  for (const { name, key: field } of ports) {
    const given = info[name];
    // Protocols without ports have zero in these fields of their tuples.
    if (given) out.push(invertIf(given.inverted, within(key(field), [interval(given.value.low, given.value.high)])));
  }
  if (ctstatus) {
    const mask = ctstatus.value.reduce((bits, word) => bits | statusBits[word], 0);
    out.push(invertIf(ctstatus.inverted, anyBit(mask)));
  }
  if (ctexpire) out.push(expiry(ctexpire));
  return out;
};

/** Without an entry --ctstate alone decides; without --ctstate nothing does, and the match fails. */
export const conntrackMeaning = (info: ConntrackInfo, family: Family): MatchMeaning => {
  const entry = entryConditions(info, family);
  if (!info.ctstate) return { condition: all([hasEntry, ...entry]) };
  const states = stateCondition(info.ctstate);
  return { condition: entry.length === 0 ? states : all([states, any([not(hasEntry), all(entry)])]) };
};
