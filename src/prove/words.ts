/** What a packet that tells two rulesets apart is like, and what decided about it, in words. */
import { printAddress } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import { protocolName } from '../netfilter/protocols.ts';
import { ctStates } from '../packet/field.ts';
import { describeVerdict } from '../simulate/words.ts';
import type { Seen } from './confirm.ts';
import { callingChain } from './focus.ts';
import type { ClassPart } from './widen.ts';
import type { Witness } from './witness.ts';

const range = (low: number, high: number): string => (low === high ? String(low) : `${low}-${high}`);

const stateNames = new Map<number, string>(Object.entries(ctStates).map(([name, bit]) => [bit, name]));

const protocolsOf = (low: number, high: number): string =>
  low === high ? protocolName(low) : `protocol ${low}-${high}`;

const partWords = (part: ClassPart, family: Family): string => {
  switch (part.field) {
    case 'saddr':
    case 'daddr': {
      const whole = part.length === (family === 'ip' ? 32 : 128);
      const size = BigInt((family === 'ip' ? 32 : 128) - part.length);
      const address = printAddress((part.address >> size) << size, family);
      return `${family} ${part.field} ${address}${whole ? '' : `/${part.length}`}`;
    }
    case 'sport':
    case 'dport':
      return `${part.field} ${range(part.low, part.high)}`;
    case 'vni':
      return `vxlan vni ${range(part.low, part.high)}`;
    case 'fragment':
      return part.low === 0 ? 'no later fragment' : `fragments from byte ${part.low * 8} on`;
    case 'authenticated':
      return 'an authentication header';
    case 'length':
      return `${range(part.low, part.high)} bytes from the transport header on`;
    case 'protocol':
      return protocolsOf(part.low, part.high);
    case 'iifname':
    case 'oifname':
      return `${part.field} ${part.other ? 'other than ' : ''}${part.names.map((name) => (name === '' ? '""' : name)).join(', ')}`;
    case 'ct.state':
      return `ct state ${part.states.map((state) => stateNames.get(state) ?? state).join(',')}`;
  }
};

/** Protocol first, as people say it. */
export const likeWords = ({ like, packet }: Witness): string => {
  // Nearly every packet is long enough for its header; only what is cut short is worth a word.
  const said = like.filter((part) => part.field !== 'length' || part.high < 65535);
  const sorted = said.toSorted((a, b) => Number(b.field === 'protocol') - Number(a.field === 'protocol'));
  return sorted.map((part) => partWords(part, packet.family)).join(', ') || 'every packet';
};

export const deciderWords = ({ decidedBy }: Seen): string => {
  if (!decidedBy) return 'no rule and no policy: nothing stands at this hook';
  if ('policyOf' in decidedBy) return `the policy of ${decidedBy.policyOf}`;
  const { file, line, text } = decidedBy.rule;
  // A listing aligns its columns with blanks.
  return `${file}:${line}: ${text.trim().replaceAll(/\s+/g, ' ')}`;
};

export const endingWords = ({ ending }: Seen): string =>
  ending.kind === 'unknown' ? `unknown (${ending.what})` : describeVerdict(ending);

export const comesBack = ({ ending }: Seen): boolean => ending.kind === 'taken' && ending.by === callingChain;
