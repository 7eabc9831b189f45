/** The two IP families that iptables and ip6tables serve. nft calls them `ip` and `ip6`. */
export type Family = 'ip' | 'ip6';

export const families: readonly Family[] = ['ip', 'ip6'];

/** Which implementation runs an iptables ruleset: ip_tables.ko (legacy) or nf_tables with xt compatibility (nft). */
export type Backend = 'legacy' | 'nft';
