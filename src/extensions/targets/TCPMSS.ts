import type { ListingReader, ValueType } from '../../iptables/grammar.ts';
import type { Family } from '../../netfilter/family.ts';
import type { Hook } from '../../netfilter/hooks.ts';
import { tcp } from '../../netfilter/protocols.ts';
import { mangle, meta, rt, tcpOption, unequal } from '../../nftables/build.ts';
import { always, type Formula, test } from '../../nftables/formula.ts';
import {
  defineTarget,
  type Difference,
  option,
  refused,
  type RuleContext,
  statements,
  type TargetExtension,
} from '../contract.ts';
import { flag, wholeNumber } from '../value.ts';
import { segmentSteps } from '../segmentsize.ts';

/** A segment in the largest packet: 65535 bytes less the IP header. */
const largest: Readonly<Record<Family, number>> = { ip: 65515, ip6: 65495 };

const segment: ValueType<number> = {
  ...wholeNumber(0, largest.ip6),
  parse: (text, family) => wholeNumber(0, largest[family]).parse(text, family),
};

const optionAdded: Difference = {
  code: 'no-add-option',
  from: 'both',
  degree: 'approximate',
  why: 'a segment without data that has no MSS option is given one by iptables (at most 536 bytes in IPv4, 1220 in IPv6); nftables leaves it as it is',
};

const malformed: Difference = {
  code: 'malformed-option',
  from: 'both',
  degree: 'guarded',
  why: 'iptables drops a segment that is shorter than its header says, or whose header is shorter than 20 bytes, and passes over an MSS option that is not 4 bytes long; nftables leaves the former alone and changes the latter',
};

const differences: readonly Difference[] = [optionAdded, malformed];

const clampHooks: ReadonlySet<Hook> = new Set(['forward', 'output', 'postrouting']);

/**
 * `rt mtu` is 536 where the path carries more than 65535 bytes (net/netfilter/nft_rt.c get_tcpmss). IPv4 routes never
 * say so, but the loopback device has 65536 and IPv6 counts that as one packet.
 */
const offLoopback = ({ family, hooks, selector }: RuleContext): Formula => {
  const out = selector.outInterface;
  const elsewhere = out && !out.inverted && out.name !== 'lo' && !['lo+', 'l+', '+'].includes(out.name);
  const local = hooks.has('output') || hooks.has('postrouting');
  return family === 'ip6' && local && !elsewhere ? test(unequal(meta('oifname'), 'lo')) : always;
};

const listing: ListingReader = (text) => {
  const found = /^TCPMSS (?:clamp to PMTU|set (\d+))(?= |$)/.exec(text);
  if (!found) return undefined;
  return { words: found[1] === undefined ? ['--clamp-mss-to-pmtu'] : ['--set-mss', found[1]], length: found[0].length };
};

const size = tcpOption('maxseg', 'size');

export const TCPMSS: TargetExtension = defineTarget({
  name: 'TCPMSS',
  families: ['ip', 'ip6'],
  about: 'lowers the largest segment size that a TCP connection is opened with',
  kernel: 'net/netfilter/xt_TCPMSS.c tcpmss_mangle_packet',
  support: 'approximate',
  notes: [
    'Neither iptables nor nftables ever raises the value (net/netfilter/nft_exthdr.c nft_exthdr_tcp_set_eval).',
    'iptables adds the option to a segment without data that has none; nftables cannot.',
    'iptables-legacy wants a test for SYN in the rule; iptables-nft does not.',
    '--clamp-mss-to-pmtu works where the packet has its route: FORWARD, OUTPUT and POSTROUTING. IPv6 packets over loopback are left out there, because nftables would clamp them to 536.',
  ],
  protocols: [tcp],
  options: {
    mss: option({ name: '--set-mss', value: segment, excludes: ['clamp'], about: 'the largest value' }),
    clamp: option({ name: '--clamp-mss-to-pmtu', value: flag, about: 'the value that the path can carry, either way' }),
  },
  atLeastOne: ['mss', 'clamp'],
  listing,
  translate: ({ mss, clamp }, context) => {
    if (!clamp) return statements([mangle(size, mss?.value ?? 0)], { differences });
    const wrong = [...context.hooks].find((hook) => !clampHooks.has(hook));
    if (wrong)
      return refused({
        code: 'wrong-hook',
        option: 'clamp',
        what: `--clamp-mss-to-pmtu in a chain reached from ${wrong}`,
        why: 'the packet has no route to take the path from; the kernel refuses such a rule',
        help: 'put it in FORWARD, OUTPUT or POSTROUTING',
      });
    return statements([mangle(size, rt('mtu'))], { formula: offLoopback(context), differences });
  },
  meaning: ({ mss, clamp }, context) => segmentSteps(clamp ? 'pmtu' : (mss?.value ?? 0), context),
});
