/**
 * ICMP and ICMPv6 types and codes (IANA "ICMP Parameters" and "ICMPv6 Parameters") under the names that iptables knows
 * and under those that nft lists. The two vocabularies differ.
 */
import type { Family } from './family.ts';

/** A type with one code, or with all of its codes. */
export interface IcmpType {
  readonly type: number;
  readonly code?: number;
}

/** In IPv4, type 255 stands for every type (net/netfilter/xt_tcpudp.c icmp_type_code_match). */
export const anyIcmpType = 255;

type Names = Readonly<Record<string, number | readonly [type: number, code: number]>>;

// prettier-ignore
const icmpNames: Names = {
  any: anyIcmpType, 'echo-reply': 0, pong: 0,
  'destination-unreachable': 3, 'network-unreachable': [3, 0], 'host-unreachable': [3, 1],
  'protocol-unreachable': [3, 2], 'port-unreachable': [3, 3], 'fragmentation-needed': [3, 4],
  'source-route-failed': [3, 5], 'network-unknown': [3, 6], 'host-unknown': [3, 7], 'network-prohibited': [3, 9],
  'host-prohibited': [3, 10], 'TOS-network-unreachable': [3, 11], 'TOS-host-unreachable': [3, 12],
  'communication-prohibited': [3, 13], 'host-precedence-violation': [3, 14], 'precedence-cutoff': [3, 15],
  'source-quench': 4, redirect: 5, 'network-redirect': [5, 0], 'host-redirect': [5, 1],
  'TOS-network-redirect': [5, 2], 'TOS-host-redirect': [5, 3], 'echo-request': 8, ping: 8,
  'router-advertisement': 9, 'router-solicitation': 10, 'time-exceeded': 11, 'ttl-exceeded': 11,
  'ttl-zero-during-transit': [11, 0], 'ttl-zero-during-reassembly': [11, 1], 'parameter-problem': 12,
  'ip-header-bad': [12, 0], 'required-option-missing': [12, 1], 'timestamp-request': 13, 'timestamp-reply': 14,
  'address-mask-request': 17, 'address-mask-reply': 18,
};

// prettier-ignore
const icmpv6Names: Names = {
  'destination-unreachable': 1, 'no-route': [1, 0], 'communication-prohibited': [1, 1], 'beyond-scope': [1, 2],
  'address-unreachable': [1, 3], 'port-unreachable': [1, 4], 'failed-policy': [1, 5], 'reject-route': [1, 6],
  'packet-too-big': 2, 'time-exceeded': 3, 'ttl-exceeded': 3, 'ttl-zero-during-transit': [3, 0],
  'ttl-zero-during-reassembly': [3, 1], 'parameter-problem': 4, 'bad-header': [4, 0], 'unknown-header-type': [4, 1],
  'unknown-option': [4, 2], 'echo-request': 128, ping: 128, 'echo-reply': 129, pong: 129,
  'router-solicitation': 133, 'router-advertisement': 134, 'neighbour-solicitation': 135,
  'neighbor-solicitation': 135, 'neighbour-advertisement': 136, 'neighbor-advertisement': 136, redirect: 137,
};

const namesOf: Readonly<Record<Family, Names>> = { ip: icmpNames, ip6: icmpv6Names };

/** The names that start with `text`, in any case; only the one if `text` is a whole name. */
export const icmpCandidates = (text: string, family: Family): readonly string[] => {
  const lower = text.toLowerCase();
  const found = Object.keys(namesOf[family]).filter((name) => name.toLowerCase().startsWith(lower));
  const whole = found.find((name) => name.length === text.length);
  return whole === undefined ? found : [whole];
};

/** What a name of `icmpCandidates` means. */
export const icmpByName = (name: string, family: Family): IcmpType => {
  const found = namesOf[family][name] ?? anyIcmpType;
  return typeof found === 'number' ? { type: found } : { type: found[0], code: found[1] };
};

// prettier-ignore
const nftNames: Readonly<Record<Family, Readonly<Record<number, string>>>> = {
  ip: {
    0: 'echo-reply', 3: 'destination-unreachable', 4: 'source-quench', 5: 'redirect', 8: 'echo-request',
    9: 'router-advertisement', 10: 'router-solicitation', 11: 'time-exceeded', 12: 'parameter-problem',
    13: 'timestamp-request', 14: 'timestamp-reply', 15: 'info-request', 16: 'info-reply', 17: 'address-mask-request',
    18: 'address-mask-reply',
  },
  ip6: {
    1: 'destination-unreachable', 2: 'packet-too-big', 3: 'time-exceeded', 4: 'parameter-problem',
    128: 'echo-request', 129: 'echo-reply', 130: 'mld-listener-query', 131: 'mld-listener-report',
    132: 'mld-listener-done', 133: 'nd-router-solicit', 134: 'nd-router-advert', 135: 'nd-neighbor-solicit',
    136: 'nd-neighbor-advert', 137: 'nd-redirect', 138: 'router-renumbering', 141: 'ind-neighbor-solicit',
    142: 'ind-neighbor-advert', 143: 'mld2-listener-report',
  },
};

/** A type as nft lists it. */
export const nftIcmpType = (type: number, family: Family): string | number => nftNames[family][type] ?? type;
