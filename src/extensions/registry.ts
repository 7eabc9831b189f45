/** Every extension that dnfw has a model of. A new one costs its file, an import and a name here. */
import type { MatchExtension, Registry, TargetExtension } from './contract.ts';
import { addrtype } from './matches/addrtype.ts';
import { ah } from './matches/ah.ts';
import { bpf } from './matches/bpf.ts';
import { comment } from './matches/comment.ts';
import { connmark } from './matches/connmark.ts';
import { conntrack } from './matches/conntrack.ts';
import { dccp } from './matches/dccp.ts';
import { dscp } from './matches/dscp.ts';
import { ecn } from './matches/ecn.ts';
import { esp } from './matches/esp.ts';
import { hl } from './matches/hl.ts';
import { icmp } from './matches/icmp.ts';
import { icmp6 } from './matches/icmp6.ts';
import { iprange } from './matches/iprange.ts';
import { ipvs } from './matches/ipvs.ts';
import { length } from './matches/length.ts';
import { limit } from './matches/limit.ts';
import { mac } from './matches/mac.ts';
import { mark } from './matches/mark.ts';
import { multiport } from './matches/multiport.ts';
import { owner } from './matches/owner.ts';
import { physdev } from './matches/physdev.ts';
import { pkttype } from './matches/pkttype.ts';
import { policy } from './matches/policy.ts';
import { rpfilter } from './matches/rpfilter.ts';
import { sctp } from './matches/sctp.ts';
import { set } from './matches/set.ts';
import { state } from './matches/state.ts';
import { statistic } from './matches/statistic.ts';
import { tcp } from './matches/tcp.ts';
import { tcpmss } from './matches/tcpmss.ts';
import { tos } from './matches/tos.ts';
import { ttl } from './matches/ttl.ts';
import { u32 } from './matches/u32.ts';
import { udp } from './matches/udp.ts';
import { udplite } from './matches/udplite.ts';
import { CHECKSUM } from './targets/CHECKSUM.ts';
import { CONNMARK } from './targets/CONNMARK.ts';
import { CT } from './targets/CT.ts';
import { DNAT } from './targets/DNAT.ts';
import { DSCP } from './targets/DSCP.ts';
import { HL } from './targets/HL.ts';
import { LOG } from './targets/LOG.ts';
import { MARK } from './targets/MARK.ts';
import { MASQUERADE } from './targets/MASQUERADE.ts';
import { NETMAP } from './targets/NETMAP.ts';
import { NFLOG } from './targets/NFLOG.ts';
import { NFQUEUE } from './targets/NFQUEUE.ts';
import { NOTRACK } from './targets/NOTRACK.ts';
import { REDIRECT } from './targets/REDIRECT.ts';
import { REJECT } from './targets/REJECT.ts';
import { SET } from './targets/SET.ts';
import { SNAT } from './targets/SNAT.ts';
import { TCPMSS } from './targets/TCPMSS.ts';
import { TOS } from './targets/TOS.ts';
import { TRACE } from './targets/TRACE.ts';
import { TTL } from './targets/TTL.ts';
import { unmodelledTargets } from './unmodelled.ts';

const matches: readonly MatchExtension[] = [
  addrtype,
  ah,
  bpf,
  comment,
  connmark,
  conntrack,
  dccp,
  dscp,
  ecn,
  esp,
  hl,
  icmp,
  icmp6,
  iprange,
  ipvs,
  length,
  limit,
  mac,
  mark,
  multiport,
  owner,
  physdev,
  pkttype,
  policy,
  rpfilter,
  sctp,
  set,
  state,
  statistic,
  tcp,
  tcpmss,
  tos,
  ttl,
  u32,
  udp,
  udplite,
];

const targets: readonly TargetExtension[] = [
  CHECKSUM,
  CONNMARK,
  CT,
  DNAT,
  DSCP,
  HL,
  LOG,
  MARK,
  MASQUERADE,
  NETMAP,
  NFLOG,
  NFQUEUE,
  NOTRACK,
  REDIRECT,
  REJECT,
  SET,
  SNAT,
  TCPMSS,
  TOS,
  TRACE,
  TTL,
];

export const registry: Registry = {
  matches: new Map(matches.map((match) => [match.name, match])),
  targets: new Map(targets.map((target) => [target.name, target])),
  matchAliases: new Map([
    ['icmpv6', 'icmp6'],
    ['ipv6-icmp', 'icmp6'],
  ]),
  unmodelledTargets,
};
