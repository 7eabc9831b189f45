/**
 * The documents of types.ts as a JSON Schema (draft-07), for the reason that nft itself ignores a misspelt property,
 * takes a priority in quotes for no priority, and resolves an unknown word as a host name. Every choice is an object
 * with a single key, so that an error has one exact place instead of one per alternative.
 */
export type JsonSchema = Readonly<Record<string, unknown>>;

const words = (text: string): JsonSchema => ({ type: 'string', enum: text.split(' ') });
const wordList = (text: string): JsonSchema => ({ type: 'array', minItems: 1, items: words(text) });
const whole = (minimum: number, maximum: number = Number.MAX_SAFE_INTEGER): JsonSchema => ({
  type: 'integer',
  minimum,
  maximum,
});
const nothing: JsonSchema = { type: 'null' };
const ref = (name: string): JsonSchema => ({ $ref: `#/$defs/${name}` });
const expression: JsonSchema = ref('expression');

/** An object with exactly one of these keys. */
const oneKey = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: 'object',
  minProperties: 1,
  maxProperties: 1,
  properties,
  additionalProperties: false,
});

/** An object with these keys and no others; those whose name ends in `?` may be missing. */
const record = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: 'object',
  required: Object.keys(properties).filter((name) => !name.endsWith('?')),
  properties: Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name.replace(/\?$/, ''), schema])),
  additionalProperties: false,
});
const orNull = (schema: JsonSchema): JsonSchema => ({ ...schema, type: ['null', 'object'] });

const pair: JsonSchema = {
  type: 'array',
  items: [expression, expression],
  minItems: 2,
  maxItems: 2,
  additionalItems: false,
};
const list: JsonSchema = { type: 'array', minItems: 1, items: expression };

const addressText = '^[0-9a-fA-F.:]{2,45}$';
const anyFamily: JsonSchema = words('ip ip6 inet');
const ipFamily: JsonSchema = words('ip ip6');
/** Bytes that the kernel's attribute holds: NFT_NAME_MAXLEN, NFT_USERDATA_MAXLEN less its header, NF_LOG_PREFIXLEN. */
const name: JsonSchema = { type: 'string', minLength: 1, maxLength: 255, format: 'nft-name' };
const comment: JsonSchema = { type: 'string', maxLength: 253, format: 'nft-comment' };
const logPrefix: JsonSchema = { type: 'string', minLength: 1, maxLength: 127, format: 'nft-log-prefix' };
/** NF_CT_HELPER_NAME_LEN (include/net/netfilter/nf_conntrack_helper.h). */
const helperType: JsonSchema = { type: 'string', pattern: '^[!-~]{1,15}$' };

/** Multiples of 8, in bits; nft keeps offset and length in 16 and 11 bits or more. */
const bits = (minimum: number, maximum: number): JsonSchema => ({ ...whole(minimum, maximum), multipleOf: 8 });

const payload: JsonSchema = {
  type: 'object',
  minProperties: 2,
  maxProperties: 3,
  properties: {
    protocol: words('ether vlan arp ip icmp igmp ip6 icmpv6 ah esp comp udp udplite tcp dccp sctp th'),
    field: words(
      'ackseq checksum code cpi csumcov daddr dei doff dport dscp ecn flags flowlabel frag-off gateway group ' +
        'hdrlength hoplimit htype id length max-delay mrt mtu nexthdr operation parameter-problem pcp plen protocol ' +
        'ptype hlen reserved saddr sequence spi sport ttl type urgptr version vtag window',
    ),
    base: words('ll nh th ih'),
    offset: bits(0, 524_280),
    len: bits(8, 1024),
  },
  additionalProperties: false,
  dependencies: { protocol: ['field'], field: ['protocol'], base: ['offset', 'len'], offset: ['base'], len: ['base'] },
};

const tcpOption: JsonSchema = {
  type: 'object',
  minProperties: 1,
  maxProperties: 3,
  properties: {
    name: words('eol nop maxseg window sack-perm sack sack0 sack1 sack2 sack3 timestamp fastopen md5sig mptcp'),
    field: words('kind length size count left right tsval tsecr subtype'),
    base: whole(0, 255),
    offset: whole(0, 2047),
    len: whole(1, 2048),
  },
  additionalProperties: false,
  dependencies: { field: ['name'], base: ['offset', 'len'], offset: ['base'], len: ['base'] },
};

const metaKeys =
  'cgroup cpu day hour ibrname ibrpvid ibrvproto iif iifgroup iifkind iifname iiftype ipsec l4proto length mark ' +
  'nfproto nftrace obrname oif oifgroup oifkind oifname oiftype pkttype priority protocol random rtclassid sdif ' +
  'sdifname secmark skgid skuid time';
