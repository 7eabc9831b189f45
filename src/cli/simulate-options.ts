/** The values of `--route` and `--local`: what the command line says of the host around the rules. */
import { parseAddress, parseMasked } from '../netfilter/address.ts';
import { families, type Family } from '../netfilter/family.ts';
import type { LocalAddress, Route } from '../simulate/facts.ts';

export type SaidRoute = Route & { readonly family: Family };
export type SaidLocal = LocalAddress & { readonly family: Family };

/** `172.17.0.0/16=docker0`; undefined if it is not of this form. */
export const parseRoute = (text: string): SaidRoute | undefined => {
  const [target = '', device = ''] = text.split('=');
  if (!/^[^\s/=]{1,15}$/.test(device) || text.split('=').length !== 2) return undefined;
  for (const family of families) {
    const network = parseMasked(target, family);
    if (network) return { network, device, family };
  }
  return undefined;
};

/** `192.0.2.1`, or `192.0.2.1@eth0` with its device; undefined if it is not of this form. */
export const parseLocal = (text: string): SaidLocal | undefined => {
  const [target = '', device] = text.split('@');
  if (text.split('@').length > 2 || device === '') return undefined;
  for (const family of families) {
    const address = parseAddress(target, family);
    if (address !== undefined) return { address, family, ...(device === undefined ? {} : { device }) };
  }
  return undefined;
};
