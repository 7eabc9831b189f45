/** Encrypted overlay networks as their rules show them: one for each family, port and VNI. */
import type { OverlayRole } from '../docker/roles.ts';
import { asksNothingElse, nativeOverlays } from '../guard/encrypted.ts';
import type { Family } from '../netfilter/family.ts';
import type { NftRule, NftRuleset } from '../nftables/ruleset.ts';
import type { HostRule } from './host-rules.ts';

export interface Overlay {
  readonly family: Family;
  readonly port: number;
  readonly vni: number;
  /** In the order in which they stand. */
  readonly marks: readonly HostRule[];
  readonly accepts: readonly HostRule[];
  /** Those that leave decrypted VXLAN alone, and those of the first era that do not. */
  readonly drops: readonly HostRule[];
  readonly dropsAny: readonly HostRule[];
  /** Rules of the engine's own table docker-overlay (29.6 and later), which are about all of its networks. */
  readonly nativeMarks: readonly NftRule[];
  readonly nativeDrops: readonly NftRule[];
}

const inRole = (rules: readonly HostRule[], role: OverlayRole['role']): readonly HostRule[] =>
  rules.filter(({ docker }) => docker?.overlay?.role === role);

type About = Pick<Overlay, 'family' | 'port' | 'vni'>;

interface Group {
  readonly about: About;
  readonly rules: HostRule[];
  readonly marks: NftRule[];
  readonly drops: NftRule[];
}

/** A rule that also asks for a source or a device is somebody's own: it is about some of the network's packets. */
const isWhole = ({ nft }: HostRule): boolean => nft.every(asksNothingElse);

/** Ascending by family, port and VNI. */
export const overlaysIn = (rules: readonly HostRule[], nft: NftRuleset): readonly Overlay[] => {
  const groups = new Map<string, Group>();
  const groupOf = ({ family, port, vni }: About): Group => {
    const key = `${family} ${port} ${vni}`;
    const group = groups.get(key) ?? { about: { family, port, vni }, rules: [], marks: [], drops: [] };
    groups.set(key, group);
    return group;
  };
  for (const rule of rules) {
    const overlay = rule.docker?.overlay;
    if (!overlay || !isWhole(rule)) continue;
    groupOf({ family: rule.table.family, port: overlay.port, vni: overlay.vni }).rules.push(rule);
  }
  for (const { hook, rule, ...about } of nativeOverlays(nft))
    groupOf(about)[hook === 'input' ? 'drops' : 'marks'].push(rule);
  return [...groups.values()]
    .map((group): Overlay => ({
      ...group.about,
      marks: inRole(group.rules, 'mark'),
      accepts: inRole(group.rules, 'accept'),
      drops: inRole(group.rules, 'drop'),
      dropsAny: inRole(group.rules, 'drop-any'),
      nativeMarks: group.marks,
      nativeDrops: group.drops,
    }))
    .toSorted((a, b) => a.family.localeCompare(b.family) || a.port - b.port || a.vni - b.vni);
};

/** All rules of iptables about it: marks, accepts, drops. */
export const rulesOf = ({ marks, accepts, drops, dropsAny }: Overlay): readonly HostRule[] => [
  ...marks,
  ...accepts,
  ...drops,
  ...dropsAny,
];

export const vniWords = (vni: number): string => `${vni} (0x${vni.toString(16)})`;

/** `VNI 4097 (0x1001), port 4789`, with the family where it is IPv6. */
export const overlayWords = ({ family, port, vni }: Pick<Overlay, 'family' | 'port' | 'vni'>): string =>
  `VNI ${vniWords(vni)}, port ${port}${family === 'ip6' ? ', IPv6' : ''}`;
