/** The values of `-s`, `-d`, `-i`, `-o` and `-p`: what iptables(8) calls parameters. */
import { utf8Length } from '../netfilter/bytes.ts';
import { type Masked, parseMasked } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import { protocolNumber } from '../netfilter/protocols.ts';
import type { Bad } from './grammar.ts';

const looksLikeName = (text: string): boolean => /[g-zG-Z]/.test(text) && !text.includes(':');

/** One address with an optional mask. */
const parseOne = (text: string, family: Family): Masked | Bad => {
  const masked = parseMasked(text, family);
  if (masked) return masked;
  if (parseMasked(text, family === 'ip' ? 'ip6' : 'ip'))
    return {
      bad: `${text} is an ${family === 'ip' ? 'IPv6' : 'IPv4'} address in an ${family === 'ip' ? 'IPv4' : 'IPv6'} ruleset`,
      code: 'wrong-family',
      help: family === 'ip' ? 'give the file to dnfw with --family ip6' : 'give the file to dnfw with --family ip',
    };
  if (looksLikeName(text))
    return {
      bad: `"${text}" is a host name`,
      code: 'host-name',
      help: 'write the address itself: a name can mean another host tomorrow',
    };
  return {
    bad: `"${text}" is not an ${family === 'ip' ? 'IPv4' : 'IPv6'} address`,
    code: 'bad-address',
    help:
      family === 'ip'
        ? 'write a.b.c.d, a.b.c.d/length or a.b.c.d/mask'
        : 'write an IPv6 address, with /length if it is a network',
  };
};

/** A comma list of addresses, as `-s` takes it: iptables makes one rule of each. */
export const parseAddresses = (text: string, family: Family): readonly Masked[] | Bad => {
  if (!text.includes(',')) {
    const one = parseOne(text, family);
    return 'bad' in one ? one : [one];
  }
  const found: Masked[] = [];
  let at = 0;
  for (const part of text.split(',')) {
    const one = parseOne(part, family);
    if ('bad' in one) return { at, length: Math.max(1, part.length), ...one };
    found.push(one);
    at += part.length + 1;
  }
  return found;
};

/** The kernel's IFNAMSIZ is 16 with the final zero byte; iptables refuses blanks and slashes only with a warning. */
export const parseInterface = (text: string): string | Bad => {
  if (text === '') return { bad: 'an interface name cannot be empty', code: 'interface-name' };
  if (text.length > 15 || utf8Length(text) > 15)
    return {
      bad: `interface name "${text}" is too long`,
      code: 'interface-name',
      help: 'an interface name has at most 15 bytes',
    };
  return text;
};

export const parseProtocol = (text: string): number | Bad =>
  protocolNumber(text) ?? {
    bad: `"${text}" is not a protocol`,
    help: 'give a name such as tcp, or a number from 0 to 255',
  };
