/** The chain for ICMP: what hosts cannot do without (RFC 4890 section 4.4, RFC 1812 section 4.3). */
import { accept, counter, equal, field, l4proto, limit, meta, prefix, set } from '../nftables/build.ts';
import type { Match, Statement } from '../nftables/types.ts';
import type { Policy } from './policy.ts';
import type { GuardRule } from './ruleset-writer.ts';

export const icmpChain = 'icmp-types';

const type = (protocol: 'icmp' | 'icmpv6', words: string): Match => {
  const list = words.split(' ');
  return equal(field(protocol, 'type'), list.length === 1 ? words : set(list));
};

/** Per host, not per sender: the rest meets the rules below. */
const echoRate: Statement = limit({ rate: 20, per: 'second', burst: 50 });

const rule = (comment: string, ...tests: readonly Statement[]): GuardRule => ({
  chain: icmpChain,
  expr: [...tests, counter(), accept],
  comment,
});

/** Neighbour discovery is never forwarded: a hop limit of 255 shows that no router has touched it (RFC 4861 section 7.1). */
const neighbours = 'nd-router-solicit nd-router-advert nd-neighbor-solicit nd-neighbor-advert nd-redirect';
const listeners = 'mld-listener-query mld-listener-report mld-listener-done mld2-listener-report';

const essential: readonly GuardRule[] = [
  rule('errors and path MTU', type('icmp', 'destination-unreachable time-exceeded parameter-problem')),
  rule('echo requests', type('icmp', 'echo-request'), echoRate),
  rule('multicast groups', l4proto(2), equal(field('ip', 'ttl'), 1)),
  rule('errors and path MTU', type('icmpv6', 'destination-unreachable packet-too-big time-exceeded parameter-problem')),
  rule('echo requests', type('icmpv6', 'echo-request'), echoRate),
  rule('neighbour discovery', type('icmpv6', neighbours), equal(field('ip6', 'hoplimit'), 255)),
  rule('multicast groups', type('icmpv6', listeners), equal(field('ip6', 'saddr'), set(['::', prefix('fe80::', 10)]))),
];

const all: readonly GuardRule[] = [rule('all ICMP', equal(meta('l4proto'), set(['icmp', 'ipv6-icmp'])))];

export const icmpRules = ({ icmp }: Policy): readonly GuardRule[] =>
  icmp === 'essential' ? essential : icmp === 'all' ? all : [];
