/** Extensions of iptables that dnfw reads past and refuses as a whole, with the reason. */
import type { Code } from '../diagnostics/catalogue.ts';

export interface Reason {
  readonly code: Code;
  readonly what: string;
  readonly why: string;
  readonly help: string;
}

/** What nftables lacks, by extension (measured with iptables 1.8.13 and nft 1.1.6). */
const noNativeForm: Readonly<Record<string, string>> = {
  string: 'nftables cannot search a payload for a string',
  rateest: 'nftables has no rate estimator',
  l2tp: 'nftables has no L2TP header expression',
  nfacct: 'nfnetlink_acct objects cannot be used from nftables',
  eui64: 'nftables cannot compute an EUI-64 from a MAC address',
  CLUSTERIP: 'nftables has no cluster IP target',
  IDLETIMER: 'nftables has no idle timers',
  LED: 'nftables cannot drive LEDs',
  RATEEST: 'nftables has no rate estimator',
  HMARK: 'nftables hashes other fields in another way',
  AUDIT: 'nftables writes audit records in another form',
  ULOG: 'the kernel has no ULOG any more; NFLOG took its place',
  DNPT: 'nftables has no stateless IPv6 prefix translation',
  SNPT: 'nftables has no stateless IPv6 prefix translation',
};

/** Extensions that iptables has and this version of dnfw has no model of. */
const later = new Set(
  'cgroup cluster connbytes connlabel connlimit cpu devgroup dst frag hashlimit hbh helper ipcomp ipv6header mh nfacct osf quota realm recent rt socket srh time TCPOPTSTRIP CLASSIFY CONNSECMARK ECN SECMARK SYNPROXY TEE TPROXY'.split(
    ' ',
  ),
);

/** The targets among them: a jump to one is no jump to a chain. */
export const unmodelledTargets: ReadonlySet<string> = new Set(
  [...Object.keys(noNativeForm), ...later].filter((name) => /^[A-Z]+$/.test(name)),
);

/** All of them, for the manual; a name in capitals is a target's. */
export const unmodelledNames: readonly string[] = [...Object.keys(noNativeForm), ...later];

export const unmodelledReason = (kind: 'match' | 'target', name: string): Reason => {
  const spoken = kind === 'match' ? `the match ${name}` : `the target ${name}`;
  const missing = Object.hasOwn(noNativeForm, name) ? noNativeForm[name] : undefined;
  if (missing !== undefined)
    return {
      code: 'no-native-form',
      what: `${spoken} has no nft form`,
      why: missing,
      help: 'keep this rule in iptables',
    };
  return {
    code: kind === 'match' ? 'unknown-match' : 'unknown-target',
    what: later.has(name) ? `dnfw has no model of ${spoken}` : `dnfw does not know ${spoken}`,
    why: 'a rule that is not understood completely is not translated at all',
    help: 'keep this rule in iptables, or write its nft form by hand and load it beside the output',
  };
};
