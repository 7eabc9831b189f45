/**
 * What a proof may take for granted, by name. Each is printed with the verdict that rests on it; none is ever used
 * silently.
 */
export const assumptions = {
  'whole-headers': 'every packet has its whole transport header: it is no later fragment and not cut short',
  'header-chains': 'every IPv6 packet has an unbroken chain of extension headers, without authentication header',
  'rate-buckets': 'a rate limit of iptables and of nft with the same rate and burst let the same packets through',
  'random-draws': 'two random draws with the same probability come out the same',
  'counters-agree':
    'counters of iptables and nft (every nth packet, quota) with the same parameters count the same packets',
  'well-formed-options': 'TCP options and SCTP chunks are well formed',
  'same-lookup': 'the routing and socket questions of iptables and nft have the same answer',
  'same-clock': 'both sides read the same clock',
  'soon-expired': 'no connection has more than 49 days left to live, more than nft can count',
  'spi-order': 'the machine is little-endian: iptables writes the bytes of --spi in the order of the machine',
  'mss-present': 'a TCP SYN carries the maximum segment size option that the rule changes',
  'free-port': 'a port that a connection is mapped to is free',
  'same-set': 'a set that both sides name has the same elements',
  'iptables-fixed':
    'iptables-nft loads what the rule says: up to 1.8.10 it does not for two inverted ports and an inverted range of all ports, and no version known does for flags under an empty mask',
} as const;

export type Assumption = keyof typeof assumptions;

export const isAssumption = (name: string): name is Assumption => Object.hasOwn(assumptions, name);

export const everyAssumption: ReadonlySet<Assumption> = new Set(Object.keys(assumptions).filter(isAssumption));
