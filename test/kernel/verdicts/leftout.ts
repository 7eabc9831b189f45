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

const given = (
  { rule }: Tested,
  names: readonly string[],
  key: string,
): { readonly value: unknown; readonly inverted: boolean } | undefined =>
  // prettier-ignore
  rule.matches.find(({ name }) => names.includes(name))?.info[key];

const isOnePort = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'low' in value && 'high' in value && value.low === value.high && value.low !== 0; // prettier-ignore

/** What iptables-nft loads in another form than it was given; `nft --debug=netlink list ruleset` shows it. */
export const misloaded: readonly { readonly why: string; readonly concerns: (rule: Tested) => boolean }[] = [
  {
    why: 'before 1.8.11, of two inverted ports one comparison over both becomes, which one different port satisfies',
    concerns: (rule) =>
      ['sport', 'dport'].every((key) => {
        const port = given(rule, ['tcp', 'udp'], key);
        return port?.inverted === true && isOnePort(port.value);
      }),
  },
  {
    why: 'before 1.8.10, an inverted range of all ports is not loaded at all',
    concerns: (rule) =>
      ['sport', 'dport'].some((key) => {
        const port = given(rule, ['tcp', 'udp'], key);
        return port?.inverted === true && JSON.stringify(port.value) === '{"low":0,"high":65535}';
      }),
  },
  {
    why: 'a mask without flags is not loaded at all, nor is what it asks',
    concerns: (rule) => {
      const flags = given(rule, ['tcp'], 'flags');
      return flags !== undefined && (flags.inverted || JSON.stringify(flags.value).includes('NONE'));
    },
  },
];

/**
 * Rules whose meaning rests on the assumption `same-lookup`, for packets on which this kernel is known to break it:
 * xt_rpfilter.c takes no broadcast or multicast address for a source, and the IPv6 lookups of xt_addrtype.c and
 * nft_fib_ipv6.c have other flows.
 */
export const looksUpDifferently = ({ matches, family, rule }: Tested, sourceType: unknown): boolean => {
  if (matches.includes('rpfilter') && sourceType !== 1 && sourceType !== 2) return true;
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
  [/iptables-nft (before [\d.]+ )?(leaves|wants)/, 'iptables-nft loads another rule than it was given'],
  [/authentication header that is cut short/, 'kernels differ'],
];
