/** Which encrypted networks a loaded guard enforces, read off its listing, and how that differs from those that it shall. */
import type { Family } from '../netfilter/family.ts';
import { isList, type Json, type JsonObject, listOf, property, text, textOf, whole } from '../nftables/json.ts';
import { type EncryptedVni, vniKey } from './facts.ts';
import { rulesIn } from './loaded.ts';
import { encryptedChain } from './names.ts';

const families: Readonly<Record<string, Family>> = { ipv4: 'ip', ipv6: 'ip6' };

/** The right side of the first test whose left side `is` true of. */
const rightOf = (rule: JsonObject, is: (left: Json | undefined) => boolean): Json | undefined => {
  for (const statement of listOf(property(rule, 'expr'))) {
    const match = property(statement, 'match');
    if (match !== undefined && is(property(match, 'left'))) return property(match, 'right');
  }
  return undefined;
};

const isMeta =
  (key: string) =>
  (left: Json | undefined): boolean =>
    textOf(property(left, 'meta'), 'key') === key;
const isPort = (left: Json | undefined): boolean => textOf(property(left, 'payload'), 'field') === 'dport';
const isVni = (left: Json | undefined): boolean => property(left, '&') !== undefined;

const valuesOf = (right: Json | undefined): readonly Json[] => {
  const set = property(right, 'set');
  return isList(set) ? set : listOf(right);
};

const inRule = (rule: JsonObject): readonly EncryptedVni[] => {
  const family = families[text(rightOf(rule, isMeta('nfproto'))) ?? ''];
  const port = whole(rightOf(rule, isPort));
  if (!family || port === undefined) return [];
  return valuesOf(rightOf(rule, isVni)).flatMap((value) => {
    const word = whole(value);
    return word === undefined ? [] : [{ family, port: Number(port), vni: Number(word >> 8n) }];
  });
};

/** Of `nft -j list table inet dnfw`. */
export const enforcedIn = (listing: Json): readonly EncryptedVni[] => rulesIn(listing, encryptedChain).flatMap(inRule);

export interface Step {
  /** They are encrypted, and the guard does not know. */
  readonly missing: readonly EncryptedVni[];
  /** The guard enforces them, and nobody says any more that they are encrypted. */
  readonly stale: readonly EncryptedVni[];
}

export const difference = (enforced: readonly EncryptedVni[], wanted: readonly EncryptedVni[]): Step => {
  const [has, wants] = [new Set(enforced.map(vniKey)), new Set(wanted.map(vniKey))];
  return {
    missing: wanted.filter((one) => !has.has(vniKey(one))),
    stale: enforced.filter((one) => !wants.has(vniKey(one))),
  };
};

/** `VNI 4097 (0x1001), port 4789`, with the family where it is IPv6. */
export const vniWords = ({ family, port, vni }: EncryptedVni): string =>
  `VNI ${vni} (0x${vni.toString(16)}), port ${port}${family === 'ip6' ? ', IPv6' : ''}`;
