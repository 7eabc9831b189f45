/** Effects, verdicts and reasons as the trace words them. */
import { printAddress } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import type { Condition } from '../packet/condition.ts';
import { type Reason, whyNot } from '../packet/describe.ts';
import type { Effect, NatRange, Verdict } from '../packet/effect.ts';
import type { View } from '../packet/view.ts';
import { questionOf } from './question.ts';

export type { Reason } from '../packet/describe.ts';

/** Why a test failed; of one that this way only supposes to fail, what is not known. */
export const reasonOf = (condition: Condition, view: View): Reason =>
  (condition.kind === 'program' && condition.same && whyNot(condition.same, view)) ||
  whyNot(condition, view) || { field: questionOf(condition, view), wanted: 'yes', got: 'no' };

/** Why a packet was dropped on the spot: what holds of it. */
export const dropReason = (condition: Condition, view: View): Reason => ({
  field: questionOf(condition, view),
  wanted: 'no',
  got: 'yes',
});

const hex = (value: bigint): string => `0x${value.toString(16)}`;

const full = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

const set = ({ key, keep, flip }: Extract<Effect, { readonly kind: 'set' }>): string => {
  const name = key.replaceAll('.', ' ');
  if (keep === 0n) return `set ${name} ${hex(flip)}`;
  if (BigInt.asUintN(32, keep) === full(32)) return `set ${name} to itself ^ ${hex(flip)}`;
  return `set ${name} to itself & ${hex(BigInt.asUintN(32, keep))}${flip === 0n ? '' : ` ^ ${hex(flip)}`}`;
};

const addressWords = (value: bigint, family: Family): string => printAddress(value, family);

const rangeWords = ({ address, port }: NatRange, family: Family): string => {
  const spoken = (one: bigint): string => (family === 'ip6' && port ? `[${addressWords(one, family)}]` : addressWords(one, family)); // prettier-ignore
  const addresses = address ? (address[0] === address[1] ? spoken(address[0]) : `${spoken(address[0])}-${spoken(address[1])}`) : ''; // prettier-ignore
  const ports = port ? `:${port[0] === port[1] ? port[0] : `${port[0]}-${port[1]}`}` : '';
  return `${addresses}${ports}`;
};

const log = (effect: Extract<Effect, { readonly kind: 'log' }>): string => {
  const where = effect.group === undefined ? 'log' : `log to group ${effect.group}`;
  return effect.prefix === '' ? where : `${where}, prefix ${JSON.stringify(effect.prefix)}`;
};

export const describeEffect = (effect: Effect, family: Family): string => {
  switch (effect.kind) {
    case 'set':
      return set(effect);
    case 'copy':
      return `set ${effect.key.replaceAll('.', ' ')} from ${effect.from.replaceAll('.', ' ')}`;
    case 'write':
      return `write bits ${effect.field.offset} to ${effect.field.offset + effect.field.length - 1} of ${effect.field.base}: ${hex(effect.flip)}`;
    case 'nat': {
      const to = rangeWords(effect.to, family);
      return [effect.type, ...(to === '' ? [] : ['to', to]), ...effect.flags].join(' ');
    }
    case 'log':
      return log(effect);
    case 'notrack':
      return 'notrack';
    case 'other':
      return effect.text;
  }
};

export const describeVerdict = (verdict: Verdict): string => {
  switch (verdict.kind) {
    case 'accept':
    case 'drop':
    case 'return':
    case 'continue':
      return verdict.kind;
    case 'reject':
      return `reject with ${verdict.with}`;
    case 'queue':
      return `queue to ${verdict.from === verdict.to ? verdict.from : `${verdict.from}-${verdict.to}`}${verdict.flags.map((flag) => ` ${flag}`).join('')}`;
    case 'taken':
      return `taken by ${verdict.by}`;
    case 'jump':
    case 'goto':
      return `${verdict.kind} ${verdict.chain}`;
  }
};
