/** state.json: which generation is loaded, which was confirmed last, which waits. The kernel wins where it disagrees. */
import { count, isObject, type Json, property, textOf } from '../nftables/json.ts';
import { readText, writeDurably } from './disk.ts';
import { type Paths, stateFile } from './paths.ts';

export interface Pending {
  readonly id: string;
  readonly generation: number;
  /** What comes back if nobody confirms; null if there was no guard. */
  readonly previous: number | null;
  /** For people: the timer does not look at it. ISO 8601. */
  readonly deadline: string;
}

export interface State {
  readonly schemaVersion: 1;
  readonly current: number | null;
  /** Confirmed, and what rollback goes back to. */
  readonly good: number | null;
  readonly pending: Pending | null;
}

export const noState: State = { schemaVersion: 1, current: null, good: null, pending: null };

const numberOrNull = (value: Json | undefined): number | null | undefined => {
  if (value === null) return null;
  const number = count(value);
  return number !== undefined && number > 0 ? number : undefined;
};

const pendingIn = (value: Json | undefined): Pending | null | undefined => {
  if (value === null) return null;
  const [id, deadline] = [textOf(value, 'id'), textOf(value, 'deadline')];
  const generation = numberOrNull(property(value, 'generation'));
  const previous = numberOrNull(property(value, 'previous'));
  if (id === undefined || deadline === undefined || typeof generation !== 'number' || previous === undefined)
    return undefined;
  return { id, generation, previous, deadline };
};

/** undefined if the text is no state of a version that is known. */
export const parseState = (text: string): State | undefined => {
  let value: Json;
  try {
    // What JSON.parse gives is Json.
    value = JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
  if (!isObject(value) || property(value, 'schemaVersion') !== 1) return undefined;
  const current = numberOrNull(property(value, 'current'));
  const good = numberOrNull(property(value, 'good'));
  const pending = pendingIn(property(value, 'pending'));
  if (current === undefined || good === undefined || pending === undefined) return undefined;
  return { schemaVersion: 1, current, good, pending };
};

export type StateOnDisk =
  { readonly kind: 'state'; readonly state: State } | { readonly kind: 'missing' } | { readonly kind: 'damaged' };

export const readState = (paths: Paths): StateOnDisk => {
  const text = readText(stateFile(paths));
  if (text === undefined) return { kind: 'missing' };
  const state = parseState(text);
  return state ? { kind: 'state', state } : { kind: 'damaged' };
};

export const writeState = (paths: Paths, state: State): void =>
  writeDurably(stateFile(paths), `${JSON.stringify(state, null, 2)}\n`);