const conntrackKeys = [
  ...'avgpkt bytes daddr direction event expiration helper id l3proto label mark packets proto-dst'.split(' '),
  ...'proto-src protocol saddr secmark state status zone'.split(' '),
  'ip daddr',
  'ip saddr',
  'ip6 daddr',
  'ip6 saddr',
];

const expressions: JsonSchema = {
  type: ['integer', 'string', 'boolean', 'array', 'object'],
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  // A string with @ in front is the name of a set and * is every element (src/parser_json.c), never the text itself.
  pattern: '^(?!@|\\*$)[^\\u0000\\ud800-\\udfff]+$',
  maxLength: 255,
  minItems: 1,
  items: expression,
  minProperties: 1,
  maxProperties: 1,
  properties: {
    payload,
    meta: record({ key: words(metaKeys) }),
    ct: record({ key: { type: 'string', enum: conntrackKeys }, 'dir?': words('original reply') }),
    rt: record({ key: words('classid nexthop mtu ipsec'), 'family?': ipFamily }),
    ipsec: record({
      key: words('saddr daddr reqid spi'),
      dir: words('in out'),
      spnum: whole(0, 5),
      'family?': ipFamily,
    }),
    fib: record({ result: words('oif oifname type'), flags: wordList('saddr daddr mark iif oif') }),
    numgen: record({ mode: words('inc random'), mod: whole(1, 0xffffffff), 'offset?': whole(0, 0xffffffff) }),
    exthdr: record({
      name: words('hbh rt rt0 rt2 srh frag dst mh'),
      'field?': words(
        'nexthdr hdrlength type seg-left reserved frag-off reserved2 more-fragments id checksum last-entry flags tag',
      ),
    }),
    'tcp option': tcpOption,
    'sctp chunk': record({
      name: words(
        'data init init-ack sack heartbeat heartbeat-ack abort shutdown shutdown-ack error cookie-echo cookie-ack ' +
          'ecne cwr shutdown-complete asconf-ack forward-tsn asconf',
      ),
      'field?': words(
        'type flags length tsn stream ssn ppid init-tag a-rwnd num-outbound-streams num-inbound-streams initial-tsn ' +
          'cum-tsn-ack num-gap-ack-blocks num-dup-tsns lowest-tsn seqno new-cum-tsn',
      ),
    }),
    socket: record({ key: words('mark transparent wildcard') }),
    prefix: ref('prefix'),
    range: ref('pair'),
    set: list,
    concat: { ...list, minItems: 2 },
    map: record({ key: expression, data: record({ set: { type: 'array', minItems: 1, items: ref('pair') } }) }),
    '&': ref('pair'),
    '|': ref('pair'),
    '^': ref('pair'),
    '<<': ref('pair'),
    '>>': ref('pair'),
  },
  additionalProperties: false,
};

/** Only beside an address is a string with @ in front a set on purpose. */
const asksSet: JsonSchema = {
  type: 'object',
  required: ['left', 'right'],
  properties: {
    left: {
      type: 'object',
      required: ['payload'],
      properties: {
        payload: { type: 'object', required: ['field'], properties: { field: words('saddr daddr') } },
      },
    },
    right: { type: 'string', pattern: '^@[A-Za-z_][A-Za-z0-9_-]*$' },
  },
};
const match: JsonSchema = {
  ...record({ op: words('== != < > <= >= in !'), left: expression, right: {} }),
  if: asksSet,
  else: { type: 'object', properties: { right: expression } },
};

const natFlags = wordList('random fully-random persistent netmap');
const natParts: JsonSchema = {
  ...record({
    'family?': ipFamily,
    'addr?': expression,
    'port?': expression,
    'flags?': natFlags,
    'type_flags?': wordList('interval prefix concat'),
  }),
  minProperties: 1,
};
const natToSelf: JsonSchema = orNull({ ...record({ 'port?': expression, 'flags?': natFlags }), minProperties: 1 });
const dataUnits = words('packets bytes kbytes mbytes');

