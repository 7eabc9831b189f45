/** What the findings about packets that leave in clear have in common. */
import { printAddress } from '../../netfilter/address.ts';
import { addressOf } from '../../simulate/facts.ts';
import { viewOf } from '../../packet/view.ts';
import type { Severity } from '../finding.ts';
import type { Leaving } from './leaving.ts';
import { type EncryptedNetwork, networkWords } from './networks.ts';

type Clear = Extract<Leaving, { kind: 'clear' }>;

export const leavingMeans =
  'What containers of this host send to other nodes is on the wire in clear. Nodes that have their DROP do not take it, and the network is dead; those that have lost it do.';

/** `high`, or less where it is about packets to some address that may be no node's. */
export const leavingSeverity = ({ isSpecial }: Clear): { readonly severity?: Severity } =>
  isSpecial ? { severity: 'medium' } : {};

export const leavingWords = (overlay: EncryptedNetwork, { isSpecial, sent: { packet } }: Clear): string => {
  const address = addressOf(viewOf(packet), 'daddr');
  const whom = isSpecial ? ` to ${address === undefined ? 'some addresses' : printAddress(address, packet.family)}` : ''; // prettier-ignore
  return `${networkWords(overlay)}: packets of this encrypted network that this host sends${whom} leave in clear.`;
};
