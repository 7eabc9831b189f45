/** What tcp, udp and udplite have in common: source and destination port tests and how `iptables -L` lists them. */
import type { Given } from '../iptables/types.ts';
import { field, match } from '../nftables/build.ts';
import { all, always, type Formula, never, test } from '../nftables/formula.ts';
import { type MatchTranslation, type RuleContext, translated } from './contract.ts';
import type { ListingReader } from './listing.ts';
import { portExpression, type PortRange } from './ports.ts';
import { fragmentGuard, fragmentHeader, shortHeader, shorterThan } from './transport.ts';

export interface PortInfo {
  readonly sport?: Given<PortRange>;
  readonly dport?: Given<PortRange>;
}

/** One port test. A range that ends before it starts holds no port; the whole range holds every port. */
export const portTest = (protocol: string, name: 'sport' | 'dport', given: Given<PortRange> | undefined): Formula => {
  if (!given) return always;
  const { low, high } = given.value;
  if (low > high) return given.inverted ? always : never;
  if (low === 0 && high === 65535) return given.inverted ? never : always;
  return test(match(field(protocol, name), given.inverted ? '!=' : '==', portExpression(given.value)));
};

/**
 * The port tests of a header of `length` bytes. iptables-nft runs them as the same native loads; ip_tables.ko wants
 * the whole header, drops what is shorter, and leaves later fragments alone.
 */
export const translatePorts = (
  protocol: 'tcp' | 'udp' | 'udplite',
  info: PortInfo,
  context: RuleContext,
  length: number,
  rest: Formula = always,
): MatchTranslation => {
  const formula = all([portTest(protocol, 'sport', info.sport), portTest(protocol, 'dport', info.dport), rest]);
  if (!context.exactLegacy)
    return translated(formula, {
      differences: context.fragmentsVisible
        ? [shortHeader('legacy', length), fragmentHeader]
        : [shortHeader('legacy', length)],
    });
  return translated(all([fragmentGuard(context), formula]), { hotdrop: shorterThan(length, context) });
};

const portPart = /^(spts?|dpts?):(!?)([^\s:]+)(?::([^\s:]+))?/;

/** `udp spt:53 dpts:1024:65535` with `!` after the colon; without options just the name. xt_tcpudp's print callback. */
export const portListing =
  (protocol: string): ListingReader =>
  (text) => {
    if (!new RegExp(`^${protocol}(?= |$)`).test(text)) return undefined;
    const words: string[] = [];
    let length = protocol.length;
    for (;;) {
      const blank = /^ */.exec(text.slice(length))?.[0].length ?? 0;
      const part = portPart.exec(text.slice(length + blank));
      if (!part) return { words, length };
      const [whole, name = '', inverted, low = '', high] = part;
      if (inverted) words.push('!');
      words.push(name.startsWith('s') ? '--sport' : '--dport', high === undefined ? low : `${low}:${high}`);
      length += blank + whole.length;
    }
  };

