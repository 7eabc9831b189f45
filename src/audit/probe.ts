/** Packets that ask whether somebody gets in: on the whole way, NAT included, as the simulator goes it. */
import { type Address, parseAddress } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import type { Published } from '../guard/published.ts';
import type { BuiltInChain, TableName } from '../netfilter/hooks.ts';
import type { Program } from '../packet/program.ts';
import { viewOf } from '../packet/view.ts';
import { quotedIfNeeded } from '../packet/wordtokens.ts';
import { deviceName } from '../simulate/devices.ts';
import { addressOf, routeTypes, typeOf } from '../simulate/facts.ts';
import { type Host as SimulatedHost, hostOf } from '../simulate/host.ts';
import { passHost, simulate } from '../simulate/simulate.ts';
import type { Bridge } from './bridges.ts';
import type { HostRule } from './host-rules.ts';
import { type First, packetWords, type Started, startedAs, startedBy } from './probe-packets.ts';
import type { Reach } from './report/types.ts';
import type { Source } from './source.ts';
import { type Door, type Vantage, vantageOf } from './vantage.ts';

export interface Target {
  readonly protocol: string;
  readonly port: number;
  /** The address that the packet is sent to, if it is not the door's. */
  readonly address?: Address;
}

export interface Passage {
  readonly reach: Reach;
  /** Where it ends: at a process of this host, or forwarded to somebody else. Undefined where it does not arrive. */
  readonly at: 'host' | 'forwarded' | undefined;
  /** The device that it leaves by. */
  readonly out?: string;
  /** Whom it gets to in the end, where that is known: NAT has been followed. */
  readonly to?: Address;
  /** It was sent to an address of this host. */
  readonly isToHost: boolean;
  /** In the words of dnfw-simulate(1). */
  readonly words: string;
}

const reachOf = (kind: string): Reach =>
  kind === 'accept' ? 'open' : kind === 'drop' || kind === 'reject' ? 'closed' : 'unknown';

const passed = (host: SimulatedHost, { packet, hook }: Started, words: () => string): Passage => {
  const options = hook === undefined ? {} : { start: hook };
  const isHere = (address: Address | undefined): boolean =>
    address !== undefined && typeOf(address, host.family, host.facts) === routeTypes.local;
  const about = {
    isToHost: isHere(addressOf(viewOf(packet), 'daddr')),
    get words() {
      return words();
    },
  };
  const ended = (reach: Reach, more: Partial<Passage> = {}): Passage =>
    Object.defineProperties({ reach, at: undefined, ...more } as Passage, Object.getOwnPropertyDescriptors(about));
  const { ending, view } = passHost(host, packet, options);
  if (ending.kind !== 'unknown') {
    const reach = reachOf(ending.kind);
    if (reach !== 'open') return ended(reach);
    const to = addressOf(view, 'daddr');
    const known = to === undefined ? {} : { to };
    if (isHere(to)) return ended(reach, { at: 'host', ...known });
    const out = deviceName(view, 'o');
    return ended(reach, { at: 'forwarded', ...(out ? { out } : {}), ...known });
  }
  const { verdict, ways } = simulate(host, packet, { ...options, limit: 32 });
  const reach = reachOf(verdict);
  if (reach !== 'open') return ended(reach);
  const said = ways[0]?.events.flatMap((event) => (event.kind === 'kernel' ? [event.text] : [])) ?? [];
  const forwarded = said.map((text) => /^routing: (\S+) is forwarded(?: to (\S+))?/.exec(text)).find((one) => one);
  if (!forwarded) return ended(reach, { at: 'host' });
  const [, daddr = '', out] = forwarded;
  const to = parseAddress(daddr, host.family);
  return ended(reach, {
    at: 'forwarded',
    ...(out === undefined ? {} : { out }),
    ...(to === undefined ? {} : { to }),
  });
};

/** Of any packet in words; `hook=` in them says where it starts. */
export const passage = (host: SimulatedHost, words: string): Passage => passed(host, startedBy(words), () => words);

const passageOf = (host: SimulatedHost, first: First): Passage =>
  passed(host, startedAs(first), () => packetWords(first));

export interface Probes {
  readonly host: SimulatedHost;
  readonly vantage: Vantage;
  /** Some rule asks for the route back to the source. */
  readonly asksRoutes: boolean;
  /** Chains of the way are not known: nothing is open for sure. */
  readonly isPartial: boolean;
}

/** Chains that a packet meets on its way to a process of this host or to a container. */
const way: readonly (readonly [TableName, BuiltInChain])[] = [
  ['raw', 'PREROUTING'],
  ['mangle', 'PREROUTING'],
  ['nat', 'PREROUTING'],
  ['filter', 'INPUT'],
  ['filter', 'FORWARD'],
];

export const probesOf = ({
  source,
  rules,
  published,
  bridges,
  program,
  knows,
  family,
}: {
  readonly source: Source;
  readonly rules: readonly HostRule[];
  readonly published: readonly Published[];
  readonly bridges: readonly Bridge[];
  readonly program: Program;
  readonly knows: (family: Family, table: TableName, chain: BuiltInChain) => boolean;
  readonly family: Family;
}): Probes => {
  const vantage = vantageOf(source, rules, published, bridges, family);
  const asks = program.tables.some(({ chains }) =>
    [...chains.values()].some((chain) => chain.rules.some(({ origin }) => /rpfilter|fib/.test(origin.text))),
  );
  return {
    host: hostOf([program], family, vantage.facts),
    vantage,
    asksRoutes: asks,
    isPartial: !way.every(([table, chain]) => knows(family, table, chain)),
  };
};

/** What reverse path filters ask: an answer would leave by the device that the packet came in by. */
const straight = ['fib saddr . iif oif=exists', 'fib saddr . mark . iif oif=exists'] as const;

export const straightIn = ({ asksRoutes }: Probes): readonly string[] => (asksRoutes ? straight : []);

export const firstFrom = (probes: Probes, door: Door, { protocol, port, address }: Target): First => ({
  family: probes.vantage.family,
  start: `in=${quotedIfNeeded(door.device)}`,
  source: door.source,
  address: address ?? door.address,
  protocol,
  port,
  more: straightIn(probes),
});

export const fromDoor = (probes: Probes, door: Door, target: Target): Passage =>
  passageOf(probes.host, firstFrom(probes, door, target));

/** A process of this host: out through lo, and where no NAT sends it elsewhere, in again. */
export const fromHost = ({ host, vantage: { family } }: Probes, target: Required<Target>): Passage => {
  const first: First = { ...target, family, start: 'hook=output out=lo', source: target.address };
  const sent = passageOf(host, first);
  if (sent.at !== 'host') return sent;
  return passageOf(host, { ...first, start: 'hook=input in=lo' });
};

/** The same packet with what the host around the rules adds to it, for whoever has the rules alone. */
export const selfContained = ({ words, at, out, isToHost }: Passage): string =>
  [
    words,
    `fib daddr type=${isToHost ? 'local' : 'unicast'}`,
    ...(at === 'forwarded' && out !== undefined ? [`out=${quotedIfNeeded(out)}`] : []),
  ].join(' ');

/** Of several doors: one that is open is enough, unless they are stand-ins, of which nobody knows which one is right. */
export const together = (some: readonly Reach[], isStandIn: boolean): Reach => {
  const [first] = some;
  if (first === undefined) return 'closed';
  if (some.every((one) => one === first)) return first;
  return !isStandIn && some.includes('open') ? 'open' : 'unknown';
};
