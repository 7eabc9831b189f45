// What packets should hold to come close to a rule: its protocol, its addresses and every number in its options, each
// with its neighbours.
import type { InterfaceName as Device } from '../../../src/iptables/types.ts';
import type { Masked } from '../../../src/netfilter/address.ts';
import { type InterfaceName, interfaceNames } from './lab.ts';
import type { Random } from './random.ts';
import type { Tested } from './rules.ts';

export interface Aim {
  /** Protocols under which the rule may match; none if it does not say. */
  readonly protocols: readonly number[];
  readonly sources: readonly bigint[];
  readonly destinations: readonly bigint[];
  /** Where packets should come in, as far as the rule says. */
  readonly through: readonly InterfaceName[];
  readonly bytes: readonly number[];
  readonly ports: readonly number[];
  /** Those of the options about ports of one side. */
  readonly sourcePorts: readonly number[];
  readonly destinationPorts: readonly number[];
  readonly words: readonly number[];
  readonly addresses: readonly bigint[];
  readonly macs: readonly string[];
  readonly matches: ReadonlySet<string>;
  readonly rule: Tested;
}

interface Numbers {
  readonly numbers: bigint[];
  readonly macs: string[];
}

/** Places in the text are no values of the rule. */
const places = new Set(['column', 'at', 'length', 'inverted']);

const collect = (value: unknown, into: Numbers): void => {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) into.numbers.push(BigInt(value));
  else if (typeof value === 'bigint') into.numbers.push(value);
  else if (typeof value === 'string' && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(value)) into.macs.push(value);
  else if (Array.isArray(value)) for (const one of value) collect(one, into);
  else if (typeof value === 'object' && value !== null)
    for (const [key, one] of Object.entries(value)) if (!places.has(key) || typeof one === 'object') collect(one, into);
};

/** An address behind each device, by which the routes send packets there. */
const behind: Readonly<Record<InterfaceName, Readonly<Record<'ip' | 'ip6', bigint>>>> = {
  eth0: { ip: 0x08080808n, ip6: 0x20010db8000000000000000000000001n },
  docker0: { ip: 0xac110002n, ip6: 0xfd170000000000000000000000000002n },
  'br-lan': { ip: 0xc0a80107n, ip6: 0xfd190000000000000000000000000002n },
};

const named = (device: Device | undefined): readonly InterfaceName[] => {
  if (!device) return [];
  const { name: wanted, inverted } = device;
  const meets = (name: string): boolean =>
    wanted.endsWith('+') ? name.startsWith(wanted.slice(0, -1)) : name === wanted;
  return interfaceNames.filter((name) => meets(name) !== inverted);
};

/** Where a rule says one of these, it means ports of that side; `ports` means both. */
const portOptions = { source: /^(sports?|ports)$/, destination: /^(dports?|ports)$/ } as const;

/** Ports that the rule wants, three times, and those next to them. */
const portsFor = ({ rule }: Tested, side: keyof typeof portOptions): readonly number[] => {
  const found: Numbers = { numbers: [], macs: [] };
  let inverted = false;
  for (const { info } of rule.matches)
    for (const [key, given] of Object.entries(info))
      if (given && portOptions[side].test(key)) {
        collect(given.value, found);
        inverted ||= given.inverted;
      }
  const exact = found.numbers.filter((one) => one <= 65535n).map(Number);
  return [...(inverted ? [] : [...exact, ...exact, ...exact]), ...neighbours(found.numbers, 65535n)];
};

/** Addresses at the edges of a network, outside them, and some with a bit of the mask turned over. */
const near = (
  { address, mask, inverted }: Masked & { readonly inverted: boolean },
  bits: number,
): readonly bigint[] => {
  const all = (1n << BigInt(bits)) - 1n;
  const last = address | (all & ~mask);
  const flips = Array.from({ length: bits }, (_, bit) => 1n << BigInt(bit)).filter((bit) => (mask & bit) !== 0n);
  const some = [flips.at(0), flips.at(Math.floor(flips.length / 2)), flips.at(-1)];
  const inside = [address, address, last, address | (~mask & all & 0x5555555555555555n)];
  const outside = [address - 1n, last + 1n, ...some.map((flip) => address ^ (flip ?? 0n))];
  const wanted = inverted ? [...outside, ...outside, ...inside.slice(0, 2)] : [...inside, ...inside, ...outside];
  return wanted.filter((one) => one >= 0n && one <= all);
};

const neighbours = (numbers: readonly bigint[], limit: bigint): readonly number[] =>
  [...new Set(numbers.flatMap((one) => [one - 1n, one, one, one + 1n]))]
    .filter((one) => one >= 0n && one <= limit)
    .map(Number);

export const aimAt = (tested: Tested): Aim => {
  const { rule, family, matches } = tested;
  const bits = family === 'ip' ? 32 : 128;
  const { selector } = rule;
  const found: Numbers = { numbers: [], macs: [] };
  for (const use of rule.matches) collect([use.info, use.more ?? []], found);
  const { protocol, source, destination, inInterface, outInterface } = selector;
  const words = found.numbers.filter((one) => one <= 0xffffffffn);
  return {
    protocols: protocol && !protocol.inverted ? [protocol.number] : [],
    sources: source ? near(source, bits) : [],
    destinations: destination ? near(destination, bits) : named(outInterface).map((name) => behind[name][family]),
    through: named(inInterface),
    bytes: neighbours(found.numbers, 255n),
    ports: neighbours(found.numbers, 65535n),
    sourcePorts: portsFor(tested, 'source'),
    destinationPorts: portsFor(tested, 'destination'),
    words: [...words.map(Number), ...neighbours(found.numbers, 0xffffffffn)],
    addresses: found.numbers.flatMap((one) =>
      (family === 'ip' ? one > 0xffffffn && one <= 0xffffffffn : one > 0xffffffffffffn)
        ? [one, one, one - 1n, one + 1n]
        : [],
    ),
    macs: found.macs,
    matches: new Set(matches),
    rule: tested,
  };
};

/** One of the aim's values most of the time, otherwise what `other` gives. */
export const aimed = <T>(random: Random, values: readonly T[], other: () => T, probability = 0.75): T =>
  values.length > 0 && random.chance(probability) ? random.pick(values) : other();
