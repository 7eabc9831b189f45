/** The encrypted overlays of a host as rows of its report. */
import { enforcedIn } from '../guard/enforced.ts';
import { guardFamily, guardTableName } from '../guard/names.ts';
import { type Json, property } from '../nftables/json.ts';
import type { NftRuleset } from '../nftables/ruleset.ts';
import { clearWay } from './encryption/clear.ts';
import { encryptedNetworks } from './encryption/networks.ts';
import type { AuditHost } from './host.ts';
import type { OverlayRow } from './report/types.ts';

/** In observe mode the guard's rules count and nothing more. */
const isDrop = (statement: Json): boolean => property(statement, 'drop') !== undefined;

/** The guard's table as nft would list it, for the reader of its listing. */
const listingOf = ({ tables }: NftRuleset): Json => {
  const guard = tables.find(({ family, name, dormant }) => family === guardFamily && name === guardTableName && !dormant); // prettier-ignore
  if (!guard) return { nftables: [] };
  const rules = [...guard.chains.values()].flatMap(({ name, rules: some }) =>
    some
      .filter(({ statements }) => statements.some(isDrop))
      .map(({ statements }) => ({
        rule: { family: guardFamily, table: guardTableName, chain: name, expr: [...statements] },
      })),
  );
  return { nftables: rules };
};

export const overlayRows = (host: AuditHost): readonly OverlayRow[] => {
  const enforced = new Set(
    enforcedIn(listingOf(host.host.nft)).map(({ family, port, vni }) => `${family} ${port} ${vni}`),
  );
  return encryptedNetworks(host).map((overlay): OverlayRow => {
    const { family, port, vni, network } = overlay;
    const { verdict } = clearWay(host, overlay);
    return {
      family,
      port,
      vni,
      ...(network ? { network: network.name } : {}),
      ...(host.knows(family, 'mangle', 'OUTPUT') ? { mark: overlay.marks.length + overlay.nativeMarks.length } : {}),
      ...(host.knows(family, 'filter', 'INPUT')
        ? {
            accept: overlay.accepts.length,
            drop: overlay.drops.length + overlay.dropsAny.length + overlay.nativeDrops.length,
          }
        : {}),
      guard: enforced.has(`${family} ${port} ${vni}`),
      ...(host.knows(family, 'filter', 'INPUT') ? { clear: verdict } : {}),
    };
  });
};
