/** Encrypted overlay networks as their rules show them: one for each family, port and VNI. */
import type { OverlayRole } from '../docker/roles.ts';
import type { Family } from '../netfilter/family.ts';
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
}

const inRole = (rules: readonly HostRule[], role: OverlayRole['role']): readonly HostRule[] =>
  rules.filter(({ docker }) => docker?.overlay?.role === role);

/** Ascending by family, port and VNI. */
export const overlaysIn = (rules: readonly HostRule[]): readonly Overlay[] => {
  const groups = new Map<
    string,
    { readonly about: Pick<Overlay, 'family' | 'port' | 'vni'>; readonly some: HostRule[] }
  >();
  for (const rule of rules) {
    const overlay = rule.docker?.overlay;
    if (!overlay) continue;
    const about = { family: rule.table.family, port: overlay.port, vni: overlay.vni };
    const key = `${about.family} ${about.port} ${about.vni}`;
    const group = groups.get(key) ?? { about, some: [] };
    group.some.push(rule);
    groups.set(key, group);
  }
  return [...groups.values()]
    .map(({ about, some }): Overlay => {
      return {
        ...about,
        marks: inRole(some, 'mark'),
        accepts: inRole(some, 'accept'),
        drops: inRole(some, 'drop'),
        dropsAny: inRole(some, 'drop-any'),
      };
    })
    .toSorted((a, b) => a.family.localeCompare(b.family) || a.port - b.port || a.vni - b.vni);
};

/** `VNI 4097 (0x1001), port 4789`, with the family where it is IPv6. */
export const overlayWords = ({ family, port, vni }: Pick<Overlay, 'family' | 'port' | 'vni'>): string =>
  `VNI ${vni} (0x${vni.toString(16)}), port ${port}${family === 'ip6' ? ', IPv6' : ''}`;
