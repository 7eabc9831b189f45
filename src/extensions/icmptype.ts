/** What the icmp and icmp6 matches share: the type with its code, its test in nft, and how `iptables -L` lists it. */
import { type Bad, isBad, type ListingReader, type ValueType } from '../iptables/grammar.ts';
import type { Given } from '../iptables/types.ts';
import type { Family } from '../netfilter/family.ts';
import { anyIcmpType, icmpByName, icmpCandidates, type IcmpType, nftIcmpType } from '../netfilter/icmp.ts';
import { equal, field, unequal } from '../nftables/build.ts';
import { all, always, any, type Formula, never, test } from '../nftables/formula.ts';
import { parseNumber } from './value.ts';

const parseByte = (text: string, what: string): number | Bad => {
  const number = parseNumber(text);
  if (number === undefined)
    return {
      bad: `"${text}" is not an ICMP ${what}`,
      help: 'give a number from 0 to 255, or a name such as echo-request',
    };
  if (number > 255n)
    return { bad: `${what} ${text} does not exist`, code: 'value-out-of-range', help: 'give a number from 0 to 255' };
  return Number(number);
};

/** `8`, `3/4`, `any`, or a name, in any case and shortened as far as it stays clear. */
const parseIcmpType = (text: string, family: Family): IcmpType | Bad => {
  const names = icmpCandidates(text, family);
  if (names.length > 1)
    return { bad: `"${text}" could be ${names.join(', ')}`, help: 'write the name in full, or the number' };
  if (names[0] !== undefined) return icmpByName(names[0], family);
  const slash = text.indexOf('/');
  if (slash < 0) {
    const type = parseByte(text, 'type');
    return isBad(type) ? type : { type };
  }
  const type = parseByte(text.slice(0, slash), 'type');
  if (isBad(type)) return { ...type, at: 0, length: Math.max(1, slash) };
  const code = parseByte(text.slice(slash + 1), 'code');
  return isBad(code) ? { ...code, at: Math.min(slash + 1, text.length - 1) } : { type, code };
};

const isAny = ({ type }: IcmpType, family: Family): boolean => family === 'ip' && type === anyIcmpType;

/** iptables-save prints numbers only, apart from `any`, whose code has no meaning. */
export const icmpType: ValueType<IcmpType> = {
  syntax: 'type[/code]',
  words: 1,
  parse: parseIcmpType,
  print: (value, family) => {
    if (isAny(value, family)) return 'any';
    return value.code === undefined ? String(value.type) : `${value.type}/${value.code}`;
  },
  samples: (family) => ['0', '8', '3', '3/4', '255', '255/0', '42', '1/255', family === 'ip' ? 'any' : '128'],
};

/**
 * The test of type and code. Inverted it holds if either differs; one `!=` over both bytes would be right in the
 * kernel, but nft lists it as two tests that both have to hold.
 */
export const icmpTest = ({ value, inverted }: Given<IcmpType>, family: Family): Formula => {
  if (isAny(value, family)) return inverted ? never : always;
  const protocol = family === 'ip' ? 'icmp' : 'icmpv6';
  const compare = inverted ? unequal : equal;
  const tests = [test(compare(field(protocol, 'type'), nftIcmpType(value.type, family)))];
  if (value.code !== undefined) tests.push(test(compare(field(protocol, 'code'), value.code)));
  return inverted ? any(tests) : all(tests);
};

/** `icmptype 3 code 4`, `icmp !type 3`, and without -n by name: `icmp !host-unreachable`. */
export const icmpListing = (protocol: string, option: string): ListingReader => {
  const numbers = new RegExp(`^${protocol}(?:type| (!)type) (\\d+)(?: code (\\d+))?(?= |$)`);
  const name = new RegExp(`^${protocol} (!?)([A-Za-z][-A-Za-z]*)(?= |$)`);
  return (text, { family }) => {
    const byNumber = numbers.exec(text);
    const byName = byNumber ? undefined : name.exec(text);
    const [whole, inverted, first = '', code] = byNumber ?? byName ?? [];
    if (whole === undefined || (byName && icmpCandidates(first, family).length !== 1)) return undefined;
    const value = code === undefined ? first : `${first}/${code}`;
    return { words: [...(inverted ? ['!'] : []), option, value], length: whole.length };
  };
};
