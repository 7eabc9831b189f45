/** The way of a packet through the hooks: where it starts, the routing decision, and where it leaves. */
import { printAddress } from '../netfilter/address.ts';
import type { Hook } from '../netfilter/hooks.ts';
import { is } from '../packet/condition.ts';
import { key } from '../packet/field.ts';
import { slotOf, valueAt, type View } from '../packet/view.ts';
import { beforeConntrack } from './conntrack.ts';
import { enterHook, givenDevice, setDevice } from './devices.ts';
import { addressOf, fillRouteTypes, routeTo, routeTypes } from './facts.ts';
import { runHook, type Way } from './host.ts';
import { dropped, type Ending, undecided } from './run.ts';

const daddrType = slotOf('fib.daddr.type');

/** The same question that rules ask, so that both have one answer. */
const isLocal = is(key('fib.daddr.type'), routeTypes.local);

const destinationWords = (view: View): string => {
  const address = addressOf(view, 'daddr');
  return address === undefined ? 'the new destination' : printAddress(address, view.family);
};

type Routed = 'input' | 'forward' | 'dropped' | 'unknown';

/** By its type: what ip_route_input_slow makes of it. Everything but a unicast address is for this host or for nobody. */
const byType = (type: unknown): Routed => {
  switch (type) {
    case routeTypes.unicast:
      return 'forward';
    case routeTypes.local:
    case routeTypes.broadcast:
    case routeTypes.anycast:
    case routeTypes.multicast:
      return 'input';
    default:
      return typeof type === 'number' ? 'dropped' : 'unknown';
  }
};

/** The routing decision: by what is known of the destination, by the device that the packet is said to leave through. */
const decideRoute = (way: Way): Routed => {
  const { view } = way.run;
  const known = byType(valueAt(view, daddrType));
  if (known !== 'unknown') return known;
  if (givenDevice(view, 'o') !== undefined) return 'forward';
  const local = way.run.decide?.(isLocal, way.run);
  return local === undefined ? 'unknown' : local ? 'input' : 'forward';
};

const outDevice = ({ run: { view }, host: { facts } }: Way): string | undefined => {
  const given = givenDevice(view, 'o');
  if (given !== undefined) return given;
  const address = addressOf(view, 'daddr');
  return address === undefined ? undefined : routeTo(address, facts)?.device;
};

const isFragment = ({ family, bytes, headers }: View): boolean =>
  family === 'ip' && (headers.fragoff !== 0 || ((bytes[6] ?? 0) & 0x20) !== 0);

/** net/ipv4/ip_input.c ip_local_deliver keeps a fragment until the others are there. */
const reassembled: Ending = { kind: 'taken', by: 'reassembly: its datagram meets input when it is whole' };

const route = (way: Way): Ending => {
  const { run, trace } = way;
  const next = decideRoute(way);
  switch (next) {
    case 'unknown':
      return undecided;
    case 'dropped':
      trace?.kernel(`routing: there is no route to ${destinationWords(run.view)}`);
      return dropped;
    case 'input':
      trace?.kernel(`routing: ${destinationWords(run.view)} is delivered to this host`);
      return isFragment(run.view) ? reassembled : goThrough('input', way);
    case 'forward': {
      setDevice(run.view, 'o', outDevice(way));
      const out = outDevice(way);
      trace?.kernel(`routing: ${destinationWords(run.view)} is forwarded${out === undefined ? '' : ` to ${out}`}`);
      return goThrough('forward', way);
    }
  }
};

/** The rest of the way from a hook on. */
const goThrough = (hook: Hook, way: Way): Ending => {
  enterHook(way.run.view, hook);
  if (hook === 'input' && isFragment(way.run.view))
    way.trace?.kernel('no rule of input sees a fragment: the kernel puts the datagram together before');
  const ending = runHook(hook, way);
  if (ending.kind !== 'accept') return ending;
  switch (hook) {
    case 'prerouting':
      return route(way);
    case 'forward':
    case 'output':
      return goThrough('postrouting', way);
    case 'input':
    case 'postrouting':
      return ending;
  }
};

/** The whole way of a packet that enters at `start`. */
export const goWay = (start: Hook, way: Way): Ending => {
  const { view } = way.run;
  fillRouteTypes(view, way.host.facts);
  if ((start === 'prerouting' || start === 'output') && way.host.early.has(start)) beforeConntrack(view);
  return goThrough(start, way);
};
