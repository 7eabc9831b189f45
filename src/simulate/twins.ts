/** nft also lists the tables of iptables-nft, without the arguments of their matches: they are read once, from iptables. */
import type { Ruleset } from '../iptables/types.ts';
import type { NftRuleset, NftTable } from '../nftables/ruleset.ts';

/** The tables that only nft knows, and those that iptables-nft shows in full. */
export const apartFrom = (
  nft: NftRuleset,
  { tables }: Ruleset,
): { readonly own: NftRuleset; readonly twins: readonly NftTable[] } => {
  const known = new Set(
    tables.filter(({ backend }) => backend === 'nft').map(({ family, name }) => `${family} ${name}`),
  );
  const isTwin = ({ family, name }: NftTable): boolean => known.has(`${family} ${name}`);
  return {
    own: { tables: nft.tables.filter((table) => !isTwin(table)) },
    twins: nft.tables.filter(isTwin),
  };
};
