/** Rules that iptables-restore-translate writes as a comment, with exit status 0: in what nft loads they are missing. */
import { anyIcmpType } from '../../netfilter/icmp.ts';
import { type Ask, has, isInverted, masked, match, target, value } from './ask.ts';
import { type Fault, type TranslatorVersion, translatorVersions } from './fault.ts';

const both: readonly TranslatorVersion[] = translatorVersions;
const old: readonly TranslatorVersion[] = ['1.8.9'];

const lost = (id: string, what: string, is: Ask, versions = both): Fault => ({
  id,
  effect: 'lost',
  versions,
  is,
  what,
  becomes: 'the rule is written as a comment',
});

/** Types that the programs have a name for; of all others they print nothing. */
const named: Readonly<Record<'ip' | 'ip6', Readonly<Record<TranslatorVersion, ReadonlySet<number>>>>> = {
  ip: {
    '1.8.9': new Set([0, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 17, 18, anyIcmpType]),
    '1.8.13': new Set([0, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, anyIcmpType]),
  },
  ip6: {
    '1.8.9': new Set([0, 1, 2, 3, 4, 128, 129, 133, 134, 135, 136, 137]),
    '1.8.13': new Set([0, 1, 2, 3, 4, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137]),
  },
};

const icmpType = (name: 'icmp' | 'icmp6', ask: (text: string) => boolean): Ask =>
  match(name, (use) => ask(value(use, name === 'icmp' ? '--icmp-type' : '--icmpv6-type')));

const isNumber = (text: string): boolean => /^\d+$/.test(text);

const wholeMatches = ['u32', 'bpf', 'physdev', 'ipvs', 'recent', 'string', 'set', 'tos', 'osf', 'nfacct', 'rateest', 'ipv6header', 'eui64', 'srh', 'dst']; // prettier-ignore
const wholeTargets = ['CHECKSUM', 'SET', 'TTL', 'HL', 'ECN', 'NETMAP', 'LED', 'IDLETIMER', 'RATEEST', 'HMARK', 'ULOG', 'TCPOPTSTRIP', 'CONNSECMARK', 'SECMARK', 'CLUSTERIP', 'DNPT', 'SNPT']; // prettier-ignore

const policyElements = ['--strict', '--reqid', '--spi', '--proto', '--mode', '--tunnel-src', '--tunnel-dst', '--next'];

const isFullMark = (text: string): boolean => text === '' || masked(text).value === 0xffffffff;

export const lostWhole: readonly Fault[] = [
  ...wholeMatches.map((name) => lost(name, `the ${name} match`, match(name))),
  ...wholeTargets.map((name) => lost(name, `the ${name} target`, target(name))),
  lost('QUEUE', 'the QUEUE target', target('QUEUE')),
  lost(
    'policy-out',
    'policy --dir out',
    match('policy', (use) => value(use, '--dir') === 'out'),
  ),
  lost(
    'policy-element',
    'policy with reqid, spi, proto, mode, tunnel or strict',
    match('policy', (use) => value(use, '--dir') !== 'out' && has(use, ...policyElements)),
  ),
  lost('icmp-code', 'an ICMP type with a code', (rule) =>
    ['icmp', 'icmp6'].some((name) => icmpType(name as 'icmp', (text) => text.includes('/'))(rule)),
  ),
  ...both.map((version) =>
    lost(
      version === '1.8.9' ? 'icmp-type' : 'icmp-type-new',
      'an ICMP type that has no name in iptables',
      (rule) =>
        (['icmp', 'icmp6'] as const).some((name) =>
          icmpType(name, (text) => isNumber(text) && !named[rule.family][version].has(Number(text)))(rule),
        ),
      [version],
    ),
  ),
  lost(
    'owner-socket',
    'owner --socket-exists, --suppl-groups, or a user and a group at once',
    match('owner', (use) => has(use, '--socket-exists', '--suppl-groups') || use.options.size > 1),
  ),
  lost(
    'rpfilter-local',
    'rpfilter --accept-local without --invert',
    match('rpfilter', (use) => has(use, '--accept-local') && !has(use, '--invert')),
  ),
  lost(
    'hashlimit-mode',
    'hashlimit without a mode',
    match('hashlimit', (use) => !has(use, '--hashlimit-mode')),
  ),
  lost(
    'monthdays',
    'time --monthdays',
    match('time', (use) => has(use, '--monthdays')),
  ),
  lost(
    'cgroup-path',
    'cgroup --path',
    match('cgroup', (use) => has(use, '--path')),
  ),
  lost(
    'hbh-options',
    'hbh without a length, or with options',
    match('hbh', (use) => !has(use, '--hbh-len') || has(use, '--hbh-opts')),
  ),
  lost('socket', 'the socket match', match('socket'), old),
  lost('TPROXY', 'the TPROXY target', target('TPROXY'), old),
  lost(
    'sctp-bare',
    'sctp without an effective option',
    match('sctp', (use) => use.options.size === 0),
    old,
  ),
  lost(
    'sctp-any',
    'sctp --chunk-types any',
    match('sctp', (use) => value(use, '--chunk-types').startsWith('any')),
  ),
  lost(
    'dccp-option',
    'dccp --dccp-option',
    match('dccp', (use) => has(use, '--dccp-option')),
  ),
  lost(
    'connection-tracking',
    'CT other than --notrack: a helper, a zone, events or a timeout',
    target('CT', (use) => !has(use, '--notrack')),
  ),
  lost(
    'port-shift',
    'DNAT with shifted ports (a-b/base)',
    target('DNAT', (use) => value(use, '--to-destination').includes('/')),
  ),
  lost(
    'connection-mark-masks',
    'CONNMARK with two different masks or a shift',
    target(
      'CONNMARK',
      (use) =>
        has(use, '--save-mark', '--restore-mark') &&
        (has(use, '--left-shift-mark', '--right-shift-mark') || value(use, '--nfmask') !== value(use, '--ctmask')) &&
        !(isFullMark(value(use, '--nfmask')) && isFullMark(value(use, '--ctmask')) && !isInverted(use)),
    ),
  ),
];
