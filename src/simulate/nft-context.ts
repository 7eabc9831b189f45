import { no, type Condition, yes } from '../packet/condition.ts';
import type { Step } from '../packet/program.ts';
import type { Register } from './nft-register.ts';
import type { Family } from '../netfilter/family.ts';
import type { NftTable } from '../nftables/ruleset.ts';

/** What the meaning of an expression or statement depends on beside itself. */
export interface NftContext {
  /** The family of the packets in question; a table of family inet sees both. */
  readonly family: Family;
  readonly table: NftTable;
  /** Names of sets whose elements packets or the clock change. */
  readonly changing: ReadonlySet<string>;
  /** Steps of statements by their JSON, so that thousands of rules for one device share them; see nft-program.ts. */
  readonly shared: Map<string, readonly Step[]>;
  /** Header fields by name; see nft-payload.ts. */
  readonly fields: Map<string, Register>;
}

/** What nft puts in front of an expression of one IP family: `meta nfproto`, whose answer the family already is. */
export const onlyIn = (family: Family, context: NftContext): Condition => (context.family === family ? yes : no);
