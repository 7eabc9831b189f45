// How the kernel's verdicts come back: a set that the last chain of the hook fills, one element for each packet that
// gets there, with its mark and what else rules can change. A packet that an early chain has recorded and the last one
// has not was dropped in between.
import { ctStates, type CtState } from '../../../src/packet/field.ts';
import type { KeyValue } from '../../../src/packet/packet.ts';
import type { Family } from '../../../src/netfilter/family.ts';
import type { Hook } from '../../../src/netfilter/hooks.ts';
import type { Place } from './packets.ts';

/** What the last chain of the hook saw of a packet. */
export interface Outcome {
  readonly mark: number;
  /** Time to live or hop limit. */
  readonly hops: number;
  /** IPv4: the type of service. IPv6: the first 16 bits of the header. */
  readonly traffic: number;
}

/** The numbers of fib's route types (include/uapi/linux/rtnetlink.h), in their order there. */
const routeTypes = [
  'unspec', 'unicast', 'local', 'broadcast', 'anycast', 'multicast',
  'blackhole', 'unreachable', 'prohibit', 'throw', 'nat', 'xresolve',
]; // prettier-ignore

/** Bits of ct.status that rules ask about (nf_conntrack_common.h): expected, seen-reply, assured, confirmed, snat, dnat. */
const statusBits = [1, 2, 4, 8, 16, 32];

/** A part of a key. nft 1.0.6 cannot list raw bytes, so that those borrow the type of a field of their length. */
interface Part {
  readonly type: string;
  readonly value: string;
}

const part = (value: string, type: string = value): Part => ({ type, value });
const numberKey = (family: Family): Part => (family === 'ip' ? part('ip id') : part('@nh,16,16', 'ip6 length'));

/** Questions to the routes that nft takes at the hook, by their key in field.ts. */
const fibKeys = (hook: Hook): readonly string[] => {
  const all = ['fib.saddr.type', 'fib.daddr.type'];
  const inward = ['fib.saddr.iif.type', 'fib.daddr.iif.type'];
  const outward = ['fib.saddr.oif.type', 'fib.daddr.oif.type'];
  switch (hook) {
    case 'prerouting':
    case 'input':
      return [...all, ...inward, 'fib.saddr.exists', 'fib.saddr.iif.exists'];
    case 'forward':
      return [...all, ...inward, ...outward];
    case 'output':
    case 'postrouting':
      return [...all, ...outward];
  }
};

const expression = (key: string): string => {
  const [, address = '', ...rest] = key.split('.');
  const result = rest.at(-1) === 'exists' ? 'oif' : 'type';
  return `fib ${[address, ...rest.slice(0, -1)].join(' . ')} ${result}`;
};

interface RecordSet {
  readonly name: string;
  readonly parts: readonly Part[];
  readonly priority: number;
  /** What has to hold for a packet to be recorded. */
  readonly when?: string;
}

/** nft 1.0.6 forgets the types of a longer concatenation, whose description no longer fits into the space that a set has. */
const atOnce = 2;

const fibSets = (hook: Hook): readonly { readonly name: string; readonly keys: readonly string[] }[] => {
  const keys = fibKeys(hook);
  return Array.from({ length: Math.ceil(keys.length / atOnce) }, (_, index) => ({
    name: index === 0 ? 'arrived' : `routes-${index}`,
    keys: keys.slice(index * atOnce, (index + 1) * atOnce),
  }));
};

/** Only the state is known of every packet; nft 1.0.6 cannot list several status bits in one element. */
const conntrackSets = (key: Part): readonly RecordSet[] => [
  { name: 'states', parts: [key, part('ct state')], priority: -199 },
  { name: 'entries', parts: [key, part('ct direction'), part('ct mark')], priority: -199 },
  ...statusBits.map((bit) => ({
    name: `status-${bit}`,
    parts: [key, part('ct direction')],
    priority: -199,
    when: `ct status & ${bit} != 0`,
  })),
];

/** `routes`: whether the routes are asked too. They answer alike everywhere, conntrack does not. */
const setsFor = (family: Family, { hook, tracked }: Place, routes: boolean): readonly RecordSet[] => {
  const key = numberKey(family);
  const rest =
    family === 'ip'
      ? [part('ip ttl'), part('@nh,8,8', 'ip ttl')]
      : [part('ip6 hoplimit'), part('@nh,0,16', 'ip6 length')];
  // Behind reassembly, and before the first table.
  const asked = routes ? fibSets(hook) : [{ name: 'arrived', keys: [] }];
  const first = asked.map(({ name, keys }) => ({
    name,
    parts: [key, ...keys.map((one) => part(expression(one)))],
    priority: -390,
  }));
  const leaving = hook === 'forward' || hook === 'postrouting';
  return [
    ...first,
    ...(leaving && routes ? [{ name: 'leaving', parts: [key, part('meta oifname')], priority: -390 }] : []),
    ...(tracked ? conntrackSets(key) : []),
    { name: 'seen', parts: [key, part('meta mark'), ...rest], priority: 250 },
  ];
};

