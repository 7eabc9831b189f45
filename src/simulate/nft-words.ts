/** What the words of nft stand for, by data type: nft(8) "DATA TYPES" and `nft describe TYPE`. */
export type Words = Readonly<Record<string, number>>;

export const tcpFlags: Words = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ecn: 64, cwr: 128 };
export const ctStates: Words = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 };
/** enum ip_conntrack_status of nf_conntrack_common.h. */
export const ctStatuses: Words = {
  expected: 1,
  'seen-reply': 2,
  assured: 4,
  confirmed: 8,
  snat: 16,
  dnat: 32,
  dying: 512,
};
/** enum ip_conntrack_events, as bits. */
export const ctEvents: Words = {
  new: 1,
  related: 2,
  destroy: 4,
  reply: 8,
  assured: 16,
  protoinfo: 32,
  helper: 64,
  mark: 128,
  seqadj: 256,
  secmark: 512,
  label: 1024,
};
export const directions: Words = { original: 0, reply: 1 };
export const booleans: Words = { exists: 1, missing: 0 };
export const nfProtocols: Words = { ipv4: 2, ipv6: 10 };
export const etherTypes: Words = {
  ip: 0x0800,
  arp: 0x0806,
  ip6: 0x86dd,
  vlan: 0x8100,
  '8021q': 0x8100,
  '8021ad': 0x88a8,
};
export const icmpTypes: Words = {
  'echo-reply': 0,
  'destination-unreachable': 3,
  'source-quench': 4,
  redirect: 5,
  'echo-request': 8,
  'router-advertisement': 9,
  'router-solicitation': 10,
  'time-exceeded': 11,
  'parameter-problem': 12,
  'timestamp-request': 13,
  'timestamp-reply': 14,
  'info-request': 15,
  'info-reply': 16,
  'address-mask-request': 17,
  'address-mask-reply': 18,
};
export const icmpCodes: Words = {
  'net-unreachable': 0,
  'host-unreachable': 1,
  'prot-unreachable': 2,
  'port-unreachable': 3,
  'frag-needed': 4,
  'net-prohibited': 9,
  'host-prohibited': 10,
  'admin-prohibited': 13,
};
export const icmpv6Types: Words = {
  'destination-unreachable': 1,
  'packet-too-big': 2,
  'time-exceeded': 3,
  'parameter-problem': 4,
  'echo-request': 128,
  'echo-reply': 129,
  'mld-listener-query': 130,
  'mld-listener-report': 131,
  'mld-listener-done': 132,
  'mld-listener-reduction': 132,
  'nd-router-solicit': 133,
  'nd-router-advert': 134,
  'nd-neighbor-solicit': 135,
  'nd-neighbor-advert': 136,
  'nd-redirect': 137,
  'router-renumbering': 138,
  'ind-neighbor-solicit': 141,
  'ind-neighbor-advert': 142,
  'mld2-listener-report': 143,
};
export const icmpv6Codes: Words = {
  'no-route': 0,
  'admin-prohibited': 1,
  'addr-unreachable': 3,
  'port-unreachable': 4,
  'policy-fail': 5,
  'reject-route': 6,
};
/** NFT_REJECT_ICMPX_*: what each means in the packet's own family. */
export const icmpxCodes: Words = { 'no-route': 0, 'port-unreachable': 1, 'host-unreachable': 2, 'admin-prohibited': 3 };
export const igmpTypes: Words = {
  'membership-query': 0x11,
  'membership-report-v1': 0x12,
  'membership-report-v2': 0x16,
  'leave-group': 0x17,
  'membership-report-v3': 0x22,
};
export const mhTypes: Words = {
  'binding-refresh-request': 0,
  'home-test-init': 1,
  'careof-test-init': 2,
  'home-test': 3,
  'careof-test': 4,
  'binding-update': 5,
  'binding-acknowledgement': 6,
  'binding-error': 7,
  'fast-binding-update': 8,
  'fast-binding-acknowledgement': 9,
  'fast-binding-advertisement': 10,
  'experimental-mobility-header': 11,
  'home-agent-switch-message': 12,
};
export const dccpTypes: Words = {
  request: 0,
  response: 1,
  data: 2,
  ack: 3,
  dataack: 4,
  closereq: 5,
  close: 6,
  reset: 7,
  sync: 8,
  syncack: 9,
};
export const ecns: Words = { 'not-ect': 0, ect1: 1, ect0: 2, ce: 3 };
export const dscps: Words = {
  ...Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`cs${i}`, i * 8])),
  ...Object.fromEntries([1, 2, 3, 4].flatMap((c) => [1, 2, 3].map((d) => [`af${c}${d}`, c * 8 + d * 2]))),
  be: 0,
  df: 0,
  lephb: 1,
  va: 0x2c,
  ef: 0x2e,
};
/** ARPHRD_* of if_arp.h. */
export const deviceTypes: Words = {
  ether: 1,
  ppp: 512,
  ipip: 768,
  ipip6: 769,
  loopback: 772,
  sit: 776,
  ipgre: 778,
};
/** The one device group that every host names; others are in a file of the host. */
export const deviceGroups: Words = { default: 0 };
export const realms: Words = { cosmos: 0 };
export const users: Words = { root: 0 };
export const days: Words = { sunday: 0, monday: 1, tuesday: 2, wednesday: 3, thursday: 4, friday: 5, saturday: 6 };
export const logLevels: Words = { emerg: 0, alert: 1, crit: 2, err: 3, warn: 4, notice: 5, info: 6, debug: 7 };
/** Numbers of the IPv6 extension headers that nft names. */
export const extensionHeaders: Words = {
  hbh: 0,
  rt: 43,
  rt0: 43,
  rt2: 43,
  rt4: 43,
  srh: 43,
  frag: 44,
  dst: 60,
  mh: 135,
};
/** Kinds of TCP options. */
export const tcpOptions: Words = {
  eol: 0,
  nop: 1,
  noop: 1,
  maxseg: 2,
  window: 3,
  'sack-perm': 4,
  'sack-permitted': 4,
  sack: 5,
  sack0: 5,
  sack1: 5,
  sack2: 5,
  sack3: 5,
  timestamp: 8,
  md5sig: 19,
  mptcp: 30,
  fastopen: 34,
};

/** A word's number; own properties only, so that no word of the input finds what an object inherits. */
export const wordIn = (words: Words, word: string): number | undefined =>
  Object.hasOwn(words, word) ? words[word] : undefined;
