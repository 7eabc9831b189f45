// What no packet of the laboratory can show, and what this kernel does not have: each by name with its reason. The
// tests hold the lists to what is met, so that nothing is left out silently.
import type { Tested } from './rules.ts';

/** Matches that time, chance or contents outside the ruleset decide. */
export const undecidable: ReadonlyMap<string, string> = new Map([
  ['limit', 'a rate: the clock decides'],
  ['statistic', 'chance, or a counter of its own for each rule and way'],
  ['set', 'the contents of an ipset, which the rules do not say'],
]);

/** Whether packets can decide the rule. */
export const isDecidable = ({ matches }: Tested): boolean => !matches.some((name) => undecidable.has(name));

const conntrackMatches = new Set(['conntrack', 'state', 'connmark', 'connlimit', 'connbytes', 'connlabel', 'helper']);

/** Such a rule turns conntrack on by being loaded. */
export const needsConntrack = ({ matches }: Tested): boolean => matches.some((name) => conntrackMatches.has(name));

/** What a kernel or an iptables may lack, each with a rule that tells whether this one does. */
export interface Lack {
  readonly name: string;
  readonly why: string;
  readonly probe: string;
  readonly concerns: (rule: Tested) => boolean;
}

export const lacks: readonly Lack[] = [
  {
    name: 'ipvs',
    why: 'the kernel has no xt_ipvs',
    probe: '-m ipvs --ipvs',
    concerns: ({ matches }) => matches.includes('ipvs'),
  },
  {
    name: 'udplite',
    why: 'iptables has no extension of this name: it writes the ports as multiport',
    probe: '-p udplite -m udplite --dport 1',
    concerns: ({ matches }) => matches.includes('udplite'),
  },
  {
    name: 'bpf --object-pinned',
    why: 'nobody has pinned a program',
    probe: '-m bpf --object-pinned /sys/fs/bpf/none',
    concerns: ({ rule }) => rule.matches.some(({ name, info }) => name === 'bpf' && info['pinned'] !== undefined),
  },
];

/**
 * Rules whose meaning rests on the assumption `same-lookup`, for packets on which this kernel is known to break it: the
 * IPv6 lookups of xt_addrtype.c and nft_fib_ipv6.c have other flows.
 */
export const looksUpDifferently = ({ family, rule }: Tested): boolean => {
  const types = rule.matches.filter(({ name }) => name === 'addrtype').map(({ info }) => JSON.stringify(info));
  return family === 'ip6' && types.some((text) => /LOCAL|ANYCAST|UNREACHABLE/.test(text));
};

/** What a simulator may not know of a packet, and why nothing here can tell it. Everything else it has to know. */
export const unknowable: readonly (readonly [RegExp, string])[] = [
  [/physdev/, 'the packets come over no bridge'],
  [/bpf: the payload offset/, 'the kernel dissects protocols that dnfw does not'],
  [/bpf: a negative offset|bpf: bytes of the link layer/, 'depends on how the network card delivers the bytes'],
  [/bpf: the figure/, 'figures of the machine'],
  [/ct\.expiration/, 'the clock'],
  [
    /ct\.(protocol|(original|reply)\.)/,
    'a related packet belongs to another connection; conntrack knows ports that are none',
  ],
  [/iptables-nft (up to [\d.]+ )?(leaves|wants)/, 'iptables-nft loads another rule than it was given'],
  [/authentication header that is cut short/, 'kernels differ'],
];
