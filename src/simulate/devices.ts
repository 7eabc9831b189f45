/** The devices of a packet at each hook: what the packet says of both, and which of them the kernel knows there. */
import type { Hook } from '../netfilter/hooks.ts';
import { setKey, slotOf, valueAt, type View } from '../packet/view.ts';

type Way = 'i' | 'o';

const nameSlots = { i: slotOf('iifname'), o: slotOf('oifname') } as const;

/** The name of a device as the rules see it; empty where there is none, undefined where nobody knows it. */
export const deviceName = (view: View, way: Way): string | undefined => {
  const value = valueAt(view, nameSlots[way]);
  return typeof value === 'string' ? value : value === null ? '' : undefined;
};

/** The name that the packet was given; undefined where it was given none. */
export const givenDevice = (view: View, way: Way): string | undefined => {
  const value = view.packet.keys.get(`${way}ifname`);
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/** nft_meta.c without a device: an empty name and index 0; type, group and kind are not there. */
const withoutDevice = (view: View, way: Way): void => {
  if (deviceName(view, way) === '') return;
  setKey(view, `${way}ifname`, '');
  setKey(view, `${way}if`, 0);
  for (const name of ['type', 'group', 'kind']) setKey(view, `${way}if${name}`, null);
};

/** A device by its name. What else there is to know of it is known only of the one that the packet was given. */
export const setDevice = (view: View, way: Way, name: string | undefined): void => {
  const same = name !== undefined && name === givenDevice(view, way);
  if (deviceName(view, way) === name && !same) return;
  setKey(view, `${way}ifname`, name);
  for (const rest of ['if', 'iftype', 'ifgroup', 'ifkind']) {
    const given = same ? view.packet.keys.get(`${way}${rest}`) : undefined;
    setKey(view, `${way}${rest}`, given === null || given === 0 ? undefined : given);
  }
};

/** Takes away the device that the kernel does not know at the hook (net/ipv4/ip_input.c, ip_output.c). */
export const enterHook = (view: View, hook: Hook): void => {
  if (hook === 'prerouting' || hook === 'input') withoutDevice(view, 'o');
  else if (hook === 'output') withoutDevice(view, 'i');
};
