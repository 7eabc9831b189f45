/** What the guard's table and its chains are called. None of the names is a word that nft's text form reserves. */
import { table } from '../nftables/build.ts';
import type { TableObject } from '../nftables/types.ts';

export const guardFamily = 'inet';
export const guardTableName = 'dnfw';
export const guardTable: TableObject = table(guardFamily, guardTableName);

/** The one base chain. */
export const inputChain = 'input';
/** Drops clear VXLAN of encrypted networks; `dnfw sync` replaces what is in it and nothing else. */
export const encryptedChain = 'encrypted';
/** Where what the policy's default drops goes to: it logs, counts and drops; in observe mode it accepts. */
export const refuseChain = 'refuse';
/** Nothing jumps to it: its one rule says in its comment which guard is loaded. */
export const generationChain = 'generation';

/** The comment of the rule in the generation chain. `tag` are the first 12 hexadecimal digits of a hash. */
export const generationComment = (generation: number, tag: string): string => `dnfw generation ${generation} ${tag}`;

/** What `generationComment` says, read back from a listing. */
export const readGeneration = (comment: string): { readonly generation: number; readonly tag: string } | undefined => {
  const found = /^dnfw generation (\d{1,15}) ([0-9a-f]{12})$/.exec(comment);
  return found ? { generation: Number(found[1]), tag: found[2] ?? '' } : undefined;
};
