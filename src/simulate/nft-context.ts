import { no, type Condition, yes } from '../packet/condition.ts';
import type { Family } from '../netfilter/family.ts';
import type { NftTable } from '../nftables/ruleset.ts';

/** What the meaning of an expression or statement depends on beside itself. */
export interface NftContext {
  /** The family of the packets in question; a table of family inet sees both. */
  readonly family: Family;
  readonly table: NftTable;
  /** Names of sets whose elements packets or the clock change. */
  readonly changing: ReadonlySet<string>;
}

/** What nft puts in front of an expression of one IP family: `meta nfproto`, whose answer the family already is. */
export const onlyIn = (family: Family, context: NftContext): Condition => (context.family === family ? yes : no);
