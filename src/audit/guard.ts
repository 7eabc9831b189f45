/** The guard of a host: what nft lists of it, and what its records say. */
import { guardFamily, guardTableName } from '../guard/names.ts';
import { type ChangeGroup, changesOf } from '../guard/plan.ts';
import type { Json, JsonObject } from '../nftables/json.ts';
import { readNftables } from '../nftables/read.ts';
import type { NftChain, NftRuleset, NftSet, NftTable } from '../nftables/ruleset.ts';
import type { Evidence } from './finding.ts';
import type { AuditHost } from './host.ts';

export const guardTableOf = ({ tables }: NftRuleset): NftTable | undefined =>
  tables.find(({ family, name }) => family === guardFamily && name === guardTableName);

const chainOf = ({ name, base }: NftChain): JsonObject => ({
  name,
  ...(base ? { type: base.type, hook: base.hook, prio: base.priority, policy: base.policy } : {}),
});

const setOf = ({ name, elements }: NftSet): JsonObject => ({ name, elem: elements });

/** The table in the form in which the guard's own readers take it. */
export const listingOf = ({ chains, sets }: NftTable): Json => ({
  nftables: [
    ...[...sets.values()].map((set) => ({ set: setOf(set) })),
    ...[...chains.values()].map((chain) => ({ chain: chainOf(chain) })),
    ...[...chains.values()].flatMap(({ name, rules }) =>
      rules.map(({ statements, comment }) => ({
        rule: { chain: name, expr: statements, ...(comment === undefined ? {} : { comment }) },
      })),
    ),
  ],
});

/** Where the kernel has something else than what was loaded; undefined if there is nothing to compare. */
export const driftOf = ({ host, around: { guard } }: AuditHost): readonly ChangeGroup[] | undefined => {
  const now = guardTableOf(host.listed);
  if (!now || guard?.listing === undefined) return undefined;
  const then = guardTableOf(readNftables('<record>', JSON.stringify(guard.listing)).value);
  return then && changesOf(listingOf(then), listingOf(now), guard.external);
};

/** nft prints its JSON in one line: the table as a whole. */
export const tableEvidence = ({ host, files }: AuditHost, note: string): Evidence => ({
  file: guardTableOf(host.listed)?.place.file ?? files[0] ?? '',
  line: 0,
  text: `table ${guardFamily} ${guardTableName}`,
  note,
});
