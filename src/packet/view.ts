/**
 * A packet on its way: what rules read and change. Bytes are shared with the packet until the first write; keys are
 * numbered once for all, so that a condition finds a value without looking up a name.
 */
import type { Family } from '../netfilter/family.ts';
import { hasBits, readBits } from './bits.ts';
import { derivation } from './derived.ts';
import { ctStates, keyInfo } from './field.ts';
import type { Field, KeyInfo, PayloadField } from './field.ts';
import type { Predicate } from './condition.ts';
import { headersOf, startIndex } from './headers.ts';
import type { Headers } from './headers.ts';
import type { KeyValue, Packet } from './packet.ts';

/** Answers to predicates by `oracleKey`; one that is not there is unknown. */
export type Oracle = ReadonlyMap<string, boolean>;

/** Only a stateful predicate has instances: two limits of one rate do not share their bucket. */
export const oracleKey = ({ id, stateful }: Predicate, instance = 0): string => (stateful ? `${id}#${instance}` : id);

/** Undefined: nobody has said. Null: the packet has none. */
type Value = KeyValue | undefined;

/** Marks a slot that has not been asked for yet. */
const unread: unique symbol = Symbol('unread');

/** Change it with the functions below only. */
export interface View {
  readonly packet: Packet;
  readonly family: Family;
  readonly oracle: Oracle;
  bytes: Uint8Array;
  headers: Headers;
  /** The Ethernet header: empty where there is none, undefined where that is not known. */
  link: Uint8Array | undefined;
  /** Whether `bytes` and `unknown` belong to this view alone. */
  owned: boolean;
  /** One byte for each of `bytes`, 1 where its value is not known any more (an address that NAT chose). */
  unknown: Uint8Array | undefined;
  /** By slot; sparse at the end. */
  readonly values: (Value | typeof unread)[];
}

interface Slot {
  readonly key: string;
  readonly info: KeyInfo | undefined;
}

const slots: Slot[] = [];
/** The values of a packet of which nothing has been asked. */
const untouched: (typeof unread)[] = [];
const slotByKey = new Map<string, number>();
/** Keys that only a packet with a conntrack entry has. */
const trackedSlots: number[] = [];

/** The number of a key, for `valueAt`. Numbers are given on demand and stay. */
export const slotOf = (key: string): number => {
  const known = slotByKey.get(key);
  if (known !== undefined) return known;
  const slot = slots.length;
  const info = keyInfo(key);
  slots.push({ key, info });
  if (info?.presence === 'tracked') trackedSlots.push(slot);
  untouched.push(unread);
  slotByKey.set(key, slot);
  return slot;
};

const stateSlot = slotOf('ct.state');
const noAnswers: Oracle = new Map();

/** A packet before its first rule. */
export const viewOf = (packet: Packet, oracle: Oracle = noAnswers): View => ({
  packet,
  family: packet.family,
  oracle,
  bytes: packet.bytes,
  headers: headersOf(packet.family, packet.bytes),
  link: packet.link,
  owned: false,
  unknown: undefined,
  values: untouched.slice(),
});

/** The same packet at the same place, to go another way: changes to the one do not touch the other. */
export const forkOf = (view: View): View => {
  view.owned = false;
  return { ...view, values: [...view.values] };
};

/** Whether there is a conntrack entry; undefined if the state is not known. */
const isTracked = (view: View): boolean | undefined => {
  const state = valueAt(view, stateSlot);
  return state === undefined ? undefined : state !== ctStates.invalid && state !== ctStates.untracked;
};

/** A tracked key has no value without an entry, whatever the packet says, and one that nobody knows with an entry. */
const firstValue = (view: View, slot: number): Value => {
  const { key, info } = slots[slot] as Slot;
  const given = view.packet.keys.get(key);
  return info?.presence === 'tracked' && isTracked(view) === false ? null : given;
};

