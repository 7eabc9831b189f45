/** The words of a policy: addresses, sources, ports, interfaces. Each is its value, or what is wrong with it. */
import {
  addressBits,
  parseAddress,
  parseMasked,
  prefixLength,
  printAddress,
  printMasked,
} from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import { serviceNumber } from '../netfilter/services.ts';
import type { Code } from '../diagnostics/catalogue.ts';
import type { Allow, Network } from './policy.ts';

/** A word that cannot be used: why, and what to write instead. */
export interface Wrong {
  readonly code: Code;
  readonly what: string;
  readonly help?: string;
}

export const isWrong = <T extends object>(value: T | Wrong): value is Wrong => 'code' in value && 'what' in value;

const wrong = (code: Code, what: string, help?: string): Wrong =>
  help === undefined ? { code, what } : { code, what, help };

/** An address has a dot or a colon in it, and a name has neither. */
export const isSetName = (text: string): boolean => /^[A-Za-z][A-Za-z0-9_-]*$/.test(text);

const notAnAddress = (text: string): Wrong => {
  if (/^(?=.*[A-Za-z])[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+\.?$/.test(text))
    return wrong('host-name', `${text} is a host name`, 'write its addresses: dnfw asks no name server');
  if (text.includes('%')) return wrong('bad-address', `${text} has a zone`, 'name the interface in `interfaces`');
  if (text.includes('-'))
    return wrong(
      'bad-address',
      `${text} is no address`,
      'write a range of addresses as networks, such as 192.0.2.0/28',
    );
  return wrong('bad-address', `${text} is no address`, 'write 192.0.2.1, 192.0.2.0/24, 2001:db8::1 or 2001:db8::/32');
};

export const readNetwork = (text: string): Network | Wrong => {
  const family: Family = text.includes(':') ? 'ip6' : 'ip';
  const masked = parseMasked(text, family);
  if (!masked) {
    const [address = '', length = ''] = text.split('/');
    if (parseAddress(address, family) !== undefined && text.includes('/'))
      return wrong('bad-address', `/${length} is no prefix length`, `a number from 0 to ${addressBits(family)}`);
    return notAnAddress(text);
  }
  const length = prefixLength(masked.mask, family);
  if (length === undefined)
    return wrong('bad-address', `the mask of ${text} has holes`, 'write networks with a prefix length');
  const given = parseAddress(text.split('/')[0] ?? '', family);
  if (given !== undefined && given !== masked.address)
    return wrong(
      'bad-address',
      `${text} has bits behind its prefix length`,
      `write ${printMasked(masked, family)} for the network, or ${printAddress(given, family)} for the address`,
    );
  return { ...masked, family };
};

type PortRange = Allow['ports'][number];

const highest = 65_535;

export const readPorts = (given: number | string): PortRange | Wrong => {
  if (typeof given === 'number') return { low: given, high: given };
  const found = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(given);
  if (!found) {
    const number = serviceNumber(given);
    const help = number === undefined ? 'write 22, or 8000-8010 for a range' : `write ${number}`;
    return wrong('bad-value', `${given} is no port`, help);
  }
  const low = Number(found[1]);
  const high = Number(found[2] ?? found[1]);
  if (low < 1 || high > highest) return wrong('value-out-of-range', `${given} is no port`, `ports are 1 to ${highest}`);
  if (low > high) return wrong('bad-value', `${given} runs backwards`, `write ${high}-${low}`);
  return { low, high };
};

/** IFNAMSIZ (include/uapi/linux/if.h) with the terminating byte. */
const longestInterface = 15;

/** The name itself if there is nothing wrong with it. */
export const readInterface = (text: string): { readonly name: string } | Wrong => {
  const code = 'interface-name';
  if (text === '*') return wrong(code, '* is every interface', 'leave `interfaces` out');
  if (text.includes('@')) return wrong(code, `${text} is no name of an interface`, `write ${text.split('@')[0] ?? ''}`);
  if (text.endsWith('+'))
    return wrong(code, `${text} is that very name in nft`, `write ${text.slice(0, -1)}* for any ending`);
  if (/\*./.test(text)) return wrong(code, `the * in ${text} is not at its end`);
  if (text === '.' || text === '..' || !/^[A-Za-z0-9_.+~-]+\*?$/.test(text))
    return wrong(code, `${text} is no name of an interface`);
  if (text.replace(/\*$/, '').length > longestInterface)
    return wrong(code, `${text} is longer than ${longestInterface} characters`);
  return { name: text };
};
