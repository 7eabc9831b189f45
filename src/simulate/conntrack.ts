/** Where conntrack stands in the hooks, and what a packet is before it has passed it (nf_conntrack_proto.c). */
import { ctStates } from '../packet/field.ts';
import { setKey, slotOf, valueAt, type View } from '../packet/view.ts';
import { deviceName } from './devices.ts';

/** NF_IP_PRI_CONNTRACK, in prerouting and output. */
export const conntrackPriority = -200;

const stateSlot = slotOf('ct.state');

/** A packet that came over the loopback device has met conntrack when it was sent. */
const hasMet = (view: View): boolean => deviceName(view, 'i') === 'lo';

/** In front of conntrack a packet has no entry, which rules see as the state invalid. */
export const beforeConntrack = (view: View): void => {
  if (!hasMet(view)) setKey(view, 'ct.state', ctStates.invalid);
};

/** Gives the packet the entry that it was said to have, unless a rule has said notrack. */
export const meetConntrack = (view: View): 'untracked' | 'tracked' => {
  if (valueAt(view, stateSlot) === ctStates.untracked) return 'untracked';
  const given = view.packet.keys.get('ct.state');
  if (valueAt(view, stateSlot) !== given || given === undefined) setKey(view, 'ct.state', given);
  return 'tracked';
};

/** The state, or undefined if nobody knows it. */
export const ctState = (view: View): number | undefined => {
  const state = valueAt(view, stateSlot);
  return typeof state === 'number' ? state : undefined;
};