const concatenated = (parts: readonly Part[], of: keyof Part): string => parts.map((one) => one[of]).join(' . ');

/**
 * What nft loads beside the rules under test; loading it again forgets what was recorded. Packets end here, except where
 * conntrack has to remember them: only what leaves the last hook becomes a connection.
 */
export const recorder = (family: Family, place: Place, routes: boolean): string => {
  const sets = setsFor(family, place, routes);
  const table = `${family} recorder`;
  return [
    `table ${table}\ndelete table ${table}\ntable ${table} {`,
    ...sets.map(
      ({ name, parts }) => `set ${name} { typeof ${concatenated(parts, 'type')}; size 65535; flags dynamic; }`,
    ),
    ...sets.map(
      ({ name, parts, priority, when = '' }) => `chain at-${name} { type filter hook ${place.hook} priority ${priority};
        ${when} add @${name} { ${concatenated(parts, 'value')} }
        ${name === 'seen' && !place.tracked ? 'drop' : ''}
      }`,
    ),
    '}\n',
  ].join('\n');
};

type Word = number | string | readonly string[];
/** A concatenation, or the one value of a set without any. */
type Element = { readonly concat: readonly Word[] } | number;
interface Listed {
  readonly nftables: readonly {
    readonly set?: { readonly name: string; readonly elem?: readonly Element[] };
  }[];
}

const partsOf = (element: Element): readonly Word[] => (typeof element === 'number' ? [element] : element.concat);

const elementsOf = (listing: string): ReadonlyMap<string, readonly (readonly Word[])[]> => {
  // The shape of `nft -j list table` is nft's.
  const { nftables } = JSON.parse(listing) as Listed;
  return new Map(nftables.flatMap(({ set }) => (set ? [[set.name, (set.elem ?? []).map(partsOf)] as const] : [])));
};

const numberOf = (word: Word | undefined): number => {
  if (typeof word !== 'number') throw new Error(`nft lists ${JSON.stringify(word)} where a number was recorded`);
  return word;
};

const fibValue = (key: string, word: Word | undefined): number => {
  if (key.endsWith('.exists')) return word === 0 || word === '0' ? 0 : 1;
  return typeof word === 'number' ? word : routeTypes.indexOf(String(word));
};

export interface Recorded {
  /** What the routes and conntrack said about each packet that reached the hook, by its number. */
  readonly arrived: Map<number, ReadonlyMap<string, KeyValue>>;
  readonly seen: ReadonlyMap<number, Outcome>;
}

export const readRecorder = (listing: string, { hook }: Place): Recorded => {
  const sets = elementsOf(listing);
  const arrived = new Map<number, Map<string, KeyValue>>();
  for (const { name, keys } of fibSets(hook))
    for (const [number, ...words] of sets.get(name) ?? []) {
      const values = arrived.get(numberOf(number)) ?? new Map<string, KeyValue>();
      arrived.set(numberOf(number), values);
      for (const [index, key] of keys.entries())
        if (words[index] !== undefined) values.set(key, fibValue(key, words[index]));
    }
  const known = (number: Word | undefined): Map<string, KeyValue> => arrived.get(numberOf(number)) ?? new Map();
  for (const [number, device] of sets.get('leaving') ?? []) known(number).set('oifname', String(device));
  for (const [number, state] of sets.get('states') ?? []) known(number).set('ct.state', ctStates[state as CtState]);
  for (const [number, direction, mark] of sets.get('entries') ?? []) {
    known(number)
      .set('ct.direction', direction === 'reply' ? 1 : 0)
      .set('ct.mark', numberOf(mark))
      .set('ct.status', 0);
  }
  for (const bit of statusBits)
    for (const [number] of sets.get(`status-${bit}`) ?? []) {
      const values = known(number);
      values.set('ct.status', Number(values.get('ct.status') ?? 0) | bit);
    }
  const seen = new Map(
    (sets.get('seen') ?? []).map(([number, mark, hops, traffic]) => [
      numberOf(number),
      { mark: numberOf(mark), hops: numberOf(hops), traffic: numberOf(traffic) },
    ]),
  );
  return { arrived: new Map<number, ReadonlyMap<string, KeyValue>>(arrived), seen };
};
