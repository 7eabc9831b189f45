import type { ListingReader, ValueType } from '../../iptables/grammar.ts';
import type { Family } from '../../netfilter/family.ts';
import { tcp } from '../../netfilter/protocols.ts';
import { reject } from '../../nftables/build.ts';
import type { Reject } from '../../nftables/types.ts';
import { defineTarget, option, statements, type TargetExtension } from '../contract.ts';

interface Answer {
  /** As iptables-save prints it. */
  readonly name: string;
  readonly short?: string;
  /** The word of nft, absent for a TCP reset. */
  readonly expr?: string;
}

/** In the order of iptables' own tables, for a shortened name means the first that starts so. */
const answers: Readonly<Record<Family, readonly Answer[]>> = {
  ip: [
    { name: 'icmp-net-unreachable', short: 'net-unreach', expr: 'net-unreachable' },
    { name: 'icmp-host-unreachable', short: 'host-unreach', expr: 'host-unreachable' },
    { name: 'icmp-proto-unreachable', short: 'proto-unreach', expr: 'prot-unreachable' },
    { name: 'icmp-port-unreachable', short: 'port-unreach', expr: 'port-unreachable' },
    { name: 'icmp-net-prohibited', short: 'net-prohib', expr: 'net-prohibited' },
    { name: 'icmp-host-prohibited', short: 'host-prohib', expr: 'host-prohibited' },
    { name: 'tcp-reset', short: 'tcp-rst' },
    { name: 'icmp-admin-prohibited', short: 'admin-prohib', expr: 'admin-prohibited' },
  ],
  ip6: [
    { name: 'icmp6-no-route', short: 'no-route', expr: 'no-route' },
    { name: 'icmp6-adm-prohibited', short: 'adm-prohibited', expr: 'admin-prohibited' },
    { name: 'icmp6-addr-unreachable', short: 'addr-unreach', expr: 'addr-unreachable' },
    { name: 'icmp6-port-unreachable', short: 'port-unreach', expr: 'port-unreachable' },
    { name: 'tcp-reset' },
    { name: 'icmp6-policy-fail', short: 'policy-fail', expr: 'policy-fail' },
    { name: 'icmp6-reject-route', short: 'reject-route', expr: 'reject-route' },
  ],
};

const usual: Readonly<Record<Family, string>> = { ip: 'icmp-port-unreachable', ip6: 'icmp6-port-unreachable' };
const reset = 'tcp-reset';

const answer: ValueType<string> = {
  syntax: 'type',
  words: 1,
  parse: (text, family) => {
    const start = text.toLowerCase();
    const starts = (name: string | undefined): boolean => name?.startsWith(start) ?? false;
    const found = start === '' ? undefined : answers[family].find(({ name, short }) => starts(name) || starts(short));
    if (found) return found.name;
    const other = answers[family === 'ip' ? 'ip6' : 'ip'].some(({ name, short }) => name === start || short === start);
    return {
      bad: other ? `"${text}" is an answer of the other IP family` : `"${text}" is not an answer that REJECT knows`,
      code: other ? 'wrong-family' : 'bad-value',
      help: `one of ${answers[family].map(({ name }) => name).join(', ')}`,
    };
  },
  print: (name) => name,
  samples: (family) => answers[family].flatMap(({ name, short }) => (name === reset ? [] : [name, short ?? name])),
};

const rejection = (name: string, family: Family): Reject['reject'] => {
  const expr = answers[family].find((one) => one.name === name)?.expr;
  return expr === undefined ? { type: 'tcp reset' } : { type: family === 'ip' ? 'icmp' : 'icmpv6', expr };
};

const listing: ListingReader = (text) => {
  const found = /^reject-with ([a-z0-9-]+)(?= |$)/.exec(text);
  return found ? { words: ['--reject-with', found[1] ?? ''], length: found[0].length } : undefined;
};

/** What reject_tg and reject_tg6 send, by the type and code in their switch. */
const sent: Readonly<Record<string, string>> = {
  // ICMP_DEST_UNREACH with ICMP_NET_UNREACH, HOST, PROT, PORT, NET_ANO, HOST_ANO and PKT_FILTERED.
  'icmp-net-unreachable': 'icmp net-unreachable',
  'icmp-host-unreachable': 'icmp host-unreachable',
  'icmp-proto-unreachable': 'icmp prot-unreachable',
  'icmp-port-unreachable': 'icmp port-unreachable',
  'icmp-net-prohibited': 'icmp net-prohibited',
  'icmp-host-prohibited': 'icmp host-prohibited',
  'icmp-admin-prohibited': 'icmp admin-prohibited',
  // ICMPV6_DEST_UNREACH with ICMPV6_NOROUTE, ADM_PROHIBITED, ADDR_UNREACH, PORT_UNREACH, POLICY_FAIL and REJECT_ROUTE.
  'icmp6-no-route': 'icmpv6 no-route',
  'icmp6-adm-prohibited': 'icmpv6 admin-prohibited',
  'icmp6-addr-unreachable': 'icmpv6 addr-unreachable',
  'icmp6-port-unreachable': 'icmpv6 port-unreachable',
  'icmp6-policy-fail': 'icmpv6 policy-fail',
  'icmp6-reject-route': 'icmpv6 reject-route',
  [reset]: 'tcp reset',
};

export const REJECT: TargetExtension = defineTarget({
  name: 'REJECT',
  families: ['ip', 'ip6'],
  about: 'drops the packet and answers with an ICMP error or a TCP reset',
  kernel: 'net/ipv4/netfilter/ipt_REJECT.c reject_tg, net/ipv6/netfilter/ip6t_REJECT.c reject_tg6',
  support: 'exact',
  notes: [
    'No answer is sent for a later fragment, for a broken checksum, or by tcp-reset to a segment that is a reset itself; the packet is dropped all the same, in iptables and in nftables.',
  ],
  tables: ['filter'],
  hooks: ['input', 'forward', 'output'],
  options: {
    with: option({
      name: '--reject-with',
      value: answer,
      about: 'the answer; a port-unreachable error if none is given',
    }),
  },
  canonical: (info, family, column) => ({ with: info.with ?? { value: usual[family], inverted: false, column } }),
  check: (info, _family, { protocol }) =>
    info.with?.value === reset && (protocol?.number !== tcp || protocol.inverted)
      ? {
          code: 'needs-protocol',
          option: 'with',
          what: 'tcp-reset answers TCP only',
          help: 'put -p tcp in front of it',
        }
      : undefined,
  listing,
  translate: ({ with: given }, { family }) =>
    statements([reject(rejection(given?.value ?? usual[family], family))], { terminal: true }),
  meaning: ({ with: given }, { family }) => [
    { kind: 'verdict', verdict: { kind: 'reject', with: sent[given?.value ?? usual[family]] ?? 'unknown' } },
  ],
});
