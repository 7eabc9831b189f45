/** What the matches with a source and a destination port share. */
import type { OptionSpec, ValueType } from '../iptables/grammar.ts';
import type { Given } from '../iptables/types.ts';
import { field, match } from '../nftables/build.ts';
import { all, always, any, type Formula, never, test } from '../nftables/formula.ts';
import { type Difference, type MatchTranslation, option, type RuleContext, translated } from './contract.ts';
import { isWholeRange, portExpression, type PortRange } from './ports.ts';
import { fragmentGuard, fragmentHeader, shortHeader, shorterThan, translateHeader } from './transport.ts';

export interface PortInfo {
  readonly sport?: Given<PortRange> | undefined;
  readonly dport?: Given<PortRange> | undefined;
}

/** An alias, not an interface: only aliases pass as option tables. */
type PortOptions = { readonly sport: OptionSpec<PortRange>; readonly dport: OptionSpec<PortRange> };

/** `--sport` and `--dport`. tcp and udp do not print a whole range, sctp and dccp do (`silent: false`). */
export const portOptions = (value: ValueType<PortRange>, silent = true): PortOptions => {
  const common = { value, invertible: true, ...(silent ? { asksNothing: isWholeRange } : {}) };
  return {
    sport: option({ name: '--sport', aliases: ['--source-port'], ...common, about: 'source port' }),
    dport: option({ name: '--dport', aliases: ['--destination-port'], ...common, about: 'destination port' }),
  };
};

/**
 * One port test. A range that ends before it starts holds no port; its inversion still wants the port to be there.
 * The whole range holds every port.
 */
export const portTest = (protocol: string, name: 'sport' | 'dport', given: Given<PortRange> | undefined): Formula => {
  if (!given) return always;
  const { low, high } = given.value;
  if (low > high) return given.inverted ? test(match(field(protocol, name), '>=', 0)) : never;
  if (isWholeRange(given.value)) return given.inverted ? never : always;
  return test(match(field(protocol, name), given.inverted ? '!=' : '==', portExpression(given.value)));
};

export const portTests = (protocol: string, info: PortInfo): Formula =>
  all([portTest(protocol, 'sport', info.sport), portTest(protocol, 'dport', info.dport)]);

/** What else a match like tcp makes of the packet. */
export interface Beside {
  /** Tests that iptables-nft loads natively as well. */
  readonly rest?: Formula;
  /** Further packets that ip_tables.ko drops on the spot. */
  readonly hotdrop?: Formula;
  readonly differences?: readonly Difference[];
}

const known = new Map<number, readonly Difference[]>();

/** One list per header length and kind of chain: most rules of a ruleset have it. */
const usualDifferences = (length: number, fragmentsVisible: boolean): readonly Difference[] => {
  const key = fragmentsVisible ? length : -length;
  const found = known.get(key);
  if (found) return found;
  const made = fragmentsVisible ? [shortHeader('legacy', length), fragmentHeader] : [shortHeader('legacy', length)];
  known.set(key, made);
  return made;
};

/**
 * The port tests of a header of `length` bytes. iptables-nft runs them as the same native loads, and only a match that
 * tests nothing as the xt module; ip_tables.ko wants the whole header, drops what is shorter, and leaves later
 * fragments alone.
 */
export const translatePorts = (
  protocol: 'tcp' | 'udp',
  info: PortInfo,
  context: RuleContext,
  length: number,
  { rest = always, hotdrop = never, differences = [] }: Beside = {},
): MatchTranslation => {
  const formula = all([portTests(protocol, info), rest]);
  if (context.exactLegacy)
    return translated(all([fragmentGuard(context), formula]), {
      hotdrop: any([hotdrop, shorterThan(length, context)]),
      differences,
    });
  if (formula.kind === 'always') return translateHeader(formula, length, context, differences);
  const usual = usualDifferences(length, context.fragmentsVisible);
  return translated(formula, { differences: differences.length === 0 ? usual : [...usual, ...differences] });
};
