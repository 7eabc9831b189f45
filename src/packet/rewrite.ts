/** What an effect does to a packet on its way: its keys, its bytes and their checksums. */
import { readBits, writeBits } from './bits.ts';
import { withChecksums } from './checksumupdate.ts';
import type { Effect } from './effect.ts';
import { bitsOf, ctStates } from './field.ts';
import type { PayloadField } from './field.ts';
import { translateAddresses } from './nat.ts';
import type { NatContext } from './nat.ts';
import { baseOf, changeBytes, isBlurred, markBytes, setKey, slotOf, touched, valueAt } from './view.ts';
import type { View } from './view.ts';

/**
 * `done`: the view is as it is behind the effect, with unknown where nobody can know. `absent`: the effect would have
 * read or written what this packet has not; nothing has changed. What that means for the rule is its semantics' business.
 */
export type Applied = 'done' | 'absent';

/** A key's value of `bits` bits in the form that packets have it. */
const asValue = (value: bigint, bits: number): number | bigint => {
  const cut = BigInt.asUintN(bits, value);
  return bits <= 48 ? Number(cut) : cut;
};

type NumberLike = number | bigint | null | undefined;

const numberAt = (view: View, key: string): NumberLike => {
  const value = valueAt(view, slotOf(key));
  return typeof value === 'string' ? undefined : value;
};

/** What `keep` leaves of a value; known even of an unknown one if nothing is kept. */
const kept = (value: number | bigint | undefined, keep: bigint): bigint | undefined =>
  keep === 0n ? 0n : value === undefined ? undefined : BigInt(value) & keep;

/** Gives a key (old & keep) ^ with. Without a conntrack entry there is nothing to set, and nothing happens. */
const setBits = (view: View, key: string, keep: bigint, flip: bigint | undefined): Applied => {
  const old = numberAt(view, key);
  if (old === null) return 'done';
  const bits = bitsOf({ kind: 'key', key });
  const rest = kept(old, BigInt.asUintN(bits, keep));
  setKey(view, key, rest === undefined || flip === undefined ? undefined : asValue(rest ^ flip, bits));
  return 'done';
};

type Copy = Extract<Effect, { readonly kind: 'copy' }>;

const copyBits = (view: View, { key, from, keep, take, shift }: Copy): Applied => {
  const source = numberAt(view, from);
  if (source === null) return 'absent';
  const taken = kept(source, take);
  const moved = taken === undefined ? undefined : shift >= 0 ? taken << BigInt(shift) : taken >> BigInt(-shift);
  return setBits(view, key, keep, moved);
};

const writeField = (view: View, field: PayloadField, keep: bigint, flip: bigint): Applied => {
  const at = baseOf(view, field.base);
  if (!at) return 'absent';
  const [from, to] = touched(field, at.start);
  if (to > at.bytes.length) return 'absent';
  const offset = at.start * 8 + field.offset;
  const all = (1n << BigInt(field.length)) - 1n;
  const change = (bytes: Uint8Array): void => {
    const old = BigInt(readBits(bytes, offset, field.length));
    writeBits(bytes, offset, field.length, (old & keep) ^ (flip & all));
  };
  if (field.base === 'll') {
    // `bytes` is a copy of the whole frame here.
    change(at.bytes);
    view.link = at.bytes.slice(0, view.link?.length);
    return 'done';
  }
  const blurred = isBlurred(view, from, to);
  changeBytes(view, () => withChecksums(view, change));
  if (blurred && (keep & all) === 0n && field.offset % 8 === 0 && field.length % 8 === 0)
    markBytes(view, from, to, true);
  return 'done';
};

/** Changes the view. Logging and everything else without a trace in the packet changes nothing: the walker records it. */
export const applyEffect = (view: View, effect: Effect, context: NatContext = {}): Applied => {
  switch (effect.kind) {
    case 'set':
      return setBits(view, effect.key, effect.keep, effect.flip);
    case 'copy':
      return copyBits(view, effect);
    case 'write':
      return writeField(view, effect.field, effect.keep, effect.flip);
    case 'nat':
      translateAddresses(view, effect, context);
      return 'done';
    case 'notrack':
      setKey(view, 'ct.state', ctStates.untracked);
      return 'done';
    case 'log':
    case 'other':
      return 'done';
  }
};
