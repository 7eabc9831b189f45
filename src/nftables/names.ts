/**
 * Names in the text form of nft. JSON carries any name; the text scanner takes a bare word only, with no way to quote
 * it, and a word that it knows is never a name.
 */

/**
 * Every word that is no name of a table or chain in nft 1.0.6, 1.1.3 or 1.1.7, found by trying them as one; with
 * `last`, which only some positions take.
 */
const keywords: ReadonlySet<string> = new Set(
  (
    '. accept add ah all and arp auto-merge bridge cgroup chain comment comp constant continue counter cpu create ct ' +
    'day dccp define delete describe destroy device devices dnat drop dst dup dynamic ecn element elements eq esp ' +
    'ether exists expires export exthdr fib flags flow flowtable flush frag fwd gc-interval ge geneve get goto gre ' +
    'gretap gt handle hbh hook hour ibriport ibrname icmp icmpv6 igmp iif iifgroup iifname iiftype import include ' +
    'index inet insert interval ip ip6 ipsec jhash jump last le limit list log lshift lt map mark masquerade meta ' +
    'meter mh missing monitor ne netdev nftrace not notrack numgen obriport obrname offload oif oifgroup oifname ' +
    'oiftype or osf pkttype policy position priority queue quota random redefine redirect reject rename replace ' +
    'reset return rshift rt rt0 rt2 rtclassid rule ruleset sctp secmark set size skgid skuid snat socket srh symhash ' +
    'synproxy table tcp th time timeout tproxy tunnel type typeof udp udplite undefine update vlan vmap vni vxlan ' +
    'xor xt'
  ).split(' '),
);

/** Words that are no name only behind `ct`, where a helper object is named. */
const conntrackWords: ReadonlySet<string> = new Set(
  (
    'avgpkt bytes count daddr direction dport event expectation expiration helper helpers id l3proto label name ' +
    'original over packets proto-dst proto-src protocol reply saddr state status until zone'
  ).split(' '),
);

/** NFT_NAME_MAXLEN without the terminating byte (include/uapi/linux/netfilter/nf_tables.h). */
const maxLength = 255;

/** Whether nft text can name a table or a chain so. */
export const isTextName = (name: string): boolean =>
  name.length <= maxLength && /^[A-Za-z_.][A-Za-z0-9/_.-]*$/.test(name) && !keywords.has(name);

/** Whether nft text can name a conntrack helper object so. */
export const isTextHelperName = (name: string): boolean => isTextName(name) && !conntrackWords.has(name);

/**
 * A name for nft text in place of any iptables chain name: the same where nft takes it, else the same with `_` for
 * what it does not take, an `_` in front of a digit and behind a keyword, and a number where the name is taken.
 * `taken` are the names of the other chains of the table; those that stay as they are have to be in it beforehand.
 */
export const mapName = (name: string, taken: ReadonlySet<string>): string => {
  if (isTextName(name) && !taken.has(name)) return name;
  const plain = name.replace(/[^A-Za-z0-9/_.-]/gu, '_');
  const begun = /^[A-Za-z_.]/.test(plain) ? plain : `_${plain}`;
  const base = keywords.has(begun) ? `${begun}_` : begun;
  for (let number = 1; ; number += 1) {
    const suffix = number === 1 ? '' : `_${number}`;
    const candidate = base.slice(0, maxLength - suffix.length) + suffix;
    if (isTextName(candidate) && !taken.has(candidate)) return candidate;
  }
};
