/**
 * The chain that does what Docker's DROP rules of encrypted overlays do: it drops VXLAN that names an encrypted network
 * and did not come through IPsec. One rule per family and port, with one lookup however many networks there are.
 */
import { and, anyOf, counter, drop, equal, field, flushChain, meta, raw } from '../nftables/build.ts';
import type { Command, Statement } from '../nftables/types.ts';
import type { EncryptedVni, HostFacts } from './facts.ts';
import { encryptedChain, guardFamily, guardTableName } from './names.ts';
import type { Mode } from './policy.ts';
import { type GuardRule, ruleCommand } from './ruleset-writer.ts';
import { isFamily } from './ruleset-sources.ts';

/** What comes in the clear. nft lists the key `secpath` of old as `ipsec`. */
export const isClear: Statement = equal(meta('ipsec'), false);
export const isProtected: Statement = equal(meta('ipsec'), true);

/**
 * The network identifier and the byte behind it, as one load of 32 bits under a mask: what Docker's u32 and BPF programs
 * load, so that a datagram too short for them is too short here. 24 bits would also match one with 7 bytes of payload.
 * The set is anonymous because nft 1.0.6 cannot load a named one of such a type from JSON.
 */
const namesOneOf = (vnis: readonly number[]): Statement =>
  equal(and(raw('th', 96, 32), 0xff_ff_ff_00), anyOf(vnis.map((vni) => vni * 256)));

const ruleFor = (of: readonly EncryptedVni[], { family, port }: EncryptedVni, mode: Mode): GuardRule => {
  const vnis = [...new Set(of.map(({ vni }) => vni))].toSorted((a, b) => a - b);
  const tests = [isFamily(family), equal(field('udp', 'dport'), port), isClear, namesOneOf(vnis), counter()];
  return {
    chain: encryptedChain,
    expr: mode === 'enforce' ? [...tests, drop] : tests,
    comment: `clear VXLAN of ${vnis.length} encrypted ${vnis.length === 1 ? 'network' : 'networks'}`,
  };
};

/** In observe mode the rules only count: Docker's own rules enforce. */
export const encryptedRules = ({ encrypted }: HostFacts, mode: Mode): readonly GuardRule[] => {
  const groups = new Map<string, EncryptedVni[]>();
  for (const one of encrypted) {
    const key = `${one.family} ${one.port}`;
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return [...groups.values()].flatMap((group) => (group[0] ? [ruleFor(group, group[0], mode)] : []));
};

/** Brings the chain of a loaded guard in line with the facts, in one transaction, and touches nothing else. */
export const vxlanCommands = (facts: HostFacts, mode: Mode): readonly Command[] => [
  flushChain({ family: guardFamily, table: guardTableName, name: encryptedChain }),
  ...encryptedRules(facts, mode).map(ruleCommand),
];
