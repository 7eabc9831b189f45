/** The seam to nft: everything the guard asks of the kernel goes through these methods. */
import type { Json } from '../nftables/json.ts';

/** nft refused: the kernel is as it was before. */
export class NftError extends Error {
  readonly code = 'nft-refused';
  /** nft's own words. */
  readonly words: string;
  constructor(words: string) {
    super(`nft refused the ruleset: ${words}`);
    this.name = 'NftError';
    this.words = words;
  }
}

export interface NftCommand {
  /** `[1, 0, 6]`; throws an EnvironmentError if nft is missing. */
  readonly version: () => Promise<readonly number[]>;
  /** What `nft -j list table inet dnfw` says, or undefined if there is no such table. */
  readonly listGuard: () => Promise<Json | undefined>;
  /**
   * What `nft -j list chains` says: every base chain with its hook and priority, and no rule. For priorities that are
   * taken, and to show that nothing of ours is left; never to be loaded again.
   */
  readonly listChains: () => Promise<Json>;
  /** Loads a file of JSON commands in one transaction (`nft -j -f FILE`); throws NftError. Always a file, never a pipe: nft 1.0.6 takes a cut document from a pipe for an empty one. */
  readonly load: (file: string) => Promise<void>;
  /** The same, checked only (`nft -c -j -f FILE`). */
  readonly checkFile: (file: string) => Promise<void>;
}
