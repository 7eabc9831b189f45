/**
 * What iptables-nft makes of tcp and udp tests: loads of nf_tables, which drop nothing and go by the bytes that are
 * there (iptables/nft.c add_nft_tcpudp, add_nft_tcpflags).
 */
import type { Given } from '../iptables/types.ts';
import { all, any, type Condition, is, not, present, unmodelled } from '../packet/condition.ts';
import { key, payload, type PayloadField } from '../packet/field.ts';
import { inRange, type PortInfo } from './meaning.ts';

type GivenPort = NonNullable<PortInfo['sport']>;

/** 1, 2 or 4 aligned bytes are there: on some kernels also in a later fragment (nft_payload_fast_eval). */
const isLoaded = (field: PayloadField): Condition =>
  all([present(field), any([is(key('fragoff'), 0), is(key('fragquirk'), 1)])]);

const isWhole = ({ value: { low, high } }: GivenPort): boolean => low === 0 && high === 65535;
const isOne = ({ value: { low, high } }: GivenPort): boolean => low === high && low !== 0;

const ports = { sport: payload('th', 0, 16), dport: payload('th', 16, 16) };

const portCondition = (side: 'sport' | 'dport', given: GivenPort | undefined): readonly Condition[] => {
  if (!given || (isWhole(given) && !given.inverted)) return [];
  if (isWhole(given))
    return [unmodelled('an inverted range of all ports, which iptables-nft before 1.8.10 leaves out of the rule')];
  return [isLoaded(ports[side]), inRange(ports[side], given)];
};

/** iptables-nft before 1.8.11 compares both ports at once, so that the rule holds as soon as one of them differs. */
const bothInverted = (sport: GivenPort, dport: GivenPort): readonly Condition[] => {
  const [source, destination] = [inRange(ports.sport, sport), inRange(ports.dport, dport)];
  return [
    isLoaded(payload('th', 0, 32)),
    any([
      all([source, destination]),
      all([
        any([source, destination]),
        unmodelled('two inverted ports, of which iptables-nft before 1.8.11 wants but one to differ'),
      ]),
    ]),
  ];
};

export const nativePorts = ({ sport, dport }: PortInfo): readonly Condition[] =>
  sport?.inverted && dport?.inverted && isOne(sport) && isOne(dport)
    ? bothInverted(sport, dport)
    : [...portCondition('sport', sport), ...portCondition('dport', dport)];

/** Whether iptables-nft finds anything to load; otherwise it keeps the xt module. */
export const asksPorts = ({ sport, dport }: PortInfo): boolean =>
  [sport, dport].some((given) => given !== undefined && (given.inverted || !isWhole(given)));

interface Flags {
  readonly mask: number;
  readonly flags: number;
}

export const asksFlags = (given: Given<Flags> | undefined): boolean =>
  given !== undefined && (given.inverted || given.value.mask !== 0 || given.value.flags !== 0);

/** The flags byte under a mask, as the module and nf_tables compare it: flags outside of the mask are never found. */
export const flagsCondition = (field: PayloadField, { value: { mask, flags }, inverted }: Given<Flags>): Condition => {
  const found = (flags & ~mask) !== 0 ? any([]) : mask === 0 ? all([]) : is(field, flags, mask);
  return inverted ? not(found) : found;
};

export const nativeFlags = (given: Given<Flags> | undefined): readonly Condition[] => {
  if (!given || !asksFlags(given)) return [];
  if (given.value.mask === 0)
    return [unmodelled('flags under an empty mask, which iptables-nft leaves out of the rule')];
  const field = payload('th', 104, 8);
  return [isLoaded(field), flagsCondition(field, given)];
};