const statement: JsonSchema = oneKey({
  match,
  limit: record({
    rate: whole(1),
    per: words('second minute hour day week'),
    // nft reads a burst of 0 as the default.
    'burst?': whole(1, 0xffffffff),
    'rate_unit?': dataUnits,
    'burst_unit?': dataUnits,
    'inv?': { type: 'boolean' },
  }),
  quota: record({ val: whole(0), val_unit: words('bytes'), 'inv?': { type: 'boolean' } }),
  accept: nothing,
  drop: nothing,
  return: nothing,
  continue: nothing,
  jump: ref('chainName'),
  goto: ref('chainName'),
  counter: orNull(record({ packets: whole(0), bytes: whole(0) })),
  mangle: record({ key: expression, value: expression }),
  snat: ref('nat'),
  dnat: ref('nat'),
  masquerade: ref('natToSelf'),
  redirect: ref('natToSelf'),
  reject: orNull(
    record({
      type: { type: 'string', enum: ['tcp reset', 'icmp', 'icmpv6', 'icmpx'] },
      'expr?': { type: 'string', pattern: '^[a-z-]+$' },
    }),
  ),
  log: orNull(
    record({
      'prefix?': logPrefix,
      'group?': whole(0, 0xffff),
      'snaplen?': whole(0, 0xffffffff),
      'queue-threshold?': whole(0, 0xffff),
      'level?': words('emerg alert crit err warn notice info debug audit'),
      'flags?': {
        type: 'array',
        minItems: 1,
        items: { type: 'string', enum: ['tcp sequence', 'tcp options', 'ip options', 'skuid', 'ether', 'all'] },
      },
    }),
  ),
  queue: orNull(record({ 'num?': expression, 'flags?': wordList('bypass fanout') })),
  notrack: nothing,
  'ct helper': name,
  'ct timeout': name,
});

const tableObject: JsonSchema = record({ family: anyFamily, name });
const chainObject: JsonSchema = {
  ...record({
    family: anyFamily,
    table: name,
    name,
    'type?': words('filter nat route'),
    'hook?': words('prerouting input forward output postrouting'),
    'prio?': whole(-0x80000000, 0x7fffffff),
    'policy?': words('accept drop'),
  }),
  // With one of them missing nft makes a chain that no packet ever enters.
  dependencies: {
    type: ['hook', 'prio'],
    hook: ['type', 'prio'],
    prio: ['type', 'hook'],
    policy: ['type', 'hook', 'prio'],
  },
};

const address: JsonSchema = {
  type: ['string', 'object'],
  pattern: addressText,
  minProperties: 1,
  maxProperties: 1,
  properties: { prefix: ref('prefix'), range: ref('addressPair') },
  additionalProperties: false,
};
const setElement: JsonSchema = {
  ...address,
  properties: {
    prefix: ref('prefix'),
    range: ref('addressPair'),
    elem: record({ val: ref('address'), comment }),
  },
};
const setObject: JsonSchema = record({
  family: anyFamily,
  table: name,
  name,
  type: words('ipv4_addr ipv6_addr'),
  flags: { type: 'array', minItems: 1, maxItems: 1, items: words('interval') },
  'elem?': { type: 'array', minItems: 1, items: setElement },
});

const command: JsonSchema = oneKey({
  add: oneKey({
    table: tableObject,
    set: setObject,
    chain: chainObject,
    'ct helper': record({
      family: anyFamily,
      table: name,
      name,
      type: helperType,
      protocol: words('tcp udp'),
      l3proto: ipFamily,
    }),
    rule: record({
      family: anyFamily,
      table: name,
      chain: name,
      'comment?': comment,
      expr: { type: 'array', minItems: 1, items: ref('statement') },
    }),
  }),
  delete: oneKey({ table: tableObject }),
  flush: oneKey({ chain: record({ family: anyFamily, table: name, name }) }),
});

const definitions: JsonSchema = {
  expression: expressions,
  prefix: record({ addr: { type: 'string', pattern: addressText }, len: whole(0, 128) }),
  address,
  addressPair: {
    type: 'array',
    items: [
      { type: 'string', pattern: addressText },
      { type: 'string', pattern: addressText },
    ],
    minItems: 2,
    maxItems: 2,
    additionalItems: false,
  },
  statement,
  pair,
  nat: natParts,
  natToSelf,
  chainName: record({ target: name }),
};
const draft = 'http://json-schema.org/draft-07/schema#';

/** One element of `nftables`: dnfw checks command by command, to say which one is wrong. */
export const commandSchema: JsonSchema & { readonly $id: string } = {
  $schema: draft,
  $id: 'command',
  ...command,
  $defs: definitions,
};

/** One statement of a rule. */
export const statementSchema: JsonSchema & { readonly $id: string } = {
  $schema: draft,
  $id: 'statement',
  $ref: `${commandSchema.$id}#/$defs/statement`,
};

/** The whole document, for other validators. */
export const documentSchema: JsonSchema = {
  $schema: draft,
  ...record({ nftables: { type: 'array', items: ref('command') } }),
  $defs: { ...definitions, command },
};