/** The value of a key that the bytes do not answer. */
export const valueAt = (view: View, slot: number): Value => {
  const value = view.values[slot];
  if (value !== unread && slot < view.values.length) return value;
  while (view.values.length <= slot) view.values.push(unread);
  const first = firstValue(view, slot);
  view.values[slot] = first;
  return first;
};

/** Whether the packet has the key at all; undefined if that is not known either. */
export const hasKey = (view: View, slot: number): boolean | undefined => {
  const value = valueAt(view, slot);
  if (value !== undefined) return value !== null;
  const presence = slots[slot]?.info?.presence;
  return presence === 'always' ? true : presence === 'tracked' ? isTracked(view) : undefined;
};

/** Changes a key; undefined makes it unknown. What depends on `ct.state` follows it. */
export const setKey = (view: View, key: string, value: Value): void => {
  const slot = slotOf(key);
  valueAt(view, slot);
  view.values[slot] = value;
  if (slot !== stateSlot) return;
  const gone = isTracked(view) === false;
  for (const at of trackedSlots) {
    if (at >= view.values.length) continue;
    if (gone) view.values[at] = null;
    else if (view.values[at] === null) view.values[at] = unread;
  }
};

const own = (view: View): void => {
  if (view.owned) return;
  view.bytes = view.bytes.slice();
  view.unknown = view.unknown?.slice();
  view.owned = true;
};

/** Makes `change` to the bytes, which become the view's own, and finds the headers again. */
export const changeBytes = (view: View, change: (bytes: Uint8Array) => void): void => {
  own(view);
  change(view.bytes);
  view.headers = headersOf(view.family, view.bytes);
};

/** Says of bytes from `from` to before `to` whether they are known; what says where headers are has to stay known. */
export const markBytes = (view: View, from: number, to: number, known: boolean): void => {
  if (known && !view.unknown) return;
  own(view);
  view.unknown ??= new Uint8Array(view.bytes.length);
  view.unknown.fill(known ? 0 : 1, from, to);
  if (known && !view.unknown.includes(1)) view.unknown = undefined;
};

/** Whether one of the bytes from `from` to before `to` is not known. */
export const isBlurred = ({ unknown }: View, from: number, to: number): boolean =>
  unknown !== undefined && unknown.subarray(from, to).includes(1);

/** Bytes and offset of a payload field's base; undefined where there is none, null where it is not known. */
export const baseOf = (
  view: View,
  base: 'll' | keyof typeof startIndex,
): { readonly bytes: Uint8Array; readonly start: number } | undefined | null => {
  if (base !== 'll') {
    const start = view.headers.starts[startIndex[base]];
    return start < 0 ? undefined : { bytes: view.bytes, start };
  }
  const { link } = view;
  if (!link) return null;
  if (link.length === 0) return undefined;
  // The network header follows the Ethernet header in memory, and a load may go on into it.
  const frame = new Uint8Array(link.length + view.bytes.length);
  frame.set(link);
  frame.set(view.bytes, link.length);
  return { bytes: frame, start: 0 };
};

/** The bytes that a field touches, from the first to before the last, where its base starts at `start`. */
export const touched = ({ offset, length }: PayloadField, start: number): readonly [from: number, to: number] => [
  start + (offset >> 3),
  start + ((offset + length + 7) >> 3),
];

/** The value of any field, for effects and for words; undefined if it is unknown, null if the packet has none. */
export const valueOf = (view: View, field: Field): Value => {
  if (field.kind === 'key') {
    const derived = derivation(field.key);
    return derived ? derived(view) : valueAt(view, slotOf(field.key));
  }
  const at = baseOf(view, field.base);
  if (!at) return at === null ? undefined : null;
  if (!hasBits(at.bytes, at.start, field.offset, field.length)) return null;
  if (field.base !== 'll' && isBlurred(view, ...touched(field, at.start))) return undefined;
  return readBits(at.bytes, at.start * 8 + field.offset, field.length);
};
