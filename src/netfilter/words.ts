/** Numbers that the kernel gives to kinds of packets, routes and chunks, under the words that nft has for them. */
type Words = Readonly<Record<string, number>>;

/** PACKET_* of include/uapi/linux/if_packet.h. */
export const packetTypes: Words = { host: 0, unicast: 0, broadcast: 1, multicast: 2, other: 3 };

/** RTN_* of include/uapi/linux/rtnetlink.h. */
export const routeTypes: Words = {
  unspec: 0,
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
  nat: 10,
  xresolve: 11,
};

/** Types of SCTP chunks: RFC 4960 section 3.2, RFC 5061 and RFC 3758. */
export const sctpChunks: Words = {
  data: 0,
  init: 1,
  'init-ack': 2,
  sack: 3,
  heartbeat: 4,
  'heartbeat-ack': 5,
  abort: 6,
  shutdown: 7,
  'shutdown-ack': 8,
  error: 9,
  'cookie-echo': 10,
  'cookie-ack': 11,
  ecne: 12,
  cwr: 13,
  'shutdown-complete': 14,
  'asconf-ack': 0x80,
  'forward-tsn': 0xc0,
  asconf: 0xc1,
};
