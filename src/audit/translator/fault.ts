/** What a fault of iptables-restore-translate is. */
import type { Ask } from './ask.ts';

export const translatorVersions = ['1.8.9', '1.8.13'] as const;
export type TranslatorVersion = (typeof translatorVersions)[number];

/**
 * `lost`: written as a comment, and the program exits with 0. `inverse`: matches what the rule does not. `wider`,
 * `narrower`: matches more, or less. `other`: does something else. `refused`: nft does not load it, nor anything else of
 * the file. `injection`: text of the rule's author becomes nft's.
 */
export type Effect = 'lost' | 'inverse' | 'wider' | 'narrower' | 'other' | 'refused' | 'injection';

export interface Fault {
  /** The same from release to release. */
  readonly id: string;
  readonly effect: Effect;
  readonly versions: readonly TranslatorVersion[];
  readonly is: Ask;
  /** What it is in the rule: `the u32 match`. */
  readonly what: string;
  /** What becomes of it: a sentence without its full stop. */
  readonly becomes: string;
}
